//! Numbers, times and durations as people read them.

use std::time::Duration;

use crate::model::Timestamp;

/// `1,234,567`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number that may not be known.
pub(crate) fn maybe(number: Option<u64>) -> String {
    number.map_or_else(|| "–".to_owned(), count)
}

/// `2026-02-14 09:12:33`.
pub(crate) fn time(at: Timestamp) -> String {
    at.to_string().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// `09:12:33.123`: within a story whose day is known.
pub(crate) fn clock(at: Timestamp) -> String {
    at.to_string().chars().skip(11).take(12).collect()
}

/// `1 d 4 h`, `3 min 12 s`, `12.3 s`, `45 ms`: two units at most.
pub(crate) fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds < 1.0 {
        let ms = seconds * 1e3;
        return if ms < 10.0 && ms.fract() > 0.05 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") };
    }
    if seconds < 59.95 {
        return if seconds.fract() < 0.05 { format!("{seconds:.0} s") } else { format!("{seconds:.1} s") };
    }
    let whole = seconds.round() as u64;
    let (large, small, names) = match whole {
        0..3_600 => (whole / 60, whole % 60, ("min", "s")),
        3_600..86_400 => (whole / 3_600, whole % 3_600 / 60, ("h", "min")),
        _ => (whole / 86_400, whole % 86_400 / 3_600, ("d", "h")),
    };
    if small == 0 { format!("{large} {}", names.0) } else { format!("{large} {} {small} {}", names.0, names.1) }
}

pub(crate) fn duration(duration: Duration) -> String {
    seconds(duration.as_secs_f64())
}

/// From one time to another.
pub(crate) fn between(from: Timestamp, until: Timestamp) -> String {
    duration(until.since(from))
}

pub(crate) fn millis(ms: Option<f64>) -> String {
    ms.map_or_else(|| "–".to_owned(), |ms| seconds(ms / 1e3))
}

/// `12.34 EUR`.
pub(crate) fn money(amount: Option<f64>, currency: Option<&str>) -> String {
    match amount {
        Some(amount) if amount != 0.0 && amount < 0.01 => format!("{amount:.4} {}", currency.unwrap_or_default()),
        Some(amount) => format!("{amount:.2} {}", currency.unwrap_or_default()),
        None => "no price known".to_owned(),
    }
}

/// `37 %`.
pub(crate) fn share(part: u64, all: u64) -> String {
    if all == 0 { "–".to_owned() } else { format!("{:.0} %", part as f64 / all as f64 * 100.0) }
}

/// A long text without its middle: ids differ at their ends.
pub(crate) fn middle(text: &str, max: usize) -> String {
    let count = text.chars().count();
    if count <= max {
        return text.to_owned();
    }
    let (head, tail) = (max * 3 / 5, max - max * 3 / 5 - 1);
    text.chars().take(head).chain(['…']).chain(text.chars().skip(count - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_both_ends() {
        assert_eq!(middle("abcdefghij", 10), "abcdefghij");
        assert_eq!(middle("abcdefghijk", 10), "abcdef…ijk");
        assert_eq!(middle("añbñcñ", 5), "añb…ñ");
    }

    #[test]
    fn numbers_and_durations_read_well() {
        assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        let told = [0.0, 0.0012, 0.0456, 1.0, 12.34, 59.96, 72.0, 3_600.0, 90_000.0, f64::NAN].map(seconds);
        assert_eq!(told, ["0 ms", "1.2 ms", "46 ms", "1 s", "12.3 s", "1 min", "1 min 12 s", "1 h", "1 d 1 h", "–"]);
        assert_eq!(money(Some(1.5), Some("EUR")), "1.50 EUR");
        assert_eq!((share(1, 0), share(1, 3)), ("–".to_owned(), "33 %".to_owned()));
        let at = Timestamp::parse("2026-02-14T09:12:33.123456Z").expect("valid");
        assert_eq!((time(at), clock(at)), ("2026-02-14 09:12:33".to_owned(), "09:12:33.123".to_owned()));
    }
}
