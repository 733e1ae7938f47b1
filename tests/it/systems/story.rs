//! One story over everything at once: a real NATS, Ray, Redis and Neo4j, and the spans a vLLM was seen to send. What it
//! was becomes one trace, and every system is shown.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::{self, AckKind, Context};
use futures::StreamExt as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue;
use prost::Message as _;
use serde_json::{Value, json};

use super::faults::started;
use crate::servers::moody::Moody;
use crate::servers::nats::{NatsServer, binaries};
use crate::servers::neo4j::{PASSWORD, alone};
use crate::servers::ray::{RayServer, TOKEN};
use crate::servers::redis::Redis;
use crate::support::backend::Backend;
use crate::support::daemon::Daemon;
use crate::support::until;

/// Five real servers on two cores take their time.
const BOUND: Duration = Duration::from_mins(2);
const STREAMS: [(&str, &str); 3] = [
    ("PLANNING_EVENTS", "planning.>"),
    ("AGENT_RESPONSES", "agent.response.>"),
    ("ORCHESTRATOR_EVENTS", "orchestration.>"),
];
const STORY: &str = "s-whole";
const REVIEW: &str = "ceremony-BRC-9:story-s-whole:role-ARCHITECT";
const PROGRAM: &str = r#"
import ray
ray.init(namespace="swe-ai-fleet")
@ray.remote
def work(): return 1
print(ray.get(work.options(name="deliberate:s-whole:T-9").remote()), flush=True)
"#;

async fn send(js: &Context, subject: &str, producer: &str, payload: Value) {
    let body = json!({"event_type": subject, "payload": payload, "idempotency_key": format!("{subject}-{}", fastrand::u64(..)),
        "producer": producer, "metadata": {}});
    js.publish(subject.to_owned(), body.to_string().into()).await.expect("sent").await.expect("stored");
}

/// An agent's answer; `tokens` is all that ties it to a request of the model.
async fn answer(js: &Context, task: &str, agent: &str, role: &str, tokens: u64) {
    let payload = json!({"task_id": task, "agent_id": agent, "role": role, "status": "completed", "duration_ms": 1500,
        "success": true, "model": "Qwen/Qwen3-0.6B", "num_agents": 2,
        "proposal": {"tokens": tokens, "content": "x", "author_id": agent},
        "constraints": {"story_id": STORY, "metadata": {"story_id": STORY, "ceremony_id": "BRC-9"}}});
    send(js, "agent.response.completed", "ray-executor", payload).await;
}

/// Takes all messages of a stream as a service of the fleet does, and acks each.
async fn consume(js: &Context, stream: &str, durable: &str, count: usize) {
    let stream = js.get_stream(stream).await.expect("it is there");
    let config = jetstream::consumer::pull::Config { durable_name: Some(durable.to_owned()), ..Default::default() };
    let consumer = stream.create_consumer(config).await.expect("made");
    let mut messages = consumer.messages().await.expect("asked").take(count);
    while let Some(message) = messages.next().await {
        message.expect("a message").ack_with(AckKind::Ack).await.expect("acked");
    }
}

/// Two captured requests that end now: one whose caller named itself in the request's id, one that nothing but its
/// tokens ties to an answer.
fn requests() -> ExportTraceServiceRequest {
    let capture = include_bytes!("../../fixtures/vllm/requests.pb");
    let mut export = ExportTraceServiceRequest::decode(&capture[..]).expect("a capture");
    let text = |text: String| Some(AnyValue { value: Some(StringValue(text)) });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
    let mut named = false;
    for spans in export.resource_spans.iter_mut().flat_map(|r| &mut r.scope_spans).map(|s| &mut s.spans) {
        spans.retain_mut(|span| {
            let Some(id) = span.attributes.iter_mut().find(|a| a.key == "gen_ai.request.id") else { return false };
            if id.value != text("chatcmpl-req-stream-5".to_owned()) {
                if std::mem::replace(&mut named, true) {
                    return false;
                }
                id.value = text(format!("chatcmpl-{REVIEW}/agent-architect-002"));
            }
            let took = span.end_time_unix_nano - span.start_time_unix_nano;
            (span.start_time_unix_nano, span.end_time_unix_nano) = (now - took, now);
            true
        });
    }
    export
}

/// A trace as a tree of names, without what differs from run to run.
fn tree(trace: &Value) -> String {
    let mut children: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for resource in trace["resourceSpans"].as_array().expect("resources") {
        let service = resource["resource"]["attributes"].as_array().into_iter().flatten();
        let service = service.filter(|a| a["key"] == "service.name").find_map(|a| a["value"]["stringValue"].as_str());
        for span in
            resource["scopeSpans"].as_array().into_iter().flatten().filter_map(|s| s["spans"].as_array()).flatten()
        {
            let of = |name: &str| {
                let found = span["attributes"].as_array().into_iter().flatten().find(|a| a["key"] == name);
                found.and_then(|a| a["value"]["stringValue"].as_str()).map(|v| format!(" {v}")).unwrap_or_default()
            };
            let line = format!(
                "{} · {}{}{}",
                span["name"].as_str().expect("a name"),
                service.unwrap_or("?"),
                of("fleet.join"),
                of("fleet.task.id")
            );
            let id = span["spanId"].as_str().expect("an id").to_owned();
            children.entry(span["parentSpanId"].as_str().unwrap_or_default().to_owned()).or_default().push((line, id));
        }
    }
    let told = below(&mut children, "", 0);
    assert!(children.is_empty(), "spans without a parent: {children:?}\n{told}");
    told
}

