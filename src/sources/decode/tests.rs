//! Samples of every era are decoded, and whatever else comes does no harm.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::config::Content;
use crate::model::{Key, Value};

const SAMPLES: &str = include_str!("../../../tests/fixtures/nats/fleet.jsonl");

/// What each sample must become; written from the contract, not by this decoder.
const EXPECTED: &str = include_str!("../../../tests/fixtures/nats/fleet.decoded.jsonl");

const STORED: &str = "2026-02-14T09:15:00Z";

/// A line of the samples; the body keeps its order.
#[derive(serde::Deserialize)]
struct Sample<'a> {
    subject: &'a str,
    headers: std::collections::BTreeMap<String, String>,
    #[serde(borrow)]
    payload: &'a serde_json::value::RawValue,
}

fn masker() -> Masker {
    Masker::new(Content::Summary, 256 << 10)
}

fn decoded(subject: &str, headers: &[(&str, &str)], body: impl Into<Bytes>, stored: &str, masker: &Masker) -> Message {
    let stored = Timestamp::parse(stored).expect("a time");
    let raw = Raw {
        stream: "PLANNING_EVENTS".into(),
        incarnation: 0,
        stream_seq: 7,
        subject,
        headers,
        body: body.into(),
        stored,
        received: stored,
    };
    message(raw, masker)
}

fn of(body: impl Into<Bytes>) -> Message {
    decoded("planning.story.created", &[], body, STORED, &masker())
}

fn reason(body: impl Into<Bytes>) -> Option<String> {
    let message = of(body);
    assert_eq!(message.undecodable.is_some(), message.form == Form::Opaque);
    message.undecodable.map(|reason| reason.to_string())
}

fn plain(value: Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Int(n) => json!(n),
        Value::Float(f) => json!(f),
        Value::Text(text) => json!(text),
        Value::Texts(texts) => texts.iter().map(|text| json!(text)).collect(),
        Value::Items(n) => json!({"items": n}),
    }
}

#[test]
fn every_sample_of_every_era_is_decoded() {
    assert_eq!(SAMPLES.lines().count(), 46);
    assert_eq!(EXPECTED.lines().count(), 46);
    for (sample, expected) in SAMPLES.lines().zip(EXPECTED.lines()) {
        let sample: Sample<'_> = serde_json::from_str(sample).expect("a sample");
        let expected: Json = serde_json::from_str(expected).expect("an expectation");
        let text = |json: &Json| json.as_str().expect("text").to_owned();
        let headers: Vec<(&str, &str)> = sample.headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let (subject, body) = (sample.subject, sample.payload.get().to_owned());
        let message = decoded(subject, &headers, body.clone(), &text(&expected["stored"]), &masker());
        let facts: serde_json::Map<_, _> =
            message.facts.iter().map(|(key, value)| (key.name().to_owned(), plain(value))).collect();
        let got = json!({
            "line": expected["line"],
            "stored": expected["stored"],
            "form": message.form.name(),
            "event_type": &*message.event_type,
            "producer": message.producer.as_deref(),
            "inferred": message.producer_inferred,
            "message_id": message.message_id.as_deref(),
            "traceparent": message.traceparent.as_deref(),
            "claimed": message.claimed.map(|time| time.to_string()),
            "facts": facts,
        });
        assert_eq!(got, expected, "{got:#}");
        assert_eq!(message.undecodable, None);
        assert_eq!((&*message.subject, message.size as usize), (subject, body.len()));
        assert_eq!(&message.payload.bytes[..], body.as_bytes());
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n - 1), "]".repeat(n - 1));
    for (body, expected) in [
        ("", Some("empty")),
        (" \n", Some("empty")),
        ("approved by po", Some("not_json")),
        ("{\"a\":", Some("invalid_json")),
        ("{\"a\":1} x", Some("invalid_json")),
        ("{\"a\":NaN}", Some("invalid_json")),
        ("{\"duration_ms\":Infinity}", Some("invalid_json")),
        ("NaN", Some("invalid_json")),
        ("[1,", Some("invalid_json")),
        ("[{\"story_id\":\"s-1\"}]", Some("not_an_object")),
        ("\"text\"", Some("not_an_object")),
        ("12", Some("not_an_object")),
        ("null", Some("not_an_object")),
        ("{}", None),
        (&nested(64), None),
        (&nested(65), Some("too_deep")),
        (&"[".repeat(100_000), Some("too_deep")),
        (&format!("{{\"a\":\"{}\"}}", "[\\\"{".repeat(100)), None),
    ] {
        assert_eq!(reason(body.to_owned()).as_deref(), expected, "{}", &body[..body.len().min(80)]);
    }
    assert_eq!(reason(&b"{\"a\":\"\xff\"}"[..]).as_deref(), Some("invalid_utf8"));
    let huge = of(vec![b' '; MAX_BODY + 1]);
    assert_eq!(huge.undecodable.as_deref(), Some("too_large"));
    assert_eq!(huge.size as usize, MAX_BODY + 1);
    assert!(huge.payload.truncated && huge.payload.bytes.len() <= 256 << 10);
    assert_eq!(of(format!("{{\"story_id\":\"s\",\"x\":\"{}\"}}", "y".repeat(7 << 20))).undecodable, None);
}

