//! What the sources other than NATS show: the last good state of the system each watches.

mod cluster;
mod components;
mod gpu;
mod llm;
mod ray;
mod registry;

pub use cluster::{ClusterPanel, Crash, Pod, PodsOf, RayClusterObject, RayJobObject, Workload};
pub use components::{Component, ComponentsPanel};
pub use gpu::{Gpu, GpuPanel};
pub use llm::{LlmModel, LlmPanel, Spread};
pub use ray::{RayActor, RayIds, RayJob, RayNode, RayPanel, RayTasks};
pub use registry::{OrchestratorPanel, OrchestratorStats, RegisteredAgent, RegisteredCouncil, Replica};

use super::message::Source;
use super::time::Timestamp;

/// The state of one watched system, whole: it takes the place of the one before.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the panel of that name")]
pub enum Panel {
    Cluster(ClusterPanel),
    Components(ComponentsPanel),
    Gpu(GpuPanel),
    Ray(RayPanel),
    Llm(LlmPanel),
    Orchestrator(OrchestratorPanel),
}

impl Panel {
    /// The source it comes from.
    pub const fn source(&self) -> Source {
        match self {
            Self::Cluster(_) => Source::Kubernetes,
            Self::Components(_) => Source::Components,
            Self::Gpu(_) => Source::Gpu,
            Self::Ray(_) => Source::Ray,
            Self::Llm(_) => Source::Vllm,
            Self::Orchestrator(_) => Source::Orchestrator,
        }
    }

    /// When the system was asked.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Cluster(panel) => panel.at,
            Self::Components(panel) => panel.at,
            Self::Gpu(panel) => panel.at,
            Self::Ray(panel) => panel.at,
            Self::Llm(panel) => panel.at,
            Self::Orchestrator(panel) => panel.at,
        }
    }
}
