//! The models that are served: spans do not say which they are of, the metrics do.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use crate::model::Text;

/// Models seen in the metrics.
#[derive(Debug, Default)]
pub(super) struct Served(Mutex<BTreeSet<Text>>);

impl Served {
    /// These are served.
    pub(super) fn replace(&self, models: BTreeSet<Text>) {
        *self.0.lock() = models;
    }

    /// The model, where only one is served.
    pub(super) fn only(&self) -> Option<Text> {
        let held = self.0.lock();
        let mut models = held.iter();
        models.next().filter(|_| models.next().is_none()).cloned()
    }
}
