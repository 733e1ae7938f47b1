//! Instants: nanoseconds since 1970, the resolution of JetStream and OTLP.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant in nanoseconds since 1970-01-01T00:00:00Z. Covers the years 1677 to 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// RFC 3339 where people read it (JSON), nanoseconds where machines do.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        // What is shorter than a microsecond is told where there is any: what is read back is what was written.
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(t) if self.0 % 1000 != 0 => serializer.collect_str(&format_args!("{t:.9}")),
            _ => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is no instant.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a time: write RFC 3339, for example 2026-02-14T09:12:33Z")]
pub struct TimestampError {
    /// What was given.
    pub text: String,
    /// What the parser said.
    #[source]
    pub source: jiff::Error,
}

impl Timestamp {
    /// The epoch, used where no time is known.
    pub const ZERO: Self = Self(0);

    /// An instant from nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// An instant from whole milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The wall clock. Correlation never calls this: time is data there.
    pub fn now() -> Self {
        let nanos = jiff::Timestamp::now().as_nanosecond();
        Self(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch, as Prometheus wants them.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Time from `earlier` to here; zero when `earlier` is later (clocks of two machines may disagree).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This instant moved later by `duration`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// This instant moved earlier by `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Reads RFC 3339, with any offset and up to nanoseconds.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let parsed: jiff::Timestamp =
            text.parse().map_err(|source| TimestampError { text: text.chars().take(64).collect(), source })?;
        Ok(Self(i64::try_from(parsed.as_nanosecond()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(t) => write!(f, "{t:.6}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parses() {
        let t = Timestamp::parse("2026-02-14T09:12:33.123456+00:00").expect("valid");
        assert_eq!(t.to_string(), "2026-02-14T09:12:33.123456Z");
        assert_eq!(Timestamp::parse(&t.to_string()).expect("own output"), t);
    }

    #[test]
    fn json_keeps_every_nanosecond() {
        for nanos in [0, 1, -1, 999, 1_000, 1_771_060_353_123_456_789, i64::MIN, i64::MAX] {
            let json = serde_json::to_string(&Timestamp(nanos)).expect("text");
            assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("own output"), Timestamp(nanos), "{json}");
        }
    }

    #[test]
    fn since_is_never_negative() {
        let (early, late) = (Timestamp::from_nanos(1), Timestamp::from_nanos(5));
        assert_eq!(late.since(early), Duration::from_nanos(4));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
