//! Spans → OTLP/JSON: the same spans the exporter sends, for people and for tools without a trace backend.
//! Takes: records. Gives: ids as hexadecimal, 64-bit integers as text, enums as numbers, as OTLP/JSON asks.
//! Never: shows a span otherwise than it is exported.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::encode::{self, SCHEMA_URL, SCOPE, SCOPE_VERSION, by_service, kind_number, nanos};
use crate::model::{Attribute, AttributeValue, Record, Span, SpanStatus, TraceId, spans_of};

/// The spans of `records` that belong to one of `traces`, as an `ExportTraceServiceRequest` in JSON. Spans the exporter
/// would not send because they are invalid are left out here too.
pub fn trace(records: &[Arc<Record>], traces: &[TraceId]) -> Value {
    let mut spans = Vec::new();
    for record in records {
        spans_of(record, &mut |span| {
            if traces.contains(&span.trace_id) && encode::flaw(span).is_none() {
                spans.push(span.clone());
            }
        });
    }
    request(&spans)
}

/// `spans` as an `ExportTraceServiceRequest` in JSON.
pub fn request<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Value {
    let groups: Vec<Value> = by_service(spans)
        .into_iter()
        .map(|(service, group)| {
            json!({
                "resource": { "attributes": [ { "key": "service.name", "value": { "stringValue": &**service } } ] },
                "scopeSpans": [ {
                    "scope": { "name": SCOPE, "version": SCOPE_VERSION },
                    "spans": group.into_iter().map(span).collect::<Vec<_>>(),
                    "schemaUrl": SCHEMA_URL,
                } ],
                "schemaUrl": SCHEMA_URL,
            })
        })
        .collect();
    json!({ "resourceSpans": groups })
}

fn span(span: &Span) -> Value {
    let mut object = Map::new();
    object.insert("traceId".to_owned(), json!(span.trace_id.to_string()));
    object.insert("spanId".to_owned(), json!(span.span_id.to_string()));
    if let Some(parent) = &span.parent {
        object.insert("parentSpanId".to_owned(), json!(parent.to_string()));
    }
    object.insert("name".to_owned(), json!(&*span.name));
    object.insert("kind".to_owned(), json!(kind_number(span.kind)));
    object.insert("startTimeUnixNano".to_owned(), json!(nanos(span.start).to_string()));
    object.insert("endTimeUnixNano".to_owned(), json!(nanos(span.end).to_string()));
    if !span.attributes.is_empty() {
        object.insert("attributes".to_owned(), attributes(&span.attributes));
    }
    if !span.events.is_empty() {
        let event = |e: &crate::model::SpanEvent| {
            json!({
                "timeUnixNano": nanos(e.at).to_string(),
                "name": &*e.name,
                "attributes": attributes(&e.attributes),
            })
        };
        object.insert("events".to_owned(), span.events.iter().map(event).collect());
    }
    if !span.links.is_empty() {
        let link = |l: &crate::model::SpanLink| {
            json!({
                "traceId": l.trace_id.to_string(),
                "spanId": l.span_id.to_string(),
                "attributes": attributes(&l.attributes),
            })
        };
        object.insert("links".to_owned(), span.links.iter().map(link).collect());
    }
    if let SpanStatus::Error(description) = &span.status {
        object.insert("status".to_owned(), json!({ "message": &**description, "code": 2 }));
    }
    Value::Object(object)
}

fn attributes(attributes: &[Attribute]) -> Value {
    attributes.iter().map(|a| json!({ "key": &*a.key, "value": value(&a.value) })).collect()
}

fn value(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Text(text) => json!({ "stringValue": &**text }),
        AttributeValue::Int(n) => json!({ "intValue": n.to_string() }),
        AttributeValue::Float(n) if n.is_finite() => json!({ "doubleValue": n }),
        // JSON has no such numbers; the protobuf mapping writes them as these words.
        AttributeValue::Float(n) if n.is_nan() => json!({ "doubleValue": "NaN" }),
        AttributeValue::Float(n) => json!({ "doubleValue": if *n > 0.0 { "Infinity" } else { "-Infinity" } }),
        AttributeValue::Bool(on) => json!({ "boolValue": on }),
        AttributeValue::Texts(texts) => {
            let values: Vec<Value> = texts.iter().map(|t| json!({ "stringValue": &**t })).collect();
            json!({ "arrayValue": { "values": values } })
        }
    }
}
