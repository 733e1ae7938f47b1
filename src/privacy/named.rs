//! Values that are secret because of what they are called: `"password": "…"`, `token=…`, `Authorization: …`.

use std::ops::Range;

use super::kind::{Found, Kind};
use super::quote::{Quote, balanced, skip_space, word_end};

/// A name longer than this is no name.
const MAX_NAME: usize = 96;

/// What the names of secrets have in them, and three bytes of each that are rare in the fleet's messages.
pub(super) const LITERALS: &[(&str, &str)] = &[
    ("passw", "ssw"),
    ("passphrase", "ssp"),
    ("pwd", "pwd"),
    ("secret", "ecr"),
    ("token", "oke"),
    ("apikey", "pik"),
    ("api_key", "pi_"),
    ("api-key", "pi-"),
    ("api key", "pi "),
    ("accesskey", "ssk"),
    ("access_key", "ss_"),
    ("access-key", "ss-"),
    ("access key", "ss "),
    ("privatekey", "vat"),
    ("private_key", "vat"),
    ("private-key", "vat"),
    ("private key", "vat"),
    ("accountkey", "ntk"),
    ("account_key", "oun"),
    ("credential", "ial"),
    ("authorization", "hor"),
    ("cookie", "oki"),
];

/// What makes a name a secret's, wherever it stands in the name. Lower case, without separators.
const PARTS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "privatekey",
    "accesskey",
    "secretkey",
    "accountkey",
    "clientsecret",
    "credential",
    "authorization",
    "setcookie",
];

/// What makes a name a secret's at its end: `tokens` and `token_count` are numbers of an answer.
const ENDS: &[&str] = &["token", "secret", "secrets", "pwd", "cookie", "secretvalue", "tokenvalue"];

/// The secret that the name found at `hit` announces.
pub(super) fn value_of(text: &[u8], hit: &Range<usize>, json: &dyn Fn() -> bool) -> Option<Found> {
    let name = name_around(text, hit);
    let kind = kind_of(&text[name.clone()])?;
    let closing = Quote::at(text, name.end);
    let after_name = closing.map_or(name.end, |quote| quote.end);
    let at = skip_space(text, after_name);
    let at = match text.get(at)? {
        b':' | b'=' => skip_space(text, at + 1 + usize::from(matches!(text.get(at + 1), Some(b'=' | b'>')))),
        b'%' if matches!(text.get(at + 1..at + 3), Some(b"3D" | b"3d" | b"3A" | b"3a")) => at + 3,
        // `--password hunter2`
        _ if at > after_name && text[name.clone()].starts_with(b"--") => at,
        _ => return None,
    };
    value_at(text, at, kind, closing, json)
}

/// The value that begins at `at`, after a name that `closing` closes.
fn value_at(text: &[u8], at: usize, kind: Kind, closing: Option<Quote>, json: &dyn Fn() -> bool) -> Option<Found> {
    let key = closing.filter(|quote| quote.byte == b'"');
    if let Some(quote) = opening(text, at) {
        // A quote of a level above the name's ends the string the name stands in: there is no value.
        let ends_outer = match key {
            Some(key) => quote.byte == b'"' && quote.level < key.level,
            None => quote.byte == b'"' && quote.level == 0 && json(),
        };
        if ends_outer {
            return None;
        }
        if text[quote.end..].starts_with(b"[masked:") {
            return None;
        }
        let (end, _) = quote.closing(text, json);
        return Found::plain(quote.end..end, kind);
    }
    if text[at..].starts_with(b"[masked:") {
        return None;
    }
    let Some(key) = key else {
        return Found::plain(at..words_end(text, at, false), kind);
    };
    let quoted = |range: Range<usize>| {
        (!range.is_empty()).then_some(Found { range, kind, quote: closing.map_or(0..0, |q| q.start..q.end) })
    };
    match text.get(at)? {
        b'{' | b'[' => quoted(at..balanced(text, at, key.level)),
        _ => {
            let range = at..words_end(text, at, true);
            if matches!(&text[range.clone()], b"null" | b"true" | b"false") { None } else { quoted(range) }
        }
    }
}

/// The quote that opens a value, perhaps after the one letter Python writes before a string of bytes.
fn opening(text: &[u8], at: usize) -> Option<Quote> {
    Quote::at(text, at).or_else(|| match text.get(at)? {
        b'b' | b'r' | b'u' | b'f' => Quote::at(text, at + 1),
        _ => None,
    })
}

/// Where an unquoted value ends: one word, or two when the first only names a scheme.
fn words_end(text: &[u8], at: usize, brackets: bool) -> usize {
    let stops = |b: u8| matches!(b, b',' | b';' | b'&' | b'<' | b'>') || (brackets && matches!(b, b'}' | b']'));
    let end = word_end(text, at, stops);
    let first = &text[at..end];
    if ["bearer", "basic", "digest", "token", "negotiate", "apikey"]
        .iter()
        .any(|s| first.eq_ignore_ascii_case(s.as_bytes()))
    {
        return word_end(text, skip_space(text, end), stops).max(end);
    }
    end
}

/// The whole name around a hit.
pub(super) fn name_around(text: &[u8], hit: &Range<usize>) -> Range<usize> {
    let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'_' | b'-' | b'.');
    let before = text[..hit.start].iter().rev().take(MAX_NAME).take_while(part).count();
    let after = text[hit.end..].iter().take(MAX_NAME).take_while(part).count();
    hit.start - before..hit.end + after
}

/// What the value of this name is, if a secret.
fn kind_of(name: &[u8]) -> Option<Kind> {
    let mut plain = [0_u8; 3 * MAX_NAME];
    let mut len = 0;
    for byte in name.iter().filter(|b| b.is_ascii_alphanumeric()).take(plain.len()) {
        plain[len] = byte.to_ascii_lowercase();
        len += 1;
    }
    let plain = std::str::from_utf8(&plain[..len]).ok()?;
    if plain.ends_with("authorization") {
        return Some(Kind::Authorization);
    }
    let secret = ENDS.iter().any(|end| plain.ends_with(end)) || PARTS.iter().any(|part| plain.contains(part));
    secret.then_some(Kind::Secret)
}
