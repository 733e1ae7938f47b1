//! One pass over a text for whatever could be a secret, and a closer look at each such place.

use std::cell::Cell;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::{memchr, memchr_iter};

use super::kind::{Found, Kind};
use super::signs::Signs;
use super::withheld::{self, Content};
use super::{escape, is_json, named, token, url};

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Prompts and answers too.
    pub(super) withhold: bool,
    /// Stop at an escape that could hide something.
    pub(super) escapes: bool,
}

/// What a scan gives.
#[derive(Debug)]
pub(super) enum Scan {
    /// The text must be freed of escapes first.
    Escaped,
    /// The places to replace, in order, not overlapping.
    Found(Vec<Found>),
}

/// What a literal in a text may be the sign of.
#[derive(Clone, Copy, Debug)]
enum Sign {
    Key(&'static token::Shape),
    WebToken,
    Pem,
    PemBase64,
    Scheme,
    Url,
    Name,
    Content,
}

/// What stands for itself, and three bytes of it that are rare in the fleet's messages.
const FIXED: &[(&str, &str, Sign)] = &[
    ("eyj", "eyj", Sign::WebToken),
    ("-----begin", "-be", Sign::Pem),
    ("ls0tls1crudjti", "ls0", Sign::PemBase64),
    ("bearer", "bea", Sign::Scheme),
    ("basic", "asi", Sign::Scheme),
    ("://", "://", Sign::Url),
];

static SECRETS: LazyLock<Signs<Sign>> = LazyLock::new(|| Signs::new(secrets()));
static SECRETS_AND_CONTENT: LazyLock<Signs<Sign>> = LazyLock::new(|| {
    Signs::new(secrets().chain(withheld::NAMES.iter().map(|(name, rare)| (*name, *rare, Sign::Content))))
});

fn secrets() -> impl Iterator<Item = (&'static str, &'static str, Sign)> {
    let keys = token::SHAPES.iter().map(|shape| (shape.literal, shape.rare, Sign::Key(shape)));
    let names = named::LITERALS.iter().map(|(name, rare)| (*name, *rare, Sign::Name));
    FIXED.iter().copied().chain(keys).chain(names)
}

/// Looks for secrets in `text`.
pub(super) fn scan(text: &[u8], look: Look) -> Scan {
    if look.escapes && (memchr(0, text).is_some() || memchr_iter(b'\\', text).any(|at| escape::hides(text, at))) {
        return Scan::Escaped;
    }
    let signs = if look.withhold { &*SECRETS_AND_CONTENT } else { &*SECRETS };
    let known = Cell::new(None);
    // Only asked in the rare case where a quote may be a value's or the surrounding string's.
    let json = || {
        known.get().unwrap_or_else(|| {
            let json = is_json(text);
            known.set(Some(json));
            json
        })
    };
    let (mut found, mut done, mut proposal) = (Vec::new(), 0, 0);
    signs.each(text, |range, sign| {
        if range.start < done {
            return;
        }
        let place = match sign {
            Sign::Content => match withheld::content_of(text, &range, range.start < proposal) {
                Some(Content::Replace(place)) => Some(place),
                Some(Content::Proposal(end)) => {
                    proposal = proposal.max(end);
                    None
                }
                None => None,
            },
            sign => place_of(text, sign, &range, &json),
        };
        if let Some(place) = place.filter(|place| place.range.start >= done) {
            done = place.range.end;
            found.push(place);
        }
    });
    Scan::Found(found)
}

/// The secret that a sign at `hit` stands for, if it does.
fn place_of(text: &[u8], sign: Sign, hit: &Range<usize>, json: &dyn Fn() -> bool) -> Option<Found> {
    match sign {
        Sign::Content => None,
        Sign::Key(shape) => shape.key(text, hit),
        Sign::WebToken => token::web_token(text, hit.start),
        Sign::Pem => token::pem(text, hit.start),
        Sign::PemBase64 => token::base64(text, hit.start, 24).map(|found| Found { kind: Kind::Pem, ..found }),
        Sign::Scheme => token::scheme(text, hit),
        Sign::Url => url::password(text, hit.end),
        Sign::Name => named::value_of(text, hit, json),
    }
}
