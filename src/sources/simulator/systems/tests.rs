//! What the simulated systems show of a simulated fleet.

use std::time::Duration;

use super::*;
use crate::sources::simulator::{Action, Fleet, Settings};

/// The systems after `minutes` of a fleet that begins at the epoch.
fn after(minutes: u64) -> Systems {
    let systems = Systems::default();
    let settings = Settings { seed: 7, ..Settings::default() };
    for step in Fleet::new(settings).take_while(|step| step.at < Duration::from_secs(60 * minutes)) {
        systems.reach(Timestamp::ZERO.plus(step.at));
        if let Action::Run(run) = step.action {
            let end = Timestamp::ZERO.plus(run.end);
            systems.begin(run, Timestamp::ZERO.plus(step.at), end);
        }
    }
    systems
}

#[test]
fn jobs_run_and_end_with_their_agents() {
    let systems = after(30);
    let jobs = ray::jobs(&systems.0.lock());
    let jobs = jobs.as_array().expect("a list");
    let with = |status: &str| jobs.iter().filter(|job| job["status"] == status).count();
    assert!(with("SUCCEEDED") > 20, "{} succeeded of {}", with("SUCCEEDED"), jobs.len());
    assert!(jobs.iter().all(|job| (job["status"] == "RUNNING") == job["end_time"].is_null()));
    assert!(jobs.iter().all(|job| job["metadata"]["agent_id"].as_str().is_some_and(|id| id.starts_with("agent-"))));
    let id = jobs[0]["submission_id"].as_str().expect("an id");
    assert!(ray::logs(&systems.0.lock(), id).expect("its log")["logs"].as_str().is_some_and(|l| l.contains(id)));
    assert!(ray::one(&systems.0.lock(), "no-such-job").is_none());
}

#[test]
fn the_model_serves_what_the_agents_ask() {
    let systems = after(30);
    let page = vllm::page(&systems.0.lock());
    let value = |name: &str| {
        let line = page.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in\n{page}"));
        line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()).expect("a number")
    };
    let known = systems.0.lock();
    let ended = known.runs.iter().filter(|job| job.ended && job.run.ending == Ending::Answered).count();
    assert!(
        value("vllm:request_success_total{engine=\"0\",model_name=\"Qwen/Qwen3-0.6B\",finished_reason=\"stop\"")
            >= ended as f64
    );
    assert!(value("vllm:generation_tokens_total") > value("vllm:prompt_tokens_total"));
    let requests = known.served.stopped + known.served.failed;
    assert_eq!(value("vllm:e2e_request_latency_seconds_count") as u64, requests);
}

#[test]
fn the_cache_is_scanned_as_a_real_one() {
    let systems = after(30);
    let mut known = systems.0.lock();
    let (mut cursor, mut found) = ("0".to_owned(), 0);
    loop {
        let command = ["SCAN", &cursor, "MATCH", "planning:story:*", "COUNT", "50"].map(str::to_owned);
        let text = String::from_utf8(cache::answer(&mut known, &command)).expect("text");
        found += text.matches("planning:story:").count();
        text.split("\r\n").nth(2).expect("a cursor").clone_into(&mut cursor);
        if cursor == "0" {
            break;
        }
    }
    let stories: std::collections::BTreeSet<_> = known.runs.iter().map(|job| job.run.story.clone()).collect();
    assert!(found >= 2 * stories.len() && !stories.is_empty(), "{found} keys of {} stories", stories.len());
}

#[tokio::test]
async fn the_cache_speaks_its_protocol() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let address = Arc::new(after(1)).serve().await.expect("listens").valkey;
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connects");
    stream.write_all(&resp::array(&[resp::bulk("PING")])).await.expect("sent");
    stream.write_all(&resp::array(&["TYPE", "no-such-key"].map(resp::bulk))).await.expect("sent");
    let mut answer = [0; 14];
    stream.read_exact(&mut answer).await.expect("answered");
    assert_eq!(&answer, b"+PONG\r\n+none\r\n");
}

#[test]
fn pods_crash_and_come_back() {
    let systems = after(45);
    let known = systems.0.lock();
    let pods = kubernetes::pods(&known, "swe-ai-fleet");
    let pods: Vec<k8s_openapi::api::core::v1::Pod> =
        serde_json::from_value(pods["items"].clone()).expect("pods as the API has them");
    let restarts = |pod: &k8s_openapi::api::core::v1::Pod| {
        pod.status.as_ref().and_then(|s| s.container_statuses.as_ref()).map_or(0, |c| c[0].restart_count)
    };
    assert!(
        pods.len() > 10 && pods.iter().any(|pod| restarts(pod) > 0),
        "{} pods, none crashed in {} runs",
        pods.len(),
        known.counted
    );
    let changed = |version| -> usize {
        kubernetes::NAMESPACES.iter().map(|namespace| kubernetes::changed(&known, namespace, version).len()).sum()
    };
    let now = known.pods.version();
    assert_eq!((changed(now - 1), changed(now)), (1, 0), "only what changed is told");
    for kind in ["Deployment", "StatefulSet"] {
        let count = kubernetes::workloads(&known, "swe-ai-fleet", kind)["items"].as_array().map_or(0, Vec::len);
        assert!(count >= 3, "{count} of {kind}");
    }
}

#[tokio::test]
async fn the_graph_answers_a_real_client() {
    let address = Arc::new(after(30)).serve().await.expect("listens").neo4j;
    let graph = neo4rs::Graph::new(format!("bolt://{address}"), "neo4j", "any").expect("a client");
    let mut rows = graph.execute_read(neo4rs::query("CALL db.stats.retrieve('GRAPH COUNTS')")).await.expect("answered");
    let row = rows.next().await.expect("readable").expect("a row");
    let data: serde_json::Value = row.get("data").expect("its counts");
    let stories = data["nodes"].as_array().and_then(|nodes| nodes.iter().find(|n| n["label"] == "Story"));
    assert!(stories.is_some_and(|n| n["count"].as_u64() > Some(0)), "{data}");
    let unknown = graph.execute_read(neo4rs::query("MATCH (n) DETACH DELETE n")).await;
    let said = match unknown {
        Err(error) => error.to_string(),
        Ok(mut rows) => rows.next().await.expect_err("refused").to_string(),
    };
    assert!(said.contains("does not know"), "{said}");
}
