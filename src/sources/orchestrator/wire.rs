//! The orchestrator's messages, by field numbers (proto3). Fields that nothing here uses are left out: they are skipped.

use std::collections::HashMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListCouncilsRequest {
    #[prost(string, tag = "1")]
    pub(super) role_filter: String,
    #[prost(bool, tag = "2")]
    pub(super) include_agents: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListCouncilsResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) councils: Vec<CouncilInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CouncilInfo {
    #[prost(string, tag = "1")]
    pub(super) council_id: String,
    #[prost(string, tag = "2")]
    pub(super) role: String,
    #[prost(int32, tag = "3")]
    pub(super) num_agents: i32,
    #[prost(message, repeated, tag = "4")]
    pub(super) agents: Vec<AgentInfo>,
    #[prost(string, tag = "5")]
    pub(super) status: String,
    #[prost(string, tag = "6")]
    pub(super) model: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AgentInfo {
    #[prost(string, tag = "1")]
    pub(super) agent_id: String,
    #[prost(string, tag = "2")]
    pub(super) role: String,
    #[prost(string, tag = "3")]
    pub(super) status: String,
    #[prost(message, optional, tag = "4")]
    pub(super) capabilities: Option<AgentCapabilities>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AgentCapabilities {
    #[prost(string, tag = "2")]
    pub(super) model_profile: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetStatusRequest {
    #[prost(bool, tag = "1")]
    pub(super) include_stats: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetStatusResponse {
    #[prost(string, tag = "1")]
    pub(super) status: String,
    #[prost(int64, tag = "2")]
    pub(super) uptime_seconds: i64,
    #[prost(message, optional, tag = "3")]
    pub(super) stats: Option<OrchestratorStats>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct OrchestratorStats {
    #[prost(int64, tag = "1")]
    pub(super) total_deliberations: i64,
    #[prost(int64, tag = "2")]
    pub(super) total_orchestrations: i64,
    #[prost(double, tag = "3")]
    pub(super) avg_deliberation_time_ms: f64,
    #[prost(int64, tag = "4")]
    pub(super) active_councils: i64,
    #[prost(map = "string, int64", tag = "5")]
    pub(super) role_counts: HashMap<String, i64>,
}
