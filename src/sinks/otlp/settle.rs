//! Which records are settled: sent, taken, and taken long enough ago that the backend has kept them.
//! Takes: batches in journal order, and when each was taken. Gives: a position that never passes an unsettled record.
//! Never: sends anything, or reads a clock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::Seq;

/// Batches taken within this share of the settle time are settled together, so that the list stays short.
const TOGETHER: u32 = 64;

/// A batch under way.
#[derive(Debug)]
struct Sending {
    upto: Seq,
    spans: u64,
    rejected: u64,
    taken: Option<Instant>,
}

/// Batches taken, waiting for the settle time to pass.
#[derive(Debug)]
struct Window {
    first: Instant,
    last: Instant,
    upto: Seq,
    spans: u64,
    rejected: u64,
}

/// What became settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Spans taken and kept.
    pub(super) exported: u64,
    /// Spans the backend said it did not take.
    pub(super) rejected: u64,
}

/// The batches of one pass over the journal, in order.
#[derive(Debug)]
pub(super) struct Track {
    settle: Duration,
    sending: VecDeque<Sending>,
    first_sending: u64,
    windows: VecDeque<Window>,
    position: Seq,
}

impl Track {
    /// A pass that begins after `position`.
    pub(super) fn new(position: Seq, settle: Duration) -> Self {
        Self { settle, sending: VecDeque::new(), first_sending: 0, windows: VecDeque::new(), position }
    }

    /// A batch is on its way: gives its number.
    pub(super) fn sent(&mut self, upto: Seq, spans: u64) -> u64 {
        self.sending.push_back(Sending { upto, spans, rejected: 0, taken: None });
        self.first_sending + self.sending.len() as u64 - 1
    }

    /// Records up to `upto` have no spans to send after the last batch.
    pub(super) fn extend(&mut self, upto: Seq) {
        if let Some(last) = self.sending.back_mut() {
            last.upto = upto;
        } else if let Some(last) = self.windows.back_mut() {
            last.upto = upto;
        } else {
            self.position = upto;
        }
    }

    /// Batch `number` is done: `dead` of its spans are dead letters, `rejected` were not taken.
    pub(super) fn taken(&mut self, number: u64, at: Instant, dead: u64, rejected: u64) {
        let Some(index) = number.checked_sub(self.first_sending) else { return };
        let Some(batch) = self.sending.get_mut(index as usize) else { return };
        batch.spans = batch.spans.saturating_sub(dead);
        batch.rejected = rejected.min(batch.spans);
        batch.taken = Some(at);
        while let Some(at) = self.sending.front().and_then(|b| b.taken) {
            let Some(batch) = self.sending.pop_front() else { return };
            self.first_sending += 1;
            match self.windows.back_mut() {
                Some(window) if at.saturating_duration_since(window.first) < self.settle / TOGETHER => {
                    window.last = window.last.max(at);
                    window.upto = batch.upto;
                    window.spans += batch.spans;
                    window.rejected += batch.rejected;
                }
                _ => self.windows.push_back(Window {
                    first: at,
                    last: at,
                    upto: batch.upto,
                    spans: batch.spans,
                    rejected: batch.rejected,
                }),
            }
        }
    }

    /// A span of record `seq` that had been taken turned out to be a dead letter: it will not count as exported.
    pub(super) fn lose(&mut self, seq: Seq) {
        let windows = self.windows.iter_mut().map(|w| (w.upto, &mut w.spans));
        let sending = self.sending.iter_mut().map(|s| (s.upto, &mut s.spans));
        if let Some((_, spans)) = windows.chain(sending).find(|(upto, spans)| *upto >= seq && **spans > 0) {
            *spans -= 1;
        }
    }

    /// The last record that has been taken but is not settled; what a restarted backend may have lost.
    pub(super) fn doubtful(&self) -> Option<Seq> {
        let taken = self.sending.iter().rev().find(|s| s.taken.is_some()).map(|s| s.upto);
        taken.or_else(|| self.windows.back().map(|w| w.upto))
    }

    /// Moves the position over what has settled by `now`, but not past `barrier`.
    pub(super) fn settle(&mut self, now: Instant, barrier: Seq) -> Settled {
        let mut settled = Settled::default();
        while let Some(window) = self.windows.front() {
            if now.saturating_duration_since(window.last) < self.settle || window.upto > barrier {
                break;
            }
            settled.exported += window.spans - window.rejected;
            settled.rejected += window.rejected;
            self.position = window.upto;
            self.windows.pop_front();
        }
        settled
    }

    /// When the next batch settles.
    pub(super) fn next(&self) -> Option<Instant> {
        self.windows.front().map(|w| w.last + self.settle)
    }

    /// Every record up to this one is settled.
    pub(super) fn position(&self) -> Seq {
        self.position
    }
}

#[cfg(test)]
mod tests;
