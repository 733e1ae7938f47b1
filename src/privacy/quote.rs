//! Strings within strings: where a quoted value ends, however often it was escaped.
//!
//! A quote of a JSON string inside `n` other JSON strings is preceded by 2ⁿ−1 backslashes. A run of `r` backslashes
//! before a quote closes the string of level `j` if `r mod 2ʲ⁺¹ = 2ʲ−1`.

use memchr::{memchr, memchr2};

/// A quote and the backslashes before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quote {
    /// Where the first backslash, or the quote, stands.
    pub(super) start: usize,
    /// Where what follows begins.
    pub(super) end: usize,
    /// How many strings it is inside.
    pub(super) level: u32,
    /// `"`, `'` or a backtick.
    pub(super) byte: u8,
}

/// Deepest string within strings that is told apart.
const MAX_LEVEL: u32 = 6;

impl Quote {
    /// The quote that begins at `at`, if one does.
    pub(super) fn at(text: &[u8], at: usize) -> Option<Self> {
        let run = backslashes_from(text, at);
        let byte = *text.get(at + run)?;
        if !matches!(byte, b'"' | b'\'' | b'`') || (byte != b'"' && run % 2 == 1) {
            return None;
        }
        let level = (0..=MAX_LEVEL).find(|n| (1 << n) - 1 == run)?;
        Some(Self { start: at, end: at + run + 1, level, byte })
    }

    /// Where the string that this quote opens ends, and whether by its own quote. `json` says whether a bare `"` ends
    /// what surrounds a string in other quotes.
    pub(super) fn closing(self, text: &[u8], json: impl FnOnce() -> bool) -> (usize, bool) {
        if self.byte == b'"' { closing(text, self.end, self.level) } else { self.closing_other(text, json()) }
    }

    fn closing_other(self, text: &[u8], json: bool) -> (usize, bool) {
        let mut at = self.end;
        while let Some(next) = memchr2(self.byte, b'"', &text[at..]).map(|i| at + i) {
            let run = backslashes_before(text, next, self.end);
            if text[next] == self.byte && run == 0 {
                return (next, true);
            }
            if text[next] == b'"' && json && run.is_multiple_of(2) {
                return (next, false);
            }
            at = next + 1;
        }
        (text.len(), false)
    }
}

/// Where the string of `level` that began before `from` ends, and whether by its own quote.
fn closing(text: &[u8], from: usize, level: u32) -> (usize, bool) {
    let mut at = from;
    while let Some(next) = memchr(b'"', &text[at..]).map(|i| at + i) {
        let run = backslashes_before(text, next, from);
        if let Some(closed) = closes(run, level) {
            return (next - ((1 << closed) - 1), closed == level);
        }
        at = next + 1;
    }
    (text.len(), false)
}

/// The level, up to `level`, whose string a quote after `run` backslashes closes.
fn closes(run: usize, level: u32) -> Option<u32> {
    (0..=level).find(|j| run % (1 << (j + 1)) == (1 << j) - 1)
}

/// Where the object or list that begins at `from`, written inside `level` strings, ends.
pub(super) fn balanced(text: &[u8], from: usize, level: u32) -> usize {
    let (mut at, mut depth) = (from, 0_usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b'"' => match closes(backslashes_before(text, at, from), level) {
                Some(closed) if closed < level => return at - ((1 << closed) - 1),
                Some(_) => match closing(text, at + 1, level) {
                    (end, true) => at = end + (1 << level) - 1,
                    (end, false) => return end,
                },
                None => {}
            },
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// How many backslashes stand at `at` and after it.
pub(super) fn backslashes_from(text: &[u8], at: usize) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|b| **b == b'\\').count()
}

/// How many backslashes stand right before `at`, not looking further back than `from`.
fn backslashes_before(text: &[u8], at: usize, from: usize) -> usize {
    text[from..at].iter().rev().take_while(|b| **b == b'\\').count()
}

/// The position after white space, written as it is or as an escape of any level.
pub(super) fn skip_space(text: &[u8], mut at: usize) -> usize {
    loop {
        match text.get(at) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(b'\\') => {
                let run = backslashes_from(text, at);
                match text.get(at + run) {
                    Some(b'n' | b'r' | b't') => at += run + 1,
                    _ => return at,
                }
            }
            _ => return at,
        }
    }
}

/// Where the unquoted word that begins at `from` ends: at white space, a quote, or a byte that `stops`. An escaped
/// backslash or letter belongs to the word, any other escape ends it.
pub(super) fn word_end(text: &[u8], from: usize, stops: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    while let Some(&byte) = text.get(at) {
        if byte == b'\\' {
            let run = backslashes_from(text, at);
            let pairs = run - run % 2;
            if run.is_multiple_of(2) {
                at += run;
            } else if text.get(at + run) == Some(&b'u')
                && text.get(at + run + 1..at + run + 5).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
            {
                at += run + 5;
            } else {
                return at + pairs;
            }
        } else if byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`') || stops(byte) {
            return at;
        } else {
            at += 1;
        }
    }
    at
}
