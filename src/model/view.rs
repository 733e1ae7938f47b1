//! Derived state as people see it: agents, councils, deliberations, stories.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::llm::{LlmView, Spend};
use super::record::Seq;
use super::text::Text;
use super::time::Timestamp;

/// What an agent is doing, derived from events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Nothing to do.
    #[default]
    Idle,
    /// Working on an answer.
    Deliberating,
    /// Last answer given.
    Completed,
    /// Last answer failed.
    Failed,
}

impl AgentState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Idle, Self::Deliberating, Self::Completed, Self::Failed];

    /// Name in labels and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Deliberating => "deliberating",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// How a task of an agent went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskOutcome {
    /// Task.
    pub task_id: Text,
    /// Story, where known.
    pub story_id: Option<Text>,
    /// `completed`, `failed` or `timed_out`.
    pub outcome: Text,
    /// How long it took, where the answer says.
    pub duration_ms: Option<u64>,
    /// Tokens of the answer.
    pub tokens: Option<u64>,
    /// The error, where there is one.
    pub error: Option<Text>,
    /// When it ended.
    pub at: Timestamp,
    /// The entry that says so.
    pub seq: Seq,
}

/// An agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentView {
    /// Agent id.
    pub agent_id: Text,
    /// Role.
    pub role: Text,
    /// Council: the role's council.
    pub council: Text,
    /// State.
    pub state: AgentState,
    /// Since when.
    pub since: Timestamp,
    /// Task at hand, or the last one.
    pub task_id: Option<Text>,
    /// Story of that task.
    pub story_id: Option<Text>,
    /// Model it uses.
    pub model: Option<Text>,
    /// Last event of it.
    pub last_event: Timestamp,
    /// Deliberating and silent for longer than the threshold.
    pub silent: bool,
    /// Answers given.
    pub completed: u64,
    /// Answers failed.
    pub failed: u64,
    /// Share of answers that succeeded, 0 to 1; `None` before the first.
    pub success_rate: Option<f64>,
    /// Mean duration of answers in milliseconds.
    pub mean_duration_ms: Option<f64>,
    /// Tokens of all its answers.
    pub tokens: u64,
    /// Last ten tasks, newest first.
    pub tasks: Vec<TaskOutcome>,
    /// What its LLM requests took.
    pub spend: Spend,
}

/// A council: the agents of one role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CouncilView {
    /// Name: the role.
    pub council: Text,
    /// Agents seen.
    pub agents: Vec<Text>,
    /// Agents idle.
    pub idle: u32,
    /// Agents at work.
    pub deliberating: u32,
    /// Agents whose last answer succeeded.
    pub completed: u32,
    /// Agents whose last answer failed.
    pub failed: u32,
    /// Models in use.
    pub models: Vec<Text>,
    /// Open deliberations.
    pub open_deliberations: u32,
    /// Last event of any agent.
    pub last_event: Timestamp,
    /// What the LLM requests of its agents took.
    pub spend: Spend,
}

/// A deliberation: one Ray task with several agents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeliberationView {
    /// Its Ray task id.
    pub deliberation_id: Text,
    /// Story, where known.
    pub story_id: Option<Text>,
    /// Ceremony, where known.
    pub ceremony_id: Option<Text>,
    /// Council.
    pub council: Text,
    /// Answers expected, where known.
    pub expected: Option<u32>,
    /// Agents that answered.
    pub answered: Vec<Text>,
    /// Agents that failed.
    pub failed: Vec<Text>,
    /// Start: first answer's stored time less its duration.
    pub started: Timestamp,
    /// End, once over.
    pub ended: Option<Timestamp>,
    /// `open`, `completed`, `failed`, `timed_out`.
    pub state: Text,
}

/// A stay in a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoryPhase {
    /// Phase.
    pub phase: Text,
    /// From.
    pub from: Timestamp,
    /// Until; `None` = still there.
    pub until: Option<Timestamp>,
}

/// A task of a story.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskView {
    /// Task.
    pub task_id: Text,
    /// Title, where known.
    pub title: Option<Text>,
    /// Role it is for.
    pub role: Option<Text>,
    /// State: `created`, `dispatched`, a workflow state, `completed`, `failed`.
    pub state: Text,
    /// Agent it was given to.
    pub agent_id: Option<Text>,
    /// First sight.
    pub since: Timestamp,
    /// Last event.
    pub last_event: Timestamp,
}

/// A story.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoryView {
    /// Story.
    pub story_id: Text,
    /// Title, where known.
    pub title: Option<Text>,
    /// Epic, where known.
    pub epic_id: Option<Text>,
    /// Current phase; `unknown` before the first transition.
    pub phase: Text,
    /// All phases, oldest first.
    pub phases: Vec<StoryPhase>,
    /// Tasks, oldest first; capped.
    pub tasks: Vec<TaskView>,
    /// Plans.
    pub plans: Vec<Text>,
    /// Ceremonies.
    pub ceremonies: Vec<Text>,
    /// Agents that worked on it.
    pub agents: Vec<Text>,
    /// Tokens of all answers.
    pub tokens: u64,
    /// Agents' working time in milliseconds.
    pub agent_ms: u64,
    /// Failures seen.
    pub failures: u32,
    /// Entries.
    pub events: u64,
    /// First entry.
    pub first_seq: Seq,
    /// First entry's time.
    pub first_event: Timestamp,
    /// Last entry's time.
    pub last_event: Timestamp,
    /// Whether it ended or was closed to stay within bounds.
    pub closed: bool,
    /// Trace id of its (first) trace, as hexadecimal.
    pub trace_id: Text,
    /// What its LLM requests took.
    pub spend: Spend,
}

/// A piece of state that changed since it was last told.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// An agent.
    Agent(Arc<AgentView>),
    /// A council.
    Council(Arc<CouncilView>),
    /// A deliberation.
    Deliberation(Arc<DeliberationView>),
    /// A story.
    Story(Arc<StoryView>),
    /// A request to a language model came, or was joined.
    Llm(Arc<LlmView>),
    /// A story left the live state: it is found in the journal from now on.
    StoryClosed(Text),
    /// A deliberation left the live state.
    DeliberationClosed(Text),
}
