//! The history: `/api/events`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::access::Role;
use super::listing::{Listing, json_text};
use super::problem::Problem;
use super::query::{EventsQuery, Named, cursor_ahead, cursor_text};
use crate::model::{Cursor, Facts, Key, Message, Query, Record, Seq, Source, Timestamp, shorten};
use crate::sinks::feed::{Detail, Event, Invalid, Parts, Polls, Time};

/// Records a search takes at a time, and the size of an answer after which the page ends early: with payloads, a page
/// is bounded by bytes rather than by `limit`.
const CHUNK: usize = 100;
const MAX_BYTES: usize = 8 << 20;
/// After this a page ends, however little there is on it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Characters a viewer sees of a prompt, an answer, or any other long text of a message.
const VIEWER_TEXT: usize = 200;

/// The fields of a filter. Repeat a parameter or separate values by commas to ask for any of them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names and explains the parameters that `EventsQuery` reads")]
pub(super) struct FilterParams {
    /// A filter in one text, such as `story:US-1 role:DEV,QA -type:context.* "free text"` (docs/FILTER.md). What the other
    /// parameters say must hold as well.
    filter: Option<String>,
    /// Not before: a time ago such as `5m` or `24h`, or RFC 3339.
    since: Option<String>,
    /// Before: likewise.
    until: Option<String>,
    /// Stories; each also stands for its plans, tasks and ceremonies.
    story: Option<String>,
    /// Tasks.
    task: Option<String>,
    /// Ceremonies.
    ceremony: Option<String>,
    /// Plans.
    plan: Option<String>,
    /// Roles, case ignored.
    role: Option<String>,
    /// Agents.
    agent: Option<String>,
    /// Event types; `*` stands for any run of characters.
    #[param(rename = "type")]
    types: Option<String>,
    /// Publishing services.
    producer: Option<String>,
    /// `NATS`, `Ray`, `Neo4j`, `ValKey`, `vLLM`, `K8s`, `GPU`, `Alert`, `Orchestrator`, `Fleet`.
    source: Option<String>,
    /// At least this: `info`, `warning`, `error`.
    severity: Option<String>,
    /// Text in payload, subject or summary, case ignored.
    q: Option<String>,
}

/// What a page of events takes besides.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names and explains the parameters that `EventsQuery` reads")]
pub(super) struct PageParams {
    /// Most items, 1 to 1000.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// `desc` (newest first) or `asc`.
    order: Option<String>,
    /// `summary`, or `full` for the payloads too (role debug).
    payload: Option<String>,
}

/// Events, newest first.
#[utoipa::path(get, path = "/api/events", tag = "history", params(FilterParams, PageParams),
    responses((status = 200, description = "A page of events", body = Listing<Event<'_>>),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem),
              (status = 403, description = "Payloads need role debug", body = Problem)))]
pub(super) async fn list(State(api): State<Api>, role: Role, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let now = Timestamp::now();
    let asked = EventsQuery::parse(query.as_deref(), now)?;
    if asked.detail == Detail::Full {
        role.may_see_payloads(&api.context.config)?;
    }
    if let Some(cursor) = asked.cursor {
        let head = api.parts.blocking(|parts| parts.journal.stats()).await?.last_seq;
        // `asc` may have ended beyond what is an event; and one more is the cursor of a client that has them all.
        if cursor.0 > head + 1 {
            return Err(cursor_ahead(cursor, head));
        }
    }
    let body = api.parts.blocking(move |parts| page(parts, &asked, now)).await?;
    Ok(json_text(body))
}

/// Searches piece by piece until the page is full, in items or in bytes, or it took long enough: what is rare in a long
/// history is found page by page.
fn page(parts: &Parts, asked: &EventsQuery, now: Timestamp) -> Result<String, crate::journal::JournalError> {
    let begin = Instant::now();
    let polls = Polls::of(&parts.board);
    let (mut body, mut count) = (String::from("{\"items\":["), 0);
    let mut cursor = asked.cursor;
    let next = loop {
        let limit = CHUNK.min(asked.limit - count);
        let query = Query { filter: asked.filter.clone(), order: asked.order, limit, cursor };
        let page = parts.journal.search(&query)?;
        let mut cut = None;
        for record in &page.items {
            if count > 0 {
                body.push(',');
            }
            let seen = parts.journal.deliveries(record.seq)?;
            body.push_str(&crate::sinks::feed::event_json(record, &seen, &polls, asked.detail));
            count += 1;
            if body.len() > MAX_BYTES {
                cut = Some(Cursor(record.seq));
                break;
            }
        }
        let more = cut.or(page.next);
        if more.is_none() || cut.is_some() || count >= asked.limit || begin.elapsed() > PATIENCE {
            break more;
        }
        cursor = more;
    };
    let next = next.map(|Cursor(seq)| cursor_text('e', seq));
    let next = serde_json::to_string(&next).expect("a text or null");
    Ok(format!("{body}],\"next\":{next},\"as_of\":\"{now}\"}}"))
}

