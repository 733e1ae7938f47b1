//! The state of the graph → samples.

use std::collections::BTreeMap;

use super::cache::reach;
use super::{Recorder, Samples};
use crate::model::GraphPanel;

impl Recorder {
    /// Sets what is shown of the graph.
    pub(super) fn graph(&mut self, panel: &GraphPanel) {
        let (m, cap) = (&self.metrics.graph, &self.metrics.cap);
        let (mut nodes, mut created) = (Samples::new(), BTreeMap::<String, u64>::new());
        for label in &panel.labels {
            let name = cap.value("fleet_graph_nodes", "label", &label.label).into_owned();
            *created.entry(name.clone()).or_default() += label.created;
            *nodes.entry(vec![name]).or_insert(0.0) += label.count as f64;
        }
        let mut relationships = Samples::new();
        for kind in &panel.types {
            let name = cap.value("fleet_graph_relationships", "type", &kind.kind).into_owned();
            *relationships.entry(vec![name]).or_insert(0.0) += kind.count as f64;
        }
        for (label, total) in created {
            reach(&m.created, &[&label], total);
        }
        if let Some(at) = panel.last_change {
            m.last_change.with_label_values::<&str>(&[]).set(at.seconds());
        }
        self.shown.replace(&m.nodes, "graph nodes", nodes);
        self.shown.replace(&m.relationships, "graph relationships", relationships);
    }
}
