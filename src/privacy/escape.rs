//! Escapes that could hide a secret: `\u0073k-…` and `https:\/\/` become what they mean.
//!
//! Works on the text, not on a parsed tree: key order, number text and white space stay as they were.

use memchr::memchr;

use super::quote::backslashes_from;

/// Whether the backslash at `at` begins an escape of a plain character.
pub(super) fn hides(text: &[u8], at: usize) -> bool {
    match text.get(at + 1) {
        Some(b'/') => true,
        Some(b'u') => ascii(text, at + 1).is_some(),
        _ => false,
    }
}

/// The text with every escape of a plain character undone, at any level of strings within strings, and NUL bytes
/// (text in two bytes a character) left out.
pub(super) fn plain(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(slash) = memchr(b'\\', &text[at..]).map(|i| at + i) {
        out.extend_from_slice(&text[at..slash]);
        let run = backslashes_from(text, slash);
        at = slash + run;
        let (odd, byte) = (run % 2 == 1, text.get(at).copied());
        let meant = match byte {
            Some(b'/') => Some((b'/', 1)),
            Some(b'u') => ascii(text, at).map(|c| (c, 5)),
            _ => None,
        };
        let slashes = |out: &mut Vec<u8>, n: usize| out.extend(std::iter::repeat_n(b'\\', n));
        match meant {
            // Within a string within a string the escape's own backslash is escaped: what is left is the character.
            Some((c, len))
                if c.is_ascii_graphic() && !matches!(c, b'"' | b'\\') || matches!(meant, Some((b' ', _))) =>
            {
                slashes(&mut out, if odd { run - 1 } else { 0 });
                out.push(c);
                at += len;
            }
            Some((c @ (b'"' | b'\\' | b'\n' | b'\r' | b'\t'), len)) if odd => {
                slashes(&mut out, run);
                out.push(match c {
                    b'\n' => b'n',
                    b'\r' => b'r',
                    b'\t' => b't',
                    other => other,
                });
                at += len;
            }
            _ => {
                slashes(&mut out, run);
                // The escaped byte is no backslash and goes along as it is.
            }
        }
    }
    out.extend_from_slice(&text[at..]);
    out.retain(|b| *b != 0);
    out
}

/// The ASCII character that the `u` at `at` with its four digits means.
fn ascii(text: &[u8], at: usize) -> Option<u8> {
    let hex = text.get(at + 1..at + 5)?;
    if hex[0] != b'0' || hex[1] != b'0' {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let code = digit(hex[2])? << 4 | digit(hex[3])?;
    (code < 0x80).then_some(code)
}
