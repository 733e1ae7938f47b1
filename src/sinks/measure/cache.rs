//! The state of the cache → samples.

use std::collections::BTreeMap;

use prometheus::IntCounterVec;

use super::{Recorder, Samples};
use crate::model::CachePanel;

impl Recorder {
    /// Sets what is shown of the cache.
    pub(super) fn cache(&mut self, panel: &CachePanel) {
        let (m, cap) = (&self.metrics.cache, &self.metrics.cap);
        let totals = panel.totals;
        let pairs = [
            (&m.hits, totals.hits),
            (&m.misses, totals.misses),
            (&m.evictions, totals.evicted),
            (&m.expired, totals.expired),
        ];
        for (family, total) in pairs {
            reach(family, &[], total);
        }
        let mut calls: BTreeMap<String, u64> = BTreeMap::new();
        for (command, count) in &panel.commands {
            let command = cap.value("fleet_cache_commands_total", "command", command).into_owned();
            *calls.entry(command).or_default() += count;
        }
        for (command, total) in calls {
            reach(&m.commands, &[&command], total);
        }
        m.memory.with_label_values::<&str>(&[]).set(panel.memory_bytes as f64);
        // Before the first round is complete, nothing is known: a part of the keys would look like a loss.
        if panel.scan.rounds > 0 {
            let mut samples = Samples::new();
            for prefix in &panel.prefixes {
                let label = cap.value("fleet_cache_keys", "key_prefix", &prefix.key_prefix).into_owned();
                *samples.entry(vec![label]).or_insert(0.0) += prefix.keys as f64;
            }
            self.shown.replace(&m.keys, "cache keys", samples);
        }
    }
}

/// Counts up to a total; one that is below what was counted changes nothing.
pub(super) fn reach(family: &IntCounterVec, labels: &[&str], total: u64) {
    let counter = family.with_label_values(labels);
    counter.inc_by(total.saturating_sub(counter.get()));
}
