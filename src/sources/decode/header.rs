//! The headers that mean something: `Nats-Msg-Id` and W3C `traceparent`; and the others, for the raw view.

use crate::model::{Facts, Key, Text, printable, shorten};
use crate::privacy::Masker;

/// Longest message id kept, in characters.
const MAX_ID: usize = 256;

/// Headers kept of a message, and the longest of them, in characters.
const MAX_HEADERS: usize = 32;
const MAX_HEADER: usize = 256;

/// Keeps the headers that have no field of their own, masked, as a fact.
pub(super) fn keep(headers: &[(&str, &str)], masker: &Masker, facts: &mut Facts) {
    let own = |name: &str| ["Nats-Msg-Id", "traceparent"].iter().any(|known| known.eq_ignore_ascii_case(name));
    let others = headers.iter().filter(|(name, _)| !own(name));
    // Masked together: what makes a value a secret may be its name.
    let line =
        |(name, value): &(&str, &str)| shorten(&printable(&masker.text(&format!("{name}: {value}"))), MAX_HEADER);
    let mut lines: Vec<String> = others.clone().take(MAX_HEADERS).map(line).collect();
    let more = others.count().saturating_sub(lines.len());
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    if !lines.is_empty() {
        facts.insert_texts(Key::WireHeaders, lines.iter().map(String::as_str));
    }
}

/// The publisher's own id of the message.
pub(super) fn message_id(headers: &[(&str, &str)], masker: &Masker) -> Option<Text> {
    value(headers, "Nats-Msg-Id").map(|id| shorten(&printable(&masker.text(id)), MAX_ID).into())
}

/// The trace the publisher put the message in, if it says so validly.
pub(super) fn traceparent(headers: &[(&str, &str)]) -> Option<Text> {
    value(headers, "traceparent").filter(|text| is_traceparent(text.as_bytes())).map(Into::into)
}

fn value<'a>(headers: &[(&'a str, &'a str)], name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.trim()).filter(|value| !value.is_empty())
}

/// `<version>-<trace id>-<parent id>-<flags>` in lower-case hexadecimal; a later version may add more after a dash.
fn is_traceparent(text: &[u8]) -> bool {
    let hex = |range: std::ops::Range<usize>| {
        text.get(range).filter(|part| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
    };
    let (Some(version), Some(trace), Some(parent), Some(_)) = (hex(0..2), hex(3..35), hex(36..52), hex(53..55)) else {
        return false;
    };
    let dashes = [2, 35, 52].iter().all(|at| text[*at] == b'-');
    let rest = match text.get(55) {
        None => true,
        Some(byte) => *byte == b'-' && version != b"00" && text.len() <= 128 && text.is_ascii(),
    };
    dashes && rest && version != b"ff" && [trace, parent].iter().all(|id| id.iter().any(|b| *b != b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Content;

    #[test]
    fn a_traceparent_is_valid_or_none() {
        let valid = "00-dcfe421e527ff9fa7df4229419c44897-e8114d6419069646-01";
        assert!(is_traceparent(valid.as_bytes()));
        assert!(is_traceparent(b"01-dcfe421e527ff9fa7df4229419c44897-e8114d6419069646-01-more"));
        for wrong in [
            "",
            "00-dcfe421e527ff9fa7df4229419c44897-e8114d6419069646-01-more",
            "00-dcfe421e527ff9fa7df4229419c44897-e8114d6419069646-1",
            "00-DCFE421E527FF9FA7DF4229419C44897-e8114d6419069646-01",
            "00-00000000000000000000000000000000-e8114d6419069646-01",
            "00-dcfe421e527ff9fa7df4229419c44897-0000000000000000-01",
            "ff-dcfe421e527ff9fa7df4229419c44897-e8114d6419069646-01",
            "00-dcfe421e527ff9fa7df4229419c4489ñ-e8114d6419069646-01",
        ] {
            assert!(!is_traceparent(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn header_names_are_found_in_any_case() {
        assert_eq!(value(&[("nats-msg-id", " a ")], "Nats-Msg-Id"), Some("a"));
        assert_eq!(value(&[("Nats-Msg-Id", " ")], "Nats-Msg-Id"), None);
    }

    #[test]
    fn other_headers_are_kept_masked_and_bounded() {
        let long = "v".repeat(1000);
        let mut headers =
            vec![("Nats-Msg-Id", "1"), ("X-Tenant", "blue\u{1b}"), ("Authorization", "Bearer abcdefghijklmnop")];
        headers.extend(std::iter::repeat_n(("X-Long", long.as_str()), 40));
        let mut facts = Facts::default();
        keep(&headers, &Masker::new(Content::Summary, 1024), &mut facts);
        let kept: Vec<&str> = facts.texts(Key::WireHeaders).collect();
        assert_eq!((kept.len(), kept[0]), (MAX_HEADERS + 1, "X-Tenant: blue "));
        assert!(!kept[1].contains("abcdefghijklmnop"), "{}", kept[1]);
        assert!(kept.iter().all(|line| line.chars().count() <= MAX_HEADER + 1));
        assert_eq!(kept[MAX_HEADERS], "… and 10 more");
    }
}
