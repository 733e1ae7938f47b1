//! What can be found in a text, and what stands there afterwards.

use std::ops::Range;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A key known by its beginning.
    ApiKey,
    /// A JSON web token.
    Jwt,
    /// JSON or a key file in base64.
    Base64,
    /// A PEM block.
    Pem,
    /// What follows `Authorization:`, `Bearer` or `Basic`.
    Authorization,
    /// A password in a URL.
    Password,
    /// The value of something called a secret.
    Secret,
    /// A prompt or an answer that is not to be kept.
    Withheld,
}

impl Kind {
    /// What is put in its place. No character of it needs an escape in JSON.
    pub(super) const fn replacement(self) -> &'static str {
        match self {
            Self::ApiKey => "[masked:api_key]",
            Self::Jwt => "[masked:jwt]",
            Self::Base64 => "[masked:base64]",
            Self::Pem => "[masked:pem]",
            Self::Authorization => "[masked:authorization]",
            Self::Password => "[masked:password]",
            Self::Secret => "[masked:secret]",
            Self::Withheld => "[content withheld]",
        }
    }
}

/// A place to replace.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The bytes to replace.
    pub(super) range: Range<usize>,
    /// By what.
    pub(super) kind: Kind,
    /// The quote to put around it, copied from the text: a number or an object becomes a string. Empty for none.
    pub(super) quote: Range<usize>,
}

impl Found {
    /// A place whose replacement needs no quotes; `None` when there is nothing to replace.
    pub(super) fn plain(range: Range<usize>, kind: Kind) -> Option<Self> {
        (!range.is_empty()).then_some(Self { range, kind, quote: 0..0 })
    }
}
