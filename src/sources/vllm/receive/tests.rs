//! Captured exports, and broken ones.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::Content;
use crate::metrics::Metrics;
use crate::model::{Batch, LlmRequest, What};
use crate::privacy::Masker;
use crate::status::Status;

const REQUESTS: &[u8] = include_bytes!("../../../../tests/fixtures/vllm/requests.pb");
const MORE: &[u8] = include_bytes!("../../../../tests/fixtures/vllm/more.pb");
const STARTUP: &[u8] = include_bytes!("../../../../tests/fixtures/vllm/startup.pb");

/// A day after the captures were made.
fn now() -> Timestamp {
    Timestamp::parse("2026-11-23T12:00:00Z").expect("a time")
}

fn decode(bytes: &[u8]) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(bytes).expect("a capture")
}

fn all(bytes: &[u8]) -> Read {
    read(decode(bytes), &Served::default(), now())
}

#[test]
fn captured_requests_are_read_with_their_numbers_in_seconds() {
    let read = all(REQUESTS);
    assert_eq!((read.requests.len(), read.broken), (7, 0));
    let first = &read.requests[0];
    assert_eq!(&*first.request_id, "chatcmpl-req-stream-5");
    assert_eq!((first.input_tokens, first.output_tokens), (Some(43), Some(24)));
    assert!((first.times.first_token.expect("told") - 0.0117).abs() < 1e-3);
    assert!((first.end.since(first.start).as_secs_f64() - 0.120).abs() < 1e-3);
    let own = first.span.expect("a span");
    assert_eq!(own.trace.to_string(), "aaaa0000000000000000000000000005");
    assert_eq!(own.parent.expect("a caller").to_string(), "bbbb000000000005");
    assert_eq!(&*first.service, "vllm-server");
    assert_eq!(all(MORE).requests.len(), 7);
}

#[test]
fn what_a_server_says_of_its_start_is_counted_and_nothing_more() {
    let read = all(STARTUP);
    assert_eq!((read.requests.len(), read.broken), (0, 0));
    assert!(read.ignored[0].1 >= 1);
}

#[test]
fn the_model_is_known_where_one_is_served() {
    let served = Served::default();
    served.replace(["m".into()].into());
    assert_eq!(read(decode(REQUESTS), &served, now()).requests[0].model.as_deref(), Some("m"));
    served.replace(["m".into(), "n".into()].into());
    assert_eq!(read(decode(REQUESTS), &served, now()).requests[0].model, None);
}

#[test]
fn json_says_the_same_as_protobuf() {
    let json = serde_json::to_vec(&decode(REQUESTS)).expect("plain data");
    let export: ExportTraceServiceRequest = serde_json::from_slice(&json).expect("own output");
    // Numbers with a fraction differ in their last digit.
    let said = |read: Read| read.requests.into_iter().map(|r| (r.request_id, r.span, r.start, r.end, r.input_tokens));
    let read = read(export, &Served::default(), now());
    assert!(said(read).eq(said(all(REQUESTS))));
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn span() -> Span {
    let end = now().nanos().unsigned_abs();
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "llm_request".to_owned(),
        kind: 2,
        start_time_unix_nano: end - 1_000_000_000,
        end_time_unix_nano: end,
        attributes: vec![attribute("gen_ai.request.id", any_value::Value::StringValue("chatcmpl-1".to_owned()))],
        ..Span::default()
    }
}

fn export(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

fn one(span: Span) -> Result<LlmRequest, &'static str> {
    let mut read = read(export(vec![span]), &Served::default(), now());
    read.requests.pop().ok_or(read.why.unwrap_or("ignored"))
}

#[test]
fn broken_spans_are_refused_by_name_and_the_others_taken() {
    let broken = [
        Span { trace_id: Vec::new(), ..span() },
        Span { trace_id: vec![0; 16], ..span() },
        Span { span_id: vec![1; 7], ..span() },
        Span { parent_span_id: vec![1; 3], ..span() },
        Span { start_time_unix_nano: 0, ..span() },
        Span { end_time_unix_nano: u64::MAX, ..span() },
        Span { end_time_unix_nano: 1, start_time_unix_nano: 2, ..span() },
        Span { end_time_unix_nano: span().start_time_unix_nano - 1, ..span() },
    ];
    for span in &broken {
        assert!(one(span.clone()).is_err_and(|why| why != "ignored"), "{span:?}");
    }
    let mixed = read(export(broken.into_iter().chain([span()]).collect()), &Served::default(), now());
    assert_eq!((mixed.requests.len(), mixed.broken), (1, 8));
    let told = answer(mixed.broken, mixed.why).partial_success.expect("said so");
    assert!(told.rejected_spans == 8 && told.error_message.contains("16 bytes"), "{told:?}");
}

