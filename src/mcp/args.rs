//! The arguments of the tools. Their schemas are made of these types, descriptions included.

use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;

/// `search_events`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchEvents {
    /// Terms joined by `and`, such as `story:US-1 role:DEV,QA type:planning.* severity:error -type:context.* "free
    /// text"`. A comma is `or` within a term, `-` leaves out, `*` stands for anything in a type. Nothing = every event.
    pub(super) filter: Option<String>,
    /// Not before this: RFC 3339, or an age such as `5m`, `24h`, `7d`.
    pub(super) since: Option<String>,
    /// Before this: likewise.
    pub(super) until: Option<String>,
    /// `desc` (newest first, if not said) or `asc`.
    pub(super) order: Option<String>,
    /// Most events: 1 to 200, 20 if not said. Fewer come where they do not fit.
    #[schemars(range(min = 1, max = 200))]
    pub(super) limit: Option<u32>,
    /// `cursor` of `next` of the page before.
    pub(super) cursor: Option<String>,
    /// With the payloads as they were sent. Needs a token of role debug; without, facts and summaries are all there is.
    #[serde(default)]
    pub(super) payload: bool,
}

/// `get_event`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetEvent {
    /// The event's `seq`, as other tools give it.
    pub(super) seq: u64,
}

/// `story_timeline`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StoryTimeline {
    /// The story's id.
    pub(super) story: String,
    /// Only events that fit this filter too, such as `-type:context.*`.
    pub(super) filter: Option<String>,
    /// Most events beside the timeline: 1 to 200, 50 if not said.
    #[schemars(range(min = 1, max = 200))]
    pub(super) limit: Option<u32>,
    /// `cursor` of `next` of the page before. Later pages hold events alone.
    pub(super) cursor: Option<String>,
}

/// `why_failed`. Exactly one of `story`, `task`, `agent` and `job`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhyFailed {
    /// A story's id.
    pub(super) story: Option<String>,
    /// A task's id.
    pub(super) task: Option<String>,
    /// An agent's id.
    pub(super) agent: Option<String>,
    /// A Ray job's id: its submission id, or Ray's own.
    pub(super) job: Option<String>,
    /// Only failures not before this: RFC 3339, or an age such as `1h`.
    pub(super) since: Option<String>,
    /// Only failures before this: likewise.
    pub(super) until: Option<String>,
}

/// `agent_history`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentHistory {
    /// The agent's id.
    pub(super) agent: String,
    /// Only events that fit this filter too, such as `severity:warning`.
    pub(super) filter: Option<String>,
    /// Not before this: RFC 3339, or an age such as `24h`.
    pub(super) since: Option<String>,
    /// Before this: likewise.
    pub(super) until: Option<String>,
    /// Most events: 1 to 200, 20 if not said.
    #[schemars(range(min = 1, max = 200))]
    pub(super) limit: Option<u32>,
    /// `cursor` of `next` of the page before. Later pages hold events alone.
    pub(super) cursor: Option<String>,
}

/// `consumer_health`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsumerHealth {
    /// Only this stream.
    pub(super) stream: Option<String>,
    /// Only consumers whose name holds this.
    pub(super) consumer: Option<String>,
    /// Only those that are not `ok`.
    #[serde(default)]
    pub(super) unhealthy: bool,
}

/// `state_at`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StateAt {
    /// The state as of this time: an age such as `-10m`, RFC 3339, or milliseconds since 1970; the present if not said.
    pub(super) at: Option<String>,
    /// Which parts of it: councils, agents and deliberations if not said.
    #[serde(default)]
    pub(super) parts: Vec<StatePart>,
}

/// A part of the fleet's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StatePart {
    Councils,
    Agents,
    Deliberations,
    Stories,
    LlmRequests,
    RayJobs,
    Components,
}

/// `compare`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Compare {
    /// A story's id.
    pub(super) left: String,
    /// The id of the story it is compared with.
    pub(super) right: String,
}
