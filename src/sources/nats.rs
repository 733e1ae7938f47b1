//! NATS JetStream → events.
//! Takes: one ordered consumer per stream, the ack tap, advisories, polls. Gives: events in stream order.
//! Never: interprets an event, acks one, publishes, or leaves a durable behind.

pub mod decode;
