//! Passwords in URLs and data source names: `scheme://user:password@host`.

use memchr::{memchr, memrchr};

use super::kind::{Found, Kind};
use super::quote::word_end;

/// A user name this long is a token.
const MIN_TOKEN: usize = 16;

/// The password after the `://` that ends at `from`.
pub(super) fn password(text: &[u8], from: usize) -> Option<Found> {
    let end = word_end(text, from, |b| matches!(b, b'<' | b'>'));
    let rest = &text[from..end];
    if rest.first() == Some(&b'[') {
        return None;
    }
    let authority = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let at = memrchr(b'@', &rest[..authority]).or_else(|| beyond_slash(rest, authority))?;
    let start = match memchr(b':', &rest[..at]) {
        Some(colon) => colon + 1,
        None if at >= MIN_TOKEN => 0,
        None => return None,
    };
    if rest[start..].starts_with(b"[masked:") {
        return None;
    }
    Found::plain(from + start..from + at, Kind::Password)
}

/// The `@` of an authority whose password holds a slash: what follows the colon is no port.
fn beyond_slash(rest: &[u8], authority: usize) -> Option<usize> {
    let colon = memchr(b':', &rest[..authority])?;
    let port = &rest[colon + 1..authority];
    if port.iter().all(u8::is_ascii_digit) { None } else { memrchr(b'@', rest) }
}
