//! The log record of an entry: what the history shows of it, for those who read logs.
//!
//! Like the `publish` span it is a function of its entry, so it is not stored: whoever reads the journal makes it anew.

use super::ids::{SpanId, TraceId};
use super::message::{Message, Source};
use super::record::{Record, Resolved, Severity};
use super::span::Attribute;
use super::span_of::{known_ids, of_message, publish_span_id};
use super::text::Text;
use super::time::Timestamp;

/// A log record as it will be exported: a value, free of any SDK.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    /// When it happened: stored time.
    pub at: Timestamp,
    /// When Fleetscope saw it.
    pub observed: Timestamp,
    /// How much it asks for attention.
    pub severity: Severity,
    /// The entry's event type.
    pub event_name: Text,
    /// One line for people; with the payload, a line break and the payload after it.
    pub body: String,
    /// The trace its entry is part of.
    pub trace_id: Option<TraceId>,
    /// The entry's `publish` span. Only messages of NATS have one.
    pub span_id: Option<SpanId>,
    /// The service it is shown under (`service.name` of its resource).
    pub service: Text,
    /// Everything else, ids among it.
    pub attributes: Vec<Attribute>,
}

/// The log record of `record`, if that is an entry; with the message's body where `payload` is set.
pub fn log_of(record: &Record, payload: bool) -> Option<LogRecord> {
    let (message, resolved) = record.entry()?;
    let part = resolved.trace.as_ref().map(|key| key.continuation(resolved.part));
    let span_id = |key| publish_span_id(key, &message.stream, message.incarnation, message.stream_seq);
    Some(LogRecord {
        at: message.stored,
        observed: message.received,
        severity: resolved.severity,
        event_name: message.event_type.clone(),
        body: body(message, resolved, payload),
        trace_id: part.as_ref().map(super::ids::TraceKey::trace_id),
        span_id: part.as_ref().filter(|_| message.source == Source::Nats).map(span_id),
        service: message.producer.clone().unwrap_or_else(|| service(message.source).into()),
        attributes: attributes(record, message, resolved),
    })
}

/// Under which name stands what nobody is known to have said; that of spans for messages.
const fn service(source: Source) -> &'static str {
    match source {
        Source::Nats => "unknown_service",
        other => other.key(),
    }
}

fn body(message: &Message, resolved: &Resolved, payload: bool) -> String {
    let mut body =
        if resolved.summary.is_empty() { message.event_type.to_string() } else { resolved.summary.to_string() };
    if payload && !message.payload.bytes.is_empty() {
        body.push('\n');
        body.push_str(&String::from_utf8_lossy(&message.payload.bytes));
    }
    body
}

fn attributes(record: &Record, message: &Message, resolved: &Resolved) -> Vec<Attribute> {
    let mut attributes = Vec::with_capacity(24);
    attributes.extend([
        Attribute::int("fleet.seq", record.seq as i64),
        Attribute::text("fleet.source", message.source.key()),
    ]);
    if message.source == Source::Nats {
        of_message(&mut attributes, message, resolved);
    } else {
        attributes.push(Attribute::text("fleet.event.type", message.event_type.clone()));
        attributes.push(Attribute::text("fleet.event.subject", message.subject.clone()));
        known_ids(&mut attributes, message, resolved);
    }
    if !resolved.violations.is_empty() {
        attributes.push(Attribute::texts("fleet.violations", resolved.violations.clone()));
    }
    attributes
}

#[cfg(test)]
mod tests;
