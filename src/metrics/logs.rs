//! The sink of log records, and its ledger.

use super::family::{LATENCY, families};

families! {
    /// Families about log records sent over OTLP.
    pub struct LogsMetrics {
        /// Ledger of log records since start: created = exported + `dead_lettered` + skipped + open (`fleetscope_log_records_open`).
        records: counter = "fleetscope_log_records_total" ["outcome"],
        /// Log records read from the journal and not yet settled: in flight, or accepted less than the settle time ago.
        open: gauge = "fleetscope_log_records_open" [],
        /// Log records sent again: `unknown_outcome`, `backend_restart`, or `control` (one taken before, to try the backend with).
        resent: counter = "fleetscope_log_records_resent_total" ["reason"],
        /// Requests with log records by outcome: ok, partial, retried, bisected, rejected.
        requests: counter = "fleetscope_logs_requests_total" ["outcome"],
        /// Time a request with log records took.
        request_duration: histogram = "fleetscope_logs_request_duration_seconds" [] buckets LATENCY,
        /// Whether the log backend took the last request: 1 or 0.
        up: gauge = "fleetscope_logs_up" [],
        /// Records in the journal that the sink of log records has not read yet.
        lag: gauge = "fleetscope_logs_lag_records" [],
    }
}
