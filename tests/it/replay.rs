//! Recorded runs of the fleet and what they must become: `tests/scenarios/<name>.events.jsonl` → `.spans.txt` (each
//! trace as a tree), `.feed.jsonl` (each record in one line) and `.metrics.txt` (the samples at the end). `UPDATE=1` writes
//! them anew.
//!
//! A line of events is `{"t": seconds, …}` and one of
//! - a message: `"send": subject`, `"facts": {wire name: value}`, and, where they differ from the usual, `"type"` (the
//!   subject template), `"stream"`, `"seq"`, `"life"`, `"producer"`, `"form"`, `"undecodable"`, `"seen"` (seconds);
//! - a settlement: `"ack" | "nak" | "term" | "progress"`: consumer, `"of"`: `stream:sequence`, `"deliveries"`;
//! - `"tick": true`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetscope::correlate::{Correlator, Output, Settings};
use fleetscope::metrics::Metrics;
use fleetscope::model::{
    AttributeValue, Change, Event, Facts, Form, Key, Message, Payload, Record, Settlement, SettlementKind, Source,
    Span, SpanId, SpanStatus, Timestamp, TraceId, Value, spans_of,
};
use fleetscope::sinks::measure::Recorder;
use serde::Deserialize;

const EPOCH: i64 = 1_771_060_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    t: f64,
    send: Option<String>,
    #[serde(default)]
    facts: serde_json::Map<String, serde_json::Value>,
    r#type: Option<String>,
    stream: Option<String>,
    seq: Option<u64>,
    #[serde(default)]
    life: u32,
    producer: Option<String>,
    form: Option<String>,
    undecodable: Option<String>,
    seen: Option<f64>,
    ack: Option<String>,
    nak: Option<String>,
    term: Option<String>,
    progress: Option<String>,
    of: Option<String>,
    deliveries: Option<u64>,
    reason: Option<String>,
    #[serde(default)]
    tick: bool,
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis(EPOCH + (seconds * 1e3).round() as i64)
}

fn stream_of(subject: &str) -> &'static str {
    match subject.split('.').next() {
        Some("planning") => "PLANNING_EVENTS",
        Some("agent") if subject.starts_with("agent.response") => "AGENT_RESPONSES",
        Some("agent") => "AGENT_WORK",
        Some("orchestration") => "ORCHESTRATOR_EVENTS",
        Some("workflow") => "WORKFLOW_EVENTS",
        Some("context") => "CONTEXT",
        Some("task") => "task_derivation",
        Some("workspace") => "WORKSPACE_EVENTS",
        _ => "",
    }
}

fn producer_of(subject: &str) -> &'static str {
    match subject.split('.').next() {
        Some("planning") => "planning-service",
        Some("agent") => "ray-executor",
        Some("orchestration") => "orchestrator-service",
        Some("workflow") => "workflow-service",
        Some("context") => "context-service",
        Some("task") => "task-derivation-service",
        Some("workspace") => "underpass-runtime",
        _ => "unknown",
    }
}

fn insert(facts: &mut Facts, key: Key, json: &serde_json::Value) {
    use serde_json::Value as Json;
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap_or(f64::NAN)), Value::Int),
        Json::String(text) => Value::Text(text),
        Json::Array(items) => match items.iter().map(|i| i.as_str()).collect::<Option<Vec<_>>>() {
            Some(texts) => return facts.insert_texts(key, texts),
            None => Value::Items(items.len() as u32),
        },
        Json::Object(items) => Value::Items(items.len() as u32),
    };
    facts.insert(key, value);
}

/// Reads the lines; sequences not given count up per stream.
fn events(text: &str) -> Vec<Event> {
    let mut seqs: BTreeMap<String, u64> = BTreeMap::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with("//"));
    lines
        .map(|(number, line)| {
            let line: Line = serde_json::from_str(line).unwrap_or_else(|e| panic!("line {}: {e}", number + 1));
            event(line, &mut seqs)
        })
        .collect()
}

fn event(line: Line, seqs: &mut BTreeMap<String, u64>) -> Event {
    if line.tick {
        return Event::Tick(at(line.t));
    }
    let Some(subject) = &line.send else { return Event::Settlement(settlement(&line)) };
    let stream = line.stream.clone().unwrap_or_else(|| stream_of(subject).to_owned());
    let last = seqs.entry(stream.clone()).or_default();
    let seq = line.seq.unwrap_or(*last + 1);
    *last = seq;
    let mut facts = Facts::default();
    for (name, json) in &line.facts {
        let key = Key::from_name(name).unwrap_or_else(|| panic!("`{name}` is no known key"));
        insert(&mut facts, key, json);
    }
    Event::Message(Box::new(Message {
        source: Source::Nats,
        stream: stream.into(),
        incarnation: line.life,
        stream_seq: seq,
        subject: subject.as_str().into(),
        event_type: line.r#type.as_deref().unwrap_or(subject).into(),
        stored: at(line.t),
        received: at(line.seen.unwrap_or(line.t)),
        size: 512,
        form: match line.form.as_deref() {
            None | Some("envelope") => Form::Envelope,
            Some("bare") => Form::Bare,
            Some("runtime") => Form::Runtime,
            Some("opaque") => Form::Opaque,
            Some(other) => panic!("`{other}` is no form"),
        },
        producer: Some(line.producer.as_deref().unwrap_or_else(|| producer_of(subject)).into()),
        producer_inferred: false,
        message_id: None,
        traceparent: None,
        claimed: None,
        facts,
        undecodable: line.undecodable.map(Into::into),
        payload: Payload::default(),
        observed: None,
    }))
}

