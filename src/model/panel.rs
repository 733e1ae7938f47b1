//! What the sources other than NATS show: the last good state of the system each watches.

mod gpu;
mod llm;
mod ray;

pub use gpu::{Gpu, GpuPanel};
pub use llm::{LlmModel, LlmPanel, Spread};
pub use ray::{RayActor, RayIds, RayJob, RayNode, RayPanel, RayTasks};

use super::message::Source;
use super::time::Timestamp;

/// The state of one watched system, whole: it takes the place of the one before.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the panel of that name")]
pub enum Panel {
    Gpu(GpuPanel),
    Ray(RayPanel),
    Llm(LlmPanel),
}

impl Panel {
    /// The source it comes from.
    pub const fn source(&self) -> Source {
        match self {
            Self::Gpu(_) => Source::Gpu,
            Self::Ray(_) => Source::Ray,
            Self::Llm(_) => Source::Vllm,
        }
    }

    /// When the system was asked.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Gpu(panel) => panel.at,
            Self::Ray(panel) => panel.at,
            Self::Llm(panel) => panel.at,
        }
    }
}
