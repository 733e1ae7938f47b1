//! Writing down what will happen: a cursor in virtual time, and what is sent at each place of it.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;

use super::draft::Draft;
use super::moment::Moment;
use super::settings::{Era, Settings};
use super::step::Run;

/// A message that will be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) at: Duration,
    pub(super) subject: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) from: &'static str,
}

/// The script of one group of stories.
#[derive(Debug)]
pub(super) struct Script<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) settings: &'a Settings,
    pub(super) era: Era,
    /// Where in time the next message is sent.
    pub(super) at: Duration,
    pub(super) planned: Vec<Planned>,
    /// Runs of agents, with the instant each begins.
    pub(super) runs: Vec<(Duration, Run)>,
}

impl<'a> Script<'a> {
    pub(super) fn new(rng: &'a mut Rng, settings: &'a Settings, era: Era, at: Duration) -> Self {
        Self { rng, settings, era, at, planned: Vec::new(), runs: Vec::new() }
    }

    /// The cursor's instant.
    pub(super) fn moment(&self) -> Moment {
        Moment::new(self.settings, self.at)
    }

    /// Moves the cursor by a random number of seconds.
    pub(super) fn wait(&mut self, seconds: Range<f64>) {
        let wait = self.seconds(seconds);
        self.at += wait;
    }

    /// A random duration.
    pub(super) fn seconds(&mut self, range: Range<f64>) -> Duration {
        Duration::from_secs_f64(range.start + self.rng.f64() * (range.end - range.start))
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.rng.f64() < probability
    }

    /// Sends a message at the cursor.
    pub(super) fn send(&mut self, mut draft: Draft) {
        let (from, subject) = (draft.from, std::mem::take(&mut draft.subject));
        let headers = std::mem::take(&mut draft.headers);
        let body = draft.body(self.era, self.rng, self.moment());
        self.planned.push(Planned { at: self.at, subject, headers, body, from });
    }

    /// Sends bytes as they are.
    pub(super) fn send_raw(&mut self, from: &'static str, subject: &str, body: Vec<u8>) {
        self.planned.push(Planned { at: self.at, subject: subject.to_owned(), headers: Vec::new(), body, from });
    }

    /// Writes what happens beside: the cursor goes to `at` and comes back.
    pub(super) fn beside<T>(&mut self, at: Duration, write: impl FnOnce(&mut Self) -> T) -> T {
        let here = std::mem::replace(&mut self.at, at);
        let told = write(self);
        self.at = here;
        told
    }
}
