//! The OTLP sink, and the ledger of spans.

use super::family::{LATENCY, families};

families! {
    /// Families about spans.
    pub struct OtlpMetrics {
        /// Ledger of spans since start: created = exported + `dead_lettered` + skipped + open (`fleetscope_spans_open`).
        spans: counter = "fleetscope_spans_total" ["outcome"],
        /// Spans read from the journal and not yet settled: in flight, or accepted less than the settle time ago.
        open: gauge = "fleetscope_spans_open" [],
        /// Spans sent again: `unknown_outcome`, `backend_restart`, or `control` (one taken before, to try the backend with).
        resent: counter = "fleetscope_spans_resent_total" ["reason"],
        /// Requests by outcome: ok, partial, retried, bisected, rejected.
        requests: counter = "fleetscope_otlp_requests_total" ["outcome"],
        /// Time a request took.
        request_duration: histogram = "fleetscope_otlp_request_duration_seconds" [] buckets LATENCY,
        /// Whether the backend took the last request: 1 or 0.
        up: gauge = "fleetscope_otlp_up" [],
        /// Records in the journal that the sink has not sent yet.
        lag: gauge = "fleetscope_otlp_lag_records" [],
    }
}
