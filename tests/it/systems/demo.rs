//! The demo: with no server at all every panel has data, by the decoders that read real servers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetscope::app::{self, Input};
use fleetscope::config::Config;
use fleetscope::metrics::Metrics;
use fleetscope::sources::simulator;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::support::until;

/// A request waits ten seconds for its answer, and an answer fifteen for a rival.
const BOUND: Duration = Duration::from_mins(2);

struct Demo {
    http: SocketAddr,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<anyhow::Result<()>>,
    _journal: tempfile::TempDir,
}

impl Demo {
    /// As `fleetscope demo` runs it.
    async fn start() -> Self {
        // Both the clients here and those of the sources need one; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let journal = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.http.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.http.max_requests_per_second = 0;
        journal.path().clone_into(&mut config.journal.path);
        let settings = simulator::Settings { stories_per_minute: 6.0, ..simulator::Settings::default() };
        let input = Input::Simulated { settings: Box::new(settings), speed: 5.0 };
        let (stop, (told, listening)) = (CancellationToken::new(), oneshot::channel());
        let run = app::run(config, input, Arc::new(Metrics::new()), stop.clone(), |address| {
            told.send(address).expect("somebody waits");
        });
        let ended = tokio::spawn(run);
        Self { http: listening.await.expect("it listens"), stop, ended, _journal: journal }
    }

    async fn text(&self, path: &str) -> Option<String> {
        let answer = reqwest::get(format!("http://{}{path}", self.http)).await.ok()?;
        if answer.status() == 200 { answer.text().await.ok() } else { None }
    }

