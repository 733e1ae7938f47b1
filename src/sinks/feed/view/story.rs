//! Stories as JSON.

use serde::Serialize;
use utoipa::ToSchema;

use super::known;
use super::spend::SpendJson;
use crate::model::{StoryPhase, StoryView, TaskView, Text};
use crate::sinks::feed::time::Time;

/// A story.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoryJson<'a> {
    /// Story.
    story_id: &'a str,
    /// Title.
    title: Option<&'a str>,
    /// Epic.
    epic_id: Option<&'a str>,
    /// Current phase.
    phase: &'a str,
    /// All phases, oldest first.
    phases: Vec<PhaseJson<'a>>,
    /// Tasks, oldest first.
    tasks: Vec<TaskJson<'a>>,
    /// Plans.
    #[schema(value_type = Vec<String>)]
    plans: &'a [Text],
    /// Ceremonies.
    #[schema(value_type = Vec<String>)]
    ceremonies: &'a [Text],
    /// Agents that worked on it.
    #[schema(value_type = Vec<String>)]
    agents: &'a [Text],
    /// Tokens of all answers.
    tokens: u64,
    /// The agents' working time.
    agent_ms: u64,
    /// Failures seen.
    failures: u32,
    /// Events.
    events: u64,
    /// Its first event.
    first_seq: u64,
    /// When that was.
    #[schema(value_type = Option<String>, format = DateTime)]
    first_event: Option<Time>,
    /// Last event.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_event: Option<Time>,
    /// Whether it ended.
    closed: bool,
    /// Its trace.
    trace_id: &'a str,
    /// What its LLM requests took.
    llm: SpendJson<'a>,
}

/// A stay in a phase.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhaseJson<'a> {
    /// Phase.
    phase: &'a str,
    /// From.
    #[schema(value_type = String, format = DateTime)]
    from: Time,
    /// Until; null = still there.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

/// A task of a story.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskJson<'a> {
    /// Task.
    task_id: &'a str,
    /// Title.
    title: Option<&'a str>,
    /// Role it is for.
    role: Option<&'a str>,
    /// `created`, `dispatched`, a workflow state, `completed` or `failed`.
    state: &'a str,
    /// Agent it was given to.
    agent_id: Option<&'a str>,
    /// First sight.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Last event.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_event: Option<Time>,
}

impl<'a> From<&'a StoryPhase> for PhaseJson<'a> {
    fn from(phase: &'a StoryPhase) -> Self {
        Self { phase: &phase.phase, from: Time(phase.from), until: phase.until.map(Time) }
    }
}

impl<'a> From<&'a TaskView> for TaskJson<'a> {
    fn from(task: &'a TaskView) -> Self {
        Self {
            task_id: &task.task_id,
            title: task.title.as_deref(),
            role: task.role.as_deref(),
            state: &task.state,
            agent_id: task.agent_id.as_deref(),
            since: known(task.since),
            last_event: known(task.last_event),
        }
    }
}

impl<'a> From<&'a StoryView> for StoryJson<'a> {
    fn from(story: &'a StoryView) -> Self {
        Self {
            story_id: &story.story_id,
            title: story.title.as_deref(),
            epic_id: story.epic_id.as_deref(),
            phase: &story.phase,
            phases: story.phases.iter().map(PhaseJson::from).collect(),
            tasks: story.tasks.iter().map(TaskJson::from).collect(),
            plans: &story.plans,
            ceremonies: &story.ceremonies,
            agents: &story.agents,
            tokens: story.tokens,
            agent_ms: story.agent_ms,
            failures: story.failures,
            events: story.events,
            first_seq: story.first_seq,
            first_event: known(story.first_event),
            last_event: known(story.last_event),
            closed: story.closed,
            trace_id: &story.trace_id,
            llm: SpendJson::from(&story.spend),
        }
    }
}
