//! Holes in a stream's sequence: deleted on purpose, or lost to retention before we came.
//!
//! The server's first sequence decides. A hole behind it (`first_seq` ≤ the message before the hole + 1) was made by
//! deletes, purges of a subject or per-subject limits: legal. A hole that reaches below the stream's first sequence was
//! made by retention while unread: its messages are counted as missed. Should retention pass over a legal hole within
//! the time it takes to ask, that hole is counted too: the count never claims less than was lost.

use std::time::{Duration, Instant};

/// The first sequence is asked for at most this often.
const FRESH: Duration = Duration::from_millis(500);

/// What is known of a stream's first sequence, and what was already counted.
#[derive(Debug)]
pub(super) struct Gaps {
    first_seq: u64,
    asked: Instant,
    /// Everything up to here is accounted for.
    accounted: u64,
}

impl Gaps {
    pub(super) fn new(first_seq: u64, accounted: u64) -> Self {
        Self { first_seq, asked: Instant::now(), accounted }
    }

    /// Whether a hole between these two can be judged only with a fresh first sequence.
    pub(super) fn must_ask(&self, before: u64, after: u64) -> bool {
        after > before + 1 && (self.first_seq <= before + 1 && self.asked.elapsed() > FRESH)
    }

    pub(super) fn learn(&mut self, first_seq: u64) {
        (self.first_seq, self.asked) = (first_seq, Instant::now());
    }

    /// Messages lost in the hole.
    pub(super) fn lost(&mut self, before: u64, after: u64) -> u64 {
        let from = before.max(self.accounted);
        self.accounted = self.accounted.max(after);
        if self.first_seq <= before + 1 { 0 } else { self.first_seq.min(after).saturating_sub(from + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::Gaps;

    #[test]
    fn deletes_are_legal_and_retention_is_loss() {
        let mut gaps = Gaps::new(1, 0);
        assert_eq!(gaps.lost(4, 9), 0, "the stream still begins before the hole");
        gaps.learn(30);
        assert_eq!(gaps.lost(9, 30), 20, "10 to 29 went unread");
        assert_eq!(gaps.lost(9, 30), 0, "counted once");
        gaps.learn(60);
        assert_eq!(gaps.lost(35, 50), 14, "retention went past this one too");
    }
}
