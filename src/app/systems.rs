//! The systems beside NATS, each on its own: one that hangs or lies delays no other.
//! Takes: the configuration and the parts everyone shares. Gives: their sources, what answers questions about them, and
//! what takes what they send. Never: starts one that is not configured.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::overview;
use crate::config::Config;
use crate::inbox::Inboxes;
use crate::lookup::Lookups;
use crate::model::{Batch, Source};
use crate::sources::{Watcher, alerts, components, gpu, kubernetes, neo4j, orchestrator, ray, simulator, valkey, vllm};
use crate::status::Health;

/// How long a request of a simulated fleet waits for its answer: both come at once there.
const DEMO_WINDOW: Duration = Duration::from_secs(10);
/// How often its alerts are asked for: one is shown as soon as its job failed.
const DEMO_ALERTS: Duration = Duration::from_secs(2);
/// What a simulated fleet's model costs.
const DEMO_PRICE: &str = "Qwen/*=0.05/0.20";
const DEMO_GPU_SECOND: &str = "0.0006";

/// A part's name in `/status`, and its life.
type Part = (&'static str, BoxFuture<'static, Result<()>>);

/// The systems that are watched, not started yet.
pub(super) struct Systems {
    /// What answers questions about them.
    pub(super) lookups: Arc<Lookups>,
    /// What takes what they send.
    pub(super) inboxes: Arc<Inboxes>,
    parts: Vec<Part>,
}

impl Systems {
    /// Those that are configured; the others are reported as off.
    pub(super) fn new(shared: &Shared, events: &mpsc::Sender<Batch>, stop: &CancellationToken) -> Self {
        let watcher = Watcher {
            masker: Arc::clone(&shared.masker),
            events: events.clone(),
            metrics: Arc::clone(&shared.metrics),
            status: Arc::clone(&shared.status),
            stop: stop.clone(),
        };
        let mut made =
            Making { shared, watcher, lookups: Lookups::default(), inboxes: Inboxes::default(), parts: vec![] };
        made.alerts();
        made.components();
        made.gpu();
        made.kubernetes();
        made.neo4j();
        made.orchestrator();
        made.ray();
        made.valkey();
        made.vllm();
        Self { lookups: Arc::new(made.lookups), inboxes: Arc::new(made.inboxes), parts: made.parts }
    }

    /// Starts them.
    pub(super) fn start(self, into: &mut JoinSet<(&'static str, Result<()>)>) {
        for (name, run) in self.parts {
            into.spawn(async move { (name, run.await) });
        }
    }
}

/// Systems while they are put together.
struct Making<'a> {
    shared: &'a Shared,
    watcher: Watcher,
    lookups: Lookups,
    inboxes: Inboxes,
    parts: Vec<Part>,
}

