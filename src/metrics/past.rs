//! States of the past.

use super::family::{LATENCY, families};

families! {
    /// Families about states as of a time.
    pub struct PastMetrics {
        /// Requests for the state of a time; `kept` = made before, `cancelled` = who asked has gone.
        requests: counter = "fleetscope_past_states_total" ["outcome"],
        /// Time to make the state of a time.
        seconds: histogram = "fleetscope_past_state_seconds" [] buckets LATENCY,
    }
}
