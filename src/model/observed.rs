//! What a source other than NATS saw, typed: what correlation works with. The message's payload shows the same to people.

use serde::{Deserialize, Serialize};

use super::ids::Ids;
use super::llm::{Join, LlmRequest};
use super::record::{Seq, Severity};
use super::text::Text;
use super::time::Timestamp;

/// A change a source saw in the system it watches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The ids the system says it is about. What follows from them (the story of a task) is for correlation to add.
    pub ids: Ids,
    /// How much it asks for attention.
    pub severity: Severity,
    /// One line for people.
    pub summary: Text,
    /// What it is, for those kinds that mean more than themselves.
    pub what: What,
}

/// The kinds of things seen that correlation makes something of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum What {
    /// An entry of the history and nothing more.
    #[default]
    Plain,
    /// A job of Ray ended.
    RayJob(RayEnd),
    /// A request to a language model.
    LlmRequest(Box<LlmRequest>),
    /// What a request turned out to belong to, once nothing else could come that fits. Correlation's own word.
    LlmJoined(Box<Joined>),
}

/// How a job of Ray ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RayEnd {
    /// The id it is asked for by.
    pub id: Text,
    /// Ray's own id of it.
    pub job_id: Option<Text>,
    /// `SUCCEEDED`, `FAILED` or `STOPPED`.
    pub status: Text,
    /// When it was submitted.
    pub start: Timestamp,
    /// When it ended, where Ray tells.
    pub end: Option<Timestamp>,
    /// Error type (one of a closed set, fit for a label) and message.
    pub error: Option<(Text, Text)>,
    /// Exit code of its driver.
    pub exit_code: Option<i64>,
    /// Node its driver ran on.
    pub node: Option<Text>,
}

/// A request and what it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    /// The request.
    pub request: LlmRequest,
    /// The request's entry.
    pub seq: Seq,
    /// How it was joined.
    pub join: Join,
}