impl Making<'_> {
    /// One whose source runs until stopped and cannot fail.
    fn add(&mut self, name: &'static str, run: impl Future<Output = ()> + Send + 'static) {
        let run = async move {
            run.await;
            Ok(())
        };
        self.parts.push((name, Box::pin(run)));
    }

    fn off(&self, name: &'static str, why: &'static str) {
        self.shared.status.report(name, Health::Off, why);
    }

    /// The overview is always there: it says at least that nobody can tell.
    fn components(&mut self) {
        let look = overview::look(Arc::clone(&self.shared.board), Arc::clone(&self.shared.status));
        self.add(
            "source/components",
            components::run(self.shared.config.components.clone(), look, self.watcher.clone()),
        );
    }

    fn alerts(&mut self) {
        let config = self.shared.config.alerts.clone();
        if !config.is_on() {
            return self.off("source/alert", "neither alerts.ingest nor alerts.alertmanager_url is set");
        }
        let alerts = alerts::Alerts::new(self.watcher.clone());
        if config.ingest {
            self.inboxes.add(Source::Alert, alerts.inbox());
        }
        self.add("source/alert", alerts.run(config));
    }

    fn gpu(&mut self) {
        let config = self.shared.config.gpu.clone();
        if !config.is_on() {
            return self.off("source/gpu", "gpu.dcgm_url is not set");
        }
        self.add("source/gpu", gpu::run(config, self.watcher.clone()));
    }

    fn kubernetes(&mut self) {
        let config = self.shared.config.kubernetes.clone();
        if !config.is_on() {
            return self.off("source/kubernetes", "kubernetes.namespaces is empty");
        }
        let logs = kubernetes::Logs::new(&config.namespaces, Arc::clone(&self.shared.masker));
        self.lookups.add(Source::Kubernetes, Arc::new(logs.clone()));
        self.add("source/kubernetes", kubernetes::run(config, logs, self.watcher.clone()));
    }

    fn neo4j(&mut self) {
        let config = self.shared.config.neo4j.clone();
        if !config.is_on() {
            return self.off("source/neo4j", "neo4j.uri is not set");
        }
        self.lookups.add(Source::Neo4j, neo4j::answerer(&config, Arc::clone(&self.shared.masker)));
        self.add("source/neo4j", neo4j::run(config, self.watcher.clone()));
    }

    fn orchestrator(&mut self) {
        let config = self.shared.config.orchestrator.clone();
        if !config.is_on() {
            return self.off("source/orchestrator", "orchestrator.address is not set");
        }
        self.add("source/orchestrator", orchestrator::run(config, self.watcher.clone()));
    }

    fn ray(&mut self) {
        let config = self.shared.config.ray.clone();
        if let Some(logs) = ray::Logs::new(&config, Arc::clone(&self.shared.masker)) {
            self.lookups.add(Source::Ray, Arc::new(logs));
        }
        let pushing = config.ingest.then(|| {
            let (pushes, pushing) = ray::pushes();
            self.inboxes.add(Source::Ray, pushes);
            pushing
        });
        if !config.is_on() {
            return self.off("source/ray", "ray.url is not set");
        }
        self.add("source/ray", ray::run(config, pushing, self.watcher.clone()));
    }

    fn valkey(&mut self) {
        let config = self.shared.config.valkey.clone();
        if !config.is_on() {
            return self.off("source/valkey", "valkey.url is not set");
        }
        self.lookups.add(Source::Valkey, valkey::answerer(&config, Arc::clone(&self.shared.masker)));
        self.add("source/valkey", valkey::run(config, self.watcher.clone()));
    }

    fn vllm(&mut self) {
        let config = self.shared.config.vllm.clone();
        if !config.is_on() {
            return self.off("source/vllm", "neither vllm.metrics_url nor vllm.otlp is set");
        }
        let takes_spans = config.otlp;
        let vllm = vllm::Vllm::new(config, self.shared.config.http.tokens_file.clone(), self.watcher.clone());
        if takes_spans {
            self.inboxes.add(Source::Vllm, vllm.inbox());
        }
        self.parts.push(("source/vllm", Box::pin(vllm.run())));
    }
}

/// The systems of a simulated fleet are watched as real ones are, where no real ones are named.
pub(super) fn watch_simulated(config: &mut Config, at: &simulator::Addresses) -> Result<()> {
    let own = || "an address of our own";
    let page = |path: &str| format!("http://{}{path}", at.http);
    if !config.alerts.is_on() {
        config.alerts.alertmanager_url = Some(page("/alertmanager").parse().with_context(own)?);
        config.alerts.poll_interval = DEMO_ALERTS;
    }
    if !config.gpu.is_on() {
        config.gpu.dcgm_url = Some(page("/dcgm/metrics").parse().with_context(own)?);
    }
    if !config.kubernetes.is_on() {
        config.kubernetes.namespaces = at.namespaces.map(str::to_owned).to_vec();
        config.kubernetes.kubeconfig = Some(at.kubeconfig.clone());
    }
    if !config.neo4j.is_on() {
        config.neo4j.uri = Some(format!("bolt://{}", at.neo4j).parse().with_context(own)?);
    }
    if !config.orchestrator.is_on() {
        config.orchestrator.address = vec![at.grpc.to_string()];
    }
    if !config.ray.is_on() {
        config.ray.url = Some(page("/ray").parse().with_context(own)?);
        config.ray.executor = Some(format!("http://{}", at.grpc).parse().with_context(own)?);
    }
    if !config.valkey.is_on() {
        config.valkey.url = Some(format!("redis://{}", at.valkey).parse().with_context(own)?);
    }
    if !config.vllm.is_on() {
        config.vllm.metrics_url = vec![page("/vllm/metrics")];
        config.vllm.otlp = true;
        config.vllm.log_file = Some(at.vllm_log.clone());
        config.vllm.join_window = DEMO_WINDOW;
    }
    if config.cost.prices.is_empty() {
        config.cost.prices = vec![DEMO_PRICE.to_owned()];
        DEMO_GPU_SECOND.clone_into(&mut config.cost.gpu_second);
    }
    Ok(())
}
