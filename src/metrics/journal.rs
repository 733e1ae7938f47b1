//! The journal.

use super::family::{LATENCY, families};

families! {
    /// Families about the journal.
    pub struct JournalMetrics {
        /// Records held.
        entries: gauge = "fleetscope_journal_entries" [],
        /// Bytes in use on disk.
        bytes: gauge = "fleetscope_journal_bytes" [],
        /// Bytes it may take (`journal.retain_bytes`): beyond, the oldest records go.
        limit: gauge = "fleetscope_journal_limit_bytes" [],
        /// Time of the oldest record held.
        oldest: gauge = "fleetscope_journal_oldest_timestamp_seconds" [],
        /// Time to commit a batch.
        append: histogram = "fleetscope_journal_append_seconds" [] buckets LATENCY,
        /// Whether the journal takes records: 0 when the disk is full or read-only.
        writable: gauge = "fleetscope_journal_writable" [],
        /// Failed commits, each retried until it succeeds.
        errors: counter = "fleetscope_journal_errors_total" ["reason"],
        /// Records removed because of age or size.
        expired: counter = "fleetscope_journal_expired_total" ["reason"],
    }
}
