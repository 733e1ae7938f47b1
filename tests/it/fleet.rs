//! The main job on real servers: every sample message comes back resolved; latency is the consumer's own; a nak loop
//! stays small.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::{self, AckKind};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::servers::nats::{NatsServer, binaries};
use crate::support::daemon::Daemon;
use crate::support::until;

const STREAMS: [(&str, &str); 8] = [
    ("PLANNING_EVENTS", "planning.>"),
    ("CONTEXT", "context.>"),
    ("ORCHESTRATOR_EVENTS", "orchestration.>"),
    ("AGENT_COMMANDS", "agent.cmd.>"),
    ("AGENT_RESPONSES", "agent.response.>"),
    ("AGENT_WORK", "agent.work.>"),
    ("WORKFLOW_EVENTS", "workflow.>"),
    ("task_derivation", "task.derivation.>"),
];

/// Subjects of the samples that no stream of the fleet covers; the successors have streams of their own.
const CORE: &str = "deliberation.>,deadletter,tool_learning.>,choreo.>";
const SUCCESSORS: [(&str, &str); 2] =
    [("WORKSPACE_EVENTS", "workspace.events.>"), ("REHYDRATION_PROJECTION", "rehydration.>")];

async fn fleet(binary: &std::path::Path) -> (NatsServer, jetstream::Context) {
    let server = NatsServer::start(binary, "");
    let js = jetstream::new(async_nats::connect(server.url()).await.expect("connected"));
    for (name, subjects) in STREAMS.into_iter().chain(SUCCESSORS) {
        let config = jetstream::stream::Config {
            name: name.to_owned(),
            subjects: vec![subjects.to_owned()],
            ..Default::default()
        };
        js.create_stream(config).await.expect("created");
    }
    (server, js)
}

fn samples() -> Vec<Value> {
    let text = include_str!("../fixtures/nats/fleet.jsonl");
    text.lines().map(|l| serde_json::from_str(l).expect("a sample")).collect()
}

