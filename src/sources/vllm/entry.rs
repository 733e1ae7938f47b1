//! A request → an entry of the history.

use serde::Serialize;

use crate::model::{Event, LlmRequest, LlmStatus, Observed, Severity, Source, Timestamp, What};
use crate::privacy::Masker;
use crate::sources::observe::{Sight, message};

/// What people see of a request.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    request_id: &'a str,
    status: &'static str,
    model: Option<&'a str>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    start: Timestamp,
    end: Timestamp,
    seconds: f64,
    time_to_first_token_seconds: Option<f64>,
    queue_seconds: Option<f64>,
    inference_seconds: Option<f64>,
    max_tokens: Option<u64>,
    temperature: Option<f64>,
    error: Option<&'a str>,
    client: Option<&'a str>,
    service: &'a str,
    trace_id: Option<String>,
    span_id: Option<String>,
    parent_span_id: Option<String>,
}

/// The entry of a request.
pub(super) fn entry(mut request: LlmRequest, now: Timestamp, masker: &Masker) -> Event {
    // A caller's id is anybody's text.
    request.request_id = masker.text(&request.request_id).into_owned().into();
    let seconds = request.end.since(request.start).as_secs_f64();
    let (kind, severity) = match request.status {
        LlmStatus::Completed => ("llm.request.completed", Severity::Info),
        LlmStatus::Failed => ("llm.request.failed", Severity::Error),
        LlmStatus::Aborted => ("llm.request.aborted", Severity::Warning),
    };
    let model = request.model.as_deref().unwrap_or("unknown model");
    let summary = match (request.status, request.input_tokens, request.output_tokens) {
        (LlmStatus::Completed, Some(input), Some(output)) => {
            format!("{model}: {input} + {output} tokens in {seconds:.2} s")
        }
        (LlmStatus::Completed, ..) => format!("{model}: answered in {seconds:.2} s"),
        (LlmStatus::Failed, ..) => format!("{model}: failed with {}", request.error.as_deref().unwrap_or("no reason")),
        (LlmStatus::Aborted, ..) => format!("{model}: aborted by its caller ({})", request.request_id),
    };
    let ids = request.span.map(|own| (own.trace.to_string(), own.id.to_string(), own.parent.map(|p| p.to_string())));
    let thing = match &ids {
        Some((trace, id, _)) => format!("llm.request.{trace}.{id}"),
        None => format!("llm.request.{}.{}", request.request_id, request.status.name()),
    };
    let body = Shown {
        request_id: &request.request_id,
        status: request.status.name(),
        model: request.model.as_deref(),
        input_tokens: request.input_tokens,
        output_tokens: request.output_tokens,
        start: request.start,
        end: request.end,
        seconds,
        time_to_first_token_seconds: request.times.first_token,
        queue_seconds: request.times.queue,
        inference_seconds: request.times.inference,
        max_tokens: request.parameters.max_tokens,
        temperature: request.parameters.temperature,
        error: request.error.as_deref(),
        client: request.client.as_deref(),
        service: &request.service,
        trace_id: ids.as_ref().map(|ids| ids.0.clone()),
        span_id: ids.as_ref().map(|ids| ids.1.clone()),
        parent_span_id: ids.as_ref().and_then(|ids| ids.2.clone()),
    };
    let observed = Observed {
        severity,
        summary: summary.into(),
        what: What::LlmRequest(Box::new(request.clone())),
        ..Observed::default()
    };
    let producer = Some(&*request.service);
    let at = request.end;
    let sight = Sight { source: Source::Vllm, kind, thing: &thing, producer, at, observed, body: &body };
    Event::Message(Box::new(message(sight, now, masker)))
}
