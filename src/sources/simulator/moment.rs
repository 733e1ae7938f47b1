//! An instant in the forms the fleet's services write it.

use std::time::Duration;

use super::settings::{Clock, Settings};
use crate::model::Timestamp;

/// Uptime of the simulated services at virtual time zero: what their monotonic clocks count from.
const UPTIME: Duration = Duration::from_secs(15_231);
/// The time zone of the workflow service's naive times.
const ZONE: Duration = Duration::from_hours(1);

/// An instant of the simulation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    start: Timestamp,
    at: Duration,
    clock: Clock,
}

impl Moment {
    pub(super) const fn new(settings: &Settings, at: Duration) -> Self {
        Self { start: settings.start, at, clock: settings.clock }
    }

    /// The same, a little earlier: what is said inside a message lies before the message.
    pub(super) fn earlier(self, millis: u64) -> Self {
        Self { at: self.at.saturating_sub(Duration::from_millis(millis)), ..self }
    }

    fn time(self) -> Timestamp {
        self.start.plus(self.clock.passed(self.at))
    }

    /// As Python's `isoformat` writes a UTC time: microseconds unless zero, `+00:00`.
    pub(super) fn iso(self) -> String {
        naive(self.time()) + "+00:00"
    }

    /// The planning service's malformed form: an offset and a `Z`.
    pub(super) fn malformed(self) -> String {
        naive(self.time()) + "+00:00Z"
    }

    /// Local time without a zone.
    pub(super) fn local(self) -> String {
        naive(self.time().plus(ZONE))
    }

    /// RFC 3339 with `Z`, microseconds.
    pub(super) fn zulu(self) -> String {
        self.time().to_string()
    }

    /// Seconds since 1970.
    pub(super) fn epoch(self) -> f64 {
        self.time().seconds()
    }

    /// Seconds of a service's own monotonic clock.
    pub(super) fn monotonic(self) -> f64 {
        (UPTIME + self.at).as_secs_f64()
    }
}

fn naive(time: Timestamp) -> String {
    let mut text = time.to_string();
    text.pop();
    if let Some(short) = text.strip_suffix(".000000") {
        return short.to_owned();
    }
    text
}