#[test]
fn plain_text_is_kept_and_masked() {
    let message = of("plan approved, token=abc123");
    assert_eq!(&message.payload.bytes[..], b"plan approved, token=[masked:secret]");
    assert_eq!(message.producer.as_deref(), Some("planning-service"));
    assert!(message.producer_inferred);
    let message = decoded("planning.plan.approved", &[], "approved", STORED, &Masker::new(Content::None, 1024));
    assert_eq!(message.undecodable.as_deref(), Some("not_json"));
    assert_eq!(&message.payload.bytes[..], b"[content withheld]");
}

#[test]
fn wrong_types_are_not_fatal() {
    let message =
        of(r#"{"event_type":5,"payload":[1],"producer":{},"story_id":{"a":1,"b":2},"task_id":7,"roles":["DEV",3,null],
            "timestamp":[],"duration_ms":-99999999999999999999,"num_agents":1e300,"success":"yes","constraints":"none",
            "proposal":["x"],"metadata":null,"status":null,"id":9}"#);
    assert_eq!((message.undecodable, message.form), (None, Form::Bare));
    let facts = &message.facts;
    assert_eq!(facts.get(Key::StoryId), Some(Value::Items(2)));
    assert_eq!(facts.get(Key::TaskId), Some(Value::Int(7)));
    assert_eq!(facts.get(Key::Roles), Some(Value::Items(3)));
    assert_eq!(facts.get(Key::Status), Some(Value::Null));
    assert_eq!(facts.get(Key::DurationMs), Some(Value::Float(-1e20)));
    assert_eq!((message.message_id, message.claimed), (None, None));
}

#[test]
fn the_first_of_two_keys_counts_and_the_payload_before_the_envelope() {
    let message = of(r#"{"story_id":"outer","event_type":"a","event_type":"b","producer":"p","producer":"q",
            "payload":{"story_id":"s-1","story_id":"s-2"},"payload":{"story_id":"s-3"},"task_id":"T-1"}"#);
    assert_eq!(message.form, Form::Envelope);
    assert_eq!(message.facts.text(Key::StoryId), Some("s-1"));
    assert_eq!(message.facts.text(Key::TaskId), Some("T-1"));
    assert_eq!(message.producer.as_deref(), Some("p"));
}

