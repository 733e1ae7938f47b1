//! An entry of the history as JSON: one form for lists, the feed and exports.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::standing::{Polls, Standing, standings};
use super::time::Time;
use crate::model::{Delivery, Message, Record, Source, publish_span_id, shorten};

/// Longest summary sent, in characters.
const MAX_SUMMARY: usize = 400;

/// How much of an entry is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Detail {
    /// Without the payload.
    #[default]
    Summary,
    /// With it.
    Full,
}

/// An event of the fleet.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event<'a> {
    /// Place in the journal: grows by one per record, never reused.
    seq: u64,
    /// `<stream>:<sequence>`.
    pub(crate) id: String,
    /// `NATS`, `Ray`, `Neo4j`, `ValKey`, `vLLM`, `K8s`, `GPU`, `Alert`, `Orchestrator` or `Fleet`.
    pub(crate) source: &'static str,
    /// The subject with its ids replaced by `*`.
    #[serde(rename = "type")]
    pub(crate) kind: &'a str,
    /// The subject.
    pub(crate) subject: &'a str,
    /// When the server stored it.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Time,
    /// When Fleetscope saw it.
    #[schema(value_type = String, format = DateTime)]
    received: Time,
    /// The publishing service.
    pub(crate) producer: Option<&'a str>,
    /// Whether the producer was guessed from the subject.
    pub(crate) producer_inferred: bool,
    /// Story.
    pub(crate) story_id: Option<&'a str>,
    /// Task.
    pub(crate) task_id: Option<&'a str>,
    /// Backlog review ceremony.
    pub(crate) ceremony_id: Option<&'a str>,
    /// Plan.
    pub(crate) plan_id: Option<&'a str>,
    /// Role, upper case.
    pub(crate) role: Option<&'a str>,
    /// Agent.
    pub(crate) agent_id: Option<&'a str>,
    /// Body size on the wire, in bytes.
    pub(crate) size: u32,
    /// `info`, `warning` or `error`.
    pub(crate) severity: &'static str,
    /// One line for people.
    pub(crate) summary: Cow<'a, str>,
    /// Trace it is part of.
    pub(crate) trace_id: Option<String>,
    /// Its publish span.
    pub(crate) span_id: Option<String>,
    /// Where it stands at each consumer.
    pub(crate) deliveries: Vec<Standing<'a>>,
    /// The payload, masked: JSON as it was, or text. Only with `payload=full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    data: Option<Data<'a>>,
}

/// A payload to send.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Data<'a> {
    /// JSON on one line.
    Json(&'a RawValue),
    /// JSON whose line breaks were taken out: a frame is one line.
    OneLine(Box<RawValue>),
    /// Anything else.
    Text(Cow<'a, str>),
}

impl<'a> Event<'a> {
    /// `None` for records that are no entries.
    pub(crate) fn of(record: &'a Record, seen: &'a [Delivery], polls: &'a Polls, detail: Detail) -> Option<Self> {
        let (message, resolved) = record.entry()?;
        let ids = &resolved.ids;
        let trace = resolved.trace.as_ref().map(|key| key.continuation(resolved.part));
        let span = |key| publish_span_id(key, &message.stream, message.incarnation, message.stream_seq).to_string();
        Some(Self {
            seq: record.seq,
            id: message.origin(),
            source: message.source.name(),
            kind: &message.event_type,
            subject: &message.subject,
            timestamp: Time(message.stored),
            received: Time(message.received),
            producer: message.producer.as_deref(),
            producer_inferred: message.producer_inferred,
            story_id: ids.story.as_deref(),
            task_id: ids.task.as_deref(),
            ceremony_id: ids.ceremony.as_deref(),
            plan_id: ids.plan.as_deref(),
            role: ids.role.as_deref(),
            agent_id: ids.agent.as_deref(),
            size: message.size,
            severity: resolved.severity.name(),
            summary: short(&resolved.summary),
            trace_id: trace.as_ref().map(|key| key.trace_id().to_string()),
            span_id: trace.as_ref().filter(|_| message.source == Source::Nats).map(span),
            deliveries: standings(message, seen, polls.for_message(message)),
            data: (detail == Detail::Full).then(|| data(message)),
        })
    }
}

/// The event of an entry as JSON text; empty for other records.
pub(crate) fn event_json(record: &Record, seen: &[Delivery], polls: &Polls, detail: Detail) -> String {
    Event::of(record, seen, polls, detail).map_or_else(String::new, |event| {
        serde_json::to_string(&event).expect("text, numbers and valid JSON always serialise")
    })
}

fn short(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_SUMMARY { Cow::Borrowed(text) } else { Cow::Owned(shorten(text, MAX_SUMMARY)) }
}

/// The payload, as JSON if it is JSON that correlation could read too.
fn data(message: &Message) -> Data<'_> {
    let bytes = &message.payload.bytes;
    let text = String::from_utf8_lossy(bytes);
    if message.undecodable.is_some() || message.payload.truncated {
        return Data::Text(text);
    }
    if memchr::memchr2(b'\n', b'\r', bytes).is_none() {
        return serde_json::from_slice(bytes).map_or(Data::Text(text), Data::Json);
    }
    // Inside a JSON string a line break is always escaped, so what is replaced here is only space between tokens.
    match RawValue::from_string(text.replace(['\n', '\r'], " ")) {
        Ok(json) => Data::OneLine(json),
        Err(_) => Data::Text(text),
    }
}
