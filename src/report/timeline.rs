//! The timeline of a story: what a page, a report or a machine tells of it.
//!
//! Every list is capped and says how many it leaves out; every text of the fleet is one printable, shortened line.

mod answers;
mod causes;
mod deliver;
mod fold;
mod parts;
mod story;

pub(crate) use answers::answer_of;
pub(crate) use deliver::{consumer_of, latency_of};
pub(crate) use fold::{Fold, Known, Line, Told};
pub(crate) use parts::{Chain, Consumer, Delivery, LlmRequest, RayJob, RoleSpend, Spend, Step, TypeCount, Violation};

use serde::Serialize;
use utoipa::ToSchema;

use super::bounded::Capped;
use crate::model::{StoryPhase, Timestamp};

/// A story from its first event to its last.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Timeline {
    /// Story.
    pub(crate) story_id: String,
    /// Title.
    pub(crate) title: Option<String>,
    /// Epic.
    pub(crate) epic_id: Option<String>,
    /// Its last phase.
    pub(crate) phase: Option<String>,
    /// How it stands.
    pub(crate) outcome: Outcome,
    /// Its trace.
    pub(crate) trace_id: String,
    /// First event.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) started: Timestamp,
    /// Last event.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ended: Timestamp,
    /// From the one to the other.
    pub(crate) duration_ms: f64,
    /// Events, those of its ceremonies included.
    pub(crate) events: u64,
    /// Warnings among them.
    pub(crate) warnings: u64,
    /// Errors among them.
    pub(crate) errors: u64,
    /// The phases it was in, oldest first.
    pub(crate) phases: Capped<Phase>,
    /// Tasks, reviews in ceremonies and derivations of plans, oldest first.
    pub(crate) work: Capped<Work>,
    /// Deliberations with their answers, oldest first.
    pub(crate) deliberations: Capped<Deliberation>,
    /// What became of its events at each consumer, the slowest first.
    pub(crate) consumers: Capped<Consumer>,
    /// Deliveries that did not go well, oldest first.
    pub(crate) troubled: Capped<Delivery>,
    /// Jobs of Ray, oldest first.
    pub(crate) ray: Capped<RayJob>,
    /// Requests to language models that belong to it, oldest first.
    pub(crate) llm: Capped<LlmRequest>,
    /// What failed: each chain begins with what failed first, and goes on with what followed from it.
    pub(crate) failures: Capped<Chain>,
    /// Rules of the wire contract that its events broke, the most frequent first.
    pub(crate) violations: Capped<Violation>,
    /// Its events by type, the most frequent first.
    pub(crate) types: Capped<TypeCount>,
    /// Tokens and money.
    pub(crate) spend: Spend,
    /// Why this is not all there was. Empty = it is.
    pub(crate) left_out: Vec<String>,
}

/// How a story stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// In its last phase, done.
    Completed,
    /// In its last phase, refused.
    Rejected,
    /// In its last phase, given up.
    Cancelled,
    /// In its last phase, put away.
    Closed,
    /// Not in a last phase.
    Open,
}

impl Outcome {
    /// By the phase a story is in.
    pub(crate) fn of(phase: Option<&str>) -> Self {
        match phase.unwrap_or_default().to_ascii_uppercase().as_str() {
            "DONE" | "COMPLETED" | "ACCEPTED" => Self::Completed,
            "REJECTED" => Self::Rejected,
            "CANCELLED" => Self::Cancelled,
            "CLOSED" | "ARCHIVED" => Self::Closed,
            _ => Self::Open,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

/// A stay in a phase.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the API calls it so everywhere")]
pub(crate) struct Phase {
    /// Phase.
    pub(crate) phase: String,
    /// From.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Timestamp,
    /// Until; null = still there.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) until: Option<Timestamp>,
}

impl From<&StoryPhase> for Phase {
    fn from(phase: &StoryPhase) -> Self {
        Self { phase: phase.phase.to_string(), from: phase.from, until: phase.until }
    }
}

/// A piece of work of the story.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Work {
    /// `task`, `review` or `derivation`.
    pub(crate) kind: &'static str,
    /// Task, ceremony or plan.
    pub(crate) id: String,
    /// Title, of a task.
    pub(crate) title: Option<String>,
    /// Role it is for.
    pub(crate) role: Option<String>,
    /// Agent it was given to.
    pub(crate) agent_id: Option<String>,
    /// How it stands.
    pub(crate) state: Option<String>,
    /// First sight.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Timestamp,
    /// End, or the last that was heard of it.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) until: Timestamp,
    /// What went wrong.
    pub(crate) error: Option<Failed>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Failed {
    /// Its kind, as the fleet names it.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// In words.
    pub(crate) message: String,
}

/// Several agents on one question.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the API calls it so everywhere")]
pub(crate) struct Deliberation {
    /// Its Ray task id.
    pub(crate) deliberation_id: String,
    /// Ceremony it is part of.
    pub(crate) ceremony_id: Option<String>,
    /// Plan it is about.
    pub(crate) plan_id: Option<String>,
    /// Role asked.
    pub(crate) role: Option<String>,
    /// `open`, `completed`, `failed` or `timed_out`.
    pub(crate) state: &'static str,
    /// First answer's stored time less the time it took.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) started: Timestamp,
    /// End, or the last that was heard of it.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ended: Timestamp,
    /// Answers expected, where known.
    pub(crate) expected: Option<u32>,
    /// Agents that never answered, as far as they are known.
    pub(crate) missing: Vec<String>,
    /// Answers, oldest first.
    pub(crate) answers: Capped<Answer>,
}

/// An agent's answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Answer {
    /// Agent.
    pub(crate) agent_id: String,
    /// Role.
    pub(crate) role: Option<String>,
    /// Model.
    pub(crate) model: Option<String>,
    /// Whether it is an answer, not a failure.
    pub(crate) ok: bool,
    /// One line on it.
    pub(crate) summary: String,
    /// How it begins, where content is kept.
    pub(crate) content: Option<String>,
    /// Its stored time less the time it took.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) started: Timestamp,
    /// When it was stored.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ended: Timestamp,
    /// How long the agent says it took.
    pub(crate) duration_ms: Option<u64>,
    /// Tokens the agent says it took.
    pub(crate) tokens: Option<u64>,
    /// What went wrong.
    pub(crate) error: Option<Failed>,
    /// The agent's message; null where only the orchestrator tells of it.
    pub(crate) seq: Option<u64>,
}
