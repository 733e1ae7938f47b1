//! Stored message → `model::Message`.
//! Takes: subject, headers and body as they came. Gives: a masked message with its facts, whatever the body is.
//! Never: fails, guesses what an event means, or keeps a secret.

mod body;
mod claimed;
mod header;
mod object;
mod scalar;
mod subject;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::model::{Form, Message, Source, Text, Timestamp};
use crate::privacy::{MAX_BODY, Masker};

pub use subject::template;

/// A message as the server gave it.
#[derive(Debug)]
pub struct Raw<'a> {
    /// The stream, empty for core NATS.
    pub stream: Text,
    /// Which life of the stream this is.
    pub incarnation: u32,
    /// Sequence in the stream.
    pub stream_seq: u64,
    /// The subject it was published on.
    pub subject: &'a str,
    /// Headers in the order they came.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: Bytes,
    /// When the server stored it.
    pub stored: Timestamp,
    /// When Fleetscope saw it.
    pub received: Timestamp,
}

/// Decodes a message. A body that cannot be read makes a message that says why.
pub fn message(raw: Raw<'_>, masker: &Masker) -> Message {
    let size = u32::try_from(raw.body.len()).unwrap_or(u32::MAX);
    let too_large = raw.body.len() > MAX_BODY;
    let kept = masker.whole(raw.body.clone());
    let read = if too_large {
        Err("too_large")
    } else {
        // A body withheld as a whole says nothing of why it cannot be read.
        body::read(&kept.bytes).map_err(|reason| body::read(&raw.body).err().unwrap_or(reason))
    };
    let (body, undecodable) = match read {
        Ok(body) => (body, None),
        Err(reason) => (body::Body::opaque(), Some(Text::from(reason))),
    };
    let mut facts = body.facts;
    header::keep(raw.headers, masker, &mut facts);
    let named = subject::named(raw.subject, masker);
    let (producer, producer_inferred) = match body.producer {
        Some(producer) => (Some(subject::producer(&producer)), false),
        None => (named.producer.clone(), named.producer.is_some()),
    };
    Message {
        source: Source::Nats,
        stream: raw.stream,
        incarnation: raw.incarnation,
        stream_seq: raw.stream_seq,
        subject: named.subject,
        event_type: named.template,
        stored: raw.stored,
        received: raw.received,
        size,
        form: if undecodable.is_some() { Form::Opaque } else { body.form },
        producer,
        producer_inferred,
        message_id: header::message_id(raw.headers, masker).or(body.id),
        traceparent: header::traceparent(raw.headers),
        claimed: body.claims.best(raw.stored),
        facts,
        undecodable,
        payload: kept.payload(),
        observed: None,
    }
}
