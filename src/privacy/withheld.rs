//! Prompts and answers, for those who keep none.

use std::ops::Range;

use super::kind::{Found, Kind};
use super::named::name_around;
use super::quote::{Quote, balanced, skip_space};

/// The keys of prompts and answers, and three rare bytes of each. `content` and `reasoning` count inside a proposal.
pub(super) const NAMES: &[(&str, &str)] =
    &[("proposal", "pos"), ("task_description", "k_d"), ("prompt", "mpt"), ("content", "nte"), ("reasoning", "aso")];

/// What a key of a prompt or an answer leads to.
pub(super) enum Content {
    /// To be replaced.
    Replace(Found),
    /// A proposal that ends here; its own fields follow.
    Proposal(usize),
}

/// The content that the key found at `hit` holds. `inside` = the key stands inside a proposal.
pub(super) fn content_of(text: &[u8], hit: &Range<usize>, inside: bool) -> Option<Content> {
    let name = name_around(text, hit);
    let key = &text[name.clone()];
    let nested = matches!(key, b"content" | b"reasoning");
    if (nested && !inside) || !NAMES.iter().any(|(known, _)| known.as_bytes() == key) {
        return None;
    }
    let closing = Quote::at(text, name.end).filter(|quote| quote.byte == b'"')?;
    let colon = skip_space(text, closing.end);
    if text.get(colon) != Some(&b':') {
        return None;
    }
    let at = skip_space(text, colon + 1);
    if let Some(quote) = Quote::at(text, at) {
        if quote.level < closing.level {
            return None;
        }
        let (end, _) = quote.closing(text, || true);
        return Found::plain(quote.end..end, Kind::Withheld).map(Content::Replace);
    }
    match text.get(at)? {
        // A proposal within a proposal ends before it.
        b'{' if key == b"proposal" && inside => None,
        b'{' if key == b"proposal" => Some(Content::Proposal(balanced(text, at, closing.level))),
        b'{' | b'[' => Some(Content::Replace(Found {
            range: at..balanced(text, at, closing.level),
            kind: Kind::Withheld,
            quote: closing.start..closing.end,
        })),
        _ => None,
    }
}
