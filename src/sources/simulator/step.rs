//! What happens next in the simulated fleet.

use std::time::Duration;

/// One thing that happens, at a virtual time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Since the start. Never earlier than the step before.
    pub at: Duration,
    /// What happens.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A service publishes.
    Publish(Publish),
    /// A consumer answers.
    Settle(Settle),
    /// An agent begins to work: a Ray job with one request to the model in it.
    Run(Run),
}

/// One run of one agent, known from its first instant to its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The agent.
    pub agent: String,
    /// Its role.
    pub role: &'static str,
    /// Ray task id.
    pub task: String,
    /// The story it is for.
    pub story: String,
    /// Model it asks.
    pub model: String,
    /// When it ends, since the start. For an agent that stays silent: when it is given up.
    pub end: Duration,
    /// Tokens of its answer, prompt included.
    pub tokens: u64,
    /// How it ends.
    pub ending: Ending,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer.
    Answered,
    /// With an error.
    Failed,
    /// With nothing: it is stopped.
    Silent,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Counts all publishes from 1.
    pub id: u64,
    /// The stream that stores it; empty where none does.
    pub stream: &'static str,
    /// Counts the publishes into that stream from 1 (those without a stream have a count of their own).
    pub number: u64,
    /// Where to.
    pub subject: String,
    /// Headers, mostly none.
    pub headers: Vec<(String, String)>,
    /// The body as it goes over the wire.
    pub body: Vec<u8>,
    /// The publishing service.
    pub from: &'static str,
}

/// A consumer's answer to one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// The `id` of the publish.
    pub of: u64,
    /// The publish's stream.
    pub stream: &'static str,
    /// The publish's `number` in that stream.
    pub number: u64,
    /// When it was published.
    pub published: Duration,
    /// The durable that answers.
    pub consumer: &'static str,
    /// What it answers.
    pub kind: SettleKind,
    /// How often the message has been delivered to it, this time included.
    pub attempt: u32,
}

/// What a consumer says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettleKind {
    /// Processed.
    Ack,
    /// Refused, again at once please.
    Nak,
    /// Refused for good.
    Term,
    /// Still at work.
    Progress,
}
