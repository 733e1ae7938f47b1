//! Every PromQL of every dashboard, asked of a real Prometheus that scraped the demo's fleet, and pages of others as
//! they were captured.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::Value;

use super::{Prom, boards, read};
use crate::support::tool::{Running, tool};
use crate::support::{free_port, until};

/// Panels whose query may find nothing: nothing of the kind happens in the demo, or who serves it is not there.
const MAY_BE_EMPTY: &[&str] = &[
    // Tempo writes it.
    "ray-llm: Requests in traces",
    // No trace backend in the demo, and none for logs.
    "self: Trace backend",
    "self: Requests to the trace backend",
    "self: Spans",
    "self: Spans that wait",
    "self: Log records",
    "self: Log records that wait",
    "self: Requests to the log backend",
    // Only where something goes wrong.
    "overview: Restarts",
    "overview: Failures",
    "consumers: Lag",
    "consumers: Given and not settled, by consumer",
    "consumers: Redelivered",
    "consumers: Nak loops",
    "consumers: Time without moving on",
    "consumers: Messages that could not be decoded",
    "consumers: Secrets masked",
    "councils: Deliberations",
    "self: Failures of sources",
    "self: Given up and left out",
    "self: Records removed, commits that failed",
    // A simulated fleet is read without a queue.
    "self: Lag of sources",
    "self: Waiting before ingest",
    // Nobody watches or exports.
    "self: Exports",
    "self: Bytes of exports",
    "self: Latency of the live feed",
    "self: Viewers, and what they were not sent",
];

/// A second is scraped, and rates need a few.
const BOUND: Duration = Duration::from_mins(2);

fn start(program: &Path, arguments: &[String]) -> Running {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().expect("it starts"))
}

/// The captured pages, at `/vllm` and `/dcgm`.
async fn others() -> u16 {
    let page = |path: &'static str| get(move || async move { read(path) });
    let router = Router::new()
        .route("/vllm", page("tests/fixtures/vllm/metrics.txt"))
        .route("/dcgm", page("tests/fixtures/gpu/dcgm.txt"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

struct Asked {
    address: String,
    client: reqwest::Client,
}

impl Asked {
    /// The series an expression gives now, or what is wrong with it.
    async fn ask(&self, expr: &str) -> Result<Vec<Value>, String> {
        let mut url = url::Url::parse(&format!("http://{}/api/v1/query", self.address)).expect("an address");
        url.query_pairs_mut().append_pair("query", expr);
        let answer = self.client.get(url).send().await.map_err(|e| e.to_string())?;
        let answer: Value =
            serde_json::from_slice(&answer.bytes().await.map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
        match answer["data"]["result"].as_array() {
            Some(series) if answer["status"] == "success" => Ok(series.clone()),
            _ => Err(answer.to_string()),
        }
    }

    async fn has(&self, query: &Prom) -> bool {
        let series = self.ask(&filled(&query.expr)).await.unwrap_or_default();
        // No number is no data: what divides by nothing shows nothing.
        series.iter().any(|one| one["value"][1].as_str().is_some_and(|value| value != "NaN"))
    }
}

/// A scrape a second fits a shorter interval, and the dashboards of one agent show one.
fn filled(expr: &str) -> String {
    let expr = expr.replace("$__rate_interval", "15s").replace("$__range", "1m");
    super::promql::filled(&expr.replace("=\"$agent\"", "=\"agent-dev-001\""))
}

#[tokio::test]
async fn every_query_is_answered_and_the_demo_fills_the_dashboards() {
    let Some(program) = tool("deb/usr/bin/prometheus") else { return };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let demo = format!("127.0.0.1:{}", free_port());
    let _demo = start(Path::new(env!("CARGO_BIN_EXE_fleetscope")), &["demo".into(), "--listen".into(), demo.clone()]);
    let others = others().await;
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n\
         - {{job_name: fleetscope, static_configs: [{{targets: ['{demo}']}}]}}\n\
         - {{job_name: vllm, metrics_path: /vllm, static_configs: [{{targets: ['127.0.0.1:{others}']}}]}}\n\
         - {{job_name: dcgm, metrics_path: /dcgm, static_configs: [{{targets: ['127.0.0.1:{others}']}}]}}\n"
    );
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, config).expect("written");
    let address = format!("127.0.0.1:{}", free_port());
    let _prometheus = start(
        &program,
        &[
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            format!("--web.listen-address={address}"),
        ],
    );
    let asked = Asked { address, client: reqwest::Client::new() };
    until("Prometheus answers", BOUND, || async { asked.ask("vector(1)").await.is_ok() }).await;

    let boards = boards();
    let queries: Vec<Prom> = boards.iter().flat_map(super::Board::prom).collect();
    assert!(queries.len() > 120, "only {} queries", queries.len());
    for query in &queries {
        let answer = asked.ask(&filled(&query.expr)).await;
        assert!(answer.is_ok(), "{}: {}\n{}", query.place, answer.expect_err("checked"), query.expr);
    }

    let is_due =
        |query: &&Prom| !query.place.contains(": annotation ") && !MAY_BE_EMPTY.contains(&query.place.as_str());
    let due: Vec<&Prom> = queries.iter().filter(is_due).collect();
    assert!(due.len() > 85, "only {} queries are due", due.len());
    let mut open = due;
    let end = std::time::Instant::now() + BOUND;
    while !open.is_empty() {
        // Somebody looks at the past.
        let past = asked.client.get(format!("http://{demo}/api/agents?at=-3s")).send().await;
        assert!(past.is_err() || past.is_ok_and(|answer| answer.status() != 400), "the demo has no past");
        let mut still = Vec::new();
        for query in open {
            if !asked.has(query).await {
                still.push(query);
            }
        }
        open = still;
        let names: Vec<_> = open.iter().map(|query| format!("{}: {}", query.place, query.expr)).collect();
        assert!(std::time::Instant::now() < end, "empty:\n{}", names.join("\n"));
    }
    let named: Vec<_> =
        MAY_BE_EMPTY.iter().filter(|place| !queries.iter().any(|query| query.place == **place)).collect();
    assert!(named.is_empty(), "no such panel: {named:?}");
}
