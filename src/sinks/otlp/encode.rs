//! Spans → bytes of an `ExportTraceServiceRequest`.
//! Takes: spans. Gives: bytes, the same for the same span every time. Never: builds a message to encode it afterwards.

pub mod log;

use bytes::Bytes;

use super::wire::{attributes, attributes_len, bytes, field_len, fixed64, fixed64_len, number, open, text, text_len};
use crate::model::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus, Text, Timestamp};

/// The instrumentation scope of every span.
pub const SCOPE: &str = "fleetscope";
/// Its version.
pub const SCOPE_VERSION: &str = env!("CARGO_PKG_VERSION");
/// The semantic conventions the attributes follow: the last release that holds both messaging and GenAI.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.41.0";

/// OTLP's number of a span kind.
pub(super) const fn kind_number(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

/// OTLP knows no time before 1970: what is earlier becomes 1970.
pub(super) fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.nanos()).unwrap_or(0)
}

/// Why a backend would refuse the whole request because of this span; `None` = it is fine.
pub fn flaw(span: &Span) -> Option<&'static str> {
    if span.trace_id.0 == [0; 16] {
        Some("the trace id is zero")
    } else if span.span_id.0 == [0; 8] {
        Some("the span id is zero")
    } else if span.end < span.start {
        Some("it ends before it starts")
    } else {
        None
    }
}

/// Appends `span` as a field of its `ScopeSpans`.
pub(super) fn span(out: &mut Vec<u8>, span: &Span) {
    let status = status_len(&span.status);
    let len = 18
        + 10
        + span.parent.map_or(0, |_| 10)
        + text_len(&span.name)
        + 2
        + fixed64_len(nanos(span.start))
        + fixed64_len(nanos(span.end))
        + attributes_len(&span.attributes)
        + span.events.iter().map(|e| field_len(event_len(e))).sum::<usize>()
        + span.links.iter().map(|l| field_len(link_len(l))).sum::<usize>()
        + status.map_or(0, field_len);
    open(out, 2, len);
    bytes(out, 1, &span.trace_id.0);
    bytes(out, 2, &span.span_id.0);
    if let Some(parent) = &span.parent {
        bytes(out, 4, &parent.0);
    }
    text(out, 5, &span.name);
    number(out, 6, u64::from(kind_number(span.kind)));
    fixed64(out, 7, nanos(span.start));
    fixed64(out, 8, nanos(span.end));
    attributes(out, 9, &span.attributes);
    for event in &span.events {
        open(out, 11, event_len(event));
        fixed64(out, 1, nanos(event.at));
        text(out, 2, &event.name);
        attributes(out, 3, &event.attributes);
    }
    for link in &span.links {
        open(out, 13, link_len(link));
        bytes(out, 1, &link.trace_id.0);
        bytes(out, 2, &link.span_id.0);
        attributes(out, 4, &link.attributes);
    }
    if let (Some(len), SpanStatus::Error(description)) = (status, &span.status) {
        open(out, 15, len);
        text(out, 2, description);
        number(out, 3, 2);
    }
}

fn event_len(event: &SpanEvent) -> usize {
    fixed64_len(nanos(event.at)) + text_len(&event.name) + attributes_len(&event.attributes)
}

fn link_len(link: &SpanLink) -> usize {
    18 + 10 + attributes_len(&link.attributes)
}

fn status_len(status: &SpanStatus) -> Option<usize> {
    match status {
        SpanStatus::Unset => None,
        SpanStatus::Error(description) => Some(text_len(description) + 2),
    }
}

/// Bytes a group of spans of one service adds to a request besides the spans.
pub(super) fn group_overhead(service: &str) -> usize {
    // Four nested lengths of at most five bytes, and the texts.
    64 + service.len() + SCOPE.len() + SCOPE_VERSION.len() + 2 * SCHEMA_URL.len()
}

/// Bytes of a group after its last span: the schema of the scope and that of the resource.
pub(super) const GROUP_END: usize = 2 * field_len(SCHEMA_URL.len());

/// Appends the spans of one service as a `ResourceSpans` field; `pieces` are encoded spans. A `ResourceLogs` has the same
/// fields under the same numbers: it is written by this as well, of encoded log records.
pub(super) fn group<'a>(out: &mut Vec<u8>, service: &str, pieces: impl Iterator<Item = &'a [u8]> + Clone) {
    const KEY: &str = "service.name";
    let value = field_len(service.len());
    let key_value = field_len(KEY.len()) + field_len(value);
    let resource = field_len(key_value);
    let scope = field_len(SCOPE.len()) + field_len(SCOPE_VERSION.len());
    let schema = field_len(SCHEMA_URL.len());
    let scope_spans = field_len(scope) + pieces.clone().map(<[u8]>::len).sum::<usize>() + schema;

    open(out, 1, field_len(resource) + field_len(scope_spans) + schema);
    open(out, 1, resource);
    open(out, 1, key_value);
    bytes(out, 1, KEY.as_bytes());
    open(out, 2, value);
    bytes(out, 1, service.as_bytes());
    open(out, 2, scope_spans);
    open(out, 1, scope);
    bytes(out, 1, SCOPE.as_bytes());
    bytes(out, 2, SCOPE_VERSION.as_bytes());
    for piece in pieces {
        out.extend_from_slice(piece);
    }
    bytes(out, 3, SCHEMA_URL.as_bytes());
    bytes(out, 3, SCHEMA_URL.as_bytes());
}

/// `spans` by service, services in the order first seen: how every request and every page of a trace is laid out.
pub(super) fn by_service<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<(&'a Text, Vec<&'a Span>)> {
    let mut groups: Vec<(&Text, Vec<&Span>)> = Vec::new();
    for span in spans {
        match groups.iter_mut().find(|(service, _)| **service == span.service) {
            Some((_, group)) => group.push(span),
            None => groups.push((&span.service, vec![span])),
        }
    }
    groups
}

/// An `ExportTraceServiceRequest` of `spans`, grouped by service.
pub fn request<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Bytes {
    let mut out = Vec::new();
    let mut encoded = Vec::new();
    for (service, group_spans) in by_service(spans) {
        encoded.clear();
        for each in group_spans {
            span(&mut encoded, each);
        }
        group(&mut out, service, std::iter::once(encoded.as_slice()));
    }
    out.into()
}

#[cfg(test)]
mod tests;
