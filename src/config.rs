//! Configuration: one struct per section, `Default` the only source of defaults.
//! Takes: a TOML file and `FLEETSCOPE_<SECTION>__<KEY>` variables. Gives: a valid [`Config`], or all problems at once.
//! Never: exits, prints, or reads a secret from anywhere but a file.

mod agents;
mod alerts;
mod components;
mod cost;
mod deliberations;
mod gpu;
mod http;
mod journal;
mod kubernetes;
mod load;
mod log;
mod logs;
mod nats;
mod neo4j;
mod orchestrator;
mod origin;
mod otlp;
mod privacy;
mod problem;
mod ray;
mod section;
mod setting;
mod telemetry;
mod valkey;
mod vllm;
mod watched;

pub use agents::Agents;
pub use alerts::Alerts;
pub use components::{Components, Probe};
pub use cost::Cost;
pub use deliberations::Deliberations;
pub use gpu::Gpu;
pub use http::Http;
pub use journal::Journal;
pub use kubernetes::Kubernetes;
pub use load::{default_file, load, load_text, variable};
pub use log::{Log, LogFormat};
pub use logs::Logs;
pub use nats::Nats;
pub use neo4j::Neo4j;
pub use orchestrator::Orchestrator;
pub use origin::{Origin, Origins};
pub use otlp::{Otlp, OtlpProtocol};
pub use privacy::{Content, Privacy};
pub use problem::{Problem, Problems};
pub use ray::Ray;
pub use section::{KeyInfo, Shown};
pub use setting::{ByteSize, Setting, mask_parts, shown_texts, shown_url};
pub use telemetry::Telemetry;
pub use valkey::Valkey;
pub use vllm::Vllm;

section::config! {
    /// The whole configuration.
    pub struct Config {
        http: Http,
        nats: Nats,
        journal: Journal,
        otlp: Otlp,
        logs: Logs,
        gpu: Gpu,
        ray: Ray,
        vllm: Vllm,
        cost: Cost,
        kubernetes: Kubernetes,
        orchestrator: Orchestrator,
        components: Components,
        neo4j: Neo4j,
        valkey: Valkey,
        privacy: Privacy,
        agents: Agents,
        deliberations: Deliberations,
        alerts: Alerts,
        log: Log,
        telemetry: Telemetry,
    }
}
