//! Own encodings against a generated decoder and against each other.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as proto;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::model::{Attribute, AttributeValue, SpanId, TraceId};
use crate::sinks::otlp::json;

pub(super) fn texts() -> impl Strategy<Value = Text> {
    prop_oneof!["", "[a-z.]{1,12}", "\\PC{0,40}", "[x]{120,140}"].prop_map(Text::from)
}

fn values() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        texts().prop_map(AttributeValue::Text),
        any::<i64>().prop_map(AttributeValue::Int),
        (-1e300..1e300f64).prop_map(AttributeValue::Float),
        any::<bool>().prop_map(AttributeValue::Bool),
        prop::collection::vec(texts(), 0..4).prop_map(AttributeValue::Texts),
    ]
}

pub(super) fn attribute_lists() -> impl Strategy<Value = Vec<Attribute>> {
    let one = (texts(), values()).prop_map(|(key, value)| Attribute { key: key.to_string().into(), value });
    prop::collection::vec(one, 0..5)
}

pub(super) fn times() -> impl Strategy<Value = Timestamp> {
    prop_oneof![Just(0), Just(-5), 0..i64::MAX].prop_map(Timestamp::from_nanos)
}

fn kinds() -> impl Strategy<Value = SpanKind> {
    prop_oneof![
        Just(SpanKind::Internal),
        Just(SpanKind::Server),
        Just(SpanKind::Client),
        Just(SpanKind::Producer),
        Just(SpanKind::Consumer),
    ]
}

fn statuses() -> impl Strategy<Value = SpanStatus> {
    prop_oneof![Just(SpanStatus::Unset), texts().prop_map(SpanStatus::Error)]
}

fn any_span() -> impl Strategy<Value = Span> {
    let event =
        (times(), texts(), attribute_lists()).prop_map(|(at, name, attributes)| SpanEvent { at, name, attributes });
    let link = (any::<[u8; 16]>(), any::<[u8; 8]>(), attribute_lists())
        .prop_map(|(trace, span, attributes)| SpanLink { trace_id: TraceId(trace), span_id: SpanId(span), attributes });
    (
        (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<Option<[u8; 8]>>(), texts(), kinds()),
        (times(), times(), "[ab]{0,1}", attribute_lists(), statuses()),
        (prop::collection::vec(event, 0..3), prop::collection::vec(link, 0..3)),
    )
        .prop_map(
            |((trace, id, parent, name, kind), (start, end, service, attributes, status), (events, links))| Span {
                trace_id: TraceId(trace),
                span_id: SpanId(id),
                parent: parent.map(SpanId),
                name,
                kind,
                start,
                end,
                service: service.into(),
                attributes,
                events,
                links,
                status,
            },
        )
}

fn proto_value(value: &AttributeValue) -> AnyValue {
    let value = match value {
        AttributeValue::Text(t) => any_value::Value::StringValue(t.to_string()),
        AttributeValue::Int(n) => any_value::Value::IntValue(*n),
        AttributeValue::Float(n) => any_value::Value::DoubleValue(*n),
        AttributeValue::Bool(b) => any_value::Value::BoolValue(*b),
        AttributeValue::Texts(texts) => any_value::Value::ArrayValue(ArrayValue {
            values: texts.iter().map(|t| proto_value(&AttributeValue::Text(t.clone()))).collect(),
        }),
    };
    AnyValue { value: Some(value) }
}

pub(super) fn proto_attributes(attributes: &[Attribute]) -> Vec<KeyValue> {
    let one =
        |a: &Attribute| KeyValue { key: a.key.to_string(), value: Some(proto_value(&a.value)), ..KeyValue::default() };
    attributes.iter().map(one).collect()
}