fn settlement(line: &Line) -> Settlement {
    let (stream, seq) = line.of.as_deref().and_then(|of| of.rsplit_once(':')).expect("`of`: stream:sequence");
    let reason = line.reason.as_deref().map(Into::into);
    let (consumer, kind) = match (&line.ack, &line.nak, &line.term, &line.progress) {
        (Some(consumer), None, None, None) => (consumer, SettlementKind::Ack),
        (None, Some(consumer), None, None) => (consumer, SettlementKind::Nak { delay: None }),
        (None, None, Some(consumer), None) => (consumer, SettlementKind::Term { reason }),
        (None, None, None, Some(consumer)) => (consumer, SettlementKind::Progress),
        _ => panic!("one of send, tick, ack, nak, term, progress"),
    };
    Settlement {
        stream: stream.into(),
        consumer: consumer.as_str().into(),
        stream_seq: seq.parse().expect("a sequence"),
        deliveries: line.deliveries.unwrap_or(1),
        stored: Timestamp::ZERO,
        at: at(line.t),
        kind,
        known: None,
    }
}

fn settings() -> Settings {
    Settings {
        silent_after: Duration::from_secs(30),
        idle_after: Duration::from_mins(1),
        timeout: Duration::from_mins(5),
        derive_timeout: Duration::from_mins(2),
        open_span_max: Duration::from_mins(5),
        trace_bytes: 4 << 20,
        max_stories: 10_000,
        llm: fleetscope::correlate::LlmSettings::default(),
    }
}

fn seconds(time: Timestamp) -> String {
    format!("{:.3}", (time.nanos() - EPOCH * 1_000_000) as f64 / 1e9)
}

/// Every trace as a tree: roots in order of sending, children by begin.
fn tree(spans: &[Span]) -> String {
    let mut text = String::new();
    let sent: BTreeSet<(TraceId, SpanId)> = spans.iter().map(|s| (s.trace_id, s.span_id)).collect();
    for root in spans {
        let orphan = root.parent.is_some_and(|parent| !sent.contains(&(root.trace_id, parent)));
        if orphan {
            text.push_str("ORPHAN ");
        }
        if root.parent.is_none() || orphan {
            let _ = writeln!(text, "trace {}", root.trace_id);
            branch(root, spans, 1, &mut text);
        }
    }
    text
}

fn branch(span: &Span, spans: &[Span], depth: usize, text: &mut String) {
    let _ = write!(text, "{}{} [{} → {}]", "  ".repeat(depth), span.name, seconds(span.start), seconds(span.end));
    let _ = write!(text, " {:?} {} {}", span.kind, span.service, span.span_id);
    if let SpanStatus::Error(description) = &span.status {
        let _ = write!(text, " ERROR {description}");
    }
    for link in &span.links {
        let _ = write!(text, " ⇢ {}/{}", link.trace_id, link.span_id);
    }
    text.push('\n');
    let shown = |key: &str| !key.starts_with("messaging.") && key != "fleet.event.type";
    for attribute in span.attributes.iter().filter(|a| shown(&a.key)) {
        let value = match &attribute.value {
            AttributeValue::Text(text) => text.to_string(),
            AttributeValue::Int(n) => n.to_string(),
            AttributeValue::Float(n) => n.to_string(),
            AttributeValue::Bool(b) => b.to_string(),
            AttributeValue::Texts(texts) => texts.join(", "),
        };
        let _ = writeln!(text, "{}· {} = {value}", "  ".repeat(depth + 1), attribute.key);
    }
    let mut children: Vec<&Span> =
        spans.iter().filter(|s| s.trace_id == span.trace_id && s.parent == Some(span.span_id)).collect();
    children.sort_by_key(|s| s.start);
    for child in children {
        branch(child, spans, depth + 1, text);
    }
}

