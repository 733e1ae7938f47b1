//! Debug mode: messages as they came, errors found in events, the configuration in force.

use std::io::Write as _;

use fleetscope::config::load_text;
use fleetscope::model::{Body, Facts, Key, Record, Severity, Value};
use serde_json::{Value as Json, json};

use super::world::{World, at, entry, with_payload};

const VIEWER: &str = "viewer-0123456789abcdef";

/// What a viewer is told.
async fn as_viewer(paths: &[&str]) -> Vec<u16> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "viewer {VIEWER}").expect("written");
    let world = World::with(|config| config.http.tokens_file = Some(file.path().to_owned()));
    world.entry("US-1");
    let mut told = Vec::new();
    for path in paths {
        let response = world.http.get(world.url(path)).bearer_auth(VIEWER).send().await.expect("an answer");
        told.push(response.status().as_u16());
    }
    told
}

#[tokio::test]
async fn debug_mode_needs_its_role() {
    assert_eq!(
        as_viewer(&["/api/events/1", "/api/events/1/raw", "/api/errors", "/api/debug/config"]).await,
        [200, 403, 403, 403]
    );
}

fn changed(mut record: Record, severity: Severity, facts: &[(Key, &str)]) -> Record {
    let Body::Message(message, resolved) = &mut record.body else { panic!("an entry") };
    resolved.severity = severity;
    message.facts = Facts::default();
    for (key, text) in facts {
        message.facts.insert(*key, Value::Text(text));
    }
    record
}

#[tokio::test]
async fn a_message_is_shown_as_it_came() {
    let world = World::start();
    world.commit(|seq| {
        let body = "{\"event_type\":\"x\",\n \"payload\":{\"n\":1},\"producer\":\"p\"}";
        let mut record = with_payload(seq, "US-1", body.to_owned());
        let Body::Message(message, _) = &mut record.body else { panic!("an entry") };
        message.form = fleetscope::model::Form::Envelope;
        message.message_id = Some("id-1".into());
        message.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
        message.facts.insert_texts(Key::WireHeaders, ["X-Tenant: blue", "Empty: "]);
        let mut opaque = with_payload(seq + 1, "US-1", String::new());
        let Body::Message(message, _) = &mut opaque.body else { panic!("an entry") };
        message.payload.bytes = vec![0xff, 0x00].into();
        vec![record, opaque]
    });
    let (status, raw) = world.get("/api/events/1/raw").await;
    assert_eq!(status, 200, "{raw}");
    assert_eq!(
        raw["body"], "{\"event_type\":\"x\",\n \"payload\":{\"n\":1},\"producer\":\"p\"}",
        "every byte as it was"
    );
    assert_eq!(raw["envelope"], json!({"event_type": "x", "producer": "p"}));
    let names: Vec<&Json> = raw["headers"].as_array().expect("a list").iter().map(|h| &h["name"]).collect();
    assert_eq!(names, ["traceparent", "X-Tenant", "Empty"]);
    assert_eq!((&raw["headers"][1]["value"], &raw["message_id"]), (&json!("blue"), &json!("id-1")));
    let stored = at(1).to_string();
    let jetstream = json!({"stream": "AGENT_RESPONSES", "stream_seq": 1, "incarnation": 0, "stored": stored});
    assert_eq!(raw["jetstream"], jetstream);
    assert!(raw["reply"].is_null() && raw["unknown"]["reply"].is_string());
    let (_, opaque) = world.get("/api/events/2/raw").await;
    assert_eq!((&opaque["encoding"], &opaque["body"]), (&json!("base64"), &json!("/wA=")));
    assert!(world.get("/api/events/1").await.1["facts"]["wire.headers"].is_null(), "headers are for the raw view");
    assert_eq!(world.get("/api/events/9/raw").await.0, 404);
    assert_eq!(world.get("/api/events/x/raw").await.0, 400);
}

/// A stack as Python writes it.
fn stack(line: u32, error: &str) -> String {
    format!(
        "task failed\nTraceback (most recent call last):\n  File \"/app/agents/dev.py\", line {line}, in propose\n    \
         return ray.get(ref)\n  File \"/usr/lib/python3.12/site-packages/ray/_private/worker.py\", line 3009, in get\n    \
         raise value\n{error}\nafterwards"
    )
}

