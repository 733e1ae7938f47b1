//! The sources beside NATS on real servers: what an idle daemon costs with all of them on, what each costs the system
//! it watches, how fresh what it shows is, and what large systems take.

#[path = "../../tests/it/servers/kubernetes.rs"]
#[expect(dead_code, reason = "the tests do more with it")]
mod kubernetes;
#[path = "../../tests/it/servers/neo4j.rs"]
#[expect(dead_code, reason = "the tests do more with it")]
mod neo4j;
#[path = "../../tests/it/servers/ray.rs"]
#[expect(dead_code, reason = "the tests do more with it")]
mod ray;
#[path = "../../tests/it/servers/redis.rs"]
#[expect(dead_code, reason = "the tests do more with it")]
mod redis;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::daemon::Daemon;
use super::report::{Report, percentile};
use super::server::Server;
use super::share;

/// Everything is given this long to be seen.
const BOUND: Duration = Duration::from_mins(15);
/// How long the idle daemon is watched.
const IDLE: Duration = Duration::from_mins(1);
/// Changes made in each system to see how fresh what is shown is.
const CHANGES: usize = 15;
const NAMESPACE: &str = "bench";

/// All of them, running.
struct Systems {
    nats: Server,
    ray: Arc<ray::RayServer>,
    redis: redis::Redis,
    neo4j: tokio::sync::MutexGuard<'static, Option<neo4j::Neo4j>>,
    kube: kubernetes::Held,
    folder: tempfile::TempDir,
}

impl Systems {
    async fn start() -> Result<Self> {
        let missing = "is not installed: run `make tools`";
        let systems = Self {
            nats: Server::start().await?,
            ray: ray::RayServer::shared().await.context(format!("Ray {missing}"))?,
            redis: redis::Redis::start(&["--enable-debug-command", "local"]).context(format!("Redis {missing}"))?,
            neo4j: neo4j::alone().await.context(format!("Neo4j {missing}"))?,
            kube: kubernetes::server().await.context(format!("the Kubernetes API server {missing}"))?,
            folder: tempfile::tempdir()?,
        };
        systems.kube.apply(&format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n")).await;
        Ok(systems)
    }

    fn graph(&self) -> &neo4j::Neo4j {
        self.neo4j.as_ref().expect("it was started")
    }

    async fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.kube.client().await, NAMESPACE)
    }

    /// The daemon with its defaults: only addresses and secrets are set.
    fn daemon(&self) -> Result<Daemon> {
        let file = |name: &str| self.folder.path().join(name);
        std::fs::write(file("token"), ray::TOKEN)?;
        self.kube.kubeconfig(&file("kubeconfig"), kubernetes::ADMIN);
        let path = |name: &str| file(name).display().to_string();
        let variables = [
            ("FLEETSCOPE_RAY__URL", self.ray.url()),
            ("FLEETSCOPE_RAY__TOKEN_FILE", path("token")),
            ("FLEETSCOPE_VALKEY__URL", self.redis.url()),
            ("FLEETSCOPE_NEO4J__URI", self.graph().uri()),
            (
                "FLEETSCOPE_NEO4J__PASSWORD_FILE",
                self.graph().password_file("bench", neo4j::PASSWORD).display().to_string(),
            ),
            ("FLEETSCOPE_KUBERNETES__NAMESPACES", NAMESPACE.to_owned()),
            ("FLEETSCOPE_KUBERNETES__KUBECONFIG", path("kubeconfig")),
        ];
        Daemon::with(&self.nats.url, None, &variables)
    }
}

/// An idle daemon with all on, and how soon it shows a change.
pub(crate) async fn run(report: &mut Report) -> Result<()> {
    report.line("\n## Systems beside NATS: real Ray, Redis, Neo4j and Kubernetes API server, default intervals");
    let (systems, daemon) = begin().await?;
    idle(report, &daemon).await?;
    freshness(report, &systems, &daemon).await
}

/// Much of everything.
pub(crate) async fn run_large(report: &mut Report) -> Result<()> {
    report.line("\n## Large systems beside NATS, default intervals and budgets");
    let (systems, daemon) = begin().await?;
    large(report, &systems, &daemon).await
}