/// The spans beneath a parent, in the order of what they say: their times and ids differ from run to run.
fn below(children: &mut BTreeMap<String, Vec<(String, String)>>, parent: &str, depth: usize) -> String {
    let of = children.remove(parent).unwrap_or_default();
    let each =
        |(line, id): (String, String)| format!("{}{line}\n{}", "  ".repeat(depth), below(children, &id, depth + 1));
    let mut told: Vec<String> = of.into_iter().map(each).collect();
    told.sort();
    told.concat()
}

async fn shown(daemon: &Daemon, route: &str, wanted: impl Fn(&Value) -> bool) {
    let wanted = &wanted;
    until(route, BOUND, || async move { daemon.json(route).await.is_some_and(|page| wanted(&page)) }).await;
}

fn any(page: &Value, wanted: impl Fn(&Value) -> bool) -> bool {
    page["items"].as_array().is_some_and(|items| items.iter().any(wanted))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_story_is_one_trace() {
    let Some(held) = alone().await else { return };
    let (Some(ray), Some(redis)) = (RayServer::shared().await, Redis::start(&[])) else { return };
    let neo4j = held.as_ref().expect("it runs");
    let nats = NatsServer::start(binaries().first().expect("a nats-server"), "");
    let js = jetstream::new(async_nats::connect(nats.url()).await.expect("connected"));
    for (name, subjects) in STREAMS {
        let subjects = vec![subjects.to_owned()];
        js.create_stream(jetstream::stream::Config { name: name.to_owned(), subjects, ..Default::default() })
            .await
            .expect("made");
    }
    let (model, backend) = (Moody::start().await, Backend::start().await);
    model.page("/metrics", "text/plain", include_str!("../../fixtures/vllm/metrics.txt"));
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN).expect("written");
    let variables = [
        ("FLEETSCOPE_NATS__URL", nats.url()),
        ("FLEETSCOPE_OTLP__ENDPOINT", backend.url()),
        ("FLEETSCOPE_RAY__URL", ray.url()),
        ("FLEETSCOPE_RAY__TOKEN_FILE", token.display().to_string()),
        ("FLEETSCOPE_RAY__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_VLLM__METRICS_URL", model.url("/metrics")),
        ("FLEETSCOPE_VLLM__OTLP", "true".to_owned()),
        ("FLEETSCOPE_VLLM__JOIN_WINDOW", "5s".to_owned()),
        ("FLEETSCOPE_COST__PRICES", "Qwen/*=1/2".to_owned()),
        ("FLEETSCOPE_VALKEY__URL", redis.url()),
        ("FLEETSCOPE_VALKEY__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_NEO4J__URI", neo4j.uri()),
        ("FLEETSCOPE_NEO4J__PASSWORD_FILE", neo4j.password_file("password-story", PASSWORD).display().to_string()),
        ("FLEETSCOPE_NEO4J__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_COMPONENTS__POLL_INTERVAL", "500ms".to_owned()),
    ];
    let daemon = started(&folder.path().join("journal"), &variables).await;
    daemon.ready().await;
    shown(&daemon, "/api/components", |page| {
        let up = |name: &str| any(page, |of| of["component"] == name && of["up"] == true);
        ["nats", "ray", "valkey", "neo4j", "vllm"].iter().all(|name| up(name))
    })
    .await;

    // Planned, and reviewed by two architects; the planning service and the reviewer take what is theirs.
    let of_story = |more: Value| {
        let mut payload = json!({"story_id": STORY});
        payload.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        payload
    };
    let created = of_story(json!({"title": "Health check", "created_by": "po-001", "epic_id": "E-9"}));
    send(&js, "planning.story.created", "planning-service", created).await;
    let moved = of_story(json!({"from_state": "DRAFT", "to_state": "PO_REVIEW"}));
    send(&js, "planning.story.transitioned", "planning-service", moved).await;
    consume(&js, "PLANNING_EVENTS", "context-planning-story", 2).await;
    let ceremony =
        json!({"ceremony_id": "BRC-9", "status": "IN_PROGRESS", "story_ids": [STORY], "started_by": "po-001"});
    send(&js, "planning.backlog_review.ceremony.started", "planning-service", ceremony).await;
    let trace = until("the story has a trace", BOUND, || async {
        daemon.json(&format!("/api/stories/{STORY}")).await?["trace_id"].as_str().map(str::to_owned)
    })
    .await;
    let key = bytes_of(&trace);
    shown(&daemon, "/api/metrics/vllm", |page| any(page, |of| of["model"] == "Qwen/Qwen3-0.6B")).await;
    let body = requests().encode_to_vec();
    let posted = reqwest::Client::new().post(format!("http://{}/v1/traces", daemon.http));
    let posted = posted.header("content-type", "application/x-protobuf").body(body).send().await.expect("an answer");
    assert_eq!(posted.status(), 200);
    answer(&js, REVIEW, "agent-architect-001", "ARCHITECT", 67).await;
    answer(&js, REVIEW, "agent-architect-002", "ARCHITECT", 901).await;
    consume(&js, "AGENT_RESPONSES", "backlog-review-processor", 2).await;
    let complete = of_story(json!({"ceremony_id": "BRC-9", "agent_deliberations": [{}, {}]}));
    send(&js, "planning.backlog_review.deliberations.complete", "backlog-review-processor", complete).await;
    let ceremony = json!({"ceremony_id": "BRC-9", "completed_by": "po-001", "total_stories": 1, "approved_count": 1});
    send(&js, "planning.backlog_review.ceremony.completed", "planning-service", ceremony).await;
    // One task, worked on by a job of Ray, noted in the graph and the cache.
    let task = of_story(json!({"task_id": "T-9", "title": "Add /healthz", "assigned_to": "DEV"}));
    send(&js, "planning.task.created", "planning-service", task).await;
    let dispatched = of_story(json!({"task_id": "T-9", "agent_id": "agent-dev-001", "role": "DEV"}));
    send(&js, "orchestration.task.dispatched", "orchestrator-service", dispatched).await;
    let about = json!({"story_id": STORY, "task_id": "T-9", "agent_id": "agent-dev-001", "role": "DEV"});
    ray.submit("job-of-a-whole-story", PROGRAM, about, json!({})).await;
    neo4j
        .run(&["CREATE (s:Story {id: 's-whole', state: 'DRAFT'})-[:HAS_TASK]->(:Task {id: 'T-9'}), \
              (:AgentDeliberation {id: 'd-9', agent_id: 'agent-architect-001', story_id: 's-whole'})-[:FOR_STORY]->(s)"])
        .await;
    redis.commands(&["HSET planning:story:s-whole title x", "SET planning:story:s-whole:state DRAFT"]);
    shown(&daemon, "/api/ray/jobs/job-of-a-whole-story", |job| job["status"] == "SUCCEEDED").await;
    let done = of_story(json!({"task_id": "T-9", "agent_id": "agent-dev-001", "role": "DEV", "checks_passed": true}));
    send(&js, "orchestration.task.completed", "orchestrator-service", done).await;
    let moved = of_story(json!({"from_state": "PO_REVIEW", "to_state": "DONE"}));
    send(&js, "planning.story.transitioned", "planning-service", moved).await;

    // Every system is shown, and knows the story.
    let requests = format!("/api/llm/requests?story={STORY}");
    shown(&daemon, &requests, |page| {
        any(page, |of| of["join"] == "exact")
            && any(page, |of| of["agent_id"] == "agent-architect-001" && of["join"] == "inferred")
    })
    .await;
    shown(&daemon, "/api/councils", |page| any(page, |of| of["council"] == "ARCHITECT" || of["role"] == "ARCHITECT"))
        .await;
    shown(&daemon, "/api/ray/jobs", |page| any(page, |job| job["story_id"] == STORY && job["task_id"] == "T-9")).await;
    shown(&daemon, &format!("/api/graph/nodes?story={STORY}"), |page| any(page, |node| node["labels"][0] == "Task"))
        .await;
    shown(&daemon, "/api/cache/keys", |page| {
        page["prefixes"].as_array().is_some_and(|all| all.iter().any(|of| of["key_prefix"] == "planning:story:*"))
    })
    .await;
    shown(&daemon, &format!("/api/stories/{STORY}"), |story| {
        story["llm"]["requests"] == 2 && story["llm"]["cost"].as_f64() > Some(0.0)
    })
    .await;

    // One trace, in the API and at the backend.
    let route = format!("/api/stories/{STORY}/trace");
    let parts = ["ray.job", "inferred", " exact", "phase PO_REVIEW"];
    let whole = |told: &str| parts.iter().all(|part| told.contains(part)) && told.matches("process ").count() == 4;
    let told = until("the trace is whole", BOUND, || async {
        let told = daemon.json(&route).await.map(|trace| tree(&trace))?;
        Some(told).filter(|told| whole(told))
    })
    .await;
    crate::generated::check("tests/fixtures/story.tree.txt", &told);
    let spans = told.lines().count();
    until("the backend has all of it", BOUND, || async {
        backend.kept(|kept| kept.spans.keys().filter(|id| id.starts_with(&key)).count() == spans)
    })
    .await;
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|n| u8::from_str_radix(&hex[n..n + 2], 16).expect("hex")).collect()
}
