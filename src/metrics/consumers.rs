//! Deliveries, consumers and streams.

use super::family::{LATENCY, families};

families! {
    /// Families about deliveries, consumers and streams.
    pub struct ConsumerMetrics {
        /// Time from a message being stored to its acknowledgement, by the ack tap.
        delivery_duration: histogram = "fleet_delivery_duration_seconds" ["stream", "consumer"] buckets LATENCY,
        /// Settlements seen: ack, nak, term, progress, redelivered, `max_deliveries`.
        deliveries: counter = "fleet_deliveries_total" ["stream", "consumer", "outcome"],
        /// Messages the consumer has not been given yet.
        pending: gauge = "fleet_consumer_pending_messages" ["stream", "consumer"],
        /// Messages given to the consumer and not settled.
        ack_pending: gauge = "fleet_consumer_ack_pending_messages" ["stream", "consumer"],
        /// Messages being redelivered to the consumer.
        redelivered: gauge = "fleet_consumer_redelivered_messages" ["stream", "consumer"],
        /// When the consumer's ack floor last moved.
        ack_floor: gauge = "fleet_consumer_ack_floor_timestamp_seconds" ["stream", "consumer"],
        /// Messages the stream holds.
        stream_messages: gauge = "fleet_stream_messages" ["stream"],
        /// Bytes the stream holds.
        stream_bytes: gauge = "fleet_stream_bytes" ["stream"],
        /// Sequence of the last message stored.
        stream_last_sequence: gauge = "fleet_stream_last_sequence" ["stream"],
        /// Messages the stream may hold; absent where it has no such limit.
        stream_limit_messages: gauge = "fleet_stream_limit_messages" ["stream"],
        /// Bytes the stream may hold; absent where it has no such limit.
        stream_limit_bytes: gauge = "fleet_stream_limit_bytes" ["stream"],
    }
}
