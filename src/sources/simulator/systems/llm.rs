//! What the model's server tells of each request: a span as vLLM sends it, and a line of its log where it was given up.
//! Takes: runs as they begin and end. Gives: OTLP, and lines. Never: says more than the server would: whose a request
//! is stands in it only where its caller sent a `traceparent` or an id of its own.

use std::collections::VecDeque;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use super::Job;
use crate::model::{Timestamp, TraceKey, span_id};
use crate::sources::simulator::step::Ending;

/// Spans and lines that wait to be taken; the oldest go.
const MAX_WAITING: usize = 4_000;
/// Spans of one export: as many as vLLM's own exporter sends.
const BATCH: usize = 512;
/// Kind of the span of a server.
const SERVER: i32 = 2;

/// What was not told yet.
#[derive(Debug, Default)]
pub(super) struct Requests {
    spans: VecDeque<Span>,
    lines: VecDeque<String>,
    /// Whether anybody asked for the metrics: until then nobody knows the model that is served.
    pub(super) asked: bool,
}

impl Requests {
    /// A request comes.
    pub(super) fn begin(&mut self, job: &Job) {
        let message = format!("Received request {}: params: SamplingParams(n=1, temperature=0.7).", id(job));
        self.line(job.begin, "request_logger.py:65", &message);
    }

    /// A request ends.
    pub(super) fn end(&mut self, job: &Job) {
        match job.run.ending {
            // No span tells of a request that was given up, only the log.
            Ending::Silent => {
                let message = format!("Aborted request(s) {}-{:08x}.", id(job), job.number);
                self.line(job.end, "async_llm.py:922", &message);
            }
            Ending::Failed if job.number.is_multiple_of(2) => self.span(refused(job)),
            Ending::Failed | Ending::Answered => self.span(answered(job)),
        }
    }

    fn span(&mut self, span: Span) {
        self.spans.push_back(span);
        if self.spans.len() > MAX_WAITING {
            self.spans.pop_front();
        }
    }

    fn line(&mut self, at: Timestamp, from: &str, message: &str) {
        let time = at.to_string();
        let (day, clock) = (time.get(5..10).unwrap_or_default(), time.get(11..19).unwrap_or_default());
        self.lines.push_back(format!("(APIServer pid=1) INFO {day} {clock} [{from}] {message}\n"));
        if self.lines.len() > MAX_WAITING {
            self.lines.pop_front();
        }
    }

    /// An export of what waits. It waits on until `sent` is told.
    pub(super) fn export(&self) -> Option<(usize, ExportTraceServiceRequest)> {
        let spans: Vec<Span> = self.spans.iter().take(BATCH).cloned().collect();
        let count = spans.len();
        let resource = Resource { attributes: vec![text("service.name", "vllm-server")], ..Resource::default() };
        let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
        let group = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
        (self.asked && count > 0).then(|| (count, ExportTraceServiceRequest { resource_spans: vec![group] }))
    }

    /// So many spans were taken.
    pub(super) fn sent(&mut self, count: usize) {
        self.spans.drain(..count.min(self.spans.len()));
    }

    /// The lines since the last time.
    pub(super) fn lines(&mut self) -> String {
        self.lines.drain(..).collect()
    }
}

/// How a caller says who it is: one of four does so by its trace, one by the request's id, the others not at all.
fn is_traced(job: &Job) -> bool {
    job.number % 4 == 1
}

fn id(job: &Job) -> String {
    if job.number % 4 == 2 || job.run.ending == Ending::Silent {
        return format!("chatcmpl-{}/{}", job.run.task, job.run.agent);
    }
    format!("chatcmpl-{:032x}", u128::from(job.number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// A span that has its ids, its times and its parent.
fn span(job: &Job, name: &str, traced: bool) -> Span {
    let (run, took) = (&job.run, job.end.since(job.begin));
    let story = TraceKey::story(&run.story);
    let own = TraceKey::of("vllm", &job.number.to_string());
    // The server works a little less long than its caller waits.
    let (start, end) = (job.begin.plus(took / 50), job.end.minus(took / 50));
    Span {
        trace_id: if traced { story.trace_id() } else { own.trace_id() }.0.to_vec(),
        span_id: span_id(own.as_str(), name).0.to_vec(),
        parent_span_id: if traced {
            story.span_id(&format!("agent:{}:{}", run.task, run.agent)).0.to_vec()
        } else {
            Vec::new()
        },
        name: name.to_owned(),
        kind: SERVER,
        start_time_unix_nano: start.nanos().unsigned_abs(),
        end_time_unix_nano: end.nanos().unsigned_abs(),
        ..Span::default()
    }
}

/// A request that was answered, whatever its agent made of the answer.
fn answered(job: &Job) -> Span {
    let (prompt, generated) = job.run.split();
    let mut span = span(job, "llm_request", is_traced(job));
    let seconds = (span.end_time_unix_nano - span.start_time_unix_nano) as f64 / 1e9;
    let part = |share: f64| Value::DoubleValue(seconds * share);
    let count = |count: u64| Value::IntValue(count as i64);
    let held = [
        ("gen_ai.usage.prompt_tokens", count(prompt)),
        ("gen_ai.usage.completion_tokens", count(generated)),
        ("gen_ai.request.max_tokens", count(4_096)),
        ("gen_ai.request.n", count(1)),
        ("gen_ai.request.temperature", Value::DoubleValue(0.7)),
        ("gen_ai.request.top_p", Value::DoubleValue(0.95)),
        ("gen_ai.latency.time_in_queue", part(0.01)),
        ("gen_ai.latency.time_to_first_token", part(0.05)),
        ("gen_ai.latency.time_in_model_prefill", part(0.04)),
        ("gen_ai.latency.time_in_model_decode", part(0.95)),
        ("gen_ai.latency.time_in_model_inference", part(0.99)),
        ("gen_ai.latency.e2e", part(1.0)),
    ];
    span.attributes = held.into_iter().map(|(key, value)| attribute(key, value)).collect();
    span.attributes.push(text("gen_ai.request.id", &id(job)));
    span
}

/// A request that was refused: the span of the web framework tells it. Its caller is traced, else nobody could say more.
fn refused(job: &Job) -> Span {
    let mut span = span(job, "POST /v1/chat/completions", true);
    span.attributes = vec![
        attribute("http.response.status_code", Value::IntValue(500)),
        text("client.address", &format!("10.244.1.{}", 11 + job.number % 2)),
    ];
    span
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}
