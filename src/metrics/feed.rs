//! The live feed.

use super::family::{LATENCY, families};

families! {
    /// Families about the live feed and the API.
    pub struct FeedMetrics {
        /// Clients connected, by transport.
        clients: gauge = "fleetscope_feed_clients" ["transport"],
        /// Bytes that wait for clients: counted once for each client that has not taken them.
        queued: gauge = "fleetscope_feed_queued_bytes" [],
        /// Entries not sent to a slow client; it was told of the gap.
        dropped: counter = "fleetscope_feed_dropped_total" ["reason"],
        /// Clients disconnected because they did not keep up, did not answer, or lost their token.
        evicted: counter = "fleetscope_feed_evicted_total" ["reason"],
        /// Time from a message being stored to it being handed to a client's socket; live ones only, not history.
        latency: histogram = "fleetscope_feed_latency_seconds" [] buckets LATENCY,
        /// HTTP requests.
        requests: counter = "fleetscope_http_requests_total" ["route", "code"],
    }
}
