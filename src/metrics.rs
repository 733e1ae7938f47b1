//! Every metric family, declared once: name, labels, HELP (the doc comment) and buckets.
//! Takes: nothing. Gives: handles, the `/metrics` page and the catalogue behind docs/METRICS.md.
//! Never: logic. What feeds a family is in the part that owns the fact.

mod agents;
mod cache;
mod cap;
mod components;
mod consumers;
mod events;
mod export;
mod family;
mod feed;
mod gpu;
mod graph;
mod journal;
mod llm;
mod logs;
mod otlp;
mod past;
mod process;
mod ray;
mod sources;
mod stories;

pub use agents::AgentMetrics;
pub use cache::CacheMetrics;
pub use cap::LabelCap;
pub use components::ComponentMetrics;
pub use consumers::ConsumerMetrics;
pub use events::EventMetrics;
pub use export::ExportMetrics;
pub use family::FamilyInfo;
pub use feed::FeedMetrics;
pub use gpu::GpuMetrics;
pub use graph::GraphMetrics;
pub use journal::JournalMetrics;
pub use llm::LlmMetrics;
pub use logs::LogsMetrics;
pub use otlp::OtlpMetrics;
pub use past::PastMetrics;
pub use process::ProcessMetrics;
pub use ray::RayMetrics;
pub use sources::SourceMetrics;
pub use stories::StoryMetrics;

use prometheus::{Encoder, Registry, TextEncoder};

/// All families and their registry.
#[derive(Debug)]
#[expect(missing_docs, reason = "each field is the family set of that part")]
pub struct Metrics {
    registry: Registry,
    pub cap: LabelCap,
    pub events: EventMetrics,
    pub consumers: ConsumerMetrics,
    pub agents: AgentMetrics,
    pub stories: StoryMetrics,
    pub sources: SourceMetrics,
    pub journal: JournalMetrics,
    pub otlp: OtlpMetrics,
    pub logs: LogsMetrics,
    pub feed: FeedMetrics,
    pub exports: ExportMetrics,
    pub past: PastMetrics,
    pub components: ComponentMetrics,
    pub llm: LlmMetrics,
    pub cache: CacheMetrics,
    pub gpu: GpuMetrics,
    pub graph: GraphMetrics,
    pub process: ProcessMetrics,
    pub ray: RayMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A fresh registry with every family.
    pub fn new() -> Self {
        let registry = Registry::new();
        Self {
            cap: LabelCap::new(&registry),
            events: EventMetrics::new(&registry),
            consumers: ConsumerMetrics::new(&registry),
            agents: AgentMetrics::new(&registry),
            stories: StoryMetrics::new(&registry),
            sources: SourceMetrics::new(&registry),
            journal: JournalMetrics::new(&registry),
            otlp: OtlpMetrics::new(&registry),
            logs: LogsMetrics::new(&registry),
            feed: FeedMetrics::new(&registry),
            exports: ExportMetrics::new(&registry),
            past: PastMetrics::new(&registry),
            components: ComponentMetrics::new(&registry),
            llm: LlmMetrics::new(&registry),
            cache: CacheMetrics::new(&registry),
            gpu: GpuMetrics::new(&registry),
            graph: GraphMetrics::new(&registry),
            process: ProcessMetrics::new(&registry),
            ray: RayMetrics::new(&registry),
            registry,
        }
    }

    /// The page in Prometheus text format 0.0.4. Costs about 1.5 µs per series: call it off the async workers.
    pub fn page(&self) -> String {
        let mut page = Vec::with_capacity(64 * 1024);
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut page)
            .expect("writing to memory cannot fail and families hold valid names");
        String::from_utf8(page).expect("the text encoder writes UTF-8")
    }

    /// What there is to scrape, in a stable order: the source of docs/METRICS.md.
    pub fn catalogue() -> Vec<FamilyInfo> {
        [
            EventMetrics::INFO,
            ConsumerMetrics::INFO,
            AgentMetrics::INFO,
            StoryMetrics::INFO,
            SourceMetrics::INFO,
            JournalMetrics::INFO,
            OtlpMetrics::INFO,
            LogsMetrics::INFO,
            FeedMetrics::INFO,
            ExportMetrics::INFO,
            PastMetrics::INFO,
            ComponentMetrics::INFO,
            LlmMetrics::INFO,
            CacheMetrics::INFO,
            GpuMetrics::INFO,
            GraphMetrics::INFO,
            ProcessMetrics::INFO,
            RayMetrics::INFO,
            LabelCap::INFO,
        ]
        .concat()
    }
}
