//! Masking of secrets: before journal, span, feed, log or dead letter.
//! Takes: text or a JSON body as it came. Gives: the same with secrets replaced and prompts dropped where asked.
//! Never: lets a body pass that it could not look through.

mod escape;
mod kind;
mod named;
mod quote;
mod scan;
mod signs;
#[cfg(test)]
mod tests;
mod token;
mod url;
mod withheld;

use std::borrow::Cow;

use bytes::Bytes;

use crate::config::Content;
use crate::model::Payload;
use kind::{Found, Kind};
use scan::{Look, Scan, scan};

/// Bodies above this are cut before they are looked through: nobody in the fleet sends one.
pub const MAX_BODY: usize = 8 << 20;

/// How much more than the kept size is looked through when a body is too large: a secret that straddles the cut is
/// recognised by what follows it.
const MARGIN: usize = 64 << 10;

/// Replaces secrets, and prompts and answers where the policy says so.
#[derive(Clone, Debug)]
pub struct Masker {
    content: Content,
    max_payload: usize,
}

/// A whole body after masking, not yet cut to the size kept.
#[derive(Clone, Debug)]
pub struct Masked {
    /// The body: the same buffer where nothing was found.
    pub bytes: Bytes,
    /// How many places were replaced.
    pub masked: u32,
    max_payload: usize,
    cut: bool,
}

impl Masker {
    /// A masker that keeps bodies of at most `max_payload` bytes.
    pub fn new(content: Content, max_payload: usize) -> Self {
        Self { content, max_payload }
    }

    /// Masks secrets in plain text: errors, log lines, reasons.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match replaced(text.as_bytes(), false) {
            None => Cow::Borrowed(text),
            Some((bytes, _)) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Masks a body and cuts it to the size kept.
    pub fn body(&self, body: Bytes) -> Payload {
        self.whole(body).payload()
    }

    /// Masks a body without cutting it to the size kept: facts are read from the whole of it.
    pub fn whole(&self, mut body: Bytes) -> Masked {
        let cut = body.len() > MAX_BODY;
        if cut {
            body.truncate(self.max_payload.saturating_add(MARGIN).min(MAX_BODY));
        }
        let (bytes, masked) = self.mask(body);
        Masked { bytes, masked, max_payload: self.max_payload, cut }
    }

    fn mask(&self, body: Bytes) -> (Bytes, u32) {
        let withhold = self.content == Content::None;
        if withhold && !body.is_empty() && !is_json(&body) {
            // Free text or a broken body may be a prompt: there is no telling.
            return (Bytes::from_static(Kind::Withheld.replacement().as_bytes()), 1);
        }
        match replaced(&body, withhold) {
            None => (body, 0),
            Some((bytes, count)) => (bytes.into(), count),
        }
    }
}

impl Masked {
    /// The payload to keep: at most the configured size, cut on a character boundary.
    pub fn payload(self) -> Payload {
        let Self { bytes, masked, max_payload, cut } = self;
        if bytes.len() <= max_payload {
            return Payload { bytes, truncated: cut, masked };
        }
        let mut end = max_payload;
        while end > 0 && bytes[end] & 0xc0 == 0x80 && max_payload - end < 4 {
            end -= 1;
        }
        // A copy: a slice would keep the whole buffer alive for as long as the entry.
        Payload { bytes: Bytes::copy_from_slice(&bytes[..end]), truncated: true, masked }
    }
}

/// The text with everything found replaced, and how many places; `None` when there was nothing.
fn replaced(text: &[u8], withhold: bool) -> Option<(Vec<u8>, u32)> {
    match scan(text, Look { withhold, escapes: true }) {
        Scan::Found(found) if found.is_empty() => None,
        Scan::Found(found) => Some((splice(text, &found), found.len() as u32)),
        Scan::Escaped => {
            let plain = escape::plain(text);
            match scan(&plain, Look { withhold, escapes: false }) {
                Scan::Found(found) if !found.is_empty() => Some((splice(&plain, &found), found.len() as u32)),
                _ => None,
            }
        }
    }
}

/// Puts the replacements in place. `found` is in order and does not overlap.
fn splice(text: &[u8], found: &[Found]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + found.len() * 24);
    let mut from = 0;
    for place in found {
        out.extend_from_slice(&text[from..place.range.start]);
        out.extend_from_slice(&text[place.quote.clone()]);
        out.extend_from_slice(place.kind.replacement().as_bytes());
        out.extend_from_slice(&text[place.quote.clone()]);
        from = place.range.end;
    }
    out.extend_from_slice(&text[from..]);
    out
}

/// Whether the text is one JSON value.
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}
