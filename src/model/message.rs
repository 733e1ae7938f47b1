//! A message a source saw, decoded as far as it says something of itself.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::observed::Observed;
use super::text::Text;
use super::time::Timestamp;

/// The system an entry came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the system of that name")]
pub enum Source {
    Nats,
    Ray,
    Neo4j,
    Valkey,
    Vllm,
    Kubernetes,
    Gpu,
    Alert,
    Orchestrator,
    Components,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 10] = [
        Self::Nats,
        Self::Ray,
        Self::Neo4j,
        Self::Valkey,
        Self::Vllm,
        Self::Kubernetes,
        Self::Gpu,
        Self::Alert,
        Self::Orchestrator,
        Self::Components,
    ];

    /// The name the API uses: `NATS`, `Ray`, `Neo4j`, `ValKey`, `vLLM`, `K8s`, `GPU`, `Alert`,
    /// `Orchestrator`, `Fleet`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nats => "NATS",
            Self::Ray => "Ray",
            Self::Neo4j => "Neo4j",
            Self::Valkey => "ValKey",
            Self::Vllm => "vLLM",
            Self::Kubernetes => "K8s",
            Self::Gpu => "GPU",
            Self::Alert => "Alert",
            Self::Orchestrator => "Orchestrator",
            Self::Components => "Fleet",
        }
    }

    /// The name in labels, in `/status` and in an entry's identity.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Ray => "ray",
            Self::Neo4j => "neo4j",
            Self::Valkey => "valkey",
            Self::Vllm => "vllm",
            Self::Kubernetes => "kubernetes",
            Self::Gpu => "gpu",
            Self::Alert => "alert",
            Self::Orchestrator => "orchestrator",
            Self::Components => "components",
        }
    }

    /// The source of this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name().eq_ignore_ascii_case(name))
    }
}

/// How a message's body is wrapped (fleet-contract: eras A–D and the successors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Form {
    /// The payload itself.
    Bare,
    /// The fleet's envelope: `event_type`, `payload`, `idempotency_key` or `producer`.
    Envelope,
    /// underpass-runtime: `id`, `type`, `version`, `session_id`, `payload`.
    Runtime,
    /// tool-learning: flat, key `event`.
    Learning,
    /// The choreographer: flat, `event_id`, `emitted_at`, `source`.
    Choreographer,
    /// The rehydration kernel: `event_id`, `aggregate_id`, `data`.
    Kernel,
    /// Not JSON, or not an object.
    Opaque,
}

impl Form {
    /// The form's name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Envelope => "envelope",
            Self::Runtime => "runtime",
            Self::Learning => "learning",
            Self::Choreographer => "choreographer",
            Self::Kernel => "kernel",
            Self::Opaque => "opaque",
        }
    }
}

/// A body after redaction, perhaps cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The bytes kept: redacted, at most the configured cap.
    #[serde(with = "super::exact::bytes")]
    pub bytes: Bytes,
    /// Whether bytes were cut off.
    pub truncated: bool,
    /// How many secrets were masked.
    pub masked: u32,
}

/// One message of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The system it came from.
    pub source: Source,
    /// JetStream stream; empty for core NATS; the source's key for every other source.
    pub stream: Text,
    /// Which life of the stream this is: 0, and one more after each re-creation seen.
    pub incarnation: u32,
    /// Sequence in the stream; for sources other than NATS the entry's place in the journal, which correlation gives.
    pub stream_seq: u64,
    /// The subject it was published on, made printable.
    pub subject: Text,
    /// The subject with id tokens replaced by `*`: what the message is classified by.
    pub event_type: Text,
    /// When the server stored it: the truth about time. The receive time where there is none.
    pub stored: Timestamp,
    /// When Fleetscope saw it.
    pub received: Timestamp,
    /// Body size on the wire, in bytes.
    pub size: u32,
    /// How the body is wrapped.
    pub form: Form,
    /// The publishing service, if known.
    pub producer: Option<Text>,
    /// Whether the producer was guessed from the subject.
    pub producer_inferred: bool,
    /// `Nats-Msg-Id`, or the envelope's own id.
    pub message_id: Option<Text>,
    /// The `traceparent` header, if valid.
    pub traceparent: Option<Text>,
    /// The time the message claims, if it claims a sane one.
    pub claimed: Option<Timestamp>,
    /// The known keys of the payload.
    pub facts: Facts,
    /// Why the body could not be decoded (`invalid_json`, `invalid_utf8`, `empty`, `too_deep`, `not_an_object`, …).
    pub undecodable: Option<Text>,
    /// The body after redaction.
    pub payload: Payload,
    /// What a source other than NATS saw.
    pub observed: Option<Box<Observed>>,
}

impl Message {
    /// The entry's identity: `<stream>:<sequence>`, with `~<n>` after the stream's name from its second life on.
    pub fn origin(&self) -> String {
        Origin(&self.stream, self.incarnation, self.stream_seq).to_string()
    }
}

/// Identity of a stored message: `<stream>:<seq>`, or `<stream>~<incarnation>:<seq>` after a re-creation.
pub(super) struct Origin<'a>(pub(super) &'a str, pub(super) u32, pub(super) u64);

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(stream, incarnation, seq) = self;
        if *incarnation == 0 { write!(f, "{stream}:{seq}") } else { write!(f, "{stream}~{incarnation}:{seq}") }
    }
}
