//! What the sources other than NATS show: the last good state of the system each watches.

mod alerts;
mod cache;
mod cluster;
mod components;
mod gpu;
mod graph;
mod llm;
mod ray;
mod registry;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use alerts::{Alert, AlertsPanel};
pub use cache::{
    CacheEvent, CacheEvents, CacheKey, CacheMonitor, CachePanel, CacheScan, CacheTotals, PrefixCount, TopKeys,
};
pub use cluster::{ClusterPanel, Crash, Pod, PodsOf, RayClusterObject, RayJobObject, Workload};
pub use components::{Component, ComponentsPanel};
pub use gpu::{Gpu, GpuPanel};
pub use graph::{GraphEdge, GraphNode, GraphPanel, LabelCount, TypeCount};
pub use llm::{LlmModel, LlmPanel, Spread};
pub use ray::{RayActor, RayIds, RayJob, RayNode, RayPanel, RayTasks};
pub use registry::{OrchestratorPanel, OrchestratorStats, RegisteredAgent, RegisteredCouncil, Replica};

use super::message::Source;
use super::text::Text;
use super::time::Timestamp;

/// Why something cannot be told: a code for machines, a line for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotAvailable {
    /// `not_enabled`, `policy_not_lfu`, ….
    #[schema(value_type = String)]
    pub code: Text,
    /// What it would take.
    #[schema(value_type = String)]
    pub detail: Text,
}

impl NotAvailable {
    /// A reason.
    pub fn new(code: &str, detail: &str) -> Self {
        Self { code: code.into(), detail: detail.into() }
    }
}

/// The state of one watched system, whole: it takes the place of the one before.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the panel of that name")]
pub enum Panel {
    Alerts(AlertsPanel),
    Cluster(ClusterPanel),
    Components(ComponentsPanel),
    Ray(RayPanel),
    Llm(LlmPanel),
    Orchestrator(OrchestratorPanel),
    Cache(Box<CachePanel>),
    Gpu(GpuPanel),
    Graph(GraphPanel),
}

impl Panel {
    /// The source it comes from.
    pub const fn source(&self) -> Source {
        match self {
            Self::Alerts(_) => Source::Alert,
            Self::Cluster(_) => Source::Kubernetes,
            Self::Components(_) => Source::Components,
            Self::Ray(_) => Source::Ray,
            Self::Llm(_) => Source::Vllm,
            Self::Orchestrator(_) => Source::Orchestrator,
            Self::Cache(_) => Source::Valkey,
            Self::Gpu(_) => Source::Gpu,
            Self::Graph(_) => Source::Neo4j,
        }
    }

    /// When the system was asked.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Alerts(panel) => panel.at,
            Self::Cluster(panel) => panel.at,
            Self::Components(panel) => panel.at,
            Self::Ray(panel) => panel.at,
            Self::Llm(panel) => panel.at,
            Self::Orchestrator(panel) => panel.at,
            Self::Cache(panel) => panel.at,
            Self::Gpu(panel) => panel.at,
            Self::Graph(panel) => panel.at,
        }
    }
}
