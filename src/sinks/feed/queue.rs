//! What waits for one client: bounded in bytes. When it is too much, all of it becomes one gap.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::frame::{Frame, Kind};
use crate::model::Seq;

/// What a client's sender takes.
#[derive(Debug)]
pub(crate) enum Item {
    /// To be sent.
    Frame(Arc<Frame>),
    /// These records were dropped.
    Gap(Seq, Seq),
    /// Only state was dropped.
    StateLost,
}

enum Taken {
    Item(Item),
    Nothing,
    Closed,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
    gap: Option<(Seq, Seq)>,
    state_lost: bool,
    /// Since when nothing was taken although something waits.
    stuck: Option<Instant>,
    closed: bool,
}

/// A client's queue: the hub puts, the client's own task takes.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

impl Queue {
    /// Puts a frame. Gives the number of events dropped to make room: never waits.
    pub(crate) fn put(&self, frame: &Arc<Frame>, budget: usize) -> u64 {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return 0;
        }
        let mut dropped = 0;
        if waiting.bytes + frame.text.len() > budget && !waiting.frames.is_empty() {
            for old in std::mem::take(&mut waiting.frames) {
                if let Some((from, to)) = old.range {
                    let gap = waiting.gap.map_or((from, to), |(a, b)| (a.min(from), b.max(to)));
                    waiting.gap = Some(gap);
                }
                match old.kind {
                    Kind::Events { count, .. } => dropped += u64::from(count),
                    Kind::State(_) => waiting.state_lost = true,
                    _ => {}
                }
            }
            waiting.bytes = 0;
        }
        waiting.bytes += frame.text.len();
        waiting.frames.push_back(Arc::clone(frame));
        waiting.stuck.get_or_insert_with(Instant::now);
        drop(waiting);
        self.wake.notify_one();
        dropped
    }

    /// The next item; `None` once closed. Dropping the future loses nothing.
    pub(crate) async fn take(&self) -> Option<Item> {
        loop {
            match self.try_take() {
                Taken::Item(item) => return Some(item),
                Taken::Closed => return None,
                Taken::Nothing => {}
            }
            self.wake.notified().await;
        }
    }

    fn try_take(&self) -> Taken {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Taken::Closed;
        }
        if let Some((from, to)) = waiting.gap.take() {
            waiting.state_lost = false;
            return Taken::Item(Item::Gap(from, to));
        }
        if std::mem::take(&mut waiting.state_lost) {
            return Taken::Item(Item::StateLost);
        }
        let Some(frame) = waiting.frames.pop_front() else {
            waiting.stuck = None;
            return Taken::Nothing;
        };
        waiting.bytes -= frame.text.len();
        waiting.stuck = (!waiting.frames.is_empty()).then(Instant::now);
        Taken::Item(Item::Frame(frame))
    }

    /// Whether something has waited for so long without anything being taken.
    pub(crate) fn is_stuck(&self, patience: Duration) -> bool {
        self.waiting.lock().stuck.is_some_and(|since| since.elapsed() > patience)
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting.lock().bytes
    }

    /// Whether its client is gone or was sent away.
    pub(crate) fn is_closed(&self) -> bool {
        self.waiting.lock().closed
    }

    /// Nothing more is put or taken; what waits is freed.
    pub(crate) fn close(&self) {
        *self.waiting.lock() = Waiting { closed: true, ..Waiting::default() };
        self.wake.notify_one();
    }
}
