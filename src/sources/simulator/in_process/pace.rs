//! Virtual time against the wall clock.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Timestamp;
use crate::sources::simulator::settings::Clock;

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

    /// How the clocks of the fleet's services go: what they write lies no later than when it is stored.
    pub(super) fn clock(&self) -> Clock {
        Clock { history: self.history, speed: self.speed.unwrap_or(UNPACED) }
    }

    /// When to act; none = at once.
    pub(super) fn due(&self, at: Duration) -> Option<Instant> {
        let speed = self.speed?;
        let ahead = at.checked_sub(self.history)?;
        Some(self.begin + ahead.div_f64(speed))
    }

    /// The instant a server would have stored what happens at `at`.
    pub(super) fn instant(&self, at: Duration) -> Timestamp {
        self.start().plus(self.clock().passed(at))
    }
}
