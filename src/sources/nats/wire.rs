//! JetStream's API as it stands on the wire: only the fields we use, tolerant of what older and newer servers send.

use serde::{Deserialize, Serialize};

/// An error in an answer.
#[derive(Clone, Debug, Default, Deserialize, thiserror::Error)]
#[error("{description} (code {code}, {err_code})")]
#[serde(default)]
pub(super) struct ServerError {
    pub(super) code: u16,
    pub(super) err_code: u32,
    pub(super) description: String,
}

impl ServerError {
    /// Stream, consumer or message not found.
    pub(super) const fn is_missing(&self) -> bool {
        matches!(self.err_code, 10059 | 10014 | 10037)
    }

    /// JetStream not enabled on the server (10076) or for the account (10039).
    pub(super) const fn is_jetstream_off(&self) -> bool {
        matches!(self.err_code, 10076 | 10039)
    }
}

/// Any answer: an error or `T`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Answer<T> {
    Error { error: ServerError },
    Is(T),
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Paged {
    pub(super) offset: usize,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct StreamList {
    #[serde(default)]
    pub(super) total: usize,
    #[serde(default)]
    pub(super) streams: Option<Vec<Stream>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stream {
    pub(super) config: StreamConfig,
    #[serde(default)]
    pub(super) created: String,
    #[serde(default)]
    pub(super) state: StreamState,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct StreamConfig {
    pub(super) name: String,
    #[serde(default)]
    pub(super) subjects: Vec<String>,
    #[serde(default)]
    pub(super) retention: String,
    #[serde(default)]
    pub(super) max_age: i64,
    #[serde(default)]
    pub(super) max_msgs: i64,
    #[serde(default)]
    pub(super) max_bytes: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StreamState {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    pub(super) last_ts: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ConsumerList {
    #[serde(default)]
    pub(super) total: usize,
    #[serde(default)]
    pub(super) consumers: Option<Vec<Consumer>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Consumer {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) created: String,
    #[serde(default)]
    pub(super) config: ConsumerConfig,
    #[serde(default)]
    pub(super) delivered: SequencePair,
    #[serde(default)]
    pub(super) ack_floor: SequencePair,
    #[serde(default)]
    pub(super) num_ack_pending: u64,
    #[serde(default)]
    pub(super) num_redelivered: u64,
    #[serde(default)]
    pub(super) num_waiting: u64,
    #[serde(default)]
    pub(super) num_pending: u64,
    #[serde(default)]
    pub(super) paused: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConsumerConfig {
    pub(super) deliver_subject: Option<String>,
    pub(super) filter_subject: String,
    pub(super) filter_subjects: Vec<String>,
    pub(super) ack_policy: String,
    pub(super) ack_wait: i64,
    pub(super) max_deliver: i64,
    pub(super) max_ack_pending: i64,
    pub(super) sample_freq: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SequencePair {
    pub(super) stream_seq: u64,
    pub(super) last_active: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct CreateConsumer<'a> {
    pub(super) stream_name: &'a str,
    pub(super) config: NewConsumer<'a>,
}

/// An ephemeral pull consumer without acks: the server forgets it when nobody asks.
#[derive(Debug, Serialize)]
pub(super) struct NewConsumer<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'static str,
    pub(super) deliver_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) opt_start_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) opt_start_time: Option<String>,
    pub(super) ack_policy: &'static str,
    pub(super) replay_policy: &'static str,
    pub(super) max_deliver: i64,
    pub(super) inactive_threshold: u64,
    pub(super) num_replicas: u32,
    pub(super) mem_storage: bool,
}

/// A pull.
#[derive(Debug, Serialize)]
pub(super) struct Pull {
    pub(super) batch: usize,
    pub(super) max_bytes: usize,
    pub(super) expires: u64,
    pub(super) idle_heartbeat: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct GetMessage {
    pub(super) seq: u64,
    pub(super) next_by_subj: &'static str,
}

#[derive(Debug, Deserialize)]
pub(super) struct GotMessage {
    pub(super) message: StoredMessage,
}

#[derive(Debug, Deserialize)]
pub(super) struct StoredMessage {
    pub(super) subject: String,
    pub(super) seq: u64,
    #[serde(default)]
    pub(super) hdrs: String,
    #[serde(default)]
    pub(super) data: String,
    #[serde(default)]
    pub(super) time: String,
}

/// An answer of which only the error matters.
#[derive(Debug, Deserialize)]
pub(super) struct Done {}