async fn begin() -> Result<(Systems, Daemon)> {
    let systems = Systems::start().await?;
    let daemon = systems.daemon()?;
    daemon.ready().await?;
    until("all sources are up", || async {
        let up = ["nats", "ray", "valkey", "neo4j", "kubernetes", "components"]
            .map(|source| format!("fleetscope_source_up{{source=\"{source}\"}}"));
        let page = daemon.get("/metrics").await.unwrap_or_default();
        up.iter().all(|up| page.contains(&format!("{up} 1")))
    })
    .await?;
    Ok((systems, daemon))
}

async fn idle(report: &mut Report, daemon: &Daemon) -> Result<()> {
    let (before, cpu, began) = (polls(daemon).await?, daemon.cpu(), Instant::now());
    tokio::time::sleep(IDLE).await;
    let seconds = began.elapsed().as_secs_f64();
    let (anonymous, resident) = daemon.memory();
    report.line(format!(
        "idle for {seconds:.0} s with all on: {:.1} % of a core, {anonymous:.0} MiB anonymous, {resident:.0} MiB resident",
        (daemon.cpu() - cpu) / seconds * 100.0
    ));
    for ((source, n, took), (_, n_before, took_before)) in polls(daemon).await?.into_iter().zip(before) {
        let (n, took) = (n - n_before, took - took_before);
        report.line(format!("{source}: {:.2} polls/s, {:.1} ms each", n / seconds, took / n * 1e3));
    }
    Ok(())
}

/// How often each system was asked, and the seconds that took.
async fn polls(daemon: &Daemon) -> Result<Vec<(&'static str, f64, f64)>> {
    let mut all = Vec::new();
    for source in ["ray", "valkey", "neo4j"] {
        let family = |part: &str| format!("fleetscope_source_poll_duration_seconds_{part}{{source=\"{source}\"}}");
        all.push((source, daemon.sample(&family("count")).await?, daemon.sample(&family("sum")).await?));
    }
    Ok(all)
}

/// From a change in a system to its place in the API.
async fn freshness(report: &mut Report, systems: &Systems, daemon: &Daemon) -> Result<()> {
    let pods = systems.pods().await;
    let mut times: [Vec<f64>; 4] = Default::default();
    for n in 0..CHANGES {
        let name = format!("fresh-{n}");
        pods.create(&PostParams::default(), &pod(&name)).await?;
        let route = "/api/kubernetes/pods";
        times[0].push(seen(daemon, route, |page| items(page).any(|pod| pod["pod"] == *name)).await?);
        systems.redis.commands(&[&format!("SET fresh:{n} 1")]);
        let count = n as u64 + 1;
        times[1].push(seen(daemon, "/api/cache/keys", |page| page["keys"].as_u64() >= Some(count)).await?);
        systems.graph().run(&[&format!("CREATE (:Fresh {{id: '{n}'}})")]).await;
        times[2].push(seen(daemon, "/api/graph/nodes", |page| page["total_nodes"].as_u64() >= Some(count)).await?);
        // A job is not in Ray's list at once: what is measured begins when it is accepted.
        systems.ray.submit(&name, "print(1)", json!({}), json!({})).await;
        times[3].push(seen(daemon, &format!("/api/ray/jobs/{name}"), |job| job["status"].is_string()).await?);
        // Never in step with the polls.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..1_500))).await;
    }
    for (system, mut times) in ["Kubernetes", "Valkey", "Neo4j", "Ray"].into_iter().zip(times) {
        let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
        report.line(format!("freshness of {system}: p50 {p50:.2} s, p99 {p99:.2} s (n={})", times.len()));
    }
    Ok(())
}

