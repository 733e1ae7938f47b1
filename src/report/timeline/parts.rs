//! What a timeline tells of deliveries, systems, failures, rules, types and money.

use serde::Serialize;
use utoipa::ToSchema;

use super::Failed;
use crate::model::{Ids, Join, Seq, Severity, Timestamp};
use crate::report::bounded::{Capped, Spread};
use crate::report::said::{line, maybe};

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

impl LlmRequest {
    /// A request, and what it belongs to.
    pub(crate) fn of(seq: Seq, request: &crate::model::LlmRequest, join: Join, ids: &Ids) -> Self {
        Self {
            request_id: line(&request.request_id),
            model: maybe(request.model.as_ref()),
            status: request.status.name(),
            join: join.name(),
            task_id: maybe(ids.task.as_ref()),
            agent_id: maybe(ids.agent.as_ref()),
            role: maybe(ids.role.as_ref()),
            input_tokens: request.input_tokens,
            output_tokens: request.output_tokens,
            started: request.start,
            ended: request.end,
            first_token_ms: request.times.first_token.filter(|s| s.is_finite()).map(|seconds| seconds * 1e3),
            error: maybe(request.error.as_ref()),
            seq,
        }
    }
}
