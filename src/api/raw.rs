//! One message as it came: `/api/events/{seq}/raw`.
//! Takes: the seq of an event. Gives: headers, envelope, body and what JetStream said, masked, as far as the journal keeps it.
//! Never: makes up what was not kept: `unknown` says why a field is null.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Api;
use super::errors::{ErrorJson, found};
use super::problem::Problem;
use super::query::Named;
use crate::model::{Form, Key, Message, Seq, Source};
use crate::sinks::feed::{Invalid, Time};

/// A header.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Header {
    /// Its name.
    name: String,
    /// Its value; secrets are masked, and 256 characters are kept of name and value.
    value: String,
}

/// What JetStream said of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JetStream {
    /// Stream; empty for core NATS.
    stream: String,
    /// Sequence in the stream.
    stream_seq: u64,
    /// Which life of the stream it is of, counted from 0.
    incarnation: u32,
    /// When the server stored it.
    #[schema(value_type = String, format = DateTime)]
    stored: Time,
}

/// A message as it came, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RawJson {
    /// The event's seq.
    seq: u64,
    /// The system it came from.
    source: &'static str,
    /// The subject it was published on.
    subject: String,
    /// The subject replies go to: the server does not store it.
    reply: Option<String>,
    /// Headers, less `Nats-Msg-Id`.
    headers: Vec<Header>,
    /// `Nats-Msg-Id`; the envelope's own id where there was no such header.
    message_id: Option<String>,
    /// What JetStream said of it; null for other systems.
    jetstream: Option<JetStream>,
    /// The time the message claims.
    #[schema(value_type = Option<String>, format = DateTime)]
    claimed: Option<Time>,
    /// When Fleetscope saw it.
    #[schema(value_type = String, format = DateTime)]
    received: Time,
    /// How the body is wrapped.
    form: &'static str,
    /// The fields of the envelope around the payload; null where there is none.
    #[schema(value_type = Option<Object>)]
    envelope: Option<Map<String, Value>>,
    /// `utf-8`, or `base64` where the body is no text.
    encoding: &'static str,
    /// The body as it came, masked.
    body: String,
    /// Bytes of the body on the wire.
    size: u32,
    /// Bytes of it that are kept.
    kept: usize,
    /// Whether the body was cut.
    truncated: bool,
    /// Secrets masked in it.
    masked: u32,
    /// Why the body could not be decoded.
    undecodable: Option<String>,
    /// Errors found in it.
    errors: Vec<ErrorJson>,
    /// Why a field is null, by field.
    unknown: BTreeMap<&'static str, &'static str>,
}

/// The raw wire view of an event: headers, envelope, body and JetStream's word on it. Needs role debug.
#[utoipa::path(get, path = "/api/events/{seq}/raw", tag = "debug", params(("seq" = u64, Path, description = "Its seq")),
    responses((status = 200, description = "The message as it came, masked", body = RawJson),
              (status = 403, description = "It needs role debug", body = Problem),
              (status = 404, description = "No such event, or it expired", body = Problem)))]
pub(super) async fn raw(State(api): State<Api>, Named(seq, role): Named) -> Result<Response, Problem> {
    role.may_debug()?;
    let seq: Seq = seq.parse().map_err(|_| Invalid::value("seq", &seq, "the seq of an event"))?;
    let record = api.parts.blocking(move |parts| parts.journal.get(seq)).await?;
    let unknown = || Problem::not_found(&format!("event {seq}"));
    let record = record.ok_or_else(unknown)?;
    let (message, resolved) = record.entry().ok_or_else(unknown)?;
    let errors = found(message, resolved).map(ErrorJson::from).into_iter().collect();
    Ok(Json(raw_json(seq, message, errors)).into_response())
}

fn raw_json(seq: Seq, message: &Message, errors: Vec<ErrorJson>) -> RawJson {
    let of_nats = message.source == Source::Nats;
    let bytes = &message.payload.bytes;
    let (encoding, body) = match std::str::from_utf8(bytes) {
        Ok(text) => ("utf-8", text.to_owned()),
        Err(_) => ("base64", STANDARD.encode(bytes)),
    };
    let text = |text: &Option<crate::model::Text>| text.as_deref().map(str::to_owned);
    let mut unknown = BTreeMap::from([("reply", "JetStream does not store where replies go")]);
    if !of_nats {
        unknown.insert("jetstream", "no message of NATS: Fleetscope saw it in the system it watches");
    }
    if message.payload.truncated {
        unknown.insert("body", "cut: privacy caps what is kept of a body");
    }
    RawJson {
        seq,
        source: message.source.name(),
        subject: message.subject.to_string(),
        reply: None,
        headers: headers(message),
        message_id: text(&message.message_id),
        jetstream: of_nats.then(|| JetStream {
            stream: message.stream.to_string(),
            stream_seq: message.stream_seq,
            incarnation: message.incarnation,
            stored: Time(message.stored),
        }),
        claimed: message.claimed.map(Time),
        received: Time(message.received),
        form: message.form.name(),
        envelope: envelope(message),
        encoding,
        body,
        size: message.size,
        kept: bytes.len(),
        truncated: message.payload.truncated,
        masked: message.payload.masked,
        undecodable: text(&message.undecodable),
        errors,
        unknown,
    }
}

fn headers(message: &Message) -> Vec<Header> {
    let header = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
    let kept = message.facts.texts(Key::WireHeaders).map(|line| match line.split_once(": ") {
        Some((name, value)) => header(name, value),
        None => header(line, ""),
    });
    let trace = message.traceparent.as_deref().map(|value| header("traceparent", value));
    trace.into_iter().chain(kept).collect()
}

/// All but the payload of a body that is wrapped.
fn envelope(message: &Message) -> Option<Map<String, Value>> {
    if !matches!(message.form, Form::Envelope | Form::Runtime | Form::Kernel) {
        return None;
    }
    let mut body: Map<String, Value> = serde_json::from_slice(&message.payload.bytes).ok()?;
    body.retain(|name, _| name != "payload" && name != "data");
    Some(body)
}
