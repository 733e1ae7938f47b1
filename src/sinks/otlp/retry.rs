//! How long to wait before sending again.
//! Takes: attempts, what the backend asks for. Gives: durations within bounds. Never: gives up.

use std::time::{Duration, SystemTime};

/// First wait.
const FIRST: Duration = Duration::from_millis(200);
/// Longest wait we choose ourselves.
const LONGEST: Duration = Duration::from_secs(30);
/// Longest wait a backend may ask for.
const ASKED_MOST: Duration = Duration::from_mins(5);

/// Exponential backoff with jitter.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The next wait: doubled each time up to 30 s, then anything between a half and the whole of that.
    pub(super) fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.attempts.min(10)).min(LONGEST);
        self.attempts += 1;
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// The wait the backend asked for, spread a little so that requests do not all come back at once, or our own.
    pub(super) fn after(&mut self, asked: Option<Duration>) -> Duration {
        match asked {
            None => self.next(),
            Some(asked) => asked.min(ASKED_MOST).max(Duration::from_millis(20)).mul_f64(1.0 + fastrand::f64() / 10.0),
        }
    }
}

/// How long between two tries while the backend refuses us as such (30 to 60 s).
pub(super) fn blocked() -> Duration {
    Duration::from_secs(30).mul_f64(1.0 + fastrand::f64())
}

/// Reads `Retry-After`: seconds or an HTTP date. What cannot be read or lies in the past is `None`.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(ASKED_MOST));
    }
    let asked = httpdate::parse_http_date(value).ok()?.duration_since(now).ok()?;
    Some(asked.min(ASKED_MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_thirty_seconds_and_stay_there() {
        let mut backoff = Backoff::default();
        let first = backoff.next();
        assert!((Duration::from_millis(100)..=FIRST).contains(&first));
        let later = (0..2000).map(|_| backoff.next()).last().expect("waits");
        assert!((Duration::from_secs(15)..=LONGEST).contains(&later));
    }

    #[test]
    fn an_absurd_wish_is_cut() {
        let mut backoff = Backoff::default();
        assert!(backoff.after(Some(Duration::from_hours(24))) <= ASKED_MOST.mul_f64(1.1));
        assert!(backoff.after(Some(Duration::ZERO)) > Duration::ZERO);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(" 18446744073709551615 ", now), Some(ASKED_MOST));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:40 GMT", now), Some(Duration::from_secs(3)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now), None);
        assert_eq!(retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now), Some(ASKED_MOST));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-1", now), None);
    }
}
