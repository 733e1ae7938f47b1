//! The timeline of a story: what a page, a report or a machine tells of it.
//!
//! Every list is capped and says how many it leaves out; every text of the fleet is one printable, shortened line.

mod answers;
mod causes;
mod deliver;
mod fold;
mod story;

pub(crate) use fold::{Fold, Known, Told};

use serde::Serialize;
use utoipa::ToSchema;

use super::bounded::{Capped, Spread};
use crate::model::{Severity, StoryPhase, Timestamp};

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

    #[expect(dead_code, reason = "reports show it")]
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

/// Deliveries to one consumer, together.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the API calls it so everywhere")]
pub(crate) struct Consumer {
    /// Stream.
    pub(crate) stream: String,
    /// Durable.
    pub(crate) consumer: String,
    /// Events that were delivered.
    pub(crate) events: u64,
    /// Those acknowledged.
    pub(crate) acked: u64,
    /// Those settled at a time nobody saw.
    pub(crate) settled: u64,
    /// Those refused for good.
    pub(crate) terminated: u64,
    /// Those the server gave up on.
    pub(crate) max_deliveries: u64,
    /// Those not settled yet.
    pub(crate) open: u64,
    /// Naks.
    pub(crate) naks: u64,
    /// Deliveries after the first.
    pub(crate) redeliveries: u64,
    /// Stored to settled.
    pub(crate) latency: Option<Spread>,
}

/// A delivery that did not go well.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    /// The event.
    pub(crate) seq: u64,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Consumer.
    pub(crate) consumer: String,
    /// How it stands.
    pub(crate) state: &'static str,
    /// Deliveries so far.
    pub(crate) attempts: u64,
    /// Naks among their answers.
    pub(crate) naks: u64,
    /// Stored to the last settlement seen.
    pub(crate) latency_ms: Option<f64>,
    /// The reason given with a refusal.
    pub(crate) reason: Option<String>,
    /// When the last settlement was seen.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
}

/// A job of Ray that ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RayJob {
    /// The id it is asked for by.
    pub(crate) job_id: String,
    /// `SUCCEEDED`, `FAILED` or `STOPPED`.
    pub(crate) status: String,
    /// Task.
    pub(crate) task_id: Option<String>,
    /// Agent.
    pub(crate) agent_id: Option<String>,
    /// When it was submitted; null where Ray does not tell.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) started: Option<Timestamp>,
    /// When it ended, or was seen to have.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ended: Timestamp,
    /// Exit code of its driver.
    pub(crate) exit_code: Option<i64>,
    /// What went wrong.
    pub(crate) error: Option<Failed>,
    /// The event.
    pub(crate) seq: u64,
}

/// A request to a language model.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LlmRequest {
    /// The server's id of it.
    pub(crate) request_id: String,
    /// Model.
    pub(crate) model: Option<String>,
    /// `completed`, `failed` or `aborted`.
    pub(crate) status: &'static str,
    /// How it was found to belong to the story: `exact` or `inferred`.
    pub(crate) join: &'static str,
    /// Task.
    pub(crate) task_id: Option<String>,
    /// Agent.
    pub(crate) agent_id: Option<String>,
    /// Role.
    pub(crate) role: Option<String>,
    /// Tokens of the prompt.
    pub(crate) input_tokens: Option<u64>,
    /// Tokens of the answer.
    pub(crate) output_tokens: Option<u64>,
    /// Arrival.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) started: Timestamp,
    /// End.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ended: Timestamp,
    /// Arrival to first token.
    pub(crate) first_token_ms: Option<f64>,
    /// The error's type.
    pub(crate) error: Option<String>,
    /// The event of the request itself.
    pub(crate) seq: u64,
}

/// Failures that follow from each other, as far as ids and times tell.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Chain {
    /// What failed, in order of time: the first has no cause among what is known.
    pub(crate) steps: Capped<Step>,
}

/// Something that failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Step {
    /// Its number among all failures of the story, from 1.
    pub(crate) number: u32,
    /// `llm_request`, `ray_job`, `delivery`, `answer`, `deliberation`, `task`, `plan`, `story`, `alert`, `event`.
    pub(crate) kind: &'static str,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    /// What, in one line.
    pub(crate) what: String,
    /// What went wrong.
    pub(crate) error: Option<Failed>,
    /// Task, or Ray task.
    pub(crate) task_id: Option<String>,
    /// Agent.
    pub(crate) agent_id: Option<String>,
    /// The event that tells of it; null where a span does.
    pub(crate) seq: Option<u64>,
    /// Numbers of the failures it followed from.
    pub(crate) because: Vec<u32>,
    /// What ties it to them.
    pub(crate) known_by: Option<&'static str>,
}

/// A rule of the contract that was broken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Violation {
    /// The rule.
    pub(crate) rule: String,
    /// Type of the events.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Who sent the first of them, where known.
    pub(crate) producer: Option<String>,
    /// How many events.
    pub(crate) events: u64,
    /// The first of them.
    pub(crate) first_seq: u64,
    /// When that was.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) first: Timestamp,
}

/// Events of a type.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct TypeCount {
    /// Type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Events.
    pub(crate) events: u64,
    /// Warnings among them.
    pub(crate) warnings: u64,
    /// Errors among them.
    pub(crate) errors: u64,
}

impl TypeCount {
    pub(crate) fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), events: 0, warnings: 0, errors: 0 }
    }

    pub(crate) fn add(&mut self, severity: Severity) {
        self.events += 1;
        self.warnings += u64::from(severity == Severity::Warning);
        self.errors += u64::from(severity == Severity::Error);
    }
}

/// Tokens and money.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Spend {
    /// Tokens of all answers, as the agents tell them.
    pub(crate) answer_tokens: u64,
    /// The agents' working time, as they tell it.
    pub(crate) agent_ms: u64,
    /// Requests to language models joined to the story.
    pub(crate) requests: u64,
    /// Those of them joined by inference only.
    pub(crate) inferred_requests: u64,
    /// Tokens of their prompts.
    pub(crate) input_tokens: u64,
    /// Tokens of their answers.
    pub(crate) output_tokens: u64,
    /// Time of model inference: the GPU time at most.
    pub(crate) gpu_seconds: f64,
    /// Money by the prices of `[cost]`; null where none of it has a price.
    pub(crate) cost: Option<f64>,
    /// What the money is in.
    pub(crate) currency: Option<String>,
    /// Tokens without a price, which `cost` leaves out.
    pub(crate) unpriced_tokens: u64,
    /// By role and model, most tokens first.
    pub(crate) by_role: Vec<RoleSpend>,
}

/// What one role spent with one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct RoleSpend {
    /// Role; `unknown` where nobody tells.
    pub(crate) role: String,
    /// Model; `unknown` where nobody tells.
    pub(crate) model: String,
    /// Answers.
    pub(crate) answers: u64,
    /// Those that failed.
    pub(crate) failed: u64,
    /// Tokens the agents tell.
    pub(crate) tokens: u64,
    /// The agents' working time.
    pub(crate) agent_ms: u64,
    /// Requests to language models joined to them.
    pub(crate) requests: u64,
    /// Tokens of their prompts.
    pub(crate) input_tokens: u64,
    /// Tokens of their answers.
    pub(crate) output_tokens: u64,
}
