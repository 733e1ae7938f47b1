//! The ack tap: every acknowledgement of every consumer, seen by listening along.
//! Takes: `$JS.ACK.>`. Gives: settlements. Never: acks, or makes the fleet or the readers wait.

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use futures::StreamExt as _;
use futures::stream::select_all;

use crate::model::{Batch, Settlement, SettlementKind, Text, Timestamp};

use super::fold::{Fold, Squeezed};
use super::signals::Denied;
use super::{OWN_PREFIX, Shared, ack};

/// Where consumers write their answers.
pub(super) const SUBJECT: &str = "$JS.ACK.>";
/// Acknowledgements taken at a time.
const CHUNK: usize = 512;

/// Whether acknowledgements are being seen.
pub(super) fn is_open(shared: &Shared) -> bool {
    let signals = shared.api.signals();
    shared.config.ack_tap && signals.line.borrow().up && !signals.is_denied(&Denied::Subscribe(SUBJECT.to_owned()))
}

/// Listens until stopped.
pub(super) async fn run(shared: Arc<Shared>) {
    if !shared.config.ack_tap {
        return;
    }
    match shared.api.subscribe(SUBJECT).await {
        Ok(acks) => pump(&shared, vec![acks], |message, at| read(&shared, message, at)).await,
        Err(error) => shared.failed(error.reason()),
    }
}

/// Hands settlements to ingest; while ingest is busy they are folded, never waited for.
pub(super) async fn pump(
    shared: &Shared,
    from: Vec<Subscriber>,
    mut read: impl FnMut(&Message, Timestamp) -> Option<Settlement>,
) {
    let mut messages = select_all(from).ready_chunks(CHUNK);
    let mut fold = Fold::default();
    loop {
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => break,
            room = shared.events.reserve(), if !fold.is_empty() => match room {
                Ok(room) => room.send(Batch { events: fold.take(), positions: Vec::new() }),
                Err(_) => break,
            },
            chunk = messages.next() => {
                let Some(chunk) = chunk else { break };
                let at = Timestamp::now();
                for message in &chunk {
                    if let Some(settlement) = read(message, at) {
                        count(shared, fold.push(settlement));
                    }
                }
            }
        }
    }
}

fn count(shared: &Shared, squeezed: Squeezed) {
    for (reason, count) in [("acks_folded", squeezed.folded), ("acks_dropped", squeezed.dropped)] {
        if count > 0 {
            shared.metrics.sources.errors.with_label_values(&[super::SOURCE, reason]).inc_by(count);
        }
    }
}

fn read(shared: &Shared, message: &Message, at: Timestamp) -> Option<Settlement> {
    let Some(delivered) = ack::subject(&message.subject) else {
        shared.failed("ack_subject");
        return None;
    };
    if delivered.consumer.starts_with(OWN_PREFIX) {
        return None;
    }
    let Some(kind) = ack::body(&message.payload, shared.api.at_least(2, 10, 4)) else {
        shared.failed("ack_body");
        return None;
    };
    Some(Settlement {
        stream: delivered.stream.into(),
        consumer: delivered.consumer.into(),
        stream_seq: delivered.stream_seq,
        deliveries: delivered.deliveries,
        stored: delivered.stored,
        at,
        kind: masked(shared, kind),
        known: None,
    })
}

/// A reason is foreign text.
pub(super) fn masked(shared: &Shared, kind: SettlementKind) -> SettlementKind {
    match kind {
        SettlementKind::Term { reason: Some(reason) } => {
            let masked: Text = crate::model::printable(&shared.masker.text(&reason)).into();
            SettlementKind::Term { reason: Some(masked) }
        }
        kind => kind,
    }
}
