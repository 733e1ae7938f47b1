//! Secrets that show by their shape: keys by their beginning, web tokens, PEM blocks, what follows `Bearer`.

use std::ops::Range;

use memchr::{memchr, memmem};

use super::kind::{Found, Kind};

/// How keys of one issuer look.
#[derive(Debug)]
pub(super) struct Shape {
    /// What they begin with, in this case.
    prefix: &'static str,
    /// The same in lower case, to look for.
    pub(super) literal: &'static str,
    /// Three bytes of it that are rare in the fleet's messages.
    pub(super) rare: &'static str,
    /// Fewest bytes after the prefix.
    min: usize,
    /// Whether letters alone make a key. Where not, one without a digit must be longer to count.
    letters: bool,
    /// Whether the prefix also stands inside words, so that it counts only at the beginning of one.
    word: bool,
    /// Which bytes follow besides letters and digits.
    more: &'static [u8],
}

const fn shape(
    prefix: &'static str,
    literal: &'static str,
    rare: &'static str,
    min: usize,
    more: &'static [u8],
) -> Shape {
    Shape { prefix, literal, rare, min, letters: true, word: false, more }
}

/// The keys known by their beginning. Lengths are below the issuers' own, so that a cut key is still found.
pub(super) const SHAPES: &[Shape] = &[
    Shape { prefix: "sk-", literal: "sk-", rare: "sk-", min: 8, letters: false, word: true, more: b"-_" },
    shape("sk_live_", "sk_live_", "k_l", 8, b""),
    shape("sk_test_", "sk_test_", "tes", 8, b""),
    shape("rk_live_", "rk_live_", "k_l", 8, b""),
    shape("whsec_", "whsec_", "whs", 16, b"+/="),
    shape("ghp_", "ghp_", "hp_", 12, b""),
    shape("gho_", "gho_", "ho_", 12, b""),
    shape("ghu_", "ghu_", "hu_", 12, b""),
    shape("ghs_", "ghs_", "hs_", 12, b""),
    shape("ghr_", "ghr_", "hr_", 12, b""),
    shape("github_pat_", "github_pat_", "b_p", 12, b"_"),
    shape("glpat-", "glpat-", "lpa", 12, b"-_"),
    shape("xoxa-", "xoxa-", "xox", 8, b"-"),
    shape("xoxb-", "xoxb-", "xox", 8, b"-"),
    shape("xoxp-", "xoxp-", "xox", 8, b"-"),
    shape("xoxs-", "xoxs-", "xox", 8, b"-"),
    shape("xoxr-", "xoxr-", "xox", 8, b"-"),
    shape("AKIA", "akia", "aki", 16, b""),
    shape("ASIA", "asia", "asi", 16, b""),
    shape("AIza", "aiza", "aiz", 24, b"-_"),
    shape("ya29.", "ya29.", "a29", 16, b"-_."),
    Shape { prefix: "hf_", literal: "hf_", rare: "hf_", min: 12, letters: true, word: true, more: b"" },
    Shape { prefix: "npm_", literal: "npm_", rare: "npm", min: 16, letters: true, word: true, more: b"" },
    shape("pypi-AgE", "pypi-age", "ypi", 16, b"-_"),
    shape("nvapi-", "nvapi-", "nva", 16, b"-_"),
    shape("dop_v1_", "dop_v1_", "p_v", 16, b""),
];

/// Fewest characters of a key of letters only, where letters alone may be a word.
const LETTERS_MIN: usize = 16;

/// Longest header of a web token that is found inside a longer run.
const MAX_INNER: usize = 256;

