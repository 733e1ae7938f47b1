//! Messages seen, and how they keep to the contract.

use super::family::{SIZES, families};

families! {
    /// Families about messages.
    pub struct EventMetrics {
        /// Messages seen, by the subject template they are classified by.
        events: counter = "fleet_events_total" ["stream", "event_type", "producer"],
        /// Body size of messages as published.
        size: histogram = "fleet_event_size_bytes" ["stream", "event_type", "producer"] buckets SIZES,
        /// Messages that lack what one of their known consumers needs.
        violations: counter = "fleet_contract_violations_total" ["event_type", "rule"],
    }
}