/// All about one event.
#[derive(Debug, Serialize, ToSchema)]
struct EventDetail<'a> {
    #[serde(flatten)]
    event: Event<'a>,
    /// Stream.
    stream: &'a str,
    /// Sequence in the stream.
    stream_seq: u64,
    /// Which life of the stream it is of, counted from 0.
    incarnation: u32,
    /// How the body is wrapped.
    form: &'static str,
    /// `Nats-Msg-Id`, or the envelope's id.
    message_id: Option<&'a str>,
    /// The `traceparent` header.
    traceparent: Option<&'a str>,
    /// The time the message claims.
    #[schema(value_type = Option<String>, format = DateTime)]
    claimed: Option<Time>,
    /// Deliberation.
    deliberation_id: Option<&'a str>,
    /// Project.
    project_id: Option<&'a str>,
    /// Epic.
    epic_id: Option<&'a str>,
    /// The known keys of the payload.
    #[schema(value_type = Object)]
    facts: Map<String, Value>,
    /// Rules of the contract it breaks.
    #[schema(value_type = Vec<String>)]
    violations: &'a [crate::model::Text],
    /// Why the body could not be decoded.
    undecodable: Option<&'a str>,
    /// Whether the payload was cut.
    truncated: bool,
    /// Secrets masked in it.
    masked: u32,
    /// Why a field is null or missing, by field.
    unknown: BTreeMap<&'static str, &'static str>,
    /// The role that sees `data`, where yours does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_needs_role: Option<&'static str>,
}

/// One event with payload, deliveries, trace and facts.
#[utoipa::path(get, path = "/api/events/{seq}", tag = "history", params(("seq" = u64, Path, description = "Its seq")),
    responses((status = 200, description = "The event", body = EventDetail<'_>),
              (status = 404, description = "No such event, or it expired", body = Problem)))]
pub(super) async fn one(State(api): State<Api>, Named(seq, role): Named) -> Result<Response, Problem> {
    let seq: Seq = seq.parse().map_err(|_| Invalid::value("seq", &seq, "the seq of an event"))?;
    let full = role.may_see_payloads(&api.context.config).is_ok();
    let body = api.parts.blocking(move |parts| detail(parts, seq, full)).await?;
    body.map(json_text).ok_or_else(|| Problem::not_found(&format!("event {seq}")))
}

fn detail(parts: &Parts, seq: Seq, full: bool) -> Result<Option<String>, crate::journal::JournalError> {
    let Some(record) = parts.journal.get(seq)? else { return Ok(None) };
    let seen = parts.journal.deliveries(seq)?;
    let polls = Polls::of(&parts.board);
    let shown = if full { Detail::Full } else { Detail::Summary };
    let detail = Event::of(&record, &seen, &polls, shown).zip(record.entry());
    Ok(detail.map(|(event, (message, _))| {
        let detail = event_detail(event, &record, message, full);
        serde_json::to_string(&detail).expect("text, numbers and valid JSON always serialise")
    }))
}

/// Why fields are null.
fn unknown(message: &Message) -> BTreeMap<&'static str, &'static str> {
    let seen_by_us = message.source != Source::Nats;
    let pod = if seen_by_us {
        "no service sent it: Fleetscope saw it in the system it watches"
    } else {
        "NATS does not tell which client published a message, and no message says it"
    };
    let producer = "neither the envelope nor the subject tells";
    [("producer", message.producer.is_none(), producer), ("producer_pod", true, pod)]
        .into_iter()
        .filter_map(|(field, is_null, why)| is_null.then_some((field, why)))
        .collect()
}

fn event_detail<'a>(event: Event<'a>, record: &'a Record, message: &'a Message, full: bool) -> EventDetail<'a> {
    let (_, resolved) = record.entry().expect("the caller saw the entry");
    EventDetail {
        event,
        stream: &message.stream,
        stream_seq: message.stream_seq,
        incarnation: message.incarnation,
        form: message.form.name(),
        message_id: message.message_id.as_deref(),
        traceparent: message.traceparent.as_deref(),
        claimed: message.claimed.map(Time),
        deliberation_id: resolved.ids.deliberation.as_deref(),
        project_id: resolved.ids.project.as_deref(),
        epic_id: resolved.ids.epic.as_deref(),
        facts: facts(&message.facts, full),
        violations: &resolved.violations,
        undecodable: message.undecodable.as_deref(),
        truncated: message.payload.truncated,
        masked: message.payload.masked,
        unknown: unknown(message),
        data_needs_role: (!full).then_some("debug"),
    }
}

fn facts(facts: &Facts, full: bool) -> Map<String, Value> {
    use crate::model::Value as Fact;
    let text = |t: &str| Value::String(if full { t.to_owned() } else { shorten(t, VIEWER_TEXT) });
    let value = |fact: Fact<'_>| match fact {
        Fact::Null => Value::Null,
        Fact::Bool(b) => Value::Bool(b),
        Fact::Int(n) => Value::from(n),
        Fact::Float(f) => Value::from(f),
        Fact::Text(t) => text(t),
        Fact::Texts(ts) => Value::Array(ts.iter().map(text).collect()),
        Fact::Items(n) => serde_json::json!({ "items": n }),
    };
    let named = |(key, fact): (Key, Fact<'_>)| (key.name().to_owned(), value(fact));
    // Headers are for the raw view.
    facts.iter().filter(|(key, _)| *key != Key::WireHeaders).map(named).collect()
}
