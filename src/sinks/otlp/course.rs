//! The parts of one batch that are not done with, in the order they are sent.
//! Takes: what was refused and taken of it. Gives: what to send next, and whether to wait before.
//! Never: counts a span as bad before the backend took others between two of its refusals.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::proof::Proof;
use super::retry::Backoff;

/// Refusals by a backend that says it is at fault itself, until the span is given up. A backend of two replicas, one of
/// them broken, refuses a good span so often in a row once in 256 times.
const REFUSALS: u32 = 8;

/// A span that was refused alone: a dead letter if it is refused again after the backend took something else, and where
/// the backend says that it is at fault itself, only after many refusals.
#[derive(Debug)]
pub(super) struct Suspect {
    /// Its place in the batch.
    pub(super) item: usize,
    /// When it was refused; what is taken after that is proof.
    pub(super) refused: Instant,
    /// Refusals with proof between them.
    times: u32,
    /// It is not sent before.
    not_before: Option<Instant>,
}

impl Suspect {
    /// A span refused for the first time.
    pub(super) fn new(item: usize) -> Self {
        Self { item, refused: Instant::now(), times: 1, not_before: None }
    }

    /// Refused again although the backend took others since. `false` = once too often: it is the span.
    ///
    /// The pauses double, so that all refusals together are spread over `patience`.
    pub(super) fn again(&mut self, own: bool, patience: Duration) -> bool {
        let last = self.is_last(own);
        self.times += 1;
        if last {
            return false;
        }
        let pause = patience / (1 << (REFUSALS - self.times));
        self.refused = Instant::now();
        self.not_before = Some(self.refused + pause);
        true
    }

    /// Whether the next refusal is one too many.
    pub(super) const fn is_last(&self, own: bool) -> bool {
        !own || self.times + 1 >= REFUSALS
    }

    fn is_due(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|at| now >= at)
    }
}

/// A span that was taken.
#[derive(Clone, Debug)]
pub(super) struct Control {
    pub(super) batch: Arc<Batch>,
    /// Its place in the batch.
    pub(super) item: usize,
    /// When it was sent last.
    pub(super) taken: Instant,
}

/// What to send next.
#[derive(Debug)]
pub(super) enum Next {
    /// Spans not sent alone yet.
    Part(Range<usize>),
    /// A span refused before.
    Suspect(Suspect),
    /// A span taken before: whether the backend still takes it.
    Control(Control),
}

/// What is left of a batch.
#[derive(Debug)]
pub(super) struct Course {
    /// Not sent yet, the next one last.
    pub(super) parts: Vec<Range<usize>>,
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
        Self { parts, vetted: false, backoff, waits: 0, why: String::new(), suspects }
    }

    /// Whether every span was taken or is a dead letter.
    pub(super) fn is_done(&self) -> bool {
        self.parts.is_empty() && self.suspects.is_empty()
    }

    /// Whether nothing is left but spans that were refused.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.parts.is_empty() && !self.suspects.is_empty()
    }

    /// A span was refused alone, and nothing yet shows that it is the span's fault.
    pub(super) fn doubt(&mut self, suspect: Suspect, why: String) {
        self.why = why;
        self.suspects.push_back(suspect);
    }

    /// When the next span is to be sent, if none is now.
    pub(super) fn rests_until(&self) -> Option<Instant> {
        let now = Instant::now();
        if !self.parts.is_empty() || self.suspects.iter().any(|suspect| suspect.is_due(now)) {
            return None;
        }
        self.suspects.iter().filter_map(|suspect| suspect.not_before).min()
    }

    /// A refusal after which nothing was taken: it may be the backend's fault, so it is not asked again at once.
    pub(super) fn doubtful(&self, proof: &Proof) -> Option<Instant> {
        let now = Instant::now();
        let refused = self.suspects.iter().filter(|suspect| suspect.is_due(now)).map(|suspect| suspect.refused);
        let refused = if self.parts.is_empty() {
            refused.min()
        } else {
            // A single bad span is the rule, and its neighbours are the proof.
            refused.max().filter(|_| self.suspects.len() > 1)
        };
        refused.filter(|refused| !proof.since(*refused))
    }

    /// What to send next. A span that was taken is sent again only after `hold`, when a second copy is recognised.
    pub(super) fn pick(&mut self, proof: &Proof, control: Option<Control>, hold: Duration) -> Option<Next> {
        if let Some(range) = self.parts.pop() {
            return Some(Next::Part(range));
        }
        let now = Instant::now();
        let due = |proven: bool| move |s: &Suspect| s.is_due(now) && (!proven || proof.since(s.refused));
        let proven = self.suspects.iter().position(due(true));
        match control {
            Some(control) if proven.is_none() && control.taken.elapsed() >= hold => Some(Next::Control(control)),
            _ => self.suspects.remove(proven.or_else(|| self.suspects.iter().position(due(false)))?).map(Next::Suspect),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_at_fault_itself_is_asked_often_and_over_a_long_time() {
        let (mut suspect, patience, mut waited) = (Suspect::new(0), Duration::from_mins(10), Duration::ZERO);
        let mut refusals = 1;
        while suspect.again(true, patience) {
            waited += suspect.not_before.expect("a pause") - suspect.refused;
            refusals += 1;
        }
        assert_eq!(refusals + 1, REFUSALS);
        assert!(waited > patience * 9 / 10 && waited < patience, "{waited:?}");
        assert!(!Suspect::new(0).again(false, patience), "a span that is called invalid is believed to be");
    }

    #[test]
    fn a_span_that_rests_is_not_sent() {
        let (mut course, proof) = (Course::new(1), Proof::new());
        let Some(Next::Part(_)) = course.pick(&proof, None, Duration::ZERO) else {
            panic!("the whole batch comes first")
        };
        let mut suspect = Suspect::new(0);
        assert!(suspect.again(true, Duration::from_mins(10)));
        course.doubt(suspect, "HTTP 500".to_owned());
        assert!(course.is_in_doubt() && course.rests_until().is_some());
        assert_eq!(course.doubtful(&proof), None, "that it rests is no doubt about the backend");
        assert!(course.pick(&proof, None, Duration::ZERO).is_none());
    }
}
