//! What the sources other than NATS show: the last good state of the system each watches.

mod cache;
mod gpu;
mod graph;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use cache::{
    CacheEvent, CacheEvents, CacheKey, CacheMonitor, CachePanel, CacheScan, CacheTotals, PrefixCount, TopKeys,
};
pub use gpu::{Gpu, GpuPanel};
pub use graph::{GraphEdge, GraphNode, GraphPanel, LabelCount, TypeCount};

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
    Cache(Box<CachePanel>),
    Gpu(GpuPanel),
    Graph(GraphPanel),
}

impl Panel {
    /// The source it comes from.
    pub const fn source(&self) -> Source {
        match self {
            Self::Cache(_) => Source::Valkey,
            Self::Gpu(_) => Source::Gpu,
            Self::Graph(_) => Source::Neo4j,
        }
    }

    /// When the system was asked.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Cache(panel) => panel.at,
            Self::Gpu(panel) => panel.at,
            Self::Graph(panel) => panel.at,
        }
    }
}
