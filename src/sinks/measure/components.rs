//! Pods, and the parts of the fleet → gauges.

use super::{Recorder, Samples};
use crate::model::{ClusterPanel, ComponentsPanel};

impl Recorder {
    /// Sets the gauges of all pods.
    pub(super) fn cluster(&mut self, panel: &ClusterPanel) {
        let (m, cap) = (&self.metrics.components, &self.metrics.cap);
        let (mut pods, mut restarts) = (Samples::new(), Samples::new());
        for (component, of) in &panel.components {
            let component = cap.value("fleet_component_pods", "component", component).into_owned();
            for (phase, count) in &of.phases {
                let phase = cap.value("fleet_component_pods", "phase", phase).into_owned();
                *pods.entry(vec![component.clone(), phase]).or_insert(0.0) += f64::from(*count);
            }
            *restarts.entry(vec![component]).or_insert(0.0) += of.restarts_seen as f64;
        }
        for (labels, seen) in restarts {
            let counter = m.restarts.with_label_values(&labels);
            counter.inc_by((seen as u64).saturating_sub(counter.get()));
        }
        self.shown.replace(&m.pods, "component pods", pods);
    }

    /// Sets the gauges of the parts of the fleet.
    pub(super) fn components(&mut self, panel: &ComponentsPanel) {
        let (m, cap) = (&self.metrics.components, &self.metrics.cap);
        let (mut up, mut info, mut started) = (Samples::new(), Samples::new(), Samples::new());
        for of in &panel.components {
            let name = cap.value("fleet_component_up", "component", &of.component).into_owned();
            if let Some(is_up) = of.up {
                up.insert(vec![name.clone()], f64::from(u8::from(is_up)));
            }
            if let Some(version) = &of.version {
                let version = cap.value("fleet_component_info", "version", version).into_owned();
                info.insert(vec![name.clone(), version], 1.0);
            }
            if let Some(at) = of.started {
                started.insert(vec![name], at.seconds());
            }
        }
        self.shown.replace(&m.up, "component up", up);
        self.shown.replace(&m.info, "component info", info);
        self.shown.replace(&m.start_time, "component started", started);
    }
}
