//! What a log record says of its entry, and that it stands where the entry's span stands.

use bytes::Bytes;

use super::*;
use crate::model::{AttributeValue, Body, Facts, Form, Ids, Payload, TraceKey, spans_of};

fn entry(source: Source) -> Record {
    let message = Message {
        source,
        stream: "PLANNING_EVENTS".into(),
        incarnation: 1,
        stream_seq: 7,
        subject: "planning.story.created".into(),
        event_type: "planning.story.created".into(),
        stored: Timestamp::from_millis(5),
        received: Timestamp::from_millis(9),
        size: 2,
        form: Form::Bare,
        producer: None,
        producer_inferred: false,
        message_id: Some("m-1".into()),
        traceparent: None,
        claimed: None,
        facts: Facts::default(),
        undecodable: None,
        payload: Payload { bytes: Bytes::from_static(b"{\"a\":1}\xff"), truncated: true, masked: 0 },
        observed: None,
    };
    let resolved = Resolved {
        ids: Ids {
            story: Some("US-1".into()),
            task: Some("T-1".into()),
            agent: Some("agent-dev-001".into()),
            role: Some("DEV".into()),
            ..Ids::default()
        },
        trace: Some(TraceKey::story("US-1")),
        part: 2,
        severity: Severity::Warning,
        summary: "a story was created".into(),
        violations: vec!["missing_id".into()],
    };
    let body = Body::Message(Box::new(message), Box::new(resolved));
    Record { seq: 42, at: Timestamp::from_millis(5), body, spans: Vec::new(), links: Vec::new() }
}

fn attribute(log: &LogRecord, key: &str) -> Option<String> {
    match &log.attributes.iter().find(|a| a.key == key)?.value {
        AttributeValue::Text(text) => Some(text.to_string()),
        AttributeValue::Int(n) => Some(n.to_string()),
        other => Some(format!("{other:?}")),
    }
}

#[test]
fn a_message_is_told_with_the_ids_of_its_publish_span() {
    let record = entry(Source::Nats);
    let log = log_of(&record, false).expect("an entry");
    let mut spans = Vec::new();
    spans_of(&record, &mut |span| spans.push(span.clone()));
    assert_eq!((log.trace_id, log.span_id), (Some(spans[0].trace_id), Some(spans[0].span_id)));
    assert_eq!(log.service, spans[0].service);
    assert!(spans[0].attributes.iter().all(|a| log.attributes.contains(a)), "what the span says, the log says");
    assert_eq!((log.at, log.observed), (Timestamp::from_millis(5), Timestamp::from_millis(9)));
    assert_eq!(
        (log.severity, &*log.event_name, &*log.body),
        (Severity::Warning, "planning.story.created", "a story was created")
    );
    for (key, value) in [
        ("fleet.seq", "42"),
        ("fleet.source", "nats"),
        ("fleet.story.id", "US-1"),
        ("fleet.task.id", "T-1"),
        ("fleet.agent.id", "agent-dev-001"),
        ("fleet.role", "DEV"),
        ("fleet.event.type", "planning.story.created"),
        ("messaging.system", "nats"),
        ("messaging.nats.stream.sequence", "7"),
        ("messaging.message.id", "m-1"),
    ] {
        assert_eq!(attribute(&log, key).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn what_another_system_told_has_a_trace_and_no_span() {
    let record = entry(Source::Ray);
    let log = log_of(&record, false).expect("an entry");
    assert_eq!(log.trace_id, Some(TraceKey::story("US-1").continuation(2).trace_id()));
    assert_eq!((log.span_id, &*log.service), (None, "ray"));
    assert_eq!(attribute(&log, "messaging.system"), None);
    assert_eq!(attribute(&log, "fleet.story.id").as_deref(), Some("US-1"));
}

#[test]
fn the_payload_goes_along_only_where_it_is_asked_for() {
    let record = entry(Source::Nats);
    assert_eq!(log_of(&record, true).expect("an entry").body, "a story was created\n{\"a\":1}\u{fffd}");
    assert!(!log_of(&record, false).expect("an entry").body.contains("\"a\""));
}

#[test]
fn what_is_no_entry_has_no_log_record() {
    let tick = Record { body: Body::Tick, ..entry(Source::Nats) };
    assert_eq!(log_of(&tick, true), None);
}
