//! Bounds on label values: the first N different values of a label stand as they are, all later ones become `other`.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};
use parking_lot::RwLock;
use prometheus::Registry;

use super::family::families;
use crate::model::printable;

families! {
    /// Families about label bounds.
    pub(super) struct CapMetrics {
        /// Label values replaced by `other`, or left out, because the label already had as many as it may.
        overflow: counter = "fleetscope_label_overflow_total" ["metric", "label"],
    }
}

/// How many different values each label may have (telemetry rules: agents 200, event types 100).
const LIMITS: &[(&str, usize)] = &[
    ("agent", 200),
    ("consumer", 200),
    ("event_type", 100),
    ("stream", 50),
    ("producer", 50),
    ("council", 50),
    ("model", 50),
    ("phase", 50),
    ("rule", 100),
    ("command", 250),
    ("component", 50),
    ("key_prefix", 50),
    ("label", 50),
    ("type", 50),
    ("version", 100),
];

/// Longest label value, in characters.
const MAX_VALUE: usize = 120;

/// Remembers the values each label has shown.
#[derive(Debug)]
pub struct LabelCap {
    seen: RwLock<HashMap<&'static str, HashSet<String>>>,
    metrics: CapMetrics,
}

impl LabelCap {
    /// What this set holds.
    pub const INFO: &'static [super::FamilyInfo] = CapMetrics::INFO;

    pub(super) fn new(registry: &Registry) -> Self {
        let seen = LIMITS.iter().map(|(label, _)| (*label, HashSet::new())).collect();
        Self { seen: RwLock::new(seen), metrics: CapMetrics::new(registry) }
    }

    /// The value to use for `label` of `metric`: `value` itself made printable, `unknown` for an empty one, or `other`
    /// once the label's bound is reached. A label without a bound is a closed set and passes.
    pub fn value<'a>(&self, metric: &str, label: &'static str, value: &'a str) -> Cow<'a, str> {
        let value = Self::clean(value);
        let Some((_, limit)) = LIMITS.iter().find(|(name, _)| *name == label) else { return value };
        if self.seen.read().get(label).is_some_and(|seen| seen.contains(&*value)) {
            return value;
        }
        let mut seen = self.seen.write();
        let seen = seen.entry(label).or_default();
        if seen.len() < *limit {
            seen.insert(value.clone().into_owned());
            return value;
        }
        drop(value);
        self.left_out(metric, label);
        Cow::Borrowed("other")
    }

    /// The value itself made printable and short, `unknown` for an empty one.
    pub fn clean(value: &str) -> Cow<'_, str> {
        if value.is_empty() {
            return Cow::Borrowed("unknown");
        }
        if value.len() <= MAX_VALUE && value.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            Cow::Borrowed(value)
        } else {
            Cow::Owned(printable(value).chars().take(MAX_VALUE).collect())
        }
    }

    /// Counts a value that is not shown as it is.
    pub fn left_out(&self, metric: &str, label: &str) {
        self.metrics.overflow.with_label_values(&[metric, label]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_after_the_last_allowed_one_is_other_and_counted() {
        let cap = LabelCap::new(&Registry::new());
        for n in 0..50 {
            assert_eq!(cap.value("m", "stream", &format!("S{n}")), format!("S{n}"));
        }
        assert_eq!(cap.value("m", "stream", "S50"), "other");
        assert_eq!(cap.value("m", "stream", "S7"), "S7");
        assert_eq!(cap.metrics.overflow.with_label_values(&["m", "stream"]).get(), 1);
    }

    #[test]
    fn hostile_values_are_made_printable_and_short() {
        let cap = LabelCap::new(&Registry::new());
        let value = cap.value("m", "agent", "a\"}\n evil").into_owned();
        assert!(!value.contains('\n'));
        assert_eq!(cap.value("m", "agent", &"x".repeat(4096)).len(), MAX_VALUE);
    }
}
