//! Correlation: what belongs together, and what follows from it.
//! Takes: events in the journal's order. Gives: records (resolved ids, spans, links), measures, changes of state.
//! Never: does I/O, waits, reads a clock, or uses randomness: same events in the same order, same output, byte for byte.

use std::time::Duration;

use crate::model::{Change, Event, Measure, Record, Seq, Settlement, StoryView, Timestamp};

/// What correlation can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A deliberating agent that says nothing for this long is silent.
    pub silent_after: Duration,
    /// An agent whose last answer is this old is idle again.
    pub idle_after: Duration,
    /// A deliberation with answers missing after this long has timed out.
    pub timeout: Duration,
    /// The same for derivations.
    pub derive_timeout: Duration,
    /// What is still open after this is sent as far as it is known.
    pub open_span_max: Duration,
    /// Estimated bytes of a trace after which the story goes on in a linked one.
    pub trace_bytes: u64,
    /// Most stories followed at a time.
    pub max_stories: usize,
}

/// What comes of an event.
#[derive(Debug, Default)]
pub struct Output {
    /// To be journaled, `seq` already set.
    pub records: Vec<Record>,
    /// To be counted.
    pub measures: Vec<Measure>,
    /// Stories that left the live state.
    pub closed: Vec<StoryView>,
}

/// The state of the fleet, folded from all records so far.
#[derive(Debug)]
pub struct Correlator {
    settings: Settings,
    next_seq: Seq,
}

/// A snapshot that cannot be read: the correlator then starts from the records alone.
#[derive(Debug, thiserror::Error)]
#[error("the correlator's snapshot cannot be read")]
pub struct SnapshotError(#[source] postcard::Error);

impl Correlator {
    /// An empty state; the first record gets `next_seq`.
    pub fn new(settings: Settings, next_seq: Seq) -> Self {
        Self { settings, next_seq }
    }

    /// The state as of a snapshot; `next_seq` = one after the record it was taken after.
    pub fn restore(settings: Settings, next_seq: Seq, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        let _ = snapshot;
        Ok(Self::new(settings, next_seq))
    }

    /// Folds a record read back from the journal into the state; nothing comes of it.
    pub fn replay(&mut self, record: &Record) {
        self.next_seq = record.seq + 1;
    }

    /// Folds an event into the state and appends what comes of it.
    pub fn apply(&mut self, event: Event, out: &mut Output) {
        let _ = (event, out, &self.settings);
    }

    /// Whether a settlement's message is no longer in memory, so that its caller should look it up and set `known`.
    pub fn lacks(&self, settlement: &Settlement) -> bool {
        settlement.known.is_none()
    }

    /// The sequence the next record gets.
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// Sets the sequence of the next record: after a replay that skipped what expired.
    pub fn continue_at(&mut self, seq: Seq) {
        self.next_seq = seq;
    }

    /// The state as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }

    /// What changed since the last call, as of `now`.
    pub fn changes(&mut self, now: Timestamp) -> Vec<Change> {
        let _ = now;
        Vec::new()
    }
}
