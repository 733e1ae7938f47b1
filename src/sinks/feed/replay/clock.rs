//! Time of history by the time that passes here.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Timestamp;

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// So many seconds of history a second.
    Times(f64),
    /// As fast as the client takes it.
    Fastest,
}

impl Pace {
    /// Slowest and fastest that can be asked for by a number.
    pub(crate) const RANGE: std::ops::RangeInclusive<f64> = 0.1..=1000.0;

    /// As the number it was asked by; none = as fast as it goes.
    pub(super) const fn speed(self) -> Option<f64> {
        match self {
            Self::Times(times) => Some(times),
            Self::Fastest => None,
        }
    }
}

/// Runs from the first event that is waited for.
#[derive(Debug)]
pub(crate) struct Clock {
    pace: Pace,
    /// A time of history, and when it was here.
    set: Option<(Timestamp, Instant)>,
}

impl Clock {
    pub(crate) const fn new(pace: Pace) -> Self {
        Self { pace, set: None }
    }

    /// It is set anew by the next event.
    pub(super) const fn stop(&mut self) {
        self.set = None;
    }

    /// The time of history now; the beginning of all time while it stands.
    pub(super) fn time(&self) -> Timestamp {
        match (self.pace, self.set) {
            (Pace::Fastest, _) => Timestamp::from_nanos(i64::MAX),
            (Pace::Times(_), None) => Timestamp::ZERO,
            (Pace::Times(times), Some((at, since))) => at.plus(since.elapsed().mul_f64(times)),
        }
    }

    /// When an event is due. The first one is at once, and one that lies further ahead than `longest` comes after that.
    pub(crate) fn due(&mut self, at: Timestamp, longest: Option<Duration>) -> Instant {
        let now = Instant::now();
        let Pace::Times(times) = self.pace else { return now };
        let (from, since) = *self.set.get_or_insert((at, now));
        let due = since + at.since(from).div_f64(times);
        match longest {
            Some(longest) if due > now + longest => {
                let due = now + longest;
                self.set = Some((at, due));
                due
            }
            _ => due,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[tokio::test(start_paused = true)]
    async fn events_keep_their_spacing_at_any_pace() {
        for times in [0.5, 1.0, 100.0] {
            let mut clock = Clock::new(Pace::Times(times));
            let begin = Instant::now();
            assert_eq!(clock.due(at(1000), None), begin, "the first one is at once");
            assert_eq!(clock.due(at(1060), None), begin + Duration::from_mins(1).div_f64(times));
            tokio::time::advance(Duration::from_secs(2)).await;
            assert_eq!(clock.time(), at(1000).plus(Duration::from_secs(2).mul_f64(times)));
            // What was stored earlier than the one before it is due with it.
            assert!(clock.due(at(999), None) <= Instant::now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_times_can_be_shortened_and_what_follows_is_spaced_as_it_was() {
        let mut clock = Clock::new(Pace::Times(1.0));
        let longest = Some(Duration::from_secs(2));
        let begin = Instant::now();
        clock.due(at(0), longest);
        assert_eq!(clock.due(at(1), longest), begin + Duration::from_secs(1));
        let due = clock.due(at(86_400), longest);
        assert_eq!(due, begin + Duration::from_secs(2));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.due(at(86_401), longest), due + Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_where_it_was_stopped() {
        let mut clock = Clock::new(Pace::Times(1.0));
        clock.due(at(0), None);
        clock.stop();
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(clock.due(at(5), None), Instant::now());
        let mut fastest = Clock::new(Pace::Fastest);
        assert_eq!(fastest.due(at(0), None), fastest.due(at(86_400), None));
        assert!(fastest.time() > at(i64::from(u32::MAX)));
    }
}
