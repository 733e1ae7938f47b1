//! The ack tap: every acknowledgement of every consumer, seen by listening along.
//! Takes: `$JS.ACK.>`. Gives: settlements. Never: acks, or makes the fleet or the readers wait.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures::stream::select_all;
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::{Batch, Settlement, SettlementKind, Text, Timestamp};

use super::discover::Streams;
use super::fold::{Fold, Squeezed};
use super::signals::Denied;
use super::{OWN_PREFIX, SOURCE, Shared, ack};

/// Where consumers write their answers.
pub(super) const SUBJECT: &str = "$JS.ACK.>";
/// Acknowledgements taken at a time.
const CHUNK: usize = 512;
/// How long ingest may take, at the end, to make room for what was seen: nobody says it again.
const LAST: Duration = Duration::from_secs(2);

/// Whether acknowledgements are being seen.
pub(super) fn is_open(shared: &Shared) -> bool {
    let signals = shared.api.signals();
    shared.config.ack_tap && signals.line.borrow().up && !signals.is_denied(&Denied::Subscribe(SUBJECT.to_owned()))
}

/// Listens until stopped.
pub(super) async fn run(shared: Arc<Shared>, streams: Arc<Streams>) {
    if !shared.config.ack_tap {
        return;
    }
    match shared.api.subscribe(SUBJECT).await {
        Ok(acks) => pump(&shared, vec![acks], |message, at| read(&shared, &streams, message, at)).await,
        Err(error) => shared.failed(error.reason()),
    }
}

/// Hands settlements to ingest; while ingest is busy they are folded, never waited for.
pub(super) async fn pump(
    shared: &Shared,
    from: Vec<Subscriber>,
    read: impl FnMut(&Message, Timestamp) -> Option<Settlement>,
) {
    let messages = select_all(from).ready_chunks(CHUNK);
    collect(&shared.events, &shared.stop, messages, read, |squeezed| count(shared, squeezed)).await;
}

async fn collect<M>(
    events: &mpsc::Sender<Batch>,
    stop: &CancellationToken,
    mut messages: impl Stream<Item = Vec<M>> + Unpin,
    mut read: impl FnMut(&M, Timestamp) -> Option<Settlement>,
    mut count: impl FnMut(Squeezed),
) {
    let mut fold = Fold::default();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            room = events.reserve(), if !fold.is_empty() => match room {
                Ok(room) => room.send(Batch { events: fold.take(), positions: Vec::new() }),
                Err(_) => break,
            },
            chunk = messages.next() => {
                let Some(chunk) = chunk else { break };
                let at = Timestamp::now();
                for message in &chunk {
                    if let Some(settlement) = read(message, at) {
                        count(fold.push(settlement));
                    }
                }
            }
        }
    }
    // What was seen is handed over, unless a journal that refuses would hold up the end.
    let end = Instant::now() + LAST;
    while !fold.is_empty() {
        let Ok(Ok(room)) = tokio::time::timeout_at(end, events.reserve()).await else {
            count(Squeezed { folded: 0, dropped: fold.len() as u64 });
            return;
        };
        room.send(Batch { events: fold.take(), positions: Vec::new() });
    }
}

fn count(shared: &Shared, squeezed: Squeezed) {
    for (reason, count) in [("acks_folded", squeezed.folded), ("acks_dropped", squeezed.dropped)] {
        if count > 0 {
            shared.metrics.sources.errors.with_label_values(&[SOURCE, reason]).inc_by(count);
        }
    }
}

fn read(shared: &Shared, streams: &Streams, message: &Message, at: Timestamp) -> Option<Settlement> {
    let Some(delivered) = ack::subject(&message.subject) else {
        shared.failed("ack_subject");
        return None;
    };
    if delivered.consumer.starts_with(OWN_PREFIX) || !is_of_read_stream(shared, streams, delivered.stream) {
        return None;
    }
    let Some(kind) = ack::body(&message.payload, shared.api.at_least(2, 10, 4)) else {
        shared.failed("ack_body");
        return None;
    };
    Some(Settlement {
        stream: shared.name(delivered.stream),
        consumer: shared.name(delivered.consumer),
        stream_seq: delivered.stream_seq,
        deliveries: delivered.deliveries,
        stored: delivered.stored,
        at,
        kind: masked(shared, kind),
        known: None,
    })
}

/// Whether a settlement will ever find its message. One that will not is left out here, and counted.
pub(super) fn is_of_read_stream(shared: &Shared, streams: &Streams, stream: &str) -> bool {
    let read = streams.stir(&shared.config, stream);
    if !read {
        shared.metrics.sources.ignored.with_label_values(&[SOURCE, "unread_stream"]).inc();
    }
    read
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

#[cfg(test)]
mod tests {
    use futures::stream;
    use tokio::sync::oneshot;

    use super::*;

    fn settlement(stream_seq: u64) -> Settlement {
        Settlement {
            stream: "S".into(),
            consumer: "c".into(),
            stream_seq,
            deliveries: 1,
            stored: Timestamp::ZERO,
            at: Timestamp::ZERO,
            kind: SettlementKind::Ack,
            known: None,
        }
    }

    /// How ingest is when the source is told to stop.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Ingest {
        Busy,
        Stuck,
        Gone,
    }

    /// Six chunks are seen while ingest takes nothing, then comes the stop; gives what arrives after it, and what is
    /// counted as dropped.
    async fn stopped_while(ingest: Ingest) -> (usize, u64) {
        let (events, mut taken) = mpsc::channel(1);
        events.try_send(Batch::default()).expect("room for one");
        let (stop, (seen, all_seen)) = (CancellationToken::new(), oneshot::channel());
        let chunks = (0..6_u64).map(|n| (n * 500..(n + 1) * 500).collect::<Vec<_>>());
        let rest = stream::once(async move {
            seen.send(()).expect("the test waits");
            std::future::pending().await
        });
        let messages = Box::pin(stream::iter(chunks).chain(rest));
        let mut dropped = 0;
        let collecting = async {
            let read = |seq: &u64, _| Some(settlement(*seq));
            collect(&events, &stop, messages, read, |squeezed| dropped += squeezed.dropped).await;
            drop(events);
        };
        let taking = async {
            all_seen.await.expect("all chunks are seen");
            stop.cancel();
            let mut arrived = 0;
            while ingest == Ingest::Busy
                && let Some(batch) = taken.recv().await
            {
                arrived += batch.events.len();
            }
            (arrived, (ingest == Ingest::Stuck).then_some(taken))
        };
        let ((), (arrived, _stuck)) = tokio::join!(collecting, taking);
        (arrived, dropped)
    }

    #[tokio::test]
    async fn what_was_seen_before_the_stop_is_handed_over() {
        assert_eq!(stopped_while(Ingest::Busy).await, (3_000, 0));
    }

    #[tokio::test]
    async fn what_cannot_be_handed_over_is_counted() {
        for ingest in [Ingest::Stuck, Ingest::Gone] {
            let stopped = tokio::time::timeout(Duration::from_secs(20), stopped_while(ingest));
            assert_eq!(stopped.await.expect("it ends"), (0, 3_000));
        }
    }
}
