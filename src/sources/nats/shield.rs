//! A message that makes the decoder panic is kept as undecodable; it never stops a stream.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::model::{Facts, Form, Message, Payload, Source, Text, printable};
use crate::privacy::Masker;

use crate::sources::decode::{self, Raw};

/// Decodes, whatever happens.
pub(super) fn message(raw: Raw<'_>, masker: &Masker) -> Message {
    let (stream, subject) = (Text::clone(&raw.stream), raw.subject);
    let (incarnation, stream_seq, stored, received) = (raw.incarnation, raw.stream_seq, raw.stored, raw.received);
    let size = u32::try_from(raw.body.len()).unwrap_or(u32::MAX);
    // Decoding owns all it changes, so nothing half-changed is left behind.
    catch_unwind(AssertUnwindSafe(|| decode::message(raw, masker))).unwrap_or_else(|_| {
        let subject: Text = printable(subject).into();
        Message {
            source: Source::Nats,
            stream,
            incarnation,
            stream_seq,
            event_type: Text::clone(&subject),
            subject,
            stored,
            received,
            size,
            form: Form::Opaque,
            producer: None,
            producer_inferred: false,
            message_id: None,
            traceparent: None,
            claimed: None,
            facts: Facts::default(),
            undecodable: Some("decoder_failed".into()),
            // What could not be looked through is not kept.
            payload: Payload::default(),
            observed: None,
        }
    })
}