#[test]
fn forms_differ_by_what_wraps_the_payload() {
    for (body, form) in [
        (r#"{"event_type":"a","payload":{},"idempotency_key":"k"}"#, Form::Envelope),
        (r#"{"event_type":"a","payload":{},"producer":"p"}"#, Form::Envelope),
        (r#"{"event_type":"a","payload":{}}"#, Form::Bare),
        (r#"{"event_type":"a","payload":"text","producer":"p"}"#, Form::Bare),
        (r#"{"event_type":"a","story_id":"s"}"#, Form::Bare),
        (r#"{"type":"story.created","payload":{},"idempotency_key":"k","producer":"fleet-proxy"}"#, Form::Envelope),
        (r#"{"id":"1","type":"workspace.session.created","version":"v1","payload":{}}"#, Form::Runtime),
        (r#"{"event":"tool_learning.run.failed","error_code":"x"}"#, Form::Learning),
        (r#"{"event_id":"1","emitted_at":"x","source":"c"}"#, Form::Choreographer),
        (r#"{"event_id":"1","aggregate_id":"x","data":{}}"#, Form::Kernel),
        (r#"{"id":"1","type":"fired","alert_name":"a","status":"firing"}"#, Form::Bare),
    ] {
        assert_eq!(of(body).form, form, "{body}");
    }
}

#[test]
fn nested_keys_are_known_by_their_place() {
    for key in Key::ALL {
        let (place, name) = match key.name().split_once('.') {
            None => (object::Place::Payload, key.name()),
            Some(("constraints", name)) => (object::Place::Constraints, name),
            Some(("metadata", name)) => (object::Place::Metadata, name),
            Some(("proposal", name)) => (object::Place::Proposal, name),
            // Of the message's headers: no body can say it.
            Some(("wire", _)) => {
                assert_eq!(object::Place::Payload.key(key.name()), None);
                continue;
            }
            Some(other) => panic!("{other:?} has no place"),
        };
        assert_eq!(place.key(name), Some(*key));
    }
    let message = of(r#"{"metadata.story_id":"no","proposal":"two words","metadata":{"task_id":"T-1"}}"#);
    assert_eq!(message.facts.get(Key::MetadataStoryId), None);
    assert_eq!(message.facts.items(Key::ProposalContent), Some(9));
    assert_eq!(message.facts.text(Key::MetadataTaskId), Some("T-1"));
}

#[test]
fn facts_are_capped() {
    let long = "ñ".repeat(5000);
    let many = vec!["x"; 500];
    let items: Vec<Json> = vec![json!("x"); 64].into_iter().chain([json!(1), json!(2)]).collect();
    let body = json!({"story_id": long, "error": long, "status": long, "role": "\u{0}", "roles": many, "results": items,
        "proposal": {"content": long}});
    let facts = of(body.to_string()).facts;
    let chars = |key| facts.text(key).expect("text").chars().count();
    assert_eq!((chars(Key::Error), chars(Key::Status), chars(Key::ProposalContent)), (513, 257, 161));
    assert_eq!(facts.text(Key::StoryId).expect("text").len(), 4096);
    assert_eq!(facts.texts(Key::Roles).count(), 64);
    assert_eq!(facts.items(Key::Results), Some(66));
}

#[test]
fn facts_come_from_the_whole_body_and_are_masked() {
    let masker = Masker::new(Content::None, 1024);
    let body = format!(
        r#"{{"x":"{}","error":"POST https://u:hunter2@h failed","title":"sk\u002dabcdef0123456789","proposal":{{"content":"ANSWER","tokens":7}}}}"#,
        "y".repeat(4000)
    );
    let message = decoded("a.b", &[], body, STORED, &masker);
    assert_eq!(message.facts.text(Key::Error), Some("POST https://u:[masked:password]@h failed"));
    assert_eq!(message.facts.text(Key::Title), Some("[masked:api_key]"));
    assert_eq!(message.facts.text(Key::ProposalContent), Some("[content withheld]"));
    assert_eq!(message.facts.int(Key::ProposalTokens), Some(7));
    assert!(message.payload.truncated && message.payload.bytes.len() <= 1024);
    assert_eq!(message.payload.masked, 3);
}

#[test]
fn no_text_of_a_message_holds_a_secret() {
    let secret = "ghp_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0fG";
    let body = format!(
        r#"{{"event_type":"{secret}","payload":{{"story_id":"{secret}","roles":["{secret}"]}},"producer":"{secret}","id":"{secret}"}}"#
    );
    let subject = format!("planning.{secret}.x");
    for headers in [vec![("Nats-Msg-Id", secret)], vec![]] {
        let message = decoded(&subject, &headers, body.clone(), STORED, &masker());
        assert!(!format!("{message:?}").contains("aB3dE6"), "{message:?}");
    }
}

#[test]
fn subjects_are_made_safe() {
    let message = decoded("a\n\u{202e}b.\u{1b}c", &[], "{}", STORED, &masker());
    assert_eq!(&*message.subject, "a  b. c");
    let long = decoded(&"x".repeat(1000), &[], "{}", STORED, &masker());
    assert_eq!(long.subject.chars().count(), 257);
    assert_eq!(&*long.event_type, "*");
}

fn any_json() -> impl Strategy<Value = Json> {
    let key = prop_oneof![
        prop::sample::select(Key::ALL).prop_map(|key| key.name().to_owned()),
        prop::sample::select(vec![
            "payload",
            "data",
            "constraints",
            "metadata",
            "proposal",
            "producer",
            "id",
            "event_id",
            "idempotency_key",
            "source",
            "password",
            "ts",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "[0-9TZ:+.ñ-]{0,30}Z?".prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    });
    value.prop_map(|value| json!({"event_type": "x", "payload": value, "producer": "p"}))
}

proptest! {
    #[test]
    fn any_json_is_decoded(value in any_json(), subject in any::<String>(), header in any::<String>()) {
        let message =
            decoded(&subject, &[("Nats-Msg-Id", &header), ("traceparent", &header)], value.to_string(), STORED, &masker());
        prop_assert_eq!(&message.undecodable, &None);
        for (key, value) in message.facts.iter() {
            match value {
                Value::Text(text) => prop_assert!(text.len() <= 4096, "{:?}", key),
                Value::Texts(texts) => prop_assert!(texts.len() <= 64),
                _ => {}
            }
        }
        prop_assert!(message.subject.chars().count() <= 257);
    }

    #[test]
    fn any_bytes_are_decoded(body in prop::collection::vec(any::<u8>(), 0..256), max in 1_usize..300) {
        let size = body.len();
        let message = decoded("a", &[], body, STORED, &Masker::new(Content::Summary, max));
        prop_assert_eq!(message.size as usize, size);
        prop_assert!(message.payload.bytes.len() <= max);
    }

    #[test]
    fn a_broken_sample_is_decoded_or_says_why(line in 0_usize..46, at in 0.0..1.0_f64, byte in any::<u8>()) {
        let line = SAMPLES.lines().nth(line).expect("a line");
        let sample: Sample<'_> = serde_json::from_str(line).expect("a sample");
        let mut body = sample.payload.get().as_bytes().to_vec();
        let at = (at * body.len() as f64) as usize;
        body[at] = byte;
        let message = of(body);
        prop_assert_eq!(message.undecodable.is_some(), message.form == Form::Opaque);
    }

    #[test]
    fn templates_are_bounded_and_stable(subject in "[a-zA-Z0-9.:$*> ñ-]{0,400}") {
        let once = template(&subject);
        prop_assert!(once.chars().count() <= 257);
        prop_assert_eq!(template(&once), once.clone());
    }
}
