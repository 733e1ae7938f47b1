//! Holes in a stream's sequence: deleted on purpose, or lost to retention before we came.
//!
//! The server's first sequence decides. A hole behind it (first sequence ≤ the message before the hole + 1) was made by
//! deletes, purges of a subject or per-subject limits: legal. A hole that reaches below the stream's first sequence was
//! made by retention while unread: its messages are counted as missed. The server is asked at most once per
//! [`EVERY`]; should retention pass over a legal hole until then, that hole is counted too: the count never claims less
//! than was lost.

use std::time::{Duration, Instant};

/// The first sequence is asked for at most this often…
const EVERY: Duration = Duration::from_millis(500);
/// …unless so many holes wait for it.
const MAX_HOLES: usize = 1_024;

/// The holes seen and not judged yet.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    holes: Vec<(u64, u64)>,
    asked: Option<Instant>,
}

impl Gaps {
    /// A message followed another one that is not its predecessor.
    pub(super) fn note(&mut self, before: u64, after: u64) {
        self.holes.push((before, after));
    }

    /// Whether to ask the server now.
    pub(super) fn is_due(&self) -> bool {
        !self.holes.is_empty()
            && (self.holes.len() >= MAX_HOLES || self.asked.is_none_or(|asked| asked.elapsed() > EVERY))
    }

    /// Whether anything waits to be judged.
    pub(super) fn is_empty(&self) -> bool {
        self.holes.is_empty()
    }

    /// Messages lost in the holes, given the stream's first sequence.
    pub(super) fn judge(&mut self, first_seq: u64) -> u64 {
        self.asked = Some(Instant::now());
        let lost = |(before, after): (u64, u64)| {
            if first_seq <= before + 1 { 0 } else { first_seq.min(after).saturating_sub(before + 1) }
        };
        self.holes.drain(..).map(lost).sum()
    }

    /// Forgets the holes of a stream that is gone.
    pub(super) fn forget(&mut self) {
        self.holes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Gaps;

    #[test]
    fn deletes_are_legal_and_retention_is_loss() {
        let mut gaps = Gaps::default();
        assert!(!gaps.is_due());
        gaps.note(4, 9);
        assert!(gaps.is_due());
        assert_eq!(gaps.judge(1), 0, "the stream still begins before the hole");
        gaps.note(9, 30);
        assert!(!gaps.is_due(), "asked just now");
        gaps.note(35, 50);
        assert_eq!(gaps.judge(40), 20 + 4, "10 to 29, and 36 to 39");
        assert!(gaps.is_empty());
    }
}
