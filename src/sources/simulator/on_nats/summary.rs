//! What a run did.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A run so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Messages sent.
    pub published: u64,
    /// Messages a stream acknowledged.
    pub stored: u64,
    /// Stories begun.
    pub stories: u64,
    /// Answers of consumers.
    pub answers: Answers,
    /// Failures.
    pub errors: u64,
    /// Since the begin.
    pub elapsed: Duration,
    /// How far the fleet's own time has come.
    pub virtual_time: Duration,
}

/// Answers of a consumer, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Processed.
    pub acked: u64,
    /// Refused.
    pub nacked: u64,
    /// Refused for good.
    pub terminated: u64,
    /// Asked for more time.
    pub progressed: u64,
    /// Taken and not answered.
    pub forgotten: u64,
}

/// A run as it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Messages sent, by subject; ids in subjects replaced by `*`.
    pub published: BTreeMap<String, u64>,
    /// Messages a stream acknowledged, by stream.
    pub stored: BTreeMap<String, u64>,
    /// Messages a stream already had, by `Nats-Msg-Id`.
    pub duplicates: u64,
    /// Answers by durable.
    pub answers: BTreeMap<String, Answers>,
    /// Failures by reason.
    pub errors: BTreeMap<String, u64>,
    /// Since the begin.
    pub elapsed: Duration,
    /// How far the fleet's own time has come.
    pub virtual_time: Duration,
}

impl Summary {
    /// The summary in one line of numbers.
    pub fn totals(&self) -> Progress {
        let mut answers = Answers::default();
        for one in self.answers.values() {
            answers.acked += one.acked;
            answers.nacked += one.nacked;
            answers.terminated += one.terminated;
            answers.progressed += one.progressed;
            answers.forgotten += one.forgotten;
        }
        Progress {
            published: self.published.values().sum(),
            stored: self.stored.values().sum(),
            stories: self.published.get("planning.story.created").copied().unwrap_or(0),
            answers,
            errors: self.errors.values().sum(),
            elapsed: self.elapsed,
            virtual_time: self.virtual_time,
        }
    }
}

/// The summary while it is counted, by several tasks.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    begin: Instant,
    summary: Arc<Mutex<Summary>>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { begin: Instant::now(), summary: Arc::default() }
    }
}

impl Tally {
    pub(super) fn published(&self, subject: &str, at: Duration) {
        let mut summary = self.summary.lock();
        summary.virtual_time = at;
        let subject = if subject.starts_with("vllm.streaming.") { "vllm.streaming.*" } else { subject };
        count(&mut summary.published, subject);
    }

    pub(super) fn stored(&self, stream: &str, duplicate: bool) {
        let mut summary = self.summary.lock();
        if duplicate {
            summary.duplicates += 1;
        }
        count(&mut summary.stored, stream);
    }

    pub(super) fn error(&self, reason: &str) {
        count(&mut self.summary.lock().errors, reason);
    }

    pub(super) fn answered(&self, durable: &str, add: impl FnOnce(&mut Answers)) {
        let mut summary = self.summary.lock();
        if let Some(answers) = summary.answers.get_mut(durable) {
            add(answers);
        } else {
            add(summary.answers.entry(durable.to_owned()).or_default());
        }
    }

    pub(super) fn summary(&self) -> Summary {
        Summary { elapsed: self.begin.elapsed(), ..self.summary.lock().clone() }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: &str) {
    if let Some(n) = counts.get_mut(key) {
        *n += 1;
    } else {
        counts.insert(key.to_owned(), 1);
    }
}
