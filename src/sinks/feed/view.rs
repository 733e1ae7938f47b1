//! Derived state as JSON: the views of the board with times as people read them.

mod consumer;
mod spend;
mod story;

pub(crate) use consumer::{ConsumerJson, StreamJson, consumers};
pub(crate) use story::StoryJson;

use serde::Serialize;
use utoipa::ToSchema;

use self::spend::SpendJson;
use super::time::Time;
use crate::model::{AgentView, CouncilView, DeliberationView, TaskOutcome, Text, Timestamp};

/// A time that may be unknown: the epoch stands for that in the views.
fn known(at: Timestamp) -> Option<Time> {
    (at != Timestamp::ZERO).then_some(Time(at))
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentJson<'a> {
    /// Agent.
    agent_id: &'a str,
    /// Role.
    role: &'a str,
    /// Council.
    council: &'a str,
    /// `idle`, `deliberating`, `completed` or `failed`.
    state: &'static str,
    /// In this state since.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Task at hand, or the last one.
    task_id: Option<&'a str>,
    /// Story of that task.
    story_id: Option<&'a str>,
    /// Model.
    model: Option<&'a str>,
    /// Last heard of.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_event: Option<Time>,
    /// At work and silent for longer than `agents.silent_after`.
    silent: bool,
    /// Answers given.
    completed: u64,
    /// Answers failed.
    failed: u64,
    /// Share of answers that succeeded, 0 to 1.
    success_rate: Option<f64>,
    /// Mean duration of its answers.
    mean_duration_ms: Option<f64>,
    /// Tokens of all its answers.
    tokens: u64,
    /// Last ten tasks, newest first.
    tasks: Vec<OutcomeJson<'a>>,
    /// What its LLM requests took.
    llm: SpendJson<'a>,
    /// Whether an orchestrator has it in its registry; absent where none is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) registered: Option<bool>,
}

/// How a task of an agent went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomeJson<'a> {
    /// Task.
    task_id: &'a str,
    /// Story.
    story_id: Option<&'a str>,
    /// `completed`, `failed` or `timed_out`.
    outcome: &'a str,
    /// How long it took.
    duration_ms: Option<u64>,
    /// Tokens of the answer.
    tokens: Option<u64>,
    /// The error, if there was one.
    error: Option<&'a str>,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// The event that says so.
    seq: u64,
}

impl<'a> From<&'a TaskOutcome> for OutcomeJson<'a> {
    fn from(task: &'a TaskOutcome) -> Self {
        Self {
            task_id: &task.task_id,
            story_id: task.story_id.as_deref(),
            outcome: &task.outcome,
            duration_ms: task.duration_ms,
            tokens: task.tokens,
            error: task.error.as_deref(),
            at: Time(task.at),
            seq: task.seq,
        }
    }
}

impl<'a> From<&'a AgentView> for AgentJson<'a> {
    fn from(agent: &'a AgentView) -> Self {
        Self {
            agent_id: &agent.agent_id,
            role: &agent.role,
            council: &agent.council,
            state: agent.state.name(),
            since: known(agent.since),
            task_id: agent.task_id.as_deref(),
            story_id: agent.story_id.as_deref(),
            model: agent.model.as_deref(),
            last_event: known(agent.last_event),
            silent: agent.silent,
            completed: agent.completed,
            failed: agent.failed,
            success_rate: agent.success_rate,
            mean_duration_ms: agent.mean_duration_ms,
            tokens: agent.tokens,
            tasks: agent.tasks.iter().map(OutcomeJson::from).collect(),
            llm: SpendJson::from(&agent.spend),
            registered: None,
        }
    }
}

/// A council: the agents of one role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CouncilJson<'a> {
    /// Its role.
    council: &'a str,
    /// Its agents.
    #[schema(value_type = Vec<String>)]
    agents: &'a [Text],
    /// Agents idle.
    idle: u32,
    /// Agents at work.
    deliberating: u32,
    /// Agents whose last answer succeeded.
    completed: u32,
    /// Agents whose last answer failed.
    failed: u32,
    /// Models in use.
    #[schema(value_type = Vec<String>)]
    models: &'a [Text],
    /// Open deliberations.
    open_deliberations: u32,
    /// Last heard of.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_event: Option<Time>,
    /// What the LLM requests of its agents took.
    llm: SpendJson<'a>,
    /// Whether an orchestrator has it in its registry; absent where none is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) registered: Option<bool>,
}

impl<'a> From<&'a CouncilView> for CouncilJson<'a> {
    fn from(council: &'a CouncilView) -> Self {
        Self {
            council: &council.council,
            agents: &council.agents,
            idle: council.idle,
            deliberating: council.deliberating,
            completed: council.completed,
            failed: council.failed,
            models: &council.models,
            open_deliberations: council.open_deliberations,
            last_event: known(council.last_event),
            llm: SpendJson::from(&council.spend),
            registered: None,
        }
    }
}

/// A deliberation: one question to several agents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliberationJson<'a> {
    /// Its Ray task id.
    deliberation_id: &'a str,
    /// Story.
    story_id: Option<&'a str>,
    /// Ceremony.
    ceremony_id: Option<&'a str>,
    /// Council.
    council: &'a str,
    /// Answers expected.
    expected: Option<u32>,
    /// Agents that answered.
    #[schema(value_type = Vec<String>)]
    answered: &'a [Text],
    /// Agents that failed.
    #[schema(value_type = Vec<String>)]
    failed: &'a [Text],
    /// Start.
    #[schema(value_type = Option<String>, format = DateTime)]
    started: Option<Time>,
    /// End.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended: Option<Time>,
    /// `open`, `completed`, `failed` or `timed_out`.
    state: &'a str,
}

impl<'a> From<&'a DeliberationView> for DeliberationJson<'a> {
    fn from(deliberation: &'a DeliberationView) -> Self {
        Self {
            deliberation_id: &deliberation.deliberation_id,
            story_id: deliberation.story_id.as_deref(),
            ceremony_id: deliberation.ceremony_id.as_deref(),
            council: &deliberation.council,
            expected: deliberation.expected,
            answered: &deliberation.answered,
            failed: &deliberation.failed,
            started: known(deliberation.started),
            ended: deliberation.ended.map(Time),
            state: &deliberation.state,
        }
    }
}
