//! A span of the server → a request, by the names of the server (vLLM 0.12 to 0.33) and none other.
//! Takes: one span. Gives: a request, or what is wrong or of no interest about it.
//! Never: believes a time, a number or an id it would not show.

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::model::{
    LlmParameters, LlmRequest, LlmSpan, LlmStatus, LlmTimes, SpanId, Text, Timestamp, TraceId, clean_id,
};

/// A time that is farther from now is a mistake.
const SANE_DAYS: i64 = 3;
const DAY: i64 = 86_400_000_000_000;
/// No request has more tokens.
const MAX_TOKENS: i64 = 1 << 40;
/// No part of a request takes longer, in seconds.
const MAX_SECONDS: f64 = 7.0 * 86_400.0;

/// What a span is.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// A request.
    Request(Box<LlmRequest>),
    /// Something else of the server: its start, a page it served.
    Other,
    /// Broken, and why.
    Broken(&'static str),
}

/// The attributes of a span.
struct Attributes<'a>(&'a [KeyValue]);

impl Attributes<'_> {
    fn value(&self, key: &str) -> Option<&any_value::Value> {
        self.0.iter().find(|held| held.key == key)?.value.as_ref()?.value.as_ref()
    }

    fn number(&self, key: &str) -> Option<f64> {
        match self.value(key)? {
            any_value::Value::IntValue(n) => Some(*n as f64),
            any_value::Value::DoubleValue(n) => Some(*n).filter(|n| n.is_finite()),
            _ => None,
        }
    }

    fn seconds(&self, key: &str) -> Option<f64> {
        self.number(key).filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds))
    }

    fn count(&self, key: &str) -> Option<u64> {
        match self.value(key)? {
            any_value::Value::IntValue(n) => Some(*n).filter(|n| (0..MAX_TOKENS).contains(n)).map(i64::unsigned_abs),
            _ => None,
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.value(key)? {
            any_value::Value::StringValue(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads a span. `model` is the one the server serves, where it serves one.
pub(super) fn request(span: &Span, service: &Text, model: Option<&Text>, now: Timestamp) -> Told {
    let held = Attributes(&span.attributes);
    let path = (span.kind == 2).then(|| span.name.strip_prefix("POST /v1/")).flatten();
    let code = held.number("http.response.status_code").or_else(|| held.number("http.status_code"));
    let failed = path.is_some() && code.is_some_and(|code| code >= 400.0);
    if span.name != "llm_request" && !failed {
        return Told::Other;
    }
    let own = match ids(span) {
        Ok(own) => own,
        Err(why) => return Told::Broken(why),
    };
    let (Some(start), Some(end)) = (time(span.start_time_unix_nano, now), time(span.end_time_unix_nano, now)) else {
        return Told::Broken("its times are not of these days");
    };
    if end < start {
        return Told::Broken("it ends before it begins");
    }
    let id = held.text("gen_ai.request.id").and_then(clean_id);
    Told::Request(Box::new(LlmRequest {
        request_id: id.unwrap_or_else(|| own.id.to_string().into()),
        model: model.cloned(),
        input_tokens: held.count("gen_ai.usage.prompt_tokens").or_else(|| held.count("gen_ai.usage.input_tokens")),
        output_tokens: held
            .count("gen_ai.usage.completion_tokens")
            .or_else(|| held.count("gen_ai.usage.output_tokens")),
        start,
        end,
        times: LlmTimes {
            first_token: held.seconds("gen_ai.latency.time_to_first_token"),
            queue: held.seconds("gen_ai.latency.time_in_queue"),
            prefill: held.seconds("gen_ai.latency.time_in_model_prefill"),
            decode: held.seconds("gen_ai.latency.time_in_model_decode"),
            inference: held.seconds("gen_ai.latency.time_in_model_inference"),
        },
        parameters: LlmParameters {
            temperature: held.number("gen_ai.request.temperature"),
            top_p: held.number("gen_ai.request.top_p"),
            max_tokens: held.count("gen_ai.request.max_tokens"),
            n: held.count("gen_ai.request.n"),
        },
        status: if failed { LlmStatus::Failed } else { LlmStatus::Completed },
        error: code.filter(|_| failed).map(|code| format!("{code}").into()),
        client: held.text("client.address").or_else(|| held.text("net.peer.ip")).and_then(clean_id),
        service: service.clone(),
        span: Some(own),
    }))
}

/// The ids of a span, which must be of the lengths there are, and not all zero.
fn ids(span: &Span) -> Result<LlmSpan, &'static str> {
    let trace: [u8; 16] = span.trace_id.as_slice().try_into().map_err(|_| "its trace id has not 16 bytes")?;
    let id: [u8; 8] = span.span_id.as_slice().try_into().map_err(|_| "its span id has not 8 bytes")?;
    let parent = match span.parent_span_id.as_slice() {
        [] => None,
        bytes => Some(SpanId(bytes.try_into().map_err(|_| "its parent's id has not 8 bytes")?)),
    };
    if trace == [0; 16] || id == [0; 8] {
        return Err("its ids are all zero");
    }
    Ok(LlmSpan { trace: TraceId(trace), id: SpanId(id), parent: parent.filter(|parent| parent.0 != [0; 8]) })
}

fn time(nanos: u64, now: Timestamp) -> Option<Timestamp> {
    let nanos = i64::try_from(nanos).ok()?;
    let far = now.nanos().checked_sub(nanos)?.checked_abs()?;
    (far <= SANE_DAYS * DAY).then(|| Timestamp::from_nanos(nanos))
}
