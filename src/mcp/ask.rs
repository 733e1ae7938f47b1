//! Questions to the API.
//! Takes: a path, parameters. Gives: what the API answers, or what it says is wrong.

use std::fmt::Write as _;

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::fit;
use crate::model::printable;

/// Something that asks the API of a daemon, from within or over the network.
pub(crate) trait Ask: Send + Sync + 'static {
    /// `GET`: the path's segments, each as it is, and the parameters.
    fn get<'a>(&'a self, path: &'a [&'a str], query: &'a [(&'static str, String)]) -> BoxFuture<'a, Answer>;
}

/// What the API says.
pub(crate) type Answer = Result<Value, Refused>;

/// Why there is no answer; read from `application/problem+json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Refused {
    /// HTTP's word for it; 0 = it never came to that.
    #[serde(default)]
    pub(crate) status: u16,
    /// What was wrong, and what to do.
    pub(crate) detail: String,
    /// The parameter at fault.
    #[serde(default)]
    parameter: Option<Box<str>>,
    /// What is allowed there.
    #[serde(default)]
    allowed: Option<Box<str>>,
    /// Where a filter is wrong: characters before the place.
    #[serde(default)]
    at: Option<u16>,
    /// Characters of the place.
    #[serde(default)]
    length: Option<u16>,
    /// The filter that was wrong.
    #[serde(skip)]
    filter: Option<Box<str>>,
}

impl Refused {
    pub(crate) fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..Self::default() }
    }

    /// Of the body of an error answer; `None` if it is none of the API.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.status == 404
    }

    /// The same, with the filter it is about: its place can be shown.
    pub(super) fn of(mut self, filter: Option<&str>) -> Self {
        self.filter = filter.filter(|_| self.at.is_some()).map(Box::from);
        self
    }

    /// For whoever asked.
    pub(super) fn told(&self) -> String {
        let mut told = fit::line(&self.detail);
        if let Some(parameter) = &self.parameter {
            let _ = write!(told, "\nargument: {}", fit::line(parameter));
        }
        if let Some(allowed) = &self.allowed {
            let _ = write!(told, "\nallowed: {}", fit::line(allowed));
        }
        if let (Some(at), Some(length)) = (self.at, self.length) {
            let _ = write!(told, "\nat character {at}, {length} long");
            // A line the marks stand beneath, as the command line shows it.
            if let Some(filter) = &self.filter {
                let (before, marks) = (usize::from(at), usize::from(length.max(1)));
                let _ = write!(told, ":\n  {}\n  {}{}", printable(filter), " ".repeat(before), "^".repeat(marks));
            }
        }
        if self.status == 403 {
            told.push_str("\nthe token has role viewer; ask without payloads, or use a token of role debug");
        }
        told
    }
}

/// An id that stands in a path. A segment of dots would mean another path.
pub(super) fn id<'a>(name: &str, text: &'a str) -> Result<&'a str, Refused> {
    if matches!(text, "" | "." | "..") || text.len() > 256 {
        return Err(Refused::new(format!("{name}: an id of 1 to 256 bytes is needed")));
    }
    Ok(text)
}

/// A term of a filter that stands for exactly this value.
pub(super) fn term(field: &str, value: &str) -> String {
    let colon = if field.is_empty() { "" } else { ":" };
    format!("{field}{colon}\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A parameter, where it is given.
pub(super) fn given<T: ToString>(name: &'static str, value: Option<&T>) -> Option<(&'static str, String)> {
    value.map(|value| (name, value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_filter_is_marked_in_place() {
        let body = br#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"unknown field","parameter":"filter","allowed":"story","at":9,"length":5}"#;
        let refused = Refused::read(body).expect("a problem").of(Some("role:DEV stroy:1"));
        assert!(refused.told().ends_with("\n  role:DEV stroy:1\n           ^^^^^"), "{}", refused.told());
        assert!(Refused::read(b"<html>").is_none());
    }

    #[test]
    fn values_of_terms_are_quoted() {
        assert_eq!(term("task", r#"a, "b\c"#), r#"task:"a, \"b\\c""#);
        assert_eq!(term("", "x"), "\"x\"");
        assert!(id("agent", "..").is_err() && id("agent", "a/b").is_ok());
    }
}
