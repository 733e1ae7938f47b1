//! The time a message claims. Payload times come in seven forms; what is no sane date is none.

use std::time::Duration;

use smallvec::SmallVec;

use crate::model::{Timestamp, Value};

/// How far before the stored time a claim is believed: the longest retention of a stream.
const BEFORE: Duration = Duration::from_hours(30 * 24);

/// How far after it: a clock that is off by a zone.
const AFTER: Duration = Duration::from_hours(24);

/// The keys that claim a time, the best first. Not all of them are facts.
const KEYS: &[&str] = &[
    "timestamp",
    "occurred_at",
    "emitted_at",
    "ts",
    "created_at",
    "created_at_ms",
    "approved_at",
    "started_at",
    "completed_at",
    "rejected_at",
    "requested_at",
    "cancelled_at",
    "updated_at",
    "deliberated_at",
    "validated_at",
    "generated_at_ms",
];

/// Longest text that can be a time.
const MAX_TEXT: usize = 48;

/// What a key that claims a time holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim {
    /// Bytes of a text, and how many count.
    Text([u8; MAX_TEXT], u8),
    /// A number.
    Number(f64),
}

impl Claim {
    /// `None` = no time is written like this.
    pub(super) fn of(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(text) => {
                let mut bytes = [0; MAX_TEXT];
                bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
                Some(Self::Text(bytes, text.len() as u8))
            }
            Value::Int(n) => Some(Self::Number(n as f64)),
            Value::Float(f) => Some(Self::Number(f)),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        let Self::Text(bytes, len) = self else { return None };
        std::str::from_utf8(&bytes[..usize::from(*len)]).ok()
    }

    /// A time that can be read in one way only.
    fn exact(&self) -> Option<Timestamp> {
        match self {
            Self::Number(number) => epoch(*number),
            Self::Text(..) => {
                let text = self.text()?;
                zoned(text).or_else(|| text.parse().ok().and_then(epoch))
            }
        }
    }

    /// ISO 8601 without a zone, read as UTC.
    fn naive(&self) -> Option<Timestamp> {
        let text = self.text().filter(|text| text.len() >= 16)?;
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let time = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        i64::try_from(time.as_nanosecond()).ok().map(Timestamp::from_nanos)
    }
}

/// What a message says about when it happened.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Of the payload, then of what wraps it: rank of the key, and what it holds.
    pub(super) inner: SmallVec<[(u8, Claim); 4]>,
    pub(super) outer: SmallVec<[(u8, Claim); 4]>,
}

/// How good a key's claim is, from 0 (best); `None` if it claims no time.
pub(super) fn rank(key: &str) -> Option<u8> {
    // Nearly every key is told apart by its end.
    if !(key.ends_with("_at") || key.ends_with("_ms") || key == "timestamp" || key == "ts") {
        return None;
    }
    KEYS.iter().position(|known| *known == key).map(|n| n as u8)
}

impl Claims {
    /// The best sane claim: an unmistakable one of the payload, of the envelope, then one without a zone.
    pub(super) fn best(mut self, stored: Timestamp) -> Option<Timestamp> {
        self.inner.sort_by_key(|(rank, _)| *rank);
        self.outer.sort_by_key(|(rank, _)| *rank);
        let sane = |time: &Timestamp| *time >= stored.minus(BEFORE) && *time <= stored.plus(AFTER);
        let both = || self.inner.iter().chain(&self.outer).map(|(_, claim)| claim);
        both().filter_map(Claim::exact).find(sane).or_else(|| both().filter_map(Claim::naive).find(sane))
    }
}

/// ISO 8601 with a zone, and the fleet's malformed `+00:00Z`.
fn zoned(text: &str) -> Option<Timestamp> {
    if text.len() < 16 || !text.is_ascii() {
        return None;
    }
    let text = match text.strip_suffix('Z') {
        Some(rest) if rest.len() > 19 && rest[19..].contains(['+', '-']) => rest,
        _ => text,
    };
    Timestamp::parse(text).ok()
}

/// Seconds, milli-, micro- or nanoseconds since 1970, told apart by size. Smaller numbers are a loop's clock.
fn epoch(number: f64) -> Option<Timestamp> {
    let nanos = match number {
        n if !(1e8..9e18).contains(&n) => return None,
        n if n < 1e11 => n * 1e9,
        n if n < 1e14 => n * 1e6,
        n if n < 1e17 => n * 1e3,
        n => n,
    };
    // Floats carry a present-day time to about a quarter of a microsecond: give no more than that.
    Some(Timestamp::from_nanos(((nanos / 1e3).round() as i64).saturating_mul(1_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(values: &[(&str, Value<'_>)]) -> Option<String> {
        let mut claims = Claims::default();
        for (key, value) in values {
            let rank = rank(key).expect("a time");
            claims.inner.extend(Claim::of(*value).map(|claim| (rank, claim)));
        }
        let stored = Timestamp::parse("2026-02-14T09:12:40Z").expect("valid");
        claims.best(stored).map(|time| time.to_string())
    }

    fn text(text: &str) -> Value<'_> {
        Value::Text(text)
    }

    #[test]
    fn every_form_of_the_fleet_is_read() {
        let expected = Some("2026-02-14T09:12:38.123456Z".to_owned());
        for value in [
            text("2026-02-14T09:12:38.123456+00:00"),
            text("2026-02-14T10:12:38.123456+01:00"),
            text("2026-02-14T09:12:38.123456+00:00Z"),
            text("2026-02-14T09:12:38.123456Z"),
            text("2026-02-14T09:12:38.123456"),
            text("2026-02-14 09:12:38.123456"),
            text("1771060358.123456"),
            Value::Float(1_771_060_358.123_456),
            Value::Int(1_771_060_358_123_456),
        ] {
            assert_eq!(best(&[("timestamp", value)]), expected, "{value:?}");
        }
        assert_eq!(
            best(&[("generated_at_ms", Value::Int(1_771_060_358_123))]).as_deref(),
            Some("2026-02-14T09:12:38.123000Z")
        );
        assert_eq!(best(&[("ts", text("2026-02-14T09:12:38+00:00"))]).as_deref(), Some("2026-02-14T09:12:38.000000Z"));
    }

    #[test]
    fn absurd_times_are_none() {
        for value in [
            Value::Float(15231.402),
            Value::Float(f64::NAN),
            Value::Float(f64::INFINITY),
            Value::Float(-1e300),
            Value::Int(0),
            Value::Int(i64::MAX),
            Value::Int(i64::MIN),
            Value::Null,
            Value::Bool(true),
            text("1970-01-01T00:00:00Z"),
            text("2100-01-01T00:00:00Z"),
            text("9999-12-31T23:59:59Z"),
            text("yesterday at a quarter past nine"),
            text("ñañañañañañañañañañañañaZ"),
            text(""),
        ] {
            assert_eq!(best(&[("timestamp", value)]), None, "{value:?}");
        }
    }

    #[test]
    fn a_zone_beats_none_and_a_bad_claim_gives_way() {
        let zoned = text("2026-02-14T09:12:39Z");
        let given = best(&[("timestamp", text("2026-02-14T10:12:39")), ("created_at", zoned)]);
        assert_eq!(given.as_deref(), Some("2026-02-14T09:12:39.000000Z"));
        let given = best(&[("timestamp", text("1970-01-01T00:00:00Z")), ("created_at", zoned)]);
        assert_eq!(given.as_deref(), Some("2026-02-14T09:12:39.000000Z"));
    }
}
