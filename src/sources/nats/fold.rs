//! Settlements that wait while ingest is busy: bounded, and folded before any is lost.

use std::collections::HashSet;

use crate::model::{Event, Settlement, SettlementKind, Text};

/// Most settlements that wait.
const MAX: usize = 8_192;
/// Most settlements of a batch.
const MAX_BATCH: usize = 2_000;

/// What a full queue did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Squeezed {
    /// Superseded by a later settlement of the same message at the same consumer, which carries the count.
    pub(super) folded: u64,
    /// Lost.
    pub(super) dropped: u64,
}

/// A bounded queue.
#[derive(Debug, Default)]
pub(super) struct Fold {
    waiting: Vec<Settlement>,
}

impl Fold {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes one; makes room first where there is none.
    pub(super) fn push(&mut self, settlement: Settlement) -> Squeezed {
        let squeezed = if self.waiting.len() >= MAX { self.squeeze() } else { Squeezed::default() };
        self.waiting.push(settlement);
        squeezed
    }

    /// The oldest, as events.
    pub(super) fn take(&mut self) -> Vec<Event> {
        let count = self.waiting.len().min(MAX_BATCH);
        self.waiting.drain(..count).map(Event::Settlement).collect()
    }

    /// Keeps the last of the naks and progress reports of each message at each consumer. Where that does not help, a
    /// quarter goes: what is not final first.
    fn squeeze(&mut self) -> Squeezed {
        let before = self.waiting.len();
        let mut seen: HashSet<(Text, Text, u64)> = HashSet::new();
        let mut kept: Vec<Settlement> = Vec::with_capacity(before);
        for settlement in self.waiting.drain(..).rev() {
            let key = (settlement.stream.clone(), settlement.consumer.clone(), settlement.stream_seq);
            if seen.insert(key) || is_final(&settlement.kind) {
                kept.push(settlement);
            }
        }
        kept.reverse();
        self.waiting = kept;
        let folded = (before - self.waiting.len()) as u64;
        let mut dropped = 0;
        if self.waiting.len() > MAX / 4 * 3 {
            let mut excess = self.waiting.len() - MAX / 4 * 3;
            let before = self.waiting.len();
            self.waiting.retain(|s| {
                let keep = excess == 0 || is_final(&s.kind);
                excess -= usize::from(!keep);
                keep
            });
            self.waiting.drain(..excess);
            dropped = (before - self.waiting.len()) as u64;
        }
        Squeezed { folded, dropped }
    }
}

const fn is_final(kind: &SettlementKind) -> bool {
    !matches!(kind, SettlementKind::Nak { .. } | SettlementKind::Progress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn settlement(seq: u64, deliveries: u64, kind: SettlementKind) -> Settlement {
        Settlement {
            stream: "S".into(),
            consumer: "c".into(),
            stream_seq: seq,
            deliveries,
            stored: Timestamp::ZERO,
            at: Timestamp::ZERO,
            kind,
            known: None,
        }
    }

    fn fill(mut next: impl FnMut(u64) -> Settlement, count: u64) -> (Fold, Squeezed) {
        let (mut fold, mut total) = (Fold::default(), Squeezed::default());
        for n in 0..count {
            let squeezed = fold.push(next(n));
            total.folded += squeezed.folded;
            total.dropped += squeezed.dropped;
        }
        (fold, total)
    }

    #[test]
    fn a_nak_loop_becomes_its_last_nak() {
        let (mut fold, total) = fill(|n| settlement(7, n, SettlementKind::Nak { delay: None }), 20_000);
        assert_eq!(total.dropped, 0);
        let mut last = 0;
        while !fold.is_empty() {
            for event in fold.take() {
                let Event::Settlement(s) = event else { panic!("only settlements") };
                assert!(s.deliveries >= last);
                last = s.deliveries;
            }
        }
        assert_eq!(last, 19_999);
    }

    #[test]
    fn acks_are_lost_last_and_counted() {
        let kind = |n: u64| if n.is_multiple_of(2) { SettlementKind::Ack } else { SettlementKind::Progress };
        let (fold, total) = fill(|n| settlement(n, 1, kind(n)), 10_000);
        assert_eq!(fold.waiting.len() as u64 + total.dropped, 10_000);
        assert_eq!(fold.waiting.iter().filter(|s| is_final(&s.kind)).count(), 5_000);
        let (fold, total) = fill(|n| settlement(n, 1, SettlementKind::Ack), 30_000);
        assert!(fold.waiting.len() <= MAX);
        assert_eq!(fold.waiting.len() as u64 + total.dropped, 30_000);
    }
}
