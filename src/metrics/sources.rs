//! Sources, and the ledger of events.

use super::family::{LATENCY, families};

families! {
    /// Families about sources and intake.
    pub struct SourceMetrics {
        /// Whether the source answers: 1 or 0.
        up: gauge = "fleetscope_source_up" ["source"],
        /// When the source last answered.
        last_success: gauge = "fleetscope_source_last_success_timestamp_seconds" ["source"],
        /// Age of the newest event taken from a source that has more waiting; 0 when all is read.
        lag: gauge = "fleetscope_source_lag_seconds" ["source"],
        /// Failures of a source.
        errors: counter = "fleetscope_source_errors_total" ["source", "reason"],
        /// Time of asking a watched system once, answered or not.
        poll_duration: histogram = "fleetscope_source_poll_duration_seconds" ["source"] buckets LATENCY,
        /// Reconnects of a source.
        reconnects: counter = "fleetscope_source_reconnects_total" ["source"],
        /// Messages lost before they could be read: removed by the stream's limits, or skipped in its sequence.
        missed: counter = "fleetscope_source_missed_messages_total" ["source", "stream"],
        /// Messages that could not be decoded; they are kept as they are.
        undecodable: counter = "fleetscope_undecodable_events_total" ["source", "reason"],
        /// Secrets masked before anything was kept.
        masked: counter = "fleetscope_masked_secrets_total" ["source"],
        /// Ledger of events: received = journaled + folded + unmatched + observed + duplicate + `fleetscope_events_waiting`.
        events: counter = "fleetscope_events_total" ["source", "outcome"],
        /// Acknowledgements that wait, at most about ten seconds, for their message to be read; what waits at a restart counts as received again.
        waiting: gauge = "fleetscope_events_waiting" ["source"],
        /// Heard and left out on purpose: acknowledgements of streams that are not read (`unread_stream`).
        ignored: counter = "fleetscope_source_ignored_total" ["source", "reason"],
        /// Batches waiting between a source and ingest.
        queue: gauge = "fleetscope_ingest_queue_batches" [],
        /// State given up by correlation to stay within its bounds.
        evicted: counter = "fleetscope_correlate_evicted_total" ["what"],
    }
}