fn feed(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        let mut line = serde_json::json!({ "seq": record.seq, "t": seconds(record.at), "spans": record.spans.len() });
        if let Some((message, resolved)) = record.entry() {
            line["type"] = message.event_type.to_string().into();
            line["summary"] = resolved.summary.to_string().into();
            line["severity"] = resolved.severity.name().into();
            line["trace"] = resolved.trace.as_ref().map(|t| t.as_str().to_owned()).into();
            let ids = serde_json::to_value(&resolved.ids).expect("plain data");
            line["ids"] = ids.as_object().expect("an object").iter().filter(|(_, id)| !id.is_null()).map(own).collect();
            if !resolved.violations.is_empty() {
                line["violations"] = serde_json::to_value(&resolved.violations).expect("plain data");
            }
        }
        if let Some(delivery) = record.delivery() {
            line["delivery"] = format!("{}:{}", delivery.stream, delivery.stream_seq).into();
            line["consumer"] = delivery.consumer.to_string().into();
            line["state"] = delivery.state.name().into();
            line["attempts"] = delivery.attempts.into();
            line["naks"] = delivery.naks.into();
            line["latency_ms"] = delivery.latency_ms().into();
        }
        if !record.links.is_empty() {
            let links: Vec<String> =
                record.links.iter().map(|l| format!("{} {:?} {}", l.story, l.kind, l.id)).collect();
            line["links"] = links.into();
        }
        let _ = writeln!(text, "{line}");
    }
    text
}

/// What a page says of the fleet: no help, and of histograms the count and the sum.
fn samples(page: &str) -> String {
    let of_the_fleet = |line: &&str| {
        let ours = ["fleet_", "fleetscope_events_total", "fleetscope_correlate_"];
        ours.iter().any(|name| line.starts_with(name)) && !line.contains("_bucket{")
    };
    page.lines().filter(of_the_fleet).fold(String::new(), |text, line| text + line + "\n")
}

fn time_of(event: &Event) -> Timestamp {
    match event {
        Event::Message(message) => message.received,
        Event::Settlement(settlement) => settlement.at,
        Event::Tick(at) => *at,
        _ => Timestamp::ZERO,
    }
}

fn own((key, id): (&String, &serde_json::Value)) -> (String, serde_json::Value) {
    (key.clone(), id.clone())
}

/// The file holds `text`, or is made to where `UPDATE` is set.
fn golden(path: &Path, text: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, text).expect("the scenario can be written");
        return;
    }
    let held = std::fs::read_to_string(path).unwrap_or_default();
    let differs = held.lines().zip(text.lines()).position(|(a, b)| a != b);
    let first = differs.unwrap_or_else(|| held.lines().count().min(text.lines().count()));
    assert!(
        held == text,
        "{} line {}: expected\n  {}\ngot\n  {}\n(UPDATE=1 writes it anew)",
        path.display(),
        first + 1,
        held.lines().nth(first).unwrap_or("nothing"),
        text.lines().nth(first).unwrap_or("nothing"),
    );
}

/// A scenario's records, and what the board is told of it.
pub(crate) fn told(name: &str) -> (Vec<Record>, Vec<Change>) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/scenarios/{name}.events.jsonl"));
    let lines = std::fs::read_to_string(file).expect("the scenario is there");
    let (mut correlator, mut out, mut changes) = (Correlator::new(settings(), 1), Output::default(), Vec::new());
    for event in events(&lines) {
        let now = time_of(&event);
        correlator.apply(event, &mut out);
        changes.extend(correlator.changes(now));
    }
    (out.records, changes)
}

fn replay(name: &str) -> (Vec<Record>, Vec<Span>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    let lines = std::fs::read_to_string(file("events.jsonl")).expect("the scenario is there");
    let mut correlator = Correlator::new(settings(), 1);
    let mut out = Output::default();
    let metrics = Arc::new(Metrics::new());
    let mut recorder = Recorder::new(Arc::clone(&metrics));
    let mut now = Timestamp::ZERO;
    for event in events(&lines) {
        now = now.max(time_of(&event));
        correlator.apply(event, &mut out);
        recorder.changes(&correlator.changes(now));
    }
    for measure in &out.measures {
        recorder.record(measure);
    }
    let mut spans = Vec::new();
    for record in &out.records {
        spans_of(record, &mut |span| spans.push(span.clone()));
    }
    golden(&file("spans.txt"), &tree(&spans));
    golden(&file("feed.jsonl"), &feed(&out.records));
    golden(&file("metrics.txt"), &samples(&metrics.page()));
    (out.records, spans)
}

fn no_orphans(spans: &[Span]) {
    let sent: BTreeSet<(TraceId, SpanId)> = spans.iter().map(|s| (s.trace_id, s.span_id)).collect();
    assert_eq!(sent.len(), spans.len(), "each span has an id of its own");
    for span in spans {
        assert!(span.parent.is_none_or(|parent| sent.contains(&(span.trace_id, parent))), "{} is an orphan", span.name);
        assert!(span.end >= span.start);
    }
}

#[test]
fn a_story_from_idea_to_done() {
    let (_, spans) = replay("story");
    no_orphans(&spans);
    for name in ["phase PO_REVIEW", "review BRC-1", "derivation PL-1", "task T-1", "invoke_agent agent-qa-001"] {
        assert!(spans.iter().any(|s| &*s.name == name), "{name}");
    }
}

#[test]
fn a_run_in_which_much_fails() {
    let (records, spans) = replay("failures");
    no_orphans(&spans);
    assert!(records.iter().filter(|r| r.delivery().is_some()).count() < 10);
}

#[test]
fn the_systems_that_came_after() {
    let (_, spans) = replay("successors");
    no_orphans(&spans);
}
