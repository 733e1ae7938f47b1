//! What one stream hands to ingest: batches that are small when it is quiet and large when it is busy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::model::{Batch, Event, Message, Position};

/// Most events of a batch.
const MAX_EVENTS: usize = 2_000;
/// Most bytes of a batch.
const MAX_BYTES: usize = 1 << 20;
/// Longest that a message waits for company.
const MAX_WAIT: Duration = Duration::from_millis(5);

/// Ingest is gone.
#[derive(Debug)]
pub(super) struct Gone;

/// Collects and sends.
#[derive(Debug)]
pub(super) struct Outlet {
    sender: mpsc::Sender<Batch>,
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
        position: Position,
        shown: Arc<parking_lot::Mutex<Option<Position>>>,
    ) -> Self {
        Self { sender, events: Vec::new(), bytes: 0, since: None, position, shown }
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

    /// Sends the position, with whatever events there are.
    pub(super) async fn commit(&mut self) -> Result<(), Gone> {
        let next = Vec::with_capacity(self.events.len().min(MAX_EVENTS));
        let batch = Batch { events: std::mem::replace(&mut self.events, next), positions: vec![self.position.clone()] };
        (self.bytes, self.since) = (0, None);
        self.sender.send(batch).await.map_err(|_| Gone)?;
        *self.shown.lock() = Some(self.position.clone());
        Ok(())
    }
}
