//! Record ↔ the bytes of a row.
//! Takes: a record. Gives: its searchable text (payload, subject, summary) and, apart from it, all the rest.
//! Never: stores the sequence or time: the frame's columns hold them.

use std::sync::Arc;

use bytes::Bytes;
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use crate::model::{
    Body, Delivery, Facts, Form, Ids, Link, Message, Observed, Payload, Record, Resolved, Seq, Severity, Source, Span,
    Text, Timestamp, TraceKey,
};

/// One list of fields, written from references and read as values, so that the two cannot differ.
macro_rules! entry {
    ($($field:ident: $kind:ty,)+) => {
        #[derive(Serialize)]
        struct EntryOut<'a> { $($field: &'a $kind,)+ }
        #[derive(Deserialize)]
        struct EntryIn { $($field: $kind,)+ }
    };
}

entry! {
    source: Source,
    stream: Text,
    incarnation: u32,
    stream_seq: u64,
    subject_len: u32,
    event_type: Text,
    stored: Timestamp,
    received: Timestamp,
    size: u32,
    form: Form,
    producer: Option<Text>,
    producer_inferred: bool,
    message_id: Option<Text>,
    traceparent: Option<Text>,
    claimed: Option<Timestamp>,
    facts: Facts,
    undecodable: Option<Text>,
    truncated: bool,
    masked: u32,
    observed: Option<Box<Observed>>,
    ids: Ids,
    trace: Option<TraceKey>,
    part: u32,
    severity: Severity,
    summary_len: u32,
    violations: Vec<Text>,
}

#[derive(Serialize)]
enum BodyOut<'a> {
    Entry(EntryOut<'a>),
    Delivery(&'a Delivery),
    Tick,
}

#[derive(Deserialize)]
enum BodyIn {
    Entry(Box<EntryIn>),
    Delivery(Box<Delivery>),
    Tick,
}

/// Appends a record's text to `text` and the rest to `rest`.
pub(super) fn encode(record: &Record, rest: &mut Vec<u8>, text: &mut Vec<u8>) -> Result<(), postcard::Error> {
    let Record { seq: _, at: _, body, spans, links } = record;
    let lengths;
    let body = match body {
        Body::Message(message, resolved) => {
            let Message {
                source,
                stream,
                incarnation,
                stream_seq,
                subject,
                event_type,
                stored,
                received,
                size,
                form,
                producer,
                producer_inferred,
                message_id,
                traceparent,
                claimed,
                facts,
                undecodable,
                payload: Payload { bytes, truncated, masked },
                observed,
            } = &**message;
            let Resolved { ids, trace, part, severity, summary, violations } = &**resolved;
            text.extend_from_slice(bytes);
            text.extend_from_slice(subject.as_bytes());
            text.extend_from_slice(summary.as_bytes());
            lengths = (subject.len() as u32, summary.len() as u32);
            BodyOut::Entry(EntryOut {
                source,
                stream,
                incarnation,
                stream_seq,
                subject_len: &lengths.0,
                event_type,
                stored,
                received,
                size,
                form,
                producer,
                producer_inferred,
                message_id,
                traceparent,
                claimed,
                facts,
                undecodable,
                truncated,
                masked,
                observed,
                ids,
                trace,
                part,
                severity,
                summary_len: &lengths.1,
                violations,
            })
        }
        Body::Delivery(delivery) => BodyOut::Delivery(delivery),
        Body::Tick => BodyOut::Tick,
    };
    postcard::serialize_with_flavor(&(body, spans, links), Append(rest))
}

/// Bytes at the end of a vector. postcard's own way of extending one adds byte by byte.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// The record of a row, with or without its payload; `None` = these are not the bytes of one.
pub(super) fn decode(seq: Seq, at: Timestamp, rest: &[u8], text: &[u8], payload: bool) -> Option<Arc<Record>> {
    let (body, spans, links): (BodyIn, Vec<Span>, Vec<Link>) = postcard::from_bytes(rest).ok()?;
    let body = match body {
        BodyIn::Entry(entry) => {
            let (message, resolved) = entry.with_text(text, payload)?;
            Body::Message(Box::new(message), Box::new(resolved))
        }
        BodyIn::Delivery(delivery) => Body::Delivery(delivery),
        BodyIn::Tick => Body::Tick,
    };
    Some(Arc::new(Record { seq, at, body, spans, links }))
}

impl EntryIn {
    fn with_text(self, text: &[u8], with_payload: bool) -> Option<(Message, Resolved)> {
        let (text, summary) = text.split_at_checked(text.len().checked_sub(self.summary_len as usize)?)?;
        let (payload, subject) = text.split_at_checked(text.len().checked_sub(self.subject_len as usize)?)?;
        let payload = if with_payload { Bytes::copy_from_slice(payload) } else { Bytes::new() };
        let message = Message {
            source: self.source,
            stream: self.stream,
            incarnation: self.incarnation,
            stream_seq: self.stream_seq,
            subject: std::str::from_utf8(subject).ok()?.into(),
            event_type: self.event_type,
            stored: self.stored,
            received: self.received,
            size: self.size,
            form: self.form,
            producer: self.producer,
            producer_inferred: self.producer_inferred,
            message_id: self.message_id,
            traceparent: self.traceparent,
            claimed: self.claimed,
            facts: self.facts,
            undecodable: self.undecodable,
            payload: Payload { bytes: payload, truncated: self.truncated, masked: self.masked },
            observed: self.observed,
        };
        let resolved = Resolved {
            ids: self.ids,
            trace: self.trace,
            part: self.part,
            severity: self.severity,
            summary: std::str::from_utf8(summary).ok()?.into(),
            violations: self.violations,
        };
        Some((message, resolved))
    }
}
