//! What a poll of JetStream tells of streams and consumers.

use serde::{Deserialize, Serialize};

use super::text::Text;
use super::time::Timestamp;

/// One stream, as its info says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamInfo {
    /// Name.
    pub name: Text,
    /// Subjects it stores.
    pub subjects: Vec<Text>,
    /// `limits`, `interest` or `workqueue`.
    pub retention: Text,
    /// Messages held.
    pub messages: u64,
    /// Bytes held.
    pub bytes: u64,
    /// First sequence held.
    pub first_seq: u64,
    /// Last sequence stored.
    pub last_seq: u64,
    /// When the last message was stored.
    pub last_time: Option<Timestamp>,
    /// When the stream was created.
    pub created: Timestamp,
    /// Longest age of a message in seconds; 0 = no limit.
    pub max_age_seconds: f64,
    /// Most messages; -1 = no limit.
    pub max_messages: i64,
    /// Most bytes; -1 = no limit.
    pub max_bytes: i64,
    /// How far Fleetscope has read.
    pub read_seq: u64,
    /// Why it is not read, where it is not.
    pub unread_because: Option<Text>,
}

/// One consumer, as its info says. Fleetscope's own are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConsumerInfo {
    /// Stream.
    pub stream: Text,
    /// Name of the durable.
    pub name: Text,
    /// Subjects it wants; empty = all of the stream.
    pub filters: Vec<Text>,
    /// Whether the server pushes to it.
    pub push: bool,
    /// `none`, `all` or `explicit`.
    pub ack_policy: Text,
    /// Seconds the server waits for an ack.
    pub ack_wait_seconds: f64,
    /// Delivery limit; -1 = none.
    pub max_deliver: i64,
    /// Most messages that may wait for an ack.
    pub max_ack_pending: i64,
    /// Whether the server samples its acks into metrics.
    pub sampled: bool,
    /// Messages not yet delivered.
    pub pending: u64,
    /// Delivered, not acked.
    pub ack_pending: u64,
    /// Being redelivered.
    pub redelivered: u64,
    /// Pull requests waiting: 0 on a pull consumer means that nobody is asking.
    pub waiting: u64,
    /// Last stream sequence delivered.
    pub delivered_seq: u64,
    /// All stream sequences up to here are settled.
    pub ack_floor_seq: u64,
    /// When something was last delivered.
    pub delivered_at: Option<Timestamp>,
    /// When the ack floor last moved.
    pub ack_floor_at: Option<Timestamp>,
    /// When it was created.
    pub created: Timestamp,
    /// Whether an operator paused it.
    pub paused: bool,
}

impl ConsumerInfo {
    /// Whether the consumer wants messages on `subject`.
    pub fn wants(&self, subject: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| subject_matches(filter, subject))
    }
}

/// NATS subject matching: `*` is one token, `>` the rest (at least one token).
pub fn subject_matches(filter: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for part in filter.split('.') {
        match (part, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (part, Some(token)) if part == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

/// The consumers of one stream, all at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsumersReport {
    /// Stream.
    pub stream: Text,
    /// When it was asked.
    pub at: Timestamp,
    /// All of the stream's consumers but our own.
    pub consumers: Vec<ConsumerInfo>,
    /// Whether the ack tap was open, so that times need not be taken from this poll.
    pub tapped: bool,
}

/// All streams of the account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamsReport {
    /// When it was asked.
    pub at: Timestamp,
    /// In the order listed.
    pub streams: Vec<StreamInfo>,
}

#[cfg(test)]
mod tests {
    use super::subject_matches;

    #[test]
    fn matches_as_nats_does() {
        assert!(subject_matches("agent.>", "agent.response.failed"));
        assert!(!subject_matches("agent.>", "agent"));
        assert!(subject_matches("agent.*.failed", "agent.response.failed"));
        assert!(!subject_matches("agent.response.completed", "agent.response.completed.task-extraction"));
    }
}
