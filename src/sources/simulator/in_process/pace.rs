//! Virtual time against the wall clock.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Timestamp;

/// Stands for "as fast as possible": what such a run stores lies close after its begin.
const UNPACED: f64 = 1e6;
/// The slowest pace.
const SLOWEST: f64 = 1e-3;

/// When virtual instants happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    begin: Instant,
    wall: Timestamp,
    history: Duration,
    /// None = not paced.
    speed: Option<f64>,
}

impl Pace {
    pub(super) fn new(speed: f64, history: Duration) -> Self {
        let speed = (speed.is_finite() && speed > 0.0).then_some(speed.max(SLOWEST));
        Self { begin: Instant::now(), wall: Timestamp::now(), history, speed }
    }

    /// The wall clock at virtual time zero.
    pub(super) fn start(&self) -> Timestamp {
        self.wall.minus(self.history)
    }

    /// When to act; none = at once.
    pub(super) fn due(&self, at: Duration) -> Option<Instant> {
        let speed = self.speed?;
        let ahead = at.checked_sub(self.history)?;
        Some(self.begin + ahead.div_f64(speed))
    }

    /// The instant a server would have stored what happens at `at`.
    pub(super) fn instant(&self, at: Duration) -> Timestamp {
        match at.checked_sub(self.history) {
            None => self.start().plus(at),
            Some(ahead) => self.wall.plus(ahead.div_f64(self.speed.unwrap_or(UNPACED))),
        }
    }
}
