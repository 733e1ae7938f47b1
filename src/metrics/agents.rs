//! Councils, agents and deliberations.

use super::family::{LATENCY, MINUTES, families};

families! {
    /// Families about councils, agents and deliberations.
    pub struct AgentMetrics {
        /// Agents of a council by state.
        council_agents: gauge = "fleet_council_agents" ["council", "state"],
        /// Models the agents of a council use; always 1.
        council_info: gauge = "fleet_council_info" ["council", "model"],
        /// State of an agent, derived from events: 1 for the state it is in, 0 for the others.
        state: gauge = "fleet_agent_state" ["council", "agent", "state"],
        /// When the agent entered its state.
        state_entered: gauge = "fleet_agent_state_entered_timestamp_seconds" ["council", "agent"],
        /// When the agent was last heard of.
        last_event: gauge = "fleet_agent_last_event_timestamp_seconds" ["council", "agent"],
        /// How long an agent at work may be silent (`agents.silent_after`): what the alert compares with.
        silent_after: gauge = "fleet_agent_silent_after_seconds" [],
        /// Answers of an agent.
        tasks: counter = "fleet_agent_tasks_total" ["council", "agent", "outcome"],
        /// Time an answer took, as the agent says.
        response_duration: histogram = "fleet_agent_response_duration_seconds" ["council", "outcome"] buckets LATENCY,
        /// Time from a deliberation's start to its last answer.
        deliberation_duration: histogram = "fleet_deliberation_duration_seconds" ["council", "outcome"] buckets MINUTES,
        /// Deliberations that still wait for answers.
        deliberations_open: gauge = "fleet_deliberations_open" ["council"],
        /// Open deliberations older than the timeout.
        deliberations_overdue: gauge = "fleet_deliberations_overdue" ["council"],
    }
}
