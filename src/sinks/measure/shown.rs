//! The label sets that gauges show, so that what is gone is removed.
//! Takes: the values of a group of gauges. Gives: exactly those on the page. Never: a moment without values.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use prometheus::GaugeVec;

/// Values by their labels.
pub(super) type Samples = BTreeMap<Vec<String>, f64>;

/// The label sets each group of gauges shows, so that what is gone can be removed without a moment without values.
#[derive(Debug, Default)]
pub(super) struct Shown(HashMap<String, BTreeSet<Vec<String>>>);

impl Shown {
    /// Sets the values of a group, then removes the label sets that are no longer in it.
    pub(super) fn replace(&mut self, family: &GaugeVec, group: &str, values: Samples) {
        for (labels, value) in &values {
            family.with_label_values(labels.as_slice()).set(*value);
        }
        let now: BTreeSet<Vec<String>> = values.into_keys().collect();
        let before = self.0.insert(group.to_owned(), now.clone()).unwrap_or_default();
        for labels in before.difference(&now) {
            remove(family, labels);
        }
    }

    /// Removes groups by the rest of their name.
    pub(super) fn forget(&mut self, family: &GaugeVec, prefix: &str, gone: impl Fn(&str) -> bool) {
        self.0.retain(|group, shown| {
            let goes = group.strip_prefix(prefix).is_some_and(&gone);
            if goes {
                for labels in shown.iter() {
                    remove(family, labels);
                }
            }
            !goes
        });
    }
}

fn remove(family: &GaugeVec, labels: &[String]) {
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    // It fails only for labels that are not there, and then there is nothing to remove.
    let _absent = family.remove_label_values(&labels);
}
