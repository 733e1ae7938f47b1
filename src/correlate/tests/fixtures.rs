//! Messages and settlements for tests.

use std::time::Duration;

use bytes::Bytes;

use crate::correlate::{Correlator, Output, Settings};
use crate::model::{
    Event, Facts, Form, Key, Message, Payload, Record, Settlement, SettlementKind, Source, Span, Timestamp, Value,
    spans_of,
};

pub(super) fn settings() -> Settings {
    Settings {
        silent_after: Duration::from_secs(30),
        idle_after: Duration::from_mins(1),
        timeout: Duration::from_mins(5),
        derive_timeout: Duration::from_mins(2),
        open_span_max: Duration::from_mins(5),
        trace_bytes: 4 << 20,
        max_stories: 10_000,
        llm: crate::correlate::LlmSettings::default(),
    }
}

pub(super) fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis(1_771_060_000_000 + (seconds * 1e3).round() as i64)
}

pub(super) fn stream_of(subject: &str) -> &'static str {
    match subject.split('.').next() {
        Some("planning") => "PLANNING_EVENTS",
        Some("agent") => "AGENT_RESPONSES",
        Some("orchestration") => "ORCHESTRATOR_EVENTS",
        Some("workflow") => "WORKFLOW_EVENTS",
        Some("task") => "task_derivation",
        Some("workspace") => "WORKSPACE_EVENTS",
        _ => "CONTEXT",
    }
}

/// A message with these facts; values that read as integers are integers.
pub(super) fn message(subject: &str, seq: u64, seconds: f64, facts: &[(&str, &str)]) -> Message {
    let mut held = Facts::default();
    for (name, value) in facts {
        let key = Key::from_name(name).expect("a known key");
        let value = match value.parse::<i64>() {
            Ok(n) => Value::Int(n),
            Err(_) => Value::Text(value),
        };
        held.insert(key, value);
    }
    Message {
        source: Source::Nats,
        stream: stream_of(subject).into(),
        incarnation: 0,
        stream_seq: seq,
        subject: subject.into(),
        event_type: subject.into(),
        stored: at(seconds),
        received: at(seconds),
        size: 100,
        form: Form::Envelope,
        producer: Some("planning-service".into()),
        producer_inferred: false,
        message_id: None,
        traceparent: None,
        claimed: None,
        facts: held,
        undecodable: None,
        payload: Payload { bytes: Bytes::from_static(b"{}"), truncated: false, masked: 0 },
        observed: None,
    }
}

pub(super) fn settlement(subject: &str, seq: u64, deliveries: u64, seconds: f64, kind: SettlementKind) -> Settlement {
    Settlement {
        stream: stream_of(subject).into(),
        consumer: "context".into(),
        stream_seq: seq,
        deliveries,
        stored: Timestamp::ZERO,
        at: at(seconds),
        kind,
        known: None,
    }
}

/// A correlator and all it gave.
pub(super) struct Run {
    pub(super) correlator: Correlator,
    pub(super) out: Output,
}

impl Run {
    pub(super) fn new() -> Self {
        Self::with(settings())
    }

    pub(super) fn with(settings: Settings) -> Self {
        Self { correlator: Correlator::new(settings, 1), out: Output::default() }
    }

    pub(super) fn send(&mut self, subject: &str, seq: u64, seconds: f64, facts: &[(&str, &str)]) -> &Record {
        self.apply(Event::Message(Box::new(message(subject, seq, seconds, facts))));
        self.out.records.last().expect("a message makes a record")
    }

    pub(super) fn apply(&mut self, event: Event) {
        self.correlator.apply(event, &mut self.out);
    }

    pub(super) fn tick(&mut self, seconds: f64) {
        self.apply(Event::Tick(at(seconds)));
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        spans(&self.out.records)
    }

    pub(super) fn span(&self, name: &str) -> Span {
        let found: Vec<Span> = self.spans().into_iter().filter(|s| &*s.name == name).collect();
        assert_eq!(found.len(), 1, "spans called {name} among {:#?}", self.names());
        found.into_iter().next().expect("one")
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.spans().iter().map(|s| s.name.to_string()).collect()
    }
}

pub(super) fn spans(records: &[Record]) -> Vec<Span> {
    let mut all = Vec::new();
    for record in records {
        spans_of(record, &mut |span| all.push(span.clone()));
    }
    all
}

pub(super) fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|a| a.key == key)?;
    Some(match &found.value {
        crate::model::AttributeValue::Text(text) => text.to_string(),
        other => format!("{other:?}"),
    })
}

pub(super) const ARCHITECT: &str = "ceremony-BRC-1:story-s-1:role-ARCHITECT";

/// An architect's answer for `s-1`.
pub(super) fn answer<'a>(agent: &'a str, task: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("task_id", task),
        ("agent_id", agent),
        ("role", "ARCHITECT"),
        ("status", "completed"),
        ("duration_ms", "4000"),
        ("proposal.tokens", "812"),
        ("model", "Qwen/Qwen3-0.6B"),
        ("num_agents", "2"),
    ]
}