fn proto_span(span: &Span) -> proto::Span {
    proto::Span {
        trace_id: span.trace_id.0.to_vec(),
        span_id: span.span_id.0.to_vec(),
        parent_span_id: span.parent.map(|p| p.0.to_vec()).unwrap_or_default(),
        name: span.name.to_string(),
        kind: i32::from(kind_number(span.kind)),
        start_time_unix_nano: span.start.nanos().max(0) as u64,
        end_time_unix_nano: span.end.nanos().max(0) as u64,
        attributes: proto_attributes(&span.attributes),
        events: span
            .events
            .iter()
            .map(|e| proto::span::Event {
                time_unix_nano: e.at.nanos().max(0) as u64,
                name: e.name.to_string(),
                attributes: proto_attributes(&e.attributes),
                dropped_attributes_count: 0,
            })
            .collect(),
        links: span
            .links
            .iter()
            .map(|l| proto::span::Link {
                trace_id: l.trace_id.0.to_vec(),
                span_id: l.span_id.0.to_vec(),
                attributes: proto_attributes(&l.attributes),
                ..proto::span::Link::default()
            })
            .collect(),
        status: match &span.status {
            SpanStatus::Unset => None,
            SpanStatus::Error(message) => Some(proto::Status { message: message.to_string(), code: 2 }),
        },
        ..proto::Span::default()
    }
}

fn proto_request(spans: &[Span]) -> ExportTraceServiceRequest {
    let resource_spans = by_service(spans)
        .into_iter()
        .map(|(service, group)| proto::ResourceSpans {
            resource: Some(Resource {
                attributes: proto_attributes(&[Attribute::text("service.name", service.clone())]),
                ..Resource::default()
            }),
            scope_spans: vec![proto::ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: SCOPE.to_owned(),
                    version: SCOPE_VERSION.to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans: group.into_iter().map(proto_span).collect(),
                schema_url: SCHEMA_URL.to_owned(),
            }],
            schema_url: SCHEMA_URL.to_owned(),
        })
        .collect();
    ExportTraceServiceRequest { resource_spans }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_what_a_generated_decoder_reads(spans in prop::collection::vec(any_span(), 0..6)) {
        let encoded = request(&spans);
        let expected = proto_request(&spans);
        prop_assert_eq!(ExportTraceServiceRequest::decode(encoded.clone()).expect("valid protobuf"), expected.clone());
        // Nothing of it is wasted either: the bytes are as many as a generated encoder writes.
        prop_assert_eq!(encoded.len(), expected.encoded_len());
    }

    #[test]
    fn the_json_says_what_the_protobuf_says(spans in prop::collection::vec(any_span(), 0..6)) {
        let shown: ExportTraceServiceRequest =
            serde_json::from_value(json::request(&spans)).expect("valid OTLP/JSON");
        prop_assert_eq!(shown, ExportTraceServiceRequest::decode(request(&spans)).expect("valid protobuf"));
    }
}

#[test]
fn numbers_json_does_not_know_are_words() {
    let mut span = sample();
    span.attributes = vec![Attribute::float("a", f64::NAN), Attribute::float("b", f64::NEG_INFINITY)];
    let text = json::request([&span]).to_string();
    assert!(text.contains(r#""doubleValue":"NaN""#) && text.contains(r#""doubleValue":"-Infinity""#), "{text}");
}

#[test]
fn spans_a_backend_would_refuse_are_found_before() {
    let fine = sample();
    assert_eq!(flaw(&fine), None);
    assert!(flaw(&Span { trace_id: TraceId([0; 16]), ..fine.clone() }).is_some_and(|f| f.contains("trace id")));
    assert!(flaw(&Span { span_id: SpanId([0; 8]), ..fine.clone() }).is_some_and(|f| f.contains("span id")));
    assert!(flaw(&Span { end: Timestamp::from_nanos(1), ..fine }).is_some_and(|f| f.contains("ends before")));
}

fn sample() -> Span {
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        parent: None,
        name: "story US-1".into(),
        kind: SpanKind::Internal,
        start: Timestamp::from_nanos(5),
        end: Timestamp::from_nanos(7),
        service: "planning".into(),
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: SpanStatus::Unset,
    }
}
