//! The spans of a request, and where they belong.
//! Takes: a request whose join is settled. Gives: `chat <model>` beneath the agent's span with the server's own span
//! beneath it, or the server's span as it came.
//! Never: gives a span before it is certain, or twice.

use serde::{Deserialize, Serialize};

use crate::model::{
    Attribute, Ids, Join, LlmRequest, LlmSpan, LlmStatus, Span, SpanId, SpanKind, SpanLink, SpanStatus, Text, TraceKey,
};

use crate::correlate::fold::Fold;
use crate::correlate::trace::{SPAN_BYTES, span, story_attributes};

/// Requests that may wait for the span of one answer.
const MAX_CALLS: usize = 16;
/// The service agents run in, where their answer no longer says.
const EXECUTOR: &str = "ray-executor";

/// A request that waits for the span of its agent's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::correlate) struct Call {
    request: Box<LlmRequest>,
    join: Join,
    ids: Ids,
}

impl Call {
    /// Its spans beneath `parent`.
    pub(in crate::correlate) fn spans(&self, (key, parent): (&TraceKey, SpanId), caller: &Text, spans: &mut Vec<Span>) {
        let Some(own) = self.request.span else { return };
        let (request, join, ids) = (&self.request, self.join, &self.ids);
        let what = format!("chat:{}:{}", own.trace, own.id);
        let name = name(request);
        let mut chat = span(key, &what, Some(parent), name, (request.start, request.end));
        (chat.kind, chat.service) = (SpanKind::Client, caller.clone());
        chat.attributes = attributes(request, join, ids);
        let mut server = as_it_came(request, own, join, ids);
        (server.trace_id, server.parent) = (key.trace_id(), Some(chat.span_id));
        if let Some(parent) = own.parent {
            let attributes = vec![Attribute::text("fleet.link", "caller")];
            server.links.push(SpanLink { trace_id: own.trace, span_id: parent, attributes });
        }
        spans.push(chat);
        spans.push(server);
    }
}

fn operation(request: &LlmRequest) -> &'static str {
    let id = &*request.request_id;
    if id.starts_with("cmpl-") {
        "text_completion"
    } else if id.starts_with("embd-") {
        "embeddings"
    } else {
        "chat"
    }
}

fn name(request: &LlmRequest) -> Text {
    match &request.model {
        Some(model) => format!("{} {model}", operation(request)).into(),
        None => operation(request).into(),
    }
}

/// The server's span, in its own trace beneath its own caller.
fn as_it_came(request: &LlmRequest, own: LlmSpan, join: Join, ids: &Ids) -> Span {
    Span {
        trace_id: own.trace,
        span_id: own.id,
        parent: own.parent,
        name: "llm_request".into(),
        kind: SpanKind::Server,
        start: request.start,
        end: request.end.max(request.start),
        service: request.service.clone(),
        attributes: attributes(request, join, ids),
        events: Vec::new(),
        links: Vec::new(),
        status: match request.status {
            LlmStatus::Completed => SpanStatus::Unset,
            LlmStatus::Failed | LlmStatus::Aborted => SpanStatus::Error(request.status.name().into()),
        },
    }
}

/// By the GenAI conventions of version 1.41, times in seconds.
fn attributes(request: &LlmRequest, join: Join, ids: &Ids) -> Vec<Attribute> {
    let mut held = story_attributes(ids.story.as_ref());
    held.push(Attribute::text("gen_ai.operation.name", operation(request)));
    held.push(Attribute::text("gen_ai.provider.name", "vllm"));
    if let Some(model) = &request.model {
        held.push(Attribute::text("gen_ai.request.model", model.clone()));
        held.push(Attribute::text("gen_ai.response.model", model.clone()));
    }
    held.push(Attribute::text("gen_ai.response.id", request.request_id.clone()));
    let (asked, times) = (&request.parameters, &request.times);
    let counts = [
        ("gen_ai.usage.input_tokens", request.input_tokens),
        ("gen_ai.usage.output_tokens", request.output_tokens),
        ("gen_ai.request.max_tokens", asked.max_tokens),
        ("gen_ai.request.choice.count", asked.n.filter(|n| *n != 1)),
    ];
    held.extend(counts.into_iter().filter_map(|(key, n)| Some(Attribute::int(key, i64::try_from(n?).ok()?))));
    let numbers = [
        ("gen_ai.request.temperature", asked.temperature),
        ("gen_ai.request.top_p", asked.top_p),
        ("gen_ai.response.time_to_first_chunk", times.first_token),
        ("fleet.llm.queue_seconds", times.queue),
        ("fleet.llm.prefill_seconds", times.prefill),
        ("fleet.llm.decode_seconds", times.decode),
        ("fleet.llm.inference_seconds", times.inference),
    ];
    held.extend(numbers.into_iter().filter_map(|(key, n)| Some(Attribute::float(key, n?))));
    let known = [
        ("fleet.task.id", &ids.task),
        ("fleet.ceremony.id", &ids.ceremony),
        ("fleet.plan.id", &ids.plan),
        ("fleet.agent.id", &ids.agent),
        ("fleet.role", &ids.role),
        ("client.address", &request.client),
        ("error.type", &request.error),
    ];
    held.extend(known.into_iter().filter_map(|(key, id)| Some(Attribute::text(key, id.clone()?))));
    held.push(Attribute::text("fleet.join", join.name()));
    held
}

impl Fold<'_> {
    /// Sends a request's spans, or lets them wait for the span of their agent's answer. `trace` is where spans of the
    /// step go that have no better place.
    pub(super) fn place_call(&mut self, request: &LlmRequest, join: Join, ids: &Ids, trace: Option<&TraceKey>) {
        let Some(own) = request.span else { return };
        // Who is in a story's trace by its caller's word stays where the caller put it.
        let by_caller = join == Join::Exact && own.parent.is_some() && ids.agent.is_none();
        let Some(trace) = trace.filter(|_| join != Join::None && !by_caller) else {
            self.spans.push(as_it_came(request, own, join, ids));
            return;
        };
        let call = Call { request: Box::new(request.clone()), join, ids: ids.clone() };
        let deliberation = ids.task.as_ref().and_then(|task| self.state.deliberations.get_mut(task));
        let answer = deliberation.and_then(|d| {
            let answer = d.answers.iter_mut().find(|answer| Some(&answer.agent) == ids.agent.as_ref())?;
            Some((d.sent.as_ref().map(|(key, _)| key.clone()), answer))
        });
        let before = self.spans.len();
        match answer {
            Some((Some(key), answer)) if answer.span.is_some() => {
                let parent = answer.span.unwrap_or(key.root());
                call.spans((&key, parent), &EXECUTOR.into(), &mut self.spans);
            }
            Some((None, answer)) if answer.calls.len() < MAX_CALLS => answer.calls.push(call),
            // Nothing of its agent is held any more, or too much.
            _ => call.spans((trace, trace.root()), &EXECUTOR.into(), &mut self.spans),
        }
        let sent = (self.spans.len() - before) as u64;
        if let Some(story) = ids.story.as_ref().and_then(|story| self.state.stories.get_mut(story)) {
            story.trace.bytes += SPAN_BYTES * sent;
        }
    }
}
