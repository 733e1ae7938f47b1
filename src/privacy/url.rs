//! Passwords in URLs and data source names: `scheme://user:password@host`.

use memchr::{memchr, memrchr};

use super::kind::{Found, Kind};
use super::quote::word_end;

/// A user name this long is a token.
const MIN_TOKEN: usize = 16;

/// How far past a slash the rest of a password is looked for: hostile text must not be read again and again.
const MAX_BEYOND: usize = 256;

/// The password after the `://` that ends at `from`.
pub(super) fn password(text: &[u8], from: usize) -> Option<Found> {
    if text.get(from) == Some(&b'[') {
        return None;
    }
    let end = word_end(text, from, |b| matches!(b, b'<' | b'>' | b'/' | b'?' | b'#'));
    let authority = &text[from..end];
    let at = memrchr(b'@', authority).or_else(|| beyond_slash(text, from, end))?;
    let rest = &text[from..from + at];
    let start = match memchr(b':', rest) {
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
fn beyond_slash(text: &[u8], from: usize, end: usize) -> Option<usize> {
    let authority = &text[from..end];
    let port = &authority[memchr(b':', authority)? + 1..];
    if port.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let near = &text[..text.len().min(end + MAX_BEYOND)];
    memrchr(b'@', &near[from..word_end(near, from, |b| matches!(b, b'<' | b'>'))])
}