    async fn json(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&self.text(path).await?).ok()
    }

    /// Waits until a page has what is looked for.
    async fn shows<T>(&self, path: &str, mut look: impl FnMut(&Value) -> Option<T>) -> T {
        let mut last = Value::Null;
        let end = Instant::now() + BOUND;
        loop {
            if let Some(page) = self.json(path).await {
                if let Some(found) = look(&page) {
                    return found;
                }
                last = page;
            }
            let shown: String = last.to_string().chars().take(2_000).collect();
            assert!(Instant::now() < end, "{path} shows only {shown}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a list has an item of this kind.
    async fn lists(&self, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.shows(path, |page| page["items"].as_array()?.iter().find(|item| fits(item)).cloned()).await
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_has_data_with_no_server_at_all() {
    let demo = Demo::start().await;
    every_source_is_up(&demo).await;
    systems_are_shown(&demo).await;
    requests_are_joined_and_cost(&demo).await;
    questions_are_answered(&demo).await;
    every_family_has_a_sample(&demo).await;
    demo.stop.cancel();
    demo.ended.await.expect("no panic").expect("ends well");
}

async fn every_source_is_up(demo: &Demo) {
    demo.shows("/status", |page| {
        let parts = page["parts"].as_object()?;
        let sources: BTreeMap<_, _> = parts.iter().filter(|(name, _)| name.starts_with("source/")).collect();
        let all = sources.len() >= 11 && sources.values().all(|part| part["health"] == "up");
        all.then_some(())
    })
    .await;
}

async fn systems_are_shown(demo: &Demo) {
    let alert = demo.lists("/api/alerts", |alert| alert["status"] == "firing" && is_text(&alert["story_id"])).await;
    assert_eq!(alert["name"], "FleetRayJobFailed", "{alert}");
    demo.lists("/api/gpus", |gpu| gpu["utilization_ratio"].is_number()).await;
    demo.lists("/api/ray/jobs", |job| job["status"] == "SUCCEEDED" && is_text(&job["agent_id"])).await;
    demo.lists("/api/ray/jobs", |job| job["kind"] == "deliberation" && is_text(&job["story_id"])).await;
    let has = |cluster: &Value, list: &str| cluster[list].as_array().is_some_and(|items| !items.is_empty());
    demo.lists("/api/ray/cluster", |cluster| has(cluster, "nodes") && has(cluster, "actors")).await;
    demo.lists("/api/metrics/vllm", |model| model["generation_tokens"].as_f64() > Some(0.0)).await;
    demo.lists("/api/cache/keys", |key| is_text(&key["key_prefix"]) && is_text(&key["type"])).await;
    demo.shows("/api/cache/activity", |page| (page["totals"]["hits"].as_u64() > Some(0)).then_some(())).await;
    demo.lists("/api/kubernetes/pods", |pod| pod["phase"] == "running").await;
    demo.lists("/api/kubernetes/workloads", |of| of["wanted"].as_u64() > Some(0)).await;
    demo.lists("/api/kubernetes/rayjobs", |job| is_text(&job["story_id"]) && is_text(&job["job_status"])).await;
    demo.lists("/api/kubernetes/rayclusters", |of| of["state"] == "ready").await;
    demo.lists("/api/councils", |council| council["registered"] == true).await;
    demo.shows("/api/components", |page| {
        let parts = page["items"].as_array()?;
        let up = parts.iter().filter(|of| of["up"] == true).count();
        // One or two pods may be down at any time: that they crash is part of the show.
        (up >= 12).then_some(())
    })
    .await;
    let measured = |name: &'static str| move |of: &Value| of["component"] == name && is_text(&of["version"]);
    for name in ["kubernetes", "neo4j", "orchestrator", "ray", "valkey", "vllm"] {
        let of = demo.lists("/api/components", measured(name)).await;
        assert!(name == "kubernetes" || of["uptime_seconds"].as_f64() > Some(0.0), "{of}");
    }
    demo.lists("/api/components", |of| of["component"] == "ray" && of["gpus"] == 2).await;
    demo.lists("/api/components", |of| of["memory_bytes"].is_number() && of["cpu_cores"].is_number()).await;
}

async fn requests_are_joined_and_cost(demo: &Demo) {
    const REQUESTS: &str = "/api/llm/requests?limit=1000";
    let is = |name: &'static str, what: &'static str| move |request: &Value| request[name] == what;
    demo.lists(REQUESTS, is("join", "inferred")).await;
    demo.lists(REQUESTS, is("status", "failed")).await;
    demo.lists(REQUESTS, is("status", "aborted")).await;
    let both = |r: &Value| {
        r["join"] == "exact" && r["status"] == "completed" && is_text(&r["model"]) && is_text(&r["story_id"])
    };
    demo.lists(REQUESTS, both).await;
    until("a story's trace holds a job of Ray and a request to the model", BOUND, || async {
        let page = demo.json(REQUESTS).await?;
        let stories: std::collections::BTreeSet<String> = page["items"]
            .as_array()?
            .iter()
            .filter(|r| both(r))
            .filter_map(|r| Some(r["story_id"].as_str()?.into()))
            .collect();
        for story in stories {
            let trace = demo.text(&format!("/api/stories/{story}/trace")).await?;
            if ["\"ray.job\"", "\"llm_request\"", "\"chat Qwen/Qwen3-0.6B\""].iter().all(|name| trace.contains(name)) {
                return Some(());
            }
        }
        None
    })
    .await;
    demo.lists("/api/stories", |story| story["llm"]["cost"].as_f64() > Some(0.0)).await;
}

async fn questions_are_answered(demo: &Demo) {
    let node =
        demo.lists("/api/graph/nodes", |node| node["labels"][0] == "Story" && is_text(&node["created_by"])).await;
    let (id, story) = (node["id"].as_str().expect("an id"), node["properties"]["id"].as_str().expect("its story"));
    demo.lists(&format!("/api/graph/edges?story={story}"), |edge| edge["mainstat"] == "HAS_TASK").await;
    demo.lists(&format!("/api/graph/nodes?story={story}"), |node| node["labels"][0] == "Task").await;
    demo.shows(&format!("/api/graph/nodes/{id}"), |page| (page["node"]["id"] == id).then_some(())).await;
    demo.shows("/api/kubernetes/pods/swe-ai-fleet/valkey-0/logs", |page| {
        page["lines"].as_array()?.first().is_some_and(is_text).then_some(())
    })
    .await;
    demo.shows(&format!("/api/cache/keys/planning:story:{story}"), |page| (page["type"] == "hash").then_some(())).await;
    let job = demo.lists("/api/ray/jobs", |job| job["status"] == "FAILED" && is_text(&job["submission_id"])).await;
    let job = job["submission_id"].as_str().expect("an id");
    demo.shows(&format!("/api/ray/jobs/{job}/logs"), |page| page.to_string().contains("no valid JSON").then_some(()))
        .await;
}

async fn every_family_has_a_sample(demo: &Demo) {
    let document = include_str!("../../../docs/METRICS.md");
    let listed = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    // The fleet limits its streams by messages and age: `sinks/measure.rs` sees to this gauge.
    let unlimited = "fleet_stream_limit_bytes";
    let families = listed.map(|(name, _)| name).filter(|name| name.starts_with("fleet_") && *name != unlimited);
    let families: Vec<&str> = families.collect();
    assert!(families.len() > 40, "{families:?}");
    let sampled = |page: &str, family: &str| {
        let mut rests = page.lines().filter_map(|line| line.strip_prefix(family));
        rests.any(|rest| rest.starts_with(['{', ' ']) || rest.starts_with("_bucket{"))
    };
    let lacking = |page: &str| -> Vec<&str> { families.iter().copied().filter(|of| !sampled(page, of)).collect() };
    let end = Instant::now() + BOUND;
    loop {
        let page = demo.text("/metrics").await.unwrap_or_default();
        let lacking = lacking(&page);
        if lacking.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "without a sample: {lacking:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