impl Shape {
    /// The key at `hit`, if it is one.
    pub(super) fn key(&self, text: &[u8], hit: &Range<usize>) -> Option<Found> {
        let upper = self.prefix == "AKIA" || self.prefix == "ASIA";
        if text[hit.clone()] != *self.prefix.as_bytes() || (self.word && !begins_word(text, hit.start)) {
            return None;
        }
        let part = |b: u8| {
            if upper {
                b.is_ascii_uppercase() || b.is_ascii_digit()
            } else {
                b.is_ascii_alphanumeric() || self.more.contains(&b)
            }
        };
        let rest = run(text, hit.end, part);
        let min = if self.letters || rest.iter().any(u8::is_ascii_digit) { self.min } else { LETTERS_MIN };
        if rest.len() < min {
            return None;
        }
        Found::plain(hit.start..hit.end + rest.len(), Kind::ApiKey)
    }
}

/// The web token, or the JSON in base64, at an `eyJ` that begins at `start`.
pub(super) fn web_token(text: &[u8], start: usize) -> Option<Found> {
    if !text[start..].starts_with(b"eyJ") {
        return None;
    }
    let url_safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let word = begins_word(text, start);
    // Inside a longer run only a short header counts: hostile text must not be read again and again.
    let limit = if word { text.len() } else { text.len().min(start + MAX_INNER) };
    let header = run(&text[..limit], start, url_safe).len();
    let claims_at = start + header + 1;
    if header >= 8 && text.get(start + header) == Some(&b'.') {
        let claims = run(text, claims_at, url_safe).len();
        if claims >= 8 {
            let mut end = claims_at + claims;
            if text.get(end) == Some(&b'.') {
                end += 1 + run(text, end + 1, url_safe).len();
            }
            return Found::plain(start..end, Kind::Jwt);
        }
    }
    if word { base64(text, start, 24) } else { None }
}

/// The base64 at `start`, if it is at least `min` long.
pub(super) fn base64(text: &[u8], start: usize, min: usize) -> Option<Found> {
    let end = start + run(text, start, is_base64).len();
    if end - start < min { None } else { Found::plain(start..end, Kind::Base64) }
}

/// The PEM block whose `-----BEGIN` begins at `start`: to its end mark, or to the end of the string it stands in.
pub(super) fn pem(text: &[u8], start: usize) -> Option<Found> {
    let quote = memchr(b'"', &text[start..]).map_or(text.len(), |i| start + i);
    let slashes = text[start..quote].iter().rev().take_while(|b| **b == b'\\').count();
    let limit = quote - slashes;
    let block = &text[start..limit];
    let end = memmem::find(block, b"-----END").map_or(block.len(), |mark| {
        let label = mark + "-----END".len();
        memmem::find(&block[label..], b"-----").map_or(block.len(), |dashes| label + dashes + 5)
    });
    Found::plain(start..start + end, Kind::Pem)
}

/// What follows `Bearer` or `Basic` at `hit`, if it looks like no word.
pub(super) fn scheme(text: &[u8], hit: &Range<usize>) -> Option<Found> {
    let gap = run(text, hit.end, |b| matches!(b, b' ' | b'\t' | b':' | b'=')).len();
    if gap == 0 || !begins_word(text, hit.start) {
        return None;
    }
    let start = hit.end + gap;
    let token = run(text, start, |b| is_base64(b) || matches!(b, b'.' | b'~'));
    let token = token.trim_ascii_end().strip_suffix(b".").unwrap_or(token);
    let wordlike = token.iter().skip(1).all(u8::is_ascii_lowercase);
    if token.len() < 8 || (wordlike && token.len() < 24) {
        return None;
    }
    Found::plain(start..start + token.len(), Kind::Authorization)
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// Whether a word begins at `at`. The letter of an escape (`\n`) belongs to no word.
fn begins_word(text: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|i| text[i]) else { return true };
    let escape = matches!(before, b'n' | b'r' | b't' | b'b' | b'f') && at >= 2 && text[at - 2] == b'\\';
    escape || !before.is_ascii_alphanumeric()
}

/// The bytes from `from` that all are a `part`.
fn run(text: &[u8], from: usize, part: impl Fn(u8) -> bool) -> &[u8] {
    let rest = text.get(from..).unwrap_or_default();
    &rest[..rest.iter().take_while(|b| part(**b)).count()]
}
