//! The filter language: `story:s-1 role:DEV,QA -type:context.* "free text" word`. docs/FILTER.md is its grammar.
//! Takes: a text of bounded length. Gives: terms, each of which must hold, or the place and the name of what is wrong.
//! Never: panics, or guesses at what was meant.

mod grammar;

use std::ops::Range;

use super::clause::{Clause, Column, Test};
use super::{Filter, Glob};
use crate::model::message::Source;
use crate::model::record::Severity;
use crate::model::text::{printable, shorten};

use self::grammar::{Term, Value};

/// Longest filter, in bytes.
pub const MAX_FILTER: usize = 4096;
/// Most terms of one.
pub const MAX_TERMS: usize = 64;
/// Most values of a term.
pub const MAX_VALUES: usize = 50;
/// Longest value, in bytes.
pub const MAX_VALUE: usize = 256;

/// The fields of the language.
pub const WORDS: [&str; 11] =
    ["story", "task", "ceremony", "plan", "role", "agent", "type", "producer", "source", "severity", "q"];

/// Likeness from which a misspelt field is taken for a known one.
const ALIKE: f64 = 0.8;

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FilterError {
    /// Characters before the place.
    pub at: usize,
    /// Characters of it; at least 1, also at the end of the text.
    pub length: usize,
    /// What is wrong there, and the remedy.
    pub detail: String,
}

impl FilterError {
    /// The text with the place marked beneath, for a fixed-width font. Characters that would move a terminal's cursor
    /// are shown as spaces, and only so much of a long text as stands around the place.
    pub fn marked(&self, text: &str) -> String {
        const AROUND: usize = 60;
        let skipped = self.at.saturating_sub(AROUND);
        let line: String = printable(text).chars().skip(skipped).take(2 * AROUND).collect();
        let length = self.length.min(2 * AROUND - (self.at - skipped)).max(1);
        format!("{line}\n{}{}", " ".repeat(self.at - skipped), "^".repeat(length))
    }
}

/// What is wrong at a range of bytes.
#[derive(Clone, Debug)]
struct Wrong {
    place: Range<usize>,
    detail: String,
}

impl Wrong {
    fn new(place: Range<usize>, detail: impl Into<String>) -> Self {
        Self { place, detail: detail.into() }
    }

    fn in_text(self, text: &str) -> FilterError {
        let (from, to) = (self.place.start.min(text.len()), self.place.end.min(text.len()));
        let chars = |bytes: &str| bytes.chars().count();
        let length = chars(text.get(from..to).unwrap_or_default()).max(1);
        FilterError { at: chars(text.get(..from).unwrap_or(text)), length, detail: self.detail }
    }
}

impl Clause {
    /// Reads the terms of a filter. An empty text has none.
    pub fn parse(text: &str) -> Result<Vec<Self>, FilterError> {
        if text.len() > MAX_FILTER {
            let detail = format!("a filter has at most {MAX_FILTER} bytes, this one {}", text.len());
            let last = (0..=MAX_FILTER).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            return Err(Wrong::new(last..last, detail).in_text(text));
        }
        terms(text).map_err(|wrong| wrong.in_text(text))
    }
}

impl Filter {
    /// A filter that is written in the language.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Ok(Self { and: Clause::parse(text)?, ..Self::default() })
    }
}

fn terms(text: &str) -> Result<Vec<Clause>, Wrong> {
    let terms = grammar::parse(text)?;
    if let Some(beyond) = terms.get(MAX_TERMS) {
        return Err(Wrong::new(beyond.place.clone(), format!("a filter has at most {MAX_TERMS} terms")));
    }
    terms.into_iter().map(clause).collect()
}

fn clause(term: Term) -> Result<Clause, Wrong> {
    if let Some(beyond) = term.values.get(MAX_VALUES) {
        return Err(Wrong::new(beyond.place.clone(), format!("a term has at most {MAX_VALUES} values")));
    }
    for value in &term.values {
        check(value)?;
    }
    let Some((field, place)) = term.field else { return text(term.not, term.values) };
    let test = match field.as_str() {
        "type" => Test::Type(term.values.into_iter().map(|value| Glob::new(value.text)).collect()),
        "source" => Test::Source(term.values.into_iter().map(source).collect::<Result<_, _>>()?),
        "severity" => severity(term.values)?,
        "q" => Test::Text(texts(term.values)),
        name => match Column::ALL.into_iter().find(|column| column.name() == name) {
            Some(column) => exact(column, term.values)?,
            None => return Err(unknown(name, place)),
        },
    };
    Ok(Clause { not: term.not, test })
}

