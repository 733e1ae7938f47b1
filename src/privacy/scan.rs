//! One pass over a text for whatever could be a secret, and a closer look at each such place.

use std::cell::Cell;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};
use memchr::memchr;

use super::kind::{Found, Kind};
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
    Escape,
    Key(&'static token::Shape),
    WebToken,
    Pem,
    PemBase64,
    Scheme,
    Url,
    Name,
    Content,
}

/// The literals of names that announce a secret.
const NAMES: &[&str] = &[
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "api key",
    "accesskey",
    "access_key",
    "access-key",
    "access key",
    "privatekey",
    "private_key",
    "private-key",
    "accountkey",
    "account_key",
    "credential",
    "authorization",
    "cookie",
];

/// The literals, what each is the sign of, and the automaton that finds them in any case.
struct Signs {
    signs: Vec<Sign>,
    automaton: AhoCorasick,
}

static SECRETS: LazyLock<Signs> = LazyLock::new(|| Signs::new(&[]));
static SECRETS_AND_CONTENT: LazyLock<Signs> = LazyLock::new(|| Signs::new(withheld::NAMES));

impl Signs {
    fn new(content: &[&'static str]) -> Self {
        let fixed = [
            ("\\u00", Sign::Escape),
            ("\\/", Sign::Escape),
            ("eyj", Sign::WebToken),
            ("-----begin", Sign::Pem),
            ("ls0tls1crudjti", Sign::PemBase64),
            ("bearer", Sign::Scheme),
            ("basic", Sign::Scheme),
            ("://", Sign::Url),
        ];
        let literals: Vec<(&str, Sign)> = fixed
            .into_iter()
            .chain(token::SHAPES.iter().map(|shape| (shape.prefix, Sign::Key(shape))))
            .chain(NAMES.iter().map(|name| (*name, Sign::Name)))
            .chain(content.iter().map(|name| (*name, Sign::Content)))
            .collect();
        let automaton = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(literals.iter().map(|(literal, _)| literal))
            .expect("a few dozen short literals make an automaton");
        Self { signs: literals.into_iter().map(|(_, sign)| sign).collect(), automaton }
    }
}

/// Looks for secrets in `text`.
pub(super) fn scan(text: &[u8], look: Look) -> Scan {
    if look.escapes && memchr(0, text).is_some() {
        return Scan::Escaped;
    }
    let Signs { signs, automaton } = if look.withhold { &*SECRETS_AND_CONTENT } else { &*SECRETS };
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
    for hit in automaton.find_overlapping_iter(text) {
        let range = hit.range();
        if range.start < done {
            continue;
        }
        let sign = signs[hit.pattern().as_usize()];
        let place = match sign {
            Sign::Escape if look.escapes && escape::hides(text, range.start) => return Scan::Escaped,
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
    }
    Scan::Found(found)
}

/// The secret that a sign at `hit` stands for, if it does.
fn place_of(text: &[u8], sign: Sign, hit: &Range<usize>, json: &dyn Fn() -> bool) -> Option<Found> {
    match sign {
        Sign::Escape | Sign::Content => None,
        Sign::Key(shape) => shape.key(text, hit),
        Sign::WebToken => token::web_token(text, hit.start),
        Sign::Pem => token::pem(text, hit.start),
        Sign::PemBase64 => token::base64(text, hit.start, 24).map(|found| Found { kind: Kind::Pem, ..found }),
        Sign::Scheme => token::scheme(text, hit),
        Sign::Url => url::password(text, hit.end),
        Sign::Name => named::value_of(text, hit, json),
    }
}
