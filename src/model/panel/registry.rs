//! Councils and agents as the orchestrators register them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Text, Timestamp};

/// A registered agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisteredAgent {
    /// Agent.
    pub agent_id: Text,
    /// Role.
    pub role: Text,
    /// Model profile.
    pub model: Option<Text>,
    /// What the orchestrator calls its status: a constant in all versions known.
    pub status: Text,
}

/// A registered council.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisteredCouncil {
    /// The orchestrator's own id of it.
    pub council_id: Text,
    /// Role.
    pub role: Text,
    /// Agents it should have.
    pub wanted: u32,
    /// Its agents.
    pub agents: Vec<RegisteredAgent>,
    /// Model.
    pub model: Option<Text>,
}

/// What one orchestrator counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrchestratorStats {
    /// Deliberations since it started.
    pub deliberations: i64,
    /// Orchestrations since it started.
    pub orchestrations: i64,
    /// Mean duration of its deliberations, in milliseconds.
    pub mean_deliberation_ms: f64,
    /// Councils it holds.
    pub councils: i64,
    /// Agents by role.
    pub roles: BTreeMap<Text, i64>,
}

/// One orchestrator: councils exist in the memory of the one that was asked to make them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replica {
    /// Address.
    pub address: Text,
    /// What it says of itself.
    pub status: Text,
    /// When it started.
    pub started: Option<Timestamp>,
    /// What it counts.
    pub stats: Option<OrchestratorStats>,
}

/// All orchestrators together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrchestratorPanel {
    /// When they were asked.
    pub at: Timestamp,
    /// Those that answered.
    pub replicas: Vec<Replica>,
    /// Their councils, by role.
    pub councils: Vec<RegisteredCouncil>,
}