#[tokio::test]
async fn errors_of_one_kind_are_one_group() {
    let world = World::start();
    world.commit(|seq| {
        let traced = |n: u64, line, error: &str| {
            let payload = json!({"logs": {"tail": stack(line, error)}}).to_string();
            changed(with_payload(seq + n, if n == 3 { "US-2" } else { "US-1" }, payload), Severity::Error, &[])
        };
        let said = |n: u64, error: &str| {
            changed(entry(seq + n, "US-1"), Severity::Error, &[(Key::Error, error), (Key::ErrorType, "Timeout")])
        };
        vec![
            changed(entry(seq, "US-1"), Severity::Info, &[]),
            traced(1, 14, "app.errors.ModelError: no model 7"),
            said(2, "no answer after 30 s"),
            traced(3, 19, "app.errors.ModelError: no model 8"),
            said(4, "no answer after 45 s"),
            said(5, "refused"),
        ]
    });
    let (status, told) = world.get("/api/errors").await;
    assert_eq!((status, &told["complete"], &told["looked_at"]), (200, &json!(true), &json!(5)), "{told}");
    let groups = told["items"].as_array().expect("groups");
    let brief: Vec<Json> =
        groups.iter().map(|g| json!([g["type"], g["count"], g["example_seq"], g["message"]])).collect();
    assert_eq!(
        json!(brief),
        json!([
            ["Timeout", 1, 6, "refused"],
            ["Timeout", 2, 5, "no answer after 45 s"],
            ["ModelError", 2, 4, "no model 8"],
        ])
    );
    let model = &groups[2];
    let own = json!({"file": "/app/agents/dev.py", "line": 19, "function": "propose", "library": false});
    assert_eq!(model["own_frame"], own);
    assert_eq!(model["frames"].as_array().map(Vec::len), Some(2));
    assert_eq!((&model["first_seen"], &model["last_seen"]), (&json!(at(2).to_string()), &json!(at(4).to_string())));
    assert_eq!(model["stories"], json!(["US-2", "US-1"]));
    let of_story = world.items("/api/errors?filter=story:US-2").await;
    assert_eq!((of_story.len(), &of_story[0]["count"]), (1, &json!(1)));
    assert_eq!(of_story[0]["fingerprint"], model["fingerprint"]);
    let (_, cut) = world.get("/api/errors?limit=1").await;
    assert_eq!((cut["items"].as_array().map(Vec::len), &cut["more"]), (Some(1), &json!(2)));
    assert_eq!(world.get("/api/errors?bogus=1").await.0, 400);
    assert_eq!(world.get("/api/events/2/raw").await.1["errors"][0]["fingerprint"], model["fingerprint"]);
}

#[tokio::test]
async fn the_configuration_tells_where_each_value_comes_from() {
    let file = "[nats]\nurl = \"nats://fleet:4222\"\n[journal]\nretain_age = \"3d\"\n";
    let variable = ("FLEETSCOPE_HTTP__REQUEST_TIMEOUT".to_owned(), "20s".to_owned());
    let read = load_text("fleetscope.toml", file, &[variable]).expect("valid");
    let world = World::with(|config| {
        let requests = config.http.max_requests_per_second;
        *config = read.clone();
        config.http.max_requests_per_second = requests;
        config.alerts.alertmanager_url = Some("http://user:very-secret@alerts:9093/".parse().expect("a URL"));
    });
    let (status, told) = world.get("/api/debug/config").await;
    assert_eq!(status, 200, "{told}");
    let items = told["items"].as_array().expect("keys");
    let of = |key: &str| items.iter().find(|item| item["key"] == key).expect("a key");
    assert_eq!((&of("journal.retain_age")["from"], &of("nats.batch")["from"]), (&json!("file"), &json!("default")));
    assert_eq!(of("http.request_timeout")["from"], "variable");
    assert_eq!(of("http.max_requests_per_second")["from"], "command");
    assert_eq!(of("http.listen")["variable"], "FLEETSCOPE_HTTP__LISTEN");
    assert!(of("nats.url")["value"].as_str().is_some_and(|url| url.contains("fleet:4222")), "{}", of("nats.url"));
    assert!(of("alerts.alertmanager_url")["value"].as_str().is_some_and(|url| url.contains("alerts:9093")));
    assert!(!told.to_string().contains("very-secret"));
    assert_eq!(world.get("/api/debug/config?x=1").await.0, 400);
}