/// What the API has to say of each sample, in order; `UPDATE=1` rewrites the file, to be read by eye.
fn expected() -> &'static str {
    "tests/fixtures/nats/fleet.resolved.txt"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_comes_back_resolved() {
    for binary in binaries() {
        let (server, _js) = fleet(&binary).await;
        let folder = tempfile::tempdir().expect("a folder");
        let nats = server.url();
        let variables = [("FLEETSCOPE_NATS__URL", nats.as_str()), ("FLEETSCOPE_NATS__CORE_SUBJECTS", CORE)];
        let daemon = Daemon::start(folder.path(), &variables);
        daemon.ready().await;
        until("the source is up", Duration::from_secs(20), || async {
            daemon.sample("fleetscope_source_up{source=\"nats\"}").await == Some(1.0)
        })
        .await;
        let client = async_nats::connect(server.url()).await.expect("connected");
        let mut published = 0;
        for sample in samples() {
            let subject = sample["subject"].as_str().expect("a subject").to_owned();
            if subject.starts_with("vllm.") {
                continue; // No stream covers it, and a listener would slow the fleet down.
            }
            let mut headers = async_nats::HeaderMap::new();
            for (name, value) in sample["headers"].as_object().expect("headers") {
                headers.insert(name.as_str(), value.as_str().expect("text"));
            }
            let body = sample["payload"].to_string();
            client.publish_with_headers(subject.clone(), headers, body.into()).await.expect("published");
            client.flush().await.expect("flushed");
            published += 1;
            // One after the other, so that the order of the history is the order of the samples.
            until(&format!("{subject} is in the history"), Duration::from_secs(10), || async {
                let list = daemon.json("/api/events?limit=1000&order=asc").await;
                list.is_some_and(|l| l["items"].as_array().is_some_and(|i| i.len() == published))
            })
            .await;
        }
        let list = daemon.json("/api/events?limit=1000&order=asc").await.expect("a list");
        let mut told = String::new();
        for event in list["items"].as_array().expect("items") {
            let text = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
            let inferred = if event["producer_inferred"] == true { " (inferred)" } else { "" };
            let _ = write!(
                told,
                "{}\n  producer {}{inferred}\n  story {} task {} role {} agent {}\n  ceremony {} plan {}\n",
                text("type"),
                text("producer"),
                text("story_id"),
                text("task_id"),
                text("role"),
                text("agent_id"),
                text("ceremony_id"),
                text("plan_id"),
            );
            let detail = daemon.json(&format!("/api/events/{}", event["seq"])).await.expect("an event");
            assert!(detail["undecodable"].is_null(), "{} is decodable: {detail}", text("type"));
        }
        crate::generated::check(expected(), &told);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latency_is_the_consumers_own() {
    for binary in binaries() {
        let (server, js) = fleet(&binary).await;
        let folder = tempfile::tempdir().expect("a folder");
        let daemon = Daemon::start(folder.path(), &[("FLEETSCOPE_NATS__URL", server.url().as_str())]);
        daemon.ready().await;
        until("the source is up", Duration::from_secs(20), || async {
            daemon.sample("fleetscope_source_up{source=\"nats\"}").await == Some(1.0)
        })
        .await;
        let stream = js.get_stream("CONTEXT").await.expect("there");
        let config =
            jetstream::consumer::pull::Config { durable_name: Some("context-workers".into()), ..Default::default() };
        let consumer = stream.create_consumer(config).await.expect("created");
        // On a machine that does much else any one round may be late; a wrong clock or a wrong start is in all of them.
        let mut medians = Vec::new();
        while medians.len() < 5 && medians.last().is_none_or(|median| *median >= 1.0) {
            medians.push(median_difference(&js, &consumer, &daemon, medians.len() as u64).await);
        }
        assert!(medians.last() < Some(&1.0), "the median differences are {medians:?} ms");
    }
}

/// Messages of a round.
const ROUND: u64 = 40;

/// By how much the tap's latency lies outside of what the consumer itself knows, for the median of a round, in ms.
async fn median_difference(
    js: &jetstream::Context,
    consumer: &jetstream::consumer::PullConsumer,
    daemon: &Daemon,
    round: u64,
) -> f64 {
    let mut own = BTreeMap::new();
    for n in round * ROUND..(round + 1) * ROUND {
        let body = format!(r#"{{"story_id":"s-{n}","task_id":"T-{n}","role":"DEV","changes":[]}}"#);
        js.publish("context.update.request", body.into()).await.expect("sent").await.expect("stored");
        let batch = consumer.batch().max_messages(1).expires(Duration::from_secs(10));
        let mut batch = batch.messages().await.expect("a batch");
        let message = batch.next().await.expect("one").expect("a message");
        // The consumer's work: what is measured is a duration, so it has to take one.
        tokio::time::sleep(Duration::from_millis(n % 7)).await;
        let info = message.info().expect("a JetStream message");
        let (seq, stored) = (info.stream_sequence, info.published.unix_timestamp_nanos());
        let since_stored = || {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
            (now.as_nanos() as i128 - stored) as f64 / 1e6
        };
        let sent = since_stored();
        message.double_ack().await.expect("acked");
        own.insert(seq, (sent, since_stored()));
    }
    let all = ((round + 1) * ROUND) as f64;
    until("all deliveries are known", Duration::from_secs(30), || async {
        daemon.sample("fleet_deliveries_total{consumer=\"context-workers\",outcome=\"ack\"").await == Some(all)
    })
    .await;
    let list = daemon.json("/api/events?type=context.update.request&limit=1000").await.expect("a list");
    let mut differences = Vec::new();
    for event in list["items"].as_array().expect("items") {
        let id = event["id"].as_str().expect("an id");
        let seq: u64 = id.rsplit(':').next().and_then(|s| s.parse().ok()).expect("a sequence");
        let Some((sent, confirmed)) = own.get(&seq) else { continue };
        let delivery = &event["deliveries"][0];
        assert_eq!(delivery["consumer"], json!("context-workers"), "{event}");
        assert_eq!(delivery["state"], json!("acked"), "{event}");
        let told = delivery["latency_ms"].as_f64().expect("a latency");
        // The consumer knows when it sent the ack and when the server confirmed it; the tap sees it in between, or a
        // moment later.
        differences.push((sent - told).max(told - confirmed).max(0.0));
    }
    assert_eq!(differences.len() as u64, ROUND);
    differences.sort_by(f64::total_cmp);
    differences[differences.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nak_loop_of_ten_thousand_stays_small() {
    let Some(binary) = binaries().into_iter().next() else { return };
    let (server, js) = fleet(&binary).await;
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(folder.path(), &[("FLEETSCOPE_NATS__URL", server.url().as_str())]);
    daemon.ready().await;
    until("the source is up", Duration::from_secs(20), || async {
        daemon.sample("fleetscope_source_up{source=\"nats\"}").await == Some(1.0)
    })
    .await;
    let body = r#"{"story_id":"s-1","from_state":"DRAFT","to_state":"PLANNED"}"#;
    js.publish("planning.story.transitioned", body.into()).await.expect("sent").await.expect("stored");
    let stream = js.get_stream("PLANNING_EVENTS").await.expect("there");
    let config = jetstream::consumer::pull::Config {
        durable_name: Some("orch-planning-story-transitions".into()),
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.expect("created");
    let mut messages = consumer.messages().await.expect("messages");
    for _ in 0..10_000 {
        let message = messages.next().await.expect("again").expect("a message");
        message.ack_with(AckKind::Nak(None)).await.expect("refused");
    }
    let message = messages.next().await.expect("again").expect("a message");
    message.double_ack().await.expect("acked at last");
    until("the loop has ended on our side too", Duration::from_secs(20), || async {
        let list = daemon.json("/api/events?type=planning.story.transitioned").await;
        list.is_some_and(|l| l["items"][0]["deliveries"][0]["state"] == "acked")
    })
    .await;
    let event = &daemon.json("/api/events?type=planning.story.transitioned").await.expect("a list")["items"][0];
    assert_eq!(event["deliveries"][0]["attempts"], json!(10_001), "{event}");
    let status = daemon.json("/status").await.expect("a status");
    let records = status["journal"]["last_seq"].as_u64().expect("a sequence");
    assert!(records <= 40, "{records} records for one message and its loop");
    let trace = daemon.json("/api/stories/s-1/trace").await.expect("a trace").to_string();
    let spans = trace.matches("\"spanId\"").count();
    assert!(spans <= 6, "{spans} spans: {trace}");
    let naks =
        daemon.sample("fleet_deliveries_total{consumer=\"orch-planning-story-transitions\",outcome=\"nak\"").await;
    assert_eq!(naks, Some(10_000.0), "each is counted");
}
