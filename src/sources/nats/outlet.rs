//! What one stream hands to ingest: batches that are small when it is quiet and large when it is busy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::{Batch, Event, Message, Position};

pub(super) use crate::sources::room::{Gone, room};

/// Most events of a batch.
const MAX_EVENTS: usize = 2_000;
/// Most bytes of a batch.
const MAX_BYTES: usize = 1 << 20;
/// Longest that a message waits for company.
const MAX_WAIT: Duration = Duration::from_millis(5);

/// Collects and sends.
#[derive(Debug)]
pub(super) struct Outlet {
    sender: mpsc::Sender<Batch>,
    /// Ends the source.
    stop: CancellationToken,
    events: Vec<Event>,
    bytes: usize,
    since: Option<Instant>,
    position: Position,
    /// Where others see how far the stream was read.
    shown: Arc<parking_lot::Mutex<Option<Position>>>,
}

impl Outlet {
    pub(super) fn new(
        sender: mpsc::Sender<Batch>,
        stop: CancellationToken,
        position: Position,
        shown: Arc<parking_lot::Mutex<Option<Position>>>,
    ) -> Self {
        Self { sender, stop, events: Vec::new(), bytes: 0, since: None, position, shown }
    }

    pub(super) const fn position(&self) -> &Position {
        &self.position
    }

    /// Takes a message; it is read once its batch is sent.
    pub(super) fn push(&mut self, message: Message) {
        self.position.seq = message.stream_seq;
        self.bytes += message.payload.bytes.len() + 256;
        self.since.get_or_insert_with(Instant::now);
        self.events.push(Event::Message(Box::new(message)));
    }

    /// Moves the position without a message.
    pub(super) fn skip_to(&mut self, seq: u64) {
        self.position.seq = self.position.seq.max(seq);
    }

    /// Whether the batch must not grow.
    pub(super) fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES
    }

    /// Called when nothing more is at hand: sends unless ingest is busy anyway and the batch is young.
    pub(super) async fn rest(&mut self) -> Result<(), Gone> {
        let busy = self.sender.capacity() * 2 < self.sender.max_capacity();
        if busy && !self.is_full() && self.since.is_some_and(|since| since.elapsed() < MAX_WAIT) {
            return Ok(());
        }
        self.flush().await
    }

    /// Whether something waits to be sent.
    pub(super) fn is_waiting(&self) -> bool {
        !self.events.is_empty()
    }

    /// Sends what there is.
    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        if self.events.is_empty() { Ok(()) } else { self.commit().await }
    }

    /// Sends the position, with whatever events there are. What is not sent at the end is read again by the next life.
    pub(super) async fn commit(&mut self) -> Result<(), Gone> {
        let room = room(&self.sender, &self.stop).await?;
        let next = Vec::with_capacity(self.events.len().min(MAX_EVENTS));
        let batch = Batch { events: std::mem::replace(&mut self.events, next), positions: vec![self.position.clone()] };
        (self.bytes, self.since) = (0, None);
        room.send(batch);
        *self.shown.lock() = Some(self.position.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn outlet(room: usize) -> (Outlet, mpsc::Receiver<Batch>, CancellationToken) {
        let (sender, receiver) = mpsc::channel(room);
        let stop = CancellationToken::new();
        let position = Position { key: "nats/A".into(), seq: 7, created: 0, incarnation: 0 };
        (Outlet::new(sender, stop.clone(), position, Arc::default()), receiver, stop)
    }

    #[tokio::test]
    async fn the_end_waits_for_no_room() {
        let (mut outlet, _receiver, stop) = outlet(1);
        outlet.commit().await.expect("there is room");
        *outlet.shown.lock() = None;
        assert!(outlet.commit().now_or_never().is_none(), "it waits as long as it is not to end");
        stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(5), outlet.commit()).await.expect("at once");
        assert!(ended.is_err() && outlet.shown.lock().is_none(), "what was not sent does not count as read");
    }

    #[tokio::test]
    async fn at_the_end_what_there_is_room_for_is_sent() {
        let (mut outlet, mut receiver, stop) = outlet(1);
        stop.cancel();
        outlet.commit().await.expect("there is room");
        assert_eq!(receiver.recv().await.map(|batch| batch.positions[0].seq), Some(7));
        assert_eq!(outlet.shown.lock().as_ref().map(|p| p.seq), Some(7));
    }
}