async fn large(report: &mut Report, systems: &Systems, daemon: &Daemon) -> Result<()> {
    let (tasks, pods, keys, nodes) = (share(10_000), share(10_000), share(1_000_000), share(1_000_000));
    systems.redis.commands(&[&format!("DEBUG POPULATE {keys} planning:task 40")]);
    told(report, daemon, &format!("{keys} keys"), "/api/cache/keys", |page| {
        let counted = page["prefixes"].as_array().into_iter().flatten().filter_map(|p| p["keys"].as_u64()).max();
        counted >= Some(keys)
    })
    .await?;
    let create = format!(
        "UNWIND range(1, {nodes}) AS n CALL {{ WITH n CREATE (:Decision {{id: n}}) }} IN TRANSACTIONS OF 50000 ROWS"
    );
    systems.graph().run(&[&create]).await;
    told(report, daemon, &format!("{nodes} nodes"), "/api/graph/nodes", |page| {
        page["total_nodes"].as_u64() >= Some(nodes)
    })
    .await?;
    let program = format!(
        "import ray\nray.init()\n@ray.remote(num_cpus=0.1)\ndef f(): pass\nray.get([f.remote() for _ in range({tasks})])\nimport time\ntime.sleep(60)\n"
    );
    systems.ray.submit("large", &program, json!({}), json!({})).await;
    told(report, daemon, &format!("{tasks} Ray tasks"), "/api/ray/cluster", |page| {
        items(page).any(|cluster| cluster["tasks"]["finished"].as_u64() >= Some(tasks))
    })
    .await?;
    let api = systems.pods().await;
    let made = futures::stream::iter((0..pods).map(|n| format!("large-{n}"))).map(|name| {
        let api = api.clone();
        async move { api.create(&PostParams::default(), &pod(&name)).await.map(drop) }
    });
    let made: Vec<_> = made.buffer_unordered(32).collect().await;
    made.into_iter().collect::<kube::Result<()>>()?;
    told(report, daemon, &format!("{pods} pods"), "/api/kubernetes/pods", |page| items(page).count() as u64 >= pods)
        .await?;
    restarted(report, systems, pods).await
}

/// What a daemon takes that meets all of it at once.
async fn restarted(report: &mut Report, systems: &Systems, pods: u64) -> Result<()> {
    let began = Instant::now();
    let daemon = systems.daemon()?;
    daemon.ready().await?;
    until("all pods are shown", || async {
        let page = daemon.get("/api/kubernetes/pods").await.ok().and_then(|p| serde_json::from_str::<Value>(&p).ok());
        page.is_some_and(|page| items(&page).count() as u64 >= pods)
    })
    .await?;
    let took = began.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (anonymous, _) = daemon.memory();
    report.line(format!("a fresh daemon before all of that: all pods shown after {took:.1} s, {anonymous:.0} MiB anonymous, {:.1} s of CPU", daemon.cpu()));
    Ok(())
}

/// Waits until something large is shown, and tells what it took and how long another question waited at most.
async fn told(
    report: &mut Report,
    daemon: &Daemon,
    what: &str,
    route: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Result<()> {
    let (cpu, mut longest) = (daemon.cpu(), 0_f64);
    let asking = async {
        loop {
            let asked = Instant::now();
            let _ = daemon.get("/live").await;
            longest = longest.max(asked.elapsed().as_secs_f64());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let took = tokio::select! {
        took = seen(daemon, route, wanted) => took?,
        () = asking => unreachable!("it goes on"),
    };
    let (anonymous, _) = daemon.memory();
    report.line(format!(
        "{what}: shown {took:.1} s after they were made, {:.1} s of CPU, {anonymous:.0} MiB anonymous; /live took {:.0} ms at most",
        daemon.cpu() - cpu,
        longest * 1e3
    ));
    Ok(())
}

fn pod(name: &str) -> Pod {
    let pod = json!({
        "metadata": {"name": name, "labels": {"app": "planning"}},
        "spec": {"containers": [{"name": "main", "image": "registry.test/fleet/planning:v2.3.1"}]},
    });
    serde_json::from_value(pod).expect("a pod")
}

fn items(page: &Value) -> impl Iterator<Item = &Value> {
    page["items"].as_array().into_iter().flatten()
}

/// Seconds until a route shows what is wanted.
async fn seen(daemon: &Daemon, route: &str, wanted: impl Fn(&Value) -> bool) -> Result<f64> {
    let (began, wanted) = (Instant::now(), &wanted);
    until(route, || async move {
        let page = daemon.get(route).await.ok().and_then(|page| serde_json::from_str::<Value>(&page).ok());
        page.is_some_and(|page| wanted(&page))
    })
    .await?;
    Ok(began.elapsed().as_secs_f64())
}

async fn until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) -> Result<()> {
    let end = Instant::now() + BOUND;
    while !look().await {
        anyhow::ensure!(Instant::now() < end, "not within {BOUND:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
