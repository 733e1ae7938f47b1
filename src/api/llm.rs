//! Language models: their servers' state, and the last requests with the agents they belong to.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::access::Role;
use super::listing::Listing;
use super::problem::Problem;
use super::query::{Paging, Plain, cursor_number, cursor_text, pairs};
use super::when::{AtParams, When};
use crate::model::{Join, LlmModel, LlmView, Panel, Seq, Source, Timestamp};
use crate::sinks::feed::{Invalid, Time};

/// Serving of language models: requests at work and waiting, cache, tokens, times.
#[utoipa::path(get, path = "/api/metrics/vllm", tag = "systems", params(AtParams),
    responses((status = 200, description = "All models at all servers", body = Listing<LlmModel>)))]
pub(super) async fn metrics(State(api): State<Api>, when: When, _: Plain) -> Response {
    let stale = when.stale(&api, Source::Vllm, "source/vllm");
    when.read(|state| {
        let (items, as_of) = match state.panels.get(&Source::Vllm).map(AsRef::as_ref) {
            Some(Panel::Llm(panel)) => (panel.models.iter().collect(), panel.at),
            _ => (Vec::new(), Timestamp::ZERO),
        };
        Listing::of_system(items, as_of, stale).of(&when).into_response()
    })
}

/// Which requests.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names and explains the parameters that `requests` reads")]
pub(super) struct RequestsParams {
    /// Story they belong to.
    story: Option<String>,
    /// Agent that made them.
    agent: Option<String>,
    /// Model.
    model: Option<String>,
    /// `exact`, `inferred`, `none` or `open` (may still be joined).
    join: Option<String>,
    /// Most items, 1 to 1000.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A request to a language model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RequestJson {
    /// The event that tells of it.
    seq: u64,
    /// The server's id of it.
    request_id: String,
    /// `completed`, `failed` or `aborted`.
    status: &'static str,
    /// The error's type.
    error: Option<String>,
    /// Model.
    model: Option<String>,
    /// Arrival.
    #[schema(value_type = String, format = DateTime)]
    start: Time,
    /// End.
    #[schema(value_type = String, format = DateTime)]
    end: Time,
    /// Arrival to end.
    seconds: f64,
    /// Arrival to first token.
    time_to_first_token_seconds: Option<f64>,
    /// Time in the queue.
    queue_seconds: Option<f64>,
    /// Tokens of the prompt.
    input_tokens: Option<u64>,
    /// Tokens of the answer.
    output_tokens: Option<u64>,
    /// The caller's address, where known.
    client: Option<String>,
    /// `exact`, `inferred` or `none`; `open` while it may still be joined.
    join: &'static str,
    /// Agent that made it.
    agent_id: Option<String>,
    /// Task.
    task_id: Option<String>,
    /// Story.
    story_id: Option<String>,
    /// Role.
    role: Option<String>,
    /// The server's span: its trace where it came from, not where it was placed.
    trace_id: Option<String>,
    /// The server's span.
    span_id: Option<String>,
    /// Why a field is null, by field.
    unknown: BTreeMap<&'static str, &'static str>,
}

/// Why fields are null.
fn unknown(view: &LlmView) -> BTreeMap<&'static str, &'static str> {
    let request = &view.request;
    let of_log = "told by the server's log, which does not hold it";
    let unsaid = if request.span.is_some() { "its span does not hold it" } else { of_log };
    let who = match view.join {
        None => "it may still be joined",
        Some(Join::None) => "neither its caller nor its time, model and tokens tell without doubt",
        Some(_) => "its caller says the task or the story only",
    };
    [
        ("agent_id", view.ids.agent.is_none(), who),
        ("client", request.client.is_none(), "vLLM's spans hold no address"),
        ("model", request.model.is_none(), unsaid),
        ("input_tokens", request.input_tokens.is_none(), unsaid),
        ("output_tokens", request.output_tokens.is_none(), unsaid),
        ("time_to_first_token_seconds", request.times.first_token.is_none(), unsaid),
        ("queue_seconds", request.times.queue.is_none(), unsaid),
        ("status_code", true, "vLLM tells how a request ended (`status`, `error`), not the HTTP status"),
    ]
    .into_iter()
    .filter_map(|(field, is_null, why)| is_null.then_some((field, why)))
    .collect()
}

