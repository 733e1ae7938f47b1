//! Graphics processors → gauges.

use super::{Recorder, Samples};
use crate::model::{Gpu, GpuPanel};

/// A number of a processor, where it is told.
type Field = fn(&Gpu) -> Option<f64>;

impl Recorder {
    /// Sets the gauges of all graphics processors.
    pub(super) fn gpus(&mut self, panel: &GpuPanel) {
        let m = &self.metrics.gpu;
        let families: [(_, &str, Field); 5] = [
            (&m.utilization, "gpu utilization", |g| g.utilization_ratio),
            (&m.memory_used, "gpu memory used", |g| g.memory_used_bytes),
            (&m.memory_total, "gpu memory total", |g| g.memory_total_bytes),
            (&m.power, "gpu power", |g| g.power_watts),
            (&m.temperature, "gpu temperature", |g| g.temperature_celsius),
        ];
        for (family, group, value) in families {
            let samples: Samples = panel.gpus.iter().filter_map(|g| Some((self.labels(g), value(g)?))).collect();
            self.shown.replace(family, group, samples);
        }
    }

    fn labels(&self, gpu: &Gpu) -> Vec<String> {
        let cap = |label, value: Option<&str>| {
            self.metrics.cap.value("fleet_gpu_utilization_ratio", label, value.unwrap_or("unknown")).into_owned()
        };
        vec![
            cap("gpu", Some(&gpu.gpu)),
            cap("uuid", gpu.uuid.as_deref()),
            cap("model", gpu.model.as_deref()),
            cap("node", gpu.node.as_deref()),
        ]
    }
}
