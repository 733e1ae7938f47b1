//! The parts of the fleet, one line each.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{Text, Timestamp};

/// A part of the fleet, as far as anybody can tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Component {
    /// Name: `orchestrator`, `planning`, `nats`, `vllm`, ….
    #[schema(value_type = String)]
    pub component: Text,
    /// Whether it answers; null = nobody can tell, and `reason` says why.
    pub up: Option<bool>,
    /// How that was found: `tcp`, `http`, `grpc` (a configured probe), `source` (Fleetscope's own connection),
    /// `kubernetes` (readiness of its pods), or `none`.
    #[schema(value_type = String)]
    pub probe: Text,
    /// Why it is down or unknown. Of a probe: `unreachable`, `timeout`, `not_serving`, or what was answered
    /// (`server_error`, `not_found`, …). Of a source: `source_down`, `starting`. Of Kubernetes: `not_ready`,
    /// `scaled_to_zero`, `finished`, `kubernetes_down`. `not_watched` = nothing that is configured could tell.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Text>,
    /// The same for people.
    #[schema(value_type = Option<String>)]
    pub detail: Option<Text>,
    /// Version.
    #[schema(value_type = Option<String>)]
    pub version: Option<Text>,
    /// Pods there are.
    pub pods: Option<u32>,
    /// Pods ready.
    pub ready: Option<u32>,
    /// Pods wanted.
    pub wanted: Option<u32>,
    /// When it started: the longest running of its pods.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Timestamp>,
    /// For how long it runs, in seconds, as of `as_of`.
    pub uptime_seconds: Option<f64>,
    /// Cores in use.
    pub cpu_cores: Option<f64>,
    /// Memory in use.
    pub memory_bytes: Option<f64>,
    /// Graphics processors its pods use.
    pub gpus: Option<u32>,
    /// Mean use of those, 0 to 1.
    pub gpu_utilization_ratio: Option<f64>,
    /// Restarts of the pods there are.
    pub restarts: Option<u32>,
}

/// All parts of the fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComponentsPanel {
    /// When they were looked at.
    pub at: Timestamp,
    /// By name.
    pub components: Vec<Component>,
}