fn check(value: &Value) -> Result<(), Wrong> {
    let place = value.place.clone();
    match value.text.len() {
        0 => Err(Wrong::new(place, "an empty text finds nothing: write what to look for")),
        n if n > MAX_VALUE => Err(Wrong::new(place, format!("a value has at most {MAX_VALUE} bytes, this one {n}"))),
        _ => Ok(()),
    }
}

fn texts(values: Vec<Value>) -> Vec<String> {
    values.into_iter().map(|value| value.text).collect()
}

fn text(not: bool, values: Vec<Value>) -> Result<Clause, Wrong> {
    if let [Value { text, place, quoted: false }] = &values[..]
        && is_operator(text)
    {
        let detail = format!(
            "there is no {text}: terms are combined by \"and\", a comma is \"or\" within a field (role:DEV,QA), and - \
             leaves out (-role:DEV); put it in quotes to look for the word"
        );
        return Err(Wrong::new(place.clone(), detail));
    }
    Ok(Clause { not, test: Test::Text(texts(values)) })
}

/// A pattern where none is understood would find nothing, and nobody would know why.
fn exact(column: Column, values: Vec<Value>) -> Result<Test, Wrong> {
    if let Some(pattern) = values.iter().find(|value| !value.quoted && value.text.contains('*')) {
        let detail =
            format!("{} is compared as a whole, only type takes patterns; put a value with * in quotes", column.name());
        return Err(Wrong::new(pattern.place.clone(), detail));
    }
    Ok(Test::Is(column, texts(values)))
}

fn source(value: Value) -> Result<Source, Wrong> {
    Source::from_name(&value.text).ok_or_else(|| {
        let known = Source::ALL.map(Source::name).join(", ");
        Wrong::new(value.place, format!("there is no source {}; sources are {known}", shown(&value.text)))
    })
}

/// At least the least of those named.
fn severity(values: Vec<Value>) -> Result<Test, Wrong> {
    let of = |value: Value| {
        let name = value.text.strip_prefix(">=").unwrap_or(&value.text);
        let known = [Severity::Info, Severity::Warning, Severity::Error];
        known.into_iter().find(|s| s.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            let detail = format!(
                "there is no severity {}; severity:warning finds warnings and errors, severity:error errors alone, \
                 severity:info all",
                shown(&value.text)
            );
            Wrong::new(value.place, detail)
        })
    };
    let named = values.into_iter().map(of).collect::<Result<Vec<_>, _>>()?;
    Ok(Test::Severity(named.into_iter().min().unwrap_or_default()))
}

fn unknown(name: &str, place: Range<usize>) -> Wrong {
    if matches!(name, "since" | "until" | "before" | "after") {
        let detail = "the time range is no part of a filter: it is given beside it, as since and until";
        return Wrong::new(place, detail);
    }
    let like = |word: &&str| strsim::jaro_winkler(&name.to_ascii_lowercase(), word);
    let nearest = WORDS.into_iter().max_by(|a, b| like(a).total_cmp(&like(b))).filter(|word| like(word) >= ALIKE);
    let hint = nearest.map_or_else(|| ";".to_owned(), |word| format!("; did you mean {word}?"));
    let detail =
        format!("unknown field {}{hint} fields are {}; put text with a colon in quotes", shown(name), WORDS.join(", "));
    Wrong::new(place, detail)
}

fn shown(text: &str) -> String {
    format!("\"{}\"", shorten(&printable(text), 64))
}

fn is_operator(text: &str) -> bool {
    matches!(text, "AND" | "OR" | "NOT")
}

/// Whether a value needs no quotes after a field.
pub(super) fn is_bare(text: &str) -> bool {
    !text.is_empty() && text.chars().all(grammar::is_bare)
}

/// Whether a text needs no quotes where it stands alone.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(grammar::is_word)
        && !text.starts_with('-')
        && !is_operator(text)
        && grammar::field_of(text).is_none()
}