impl From<&LlmView> for RequestJson {
    fn from(view: &LlmView) -> Self {
        let (request, ids) = (&view.request, &view.ids);
        let text = |text: &Option<crate::model::Text>| text.as_deref().map(str::to_owned);
        Self {
            seq: view.seq,
            request_id: request.request_id.to_string(),
            status: request.status.name(),
            error: text(&request.error),
            model: text(&request.model),
            start: Time(request.start),
            end: Time(request.end),
            seconds: request.end.since(request.start).as_secs_f64(),
            time_to_first_token_seconds: request.times.first_token,
            queue_seconds: request.times.queue,
            input_tokens: request.input_tokens,
            output_tokens: request.output_tokens,
            client: text(&request.client),
            join: join(view),
            agent_id: text(&ids.agent),
            task_id: text(&ids.task),
            story_id: text(&ids.story),
            role: text(&ids.role),
            trace_id: request.span.map(|own| own.trace.to_string()),
            span_id: request.span.map(|own| own.id.to_string()),
            unknown: unknown(view),
        }
    }
}

fn join(view: &LlmView) -> &'static str {
    view.join.map_or("open", Join::name)
}

/// What is asked for.
#[derive(Debug, Default)]
struct Asked {
    story: Option<String>,
    agent: Option<String>,
    model: Option<String>,
    join: Option<String>,
    paging: Paging,
}

impl Asked {
    fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut asked = Self::default();
        for (name, value) in pairs(query)? {
            match &*name {
                "story" => asked.story = Some(value),
                "agent" => asked.agent = Some(value),
                "model" => asked.model = Some(value),
                "join" if ["exact", "inferred", "none", "open"].contains(&&*value) => asked.join = Some(value),
                "join" => return Err(Invalid::value("join", &value, "exact, inferred, none, open").into()),
                _ if asked.paging.take(&name, &value)? => {}
                _ => {
                    let known = "story, agent, model, join, limit, cursor, at";
                    return Err(Invalid::new(&name, "is unknown", known).into());
                }
            }
        }
        Ok(asked)
    }

    fn wants(&self, view: &LlmView) -> bool {
        let is =
            |wanted: &Option<String>, held: Option<&str>| wanted.as_deref().is_none_or(|wanted| held == Some(wanted));
        is(&self.story, view.ids.story.as_deref())
            && is(&self.agent, view.ids.agent.as_deref())
            && is(&self.model, view.request.model.as_deref())
            && is(&self.join, Some(join(view)))
    }
}

/// The last requests to language models, newest first; older ones are among the events of source `vLLM`.
#[utoipa::path(get, path = "/api/llm/requests", tag = "systems", params(RequestsParams, AtParams),
    responses((status = 200, description = "A page of requests", body = Listing<RequestJson>),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem)))]
pub(super) async fn requests(when: When, _: Role, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let asked = Asked::parse(query.as_deref())?;
    let before: Seq = match &asked.paging.cursor {
        None => Seq::MAX,
        Some(text) => cursor_number('r', text)
            .ok_or_else(|| Invalid::value("cursor", text, "the `next` of an earlier answer, unchanged"))?,
    };
    let (items, next, as_of) = when.read(|state| {
        let mut fitting = state.calls.range(..before).rev().filter(|(_, view)| asked.wants(view));
        let items: Vec<RequestJson> =
            fitting.by_ref().take(asked.paging.limit).map(|(_, view)| RequestJson::from(&**view)).collect();
        let next = fitting.next().and(items.last()).map(|last| cursor_text('r', last.seq));
        (items, next, state.as_of)
    });
    Ok(Listing { next, ..Listing::whole(items, as_of) }.of(&when).into_response())
}
