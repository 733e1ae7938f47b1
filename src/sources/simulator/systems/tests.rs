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
    let page = vllm::page(&mut systems.0.lock());
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

#[tokio::test]
async fn the_graph_knows_what_is_around_a_story() {
    let systems = Arc::new(after(30));
    let story = systems.0.lock().runs.back().expect("runs").run.story.clone();
    let address = Arc::clone(&systems).serve().await.expect("listens").neo4j;
    let mut config = crate::config::Neo4j { uri: format!("bolt://{address}").parse().ok(), ..Default::default() };
    config.timeout = Duration::from_secs(10);
    let masker = Arc::new(crate::privacy::Masker::new(crate::config::Content::Full, 1 << 16));
    // Through the source itself: what it asks is what must be known here.
    let neo4j = crate::sources::neo4j::answerer(&config, Arc::clone(&masker));
    let around = neo4j.answer(crate::lookup::Question::GraphAround { story }).await.expect("answered");
    let labels: Vec<_> = around["nodes"].as_array().expect("nodes").iter().map(|n| n["labels"][0].clone()).collect();
    for label in ["Story", "Project", "AgentDeliberation"] {
        assert!(labels.contains(&label.into()), "no {label} in {labels:?}");
    }
    assert!(around["edges"].as_array().is_some_and(|edges| edges.len() + 1 >= labels.len()), "{around}");
    let detail = crate::sources::neo4j::probe(config, masker).await.expect("answered");
    assert!(detail.starts_with("Neo4j Kernel 5.26.0 (community): "), "{detail}");
}

#[test]
fn rays_objects_come_change_and_go() {
    let systems = after(60);
    let known = systems.0.lock();
    let all = known.objects.changed(0);
    let with = |what: &dyn Fn(&serde_json::Value) -> bool| all.iter().filter(|event| what(event)).count();
    assert!(with(&|e| e["type"] == "DELETED") > 0, "what was cleaned up is told to be gone");
    assert!(with(&|e| e["object"]["status"]["jobStatus"] == "SUCCEEDED") > 0);
    let last = all.iter().filter_map(|e| e["object"]["metadata"]["resourceVersion"].as_str()?.parse().ok()).max();
    assert!(known.objects.changed(last.expect("a version")).is_empty(), "only what changed is told");
}

#[test]
fn the_model_tells_of_each_request_once() {
    let systems = after(30);
    let mut known = systems.0.lock();
    assert!(known.requests.export().is_none(), "nobody knows the model yet");
    vllm::page(&mut known);
    let (mut ids, mut traced, mut all) = (std::collections::BTreeSet::new(), 0, 0);
    while let Some((count, export)) = known.requests.export() {
        let spans = export.resource_spans.into_iter().flat_map(|g| g.scope_spans).flat_map(|s| s.spans);
        for span in spans {
            traced += usize::from(!span.parent_span_id.is_empty());
            assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
            ids.insert(span.span_id);
            all += 1;
        }
        known.requests.sent(count);
    }
    assert!(all == ids.len() && 0 < traced && traced < all / 2, "{traced} traced of {all}, {} ids", ids.len());
    let log = known.requests.lines();
    let aborted = log.lines().filter(|line| line.contains("] Aborted request(s) chatcmpl-")).count() as u64;
    assert!(aborted > 0 && aborted == known.served.aborted, "{aborted} of {}", known.served.aborted);
    assert!(known.requests.lines().is_empty(), "each line is written once");
}

#[test]
fn what_expires_goes_also_while_much_happens() {
    let systems = after(5);
    let held = systems.0.lock().now;
    let none_expired = |systems: &Systems| {
        String::from_utf8_lossy(&cache::answer(&mut systems.0.lock(), &["INFO".into()])).contains("expired_keys:0\r")
    };
    assert!(none_expired(&systems), "nothing has yet");
    for step in 0..45_000_u64 {
        systems.reach(held.plus(Duration::from_millis(100 * step)));
    }
    assert!(!none_expired(&systems), "an hour has passed, in steps of less than a second");
}
