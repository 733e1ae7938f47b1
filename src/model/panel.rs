//! What the sources other than NATS show: the last good state of the system each watches.

mod gpu;
mod ray;

pub use gpu::{Gpu, GpuPanel};
pub use ray::{RayActor, RayIds, RayJob, RayNode, RayPanel, RayTasks};

use super::message::Source;
use super::time::Timestamp;

/// The state of one watched system, whole: it takes the place of the one before.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the panel of that name")]
pub enum Panel {
    Gpu(GpuPanel),
    Ray(RayPanel),
}

impl Panel {
    /// The source it comes from.
    pub const fn source(&self) -> Source {
        match self {
            Self::Gpu(_) => Source::Gpu,
            Self::Ray(_) => Source::Ray,
        }
    }

    /// When the system was asked.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Gpu(panel) => panel.at,
            Self::Ray(panel) => panel.at,
        }
    }
}
