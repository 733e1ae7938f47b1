//! The parts of one batch that are not done with, in the order they are sent.
//! Takes: what was refused and taken of it. Gives: what to send next, and whether to wait before.
//! Never: counts a span as bad before the backend took others between two of its refusals.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::proof::Proof;
use super::retry::Backoff;

/// A span that was refused alone: a dead letter if it is refused again after the backend took something else.
#[derive(Debug)]
pub(super) struct Suspect {
    /// Its place in the batch.
    pub(super) item: usize,
    /// When it was refused first.
    pub(super) refused: Instant,
}

/// What to send next.
#[derive(Debug)]
pub(super) enum Next {
    /// Spans not sent alone yet.
    Part(Range<usize>),
    /// A span refused before.
    Suspect(Suspect),
    /// A span taken before: whether the backend still takes it.
    Control(usize),
}

impl Next {
    /// The spans it is about, by their place in the batch.
    pub(super) fn range(&self) -> Range<usize> {
        match self {
            Self::Part(range) => range.clone(),
            Self::Suspect(Suspect { item, .. }) | Self::Control(item) => *item..item + 1,
        }
    }
}

/// What is left of a batch.
#[derive(Debug)]
pub(super) struct Course {
    /// Not sent yet, the next one last.
    pub(super) parts: Vec<Range<usize>>,
    /// A span that was taken, and when.
    pub(super) control: Option<(usize, Instant)>,
    /// Whether the backend takes requests without spans.
    pub(super) vetted: bool,
    pub(super) backoff: Backoff,
    /// Waits in a row without any sign that the backend works.
    pub(super) waits: u32,
    /// Why the last span was refused.
    pub(super) why: String,
    suspects: VecDeque<Suspect>,
}

impl Course {
    /// Of a batch with this many spans.
    pub(super) fn new(spans: usize) -> Self {
        let parts = std::iter::once(0..spans).collect();
        let (backoff, suspects) = (Backoff::default(), VecDeque::new());
        Self { parts, control: None, vetted: false, backoff, waits: 0, why: String::new(), suspects }
    }

    /// Whether every span was taken or is a dead letter.
    pub(super) fn is_done(&self) -> bool {
        self.parts.is_empty() && self.suspects.is_empty()
    }

    /// A span was refused alone, and nothing yet shows that it is the span's fault.
    pub(super) fn doubt(&mut self, suspect: Suspect, why: String) {
        self.why = why;
        self.suspects.push_back(suspect);
    }

    /// A refusal after which nothing was taken: it may be the backend's fault, so it is not asked again at once.
    pub(super) fn doubtful(&self, proof: &Proof) -> Option<Instant> {
        let refused = self.suspects.iter().map(|s| s.refused);
        let refused = if self.parts.is_empty() {
            refused.min()
        } else {
            // A single bad span is the rule, and its neighbours are the proof.
            refused.max().filter(|_| self.suspects.len() > 1)
        };
        refused.filter(|refused| !proof.since(*refused))
    }

    /// What to send next. A span that was taken is sent again only after `hold`, when a second copy is recognised.
    pub(super) fn pick(&mut self, proof: &Proof, hold: Duration) -> Option<Next> {
        if let Some(range) = self.parts.pop() {
            return Some(Next::Part(range));
        }
        let proven = self.suspects.iter().position(|s| proof.since(s.refused));
        match self.control {
            Some((item, taken)) if proven.is_none() && taken.elapsed() >= hold => Some(Next::Control(item)),
            _ => self.suspects.remove(proven.unwrap_or(0)).map(Next::Suspect),
        }
    }
}