#[test]
fn numbers_that_are_none_are_left_out() {
    let odd = |value: f64| {
        let mut span = span();
        for key in ["gen_ai.latency.time_to_first_token", "gen_ai.request.temperature"] {
            span.attributes.push(attribute(key, any_value::Value::DoubleValue(value)));
        }
        span.attributes.push(attribute("gen_ai.usage.prompt_tokens", any_value::Value::IntValue(-5)));
        one(span).expect("a request")
    };
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let request = odd(value);
        assert_eq!((request.times.first_token, request.parameters.temperature), (None, None));
        assert_eq!(request.input_tokens, None);
    }
    assert_eq!(odd(1e300).times.first_token, None);
}

#[test]
fn a_web_frameworks_span_of_a_refused_request_is_a_failure() {
    let page = |name: &str, code: i64| {
        let attributes = vec![attribute("http.response.status_code", any_value::Value::IntValue(code))];
        one(Span { name: name.to_owned(), attributes, ..span() })
    };
    let failed = page("POST /v1/chat/completions", 503).expect("a request");
    assert_eq!((failed.status.name(), failed.error.as_deref()), ("failed", Some("503")));
    for (name, code) in [("POST /v1/chat/completions", 200), ("GET /metrics", 500), ("GET /health", 503)] {
        assert_eq!(page(name, code), Err("ignored"), "{name}");
    }
}

fn receiver() -> (Receiver, mpsc::Receiver<Batch>) {
    let (events, received) = mpsc::channel(4);
    let watcher = Watcher {
        masker: Arc::new(Masker::new(Content::Summary, 1 << 16)),
        events,
        metrics: Arc::new(Metrics::new()),
        status: Arc::new(Status::default()),
        stop: CancellationToken::new(),
    };
    (Receiver::new(watcher, Arc::default()), received)
}

fn parcel(content_type: &str, body: impl Into<Bytes>) -> Parcel {
    Parcel { content_type: content_type.to_owned(), body: body.into() }
}

#[tokio::test]
async fn an_export_becomes_entries_and_bad_ones_are_refused() {
    let (inbox, mut batches) = receiver();
    let mut fresh = span();
    let end = Timestamp::now().nanos().unsigned_abs();
    (fresh.start_time_unix_nano, fresh.end_time_unix_nano) = (end - 5_000_000, end);
    let body = export(vec![fresh]).encode_to_vec();
    let receipt = inbox.take(parcel("application/x-protobuf", body)).await.expect("taken");
    assert_eq!(receipt, Receipt { content_type: "application/x-protobuf", body: Bytes::new() });
    let batch = batches.recv().await.expect("a batch");
    let Event::Message(message) = &batch.events[0] else { panic!("a message") };
    assert_eq!((&*message.event_type, message.source.key()), ("llm.request.completed", "vllm"));
    assert!(matches!(message.observed.as_ref().expect("observed").what, What::LlmRequest(_)));
    let bad = [
        ("application/x-protobuf", &b"\xff\xff\xff"[..], "ExportTraceServiceRequest"),
        ("application/json", b"{\"resourceSpans\": 5}", "JSON"),
        ("application/json", b"{\"resourceSpans\": [", "JSON"),
        ("application/json", b"\xff", "JSON"),
        ("text/html", b"<html>", "text/html"),
        ("", b"", "application/x-protobuf"),
    ];
    for (kind, body, said) in bad {
        let refusal = inbox.take(parcel(kind, body)).await.expect_err(kind);
        assert!(refusal.to_string().contains(said), "{refusal}");
    }
    inbox.close();
    assert!(matches!(inbox.take(parcel("application/json", &b"{}"[..])).await, Err(Refusal::Busy(_))));
    assert!(batches.recv().await.is_none(), "ingest sees its last sender go");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_is_behind_makes_senders_wait_and_then_send_again() {
    let (inbox, batches) = receiver();
    let body = || {
        let mut fresh = span();
        let end = Timestamp::now().nanos().unsigned_abs();
        (fresh.start_time_unix_nano, fresh.end_time_unix_nano) = (end - 5_000_000, end);
        parcel("application/x-protobuf", export(vec![fresh]).encode_to_vec())
    };
    for _ in 0..4 {
        inbox.take(body()).await.expect("there is room");
    }
    assert!(matches!(inbox.take(body()).await, Err(Refusal::Busy(_))));
    drop(batches);
}
