//! Shared, immutable text, and the two ways foreign text is made safe to show.

use std::sync::Arc;

/// Immutable text that is cheap to share between entries, spans and views.
pub type Text = Arc<str>;

/// Cuts `text` to at most `max` characters; what is cut is replaced by `…`.
///
/// Gives the text itself when it is short enough.
pub fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((end, _)) => {
            let mut cut = text[..end].trim_end().to_owned();
            cut.push('…');
            cut
        }
    }
}

/// Replaces control characters (line breaks, escapes, bidi overrides) by spaces, so that foreign text cannot break a
/// log line, a label or a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect()
}

/// Characters that must not reach a log line, a label or a page as they are.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{printable, shorten};

    #[test]
    fn shortens_on_a_character_boundary() {
        assert_eq!(shorten("añb", 2), "añ…");
        assert_eq!(shorten("añ", 2), "añ");
    }

    #[test]
    fn control_and_bidi_characters_become_spaces() {
        assert_eq!(printable("a\nb\u{202e}c\u{1b}[31m"), "a b c [31m");
    }
}
