//! Subjects that no stream keeps: heard while we listen, lost while we do not.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;

use crate::model::{Batch, Event, Text, Timestamp};

use super::deliver::headers;
use super::{SOURCE, Shared, shield};
use crate::sources::decode::Raw;

/// Bytes that may wait for ingest; what comes on top is dropped and counted.
const MAX_BYTES: usize = 4 << 20;
/// Messages taken at a time.
const CHUNK: usize = 256;
/// How long the last of it may wait for room at a stop.
const LAST: Duration = Duration::from_secs(2);

/// Listens until stopped.
pub(super) async fn run(shared: Arc<Shared>, subject: String) {
    let mut messages = match shared.api.subscribe(&subject).await {
        Ok(subscriber) => subscriber.ready_chunks(CHUNK),
        Err(error) => return shared.failed(error.reason()),
    };
    let none: Text = "".into();
    let (mut events, mut bytes, mut last) = (Vec::new(), 0, 0_u64);
    loop {
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => break,
            room = shared.events.reserve(), if !events.is_empty() => match room {
                Ok(room) => {
                    bytes = 0;
                    room.send(Batch { events: std::mem::take(&mut events), positions: Vec::new() });
                }
                Err(_) => return,
            },
            chunk = messages.next() => {
                let Some(chunk) = chunk else { break };
                let received = Timestamp::now();
                for message in chunk {
                    if bytes + message.length > MAX_BYTES && !events.is_empty() {
                        shared.metrics.sources.missed.with_label_values(&[SOURCE, ""]).inc();
                        continue;
                    }
                    bytes += message.length + 256;
                    // There is no sequence: the time, made unique, serves as one.
                    last = (last + 1).max(u64::try_from(received.nanos()).unwrap_or(0));
                    let raw = Raw {
                        stream: Text::clone(&none),
                        incarnation: 0,
                        stream_seq: last,
                        subject: &message.subject,
                        headers: &headers(&message),
                        body: message.payload.clone(),
                        stored: received,
                        received,
                    };
                    events.push(Event::Message(Box::new(shield::message(raw, &shared.masker))));
                }
            }
        }
    }
    // What was seen is handed over, unless a journal that refuses would hold up the end.
    if !events.is_empty() {
        match tokio::time::timeout(LAST, shared.events.reserve()).await {
            Ok(Ok(room)) => room.send(Batch { events, positions: Vec::new() }),
            _ => shared.metrics.sources.missed.with_label_values(&[SOURCE, ""]).inc_by(events.len() as u64),
        }
    }
}
