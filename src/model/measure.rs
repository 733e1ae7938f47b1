//! What correlation counts and times; the metrics sink turns each into a sample.

use std::time::Duration;

use super::message::Source;
use super::text::Text;

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant says it")]
pub enum Outcome {
    Completed,
    Failed,
    TimedOut,
}

impl Outcome {
    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

/// One observation. Ids never stand in here: they must not become labels.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// A message was taken in.
    Event {
        /// Source.
        source: Source,
        /// Stream, empty for core subjects.
        stream: Text,
        /// Subject template.
        event_type: Text,
        /// Publishing service or `unknown`.
        producer: Text,
        /// Body bytes.
        size: u32,
    },
    /// A settlement was seen; `folded` ones lead to no record.
    Settlement {
        /// Stream.
        stream: Text,
        /// Durable.
        consumer: Text,
        /// `ack`, `nak`, `term`, `progress`, `max_deliveries`.
        outcome: &'static str,
        /// More than the first delivery.
        redelivered: bool,
        /// Stored → acked; only for acks whose stored time is known.
        latency: Option<Duration>,
        /// Whether it was folded into a record written earlier.
        folded: bool,
        /// Whether the message it belongs to is unknown.
        unmatched: bool,
    },
    /// A source saw something that looks as it did before.
    Repeated {
        /// Source.
        source: Source,
    },
    /// A poll told of a settlement that nothing else did: it was received that way.
    Polled,
    /// A message breaks a rule of the contract.
    Violation {
        /// Subject template.
        event_type: Text,
        /// Rule.
        rule: Text,
    },
    /// An agent answered.
    AgentTask {
        /// Council (role).
        council: Text,
        /// Agent.
        agent: Text,
        /// How it ended.
        outcome: Outcome,
        /// How long the answer took, where it says.
        duration: Option<Duration>,
    },
    /// A deliberation ended.
    Deliberation {
        /// Council (role).
        council: Text,
        /// How it ended.
        outcome: Outcome,
        /// First sight to last answer.
        duration: Duration,
    },
    /// A story left a phase.
    StoryPhase {
        /// The phase left.
        phase: Text,
        /// Time spent in it.
        duration: Duration,
    },
    /// A story ended, with the tokens its answers cost.
    StoryTokens {
        /// Total tokens.
        tokens: u64,
    },
    /// A job of Ray ended.
    RayJob {
        /// Council (role).
        council: Text,
        /// `SUCCEEDED`, `FAILED` or `STOPPED`.
        status: Text,
        /// Submission to end, where both are told.
        duration: Option<Duration>,
        /// Error type, one of a closed set.
        error: Option<Text>,
    },
    /// A request to a language model was joined, or found to belong to nothing known.
    LlmRequest {
        /// Model or `unknown`.
        model: Text,
        /// Council (role) or `unknown`.
        council: Text,
        /// `completed`, `failed`, `aborted`.
        outcome: &'static str,
        /// Arrival to end, in seconds; for completed requests.
        seconds: Option<f64>,
        /// Arrival to first token, in seconds.
        first_token: Option<f64>,
        /// Tokens of prompt and answer.
        tokens: [u64; 2],
    },
    /// State was given up to stay within bounds.
    Evicted {
        /// What kind: `story`, `delivery`, `task`, ….
        what: &'static str,
    },
}
