//! Text → terms, each with its place. What they mean is looked at afterwards.
//!
//! ```text
//! filter = { ws | term } ;
//! term   = [ "-" ] ( field ":" value { "," value } | quoted | word ) ;
//! value  = quoted | bare ;
//! ```

use std::ops::Range;

use winnow::combinator::{alt, opt, preceded, repeat, terminated};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{Location as _, Stream};
use winnow::token::{any, none_of, one_of, take_while};
use winnow::{LocatingSlice, ModalResult, Parser as _};

use super::Wrong;

/// A value or a text, and where it stands.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) place: Range<usize>,
    pub(super) quoted: bool,
}

/// A term as it is written.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) not: bool,
    pub(super) field: Option<(String, Range<usize>)>,
    pub(super) values: Vec<Value>,
    pub(super) place: Range<usize>,
}

type In<'a> = LocatingSlice<&'a str>;
type Parsed<T> = ModalResult<T, Wrong>;

impl<'a> ParserError<In<'a>> for Wrong {
    type Inner = Self;

    fn from_input(input: &In<'a>) -> Self {
        let at = input.current_token_start();
        Self::new(at..at + 1, "this is not understood")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// What a value without quotes is made of.
pub(super) fn is_bare(c: char) -> bool {
    is_word(c) && c != ','
}

/// What a text without quotes is made of.
pub(super) fn is_word(c: char) -> bool {
    !c.is_whitespace() && c != '"'
}

/// The field a word would be read as.
pub(super) fn field_of(word: &str) -> Option<&str> {
    let mut input = LocatingSlice::new(word);
    field.parse_next(&mut input).ok()
}

pub(super) fn parse(text: &str) -> Result<Vec<Term>, Wrong> {
    let mut input = LocatingSlice::new(text);
    let mut terms = Vec::new();
    let read = |input: &mut In<'_>| -> Parsed<Option<Term>> {
        let _space: &str = take_while(0.., char::is_whitespace).parse_next(input)?;
        if input.eof_offset() == 0 { Ok(None) } else { term.parse_next(input).map(Some) }
    };
    loop {
        match read(&mut input) {
            Ok(Some(term)) => terms.push(term),
            Ok(None) => return Ok(terms),
            Err(ErrMode::Backtrack(wrong) | ErrMode::Cut(wrong)) => return Err(wrong),
            Err(ErrMode::Incomplete(_)) => unreachable!("all of the text is there"),
        }
    }
}

fn wrong<T>(place: Range<usize>, detail: impl Into<String>) -> Parsed<T> {
    Err(ErrMode::Cut(Wrong::new(place, detail)))
}

fn term(input: &mut In<'_>) -> Parsed<Term> {
    let begin = input.current_token_start();
    let not = opt('-').parse_next(input)?.is_some();
    let at = input.current_token_start();
    if not && matches!(input.peek_token(), None | Some('-')) || input.peek_token().is_some_and(char::is_whitespace) {
        return wrong(begin..at, "- stands before a term to leave out, as in -type:context.*; in quotes it is text");
    }
    let (field, values) = match opt(field).parse_next(input)? {
        Some(name) => {
            let colon = input.current_token_start();
            (Some((name.to_owned(), at..colon - 1)), values(input, name, at..colon)?)
        }
        None => (None, vec![alt((quoted, word)).parse_next(input)?]),
    };
    let end = input.current_token_start();
    match input.peek_token() {
        Some('"') => wrong(end..end + 1, "a space is missing before this quote; within quotes it is written \\\""),
        Some(c) if !c.is_whitespace() => wrong(end..end + c.len_utf8(), "a space is missing after the quote"),
        _ => Ok(Term { not, field, values, place: begin..end }),
    }
}

/// A name and its colon.
fn field<'a>(input: &mut In<'a>) -> Parsed<&'a str> {
    let first = one_of(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = take_while(0.., |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    terminated((first, rest).take(), ':').parse_next(input)
}

fn values(input: &mut In<'_>, name: &str, place: Range<usize>) -> Parsed<Vec<Value>> {
    let mut values = Vec::new();
    loop {
        match opt(alt((quoted, bare))).parse_next(input)? {
            Some(value) => values.push(value),
            None if values.is_empty() => return wrong(place, format!("{name}: needs a value, as in {name}:something")),
            None => {
                let at = input.current_token_start();
                return wrong(at - 1..at, "a value is missing beside this comma; in quotes it is part of a value");
            }
        }
        if opt(',').parse_next(input)?.is_none() {
            return Ok(values);
        }
    }
}

fn quoted(input: &mut In<'_>) -> Parsed<Value> {
    let from = input.current_token_start();
    '"'.parse_next(input)?;
    let escaped = preceded('\\', one_of(['"', '\\']));
    let text = repeat(0.., alt((escaped, none_of('"')))).fold(String::new, |mut text: String, c| {
        text.push(c);
        text
    });
    let text = { text }.parse_next(input)?;
    if opt(any.verify(|c| *c == '"')).parse_next(input)?.is_none() {
        return wrong(from..from + 1, "this quote is not closed");
    }
    Ok(Value { text, place: from..input.current_token_start(), quoted: true })
}

fn bare(input: &mut In<'_>) -> Parsed<Value> {
    plain(take_while(1.., is_bare).with_span().parse_next(input)?)
}

fn word(input: &mut In<'_>) -> Parsed<Value> {
    plain(take_while(1.., is_word).with_span().parse_next(input)?)
}

#[expect(clippy::unnecessary_wraps, reason = "the end of two parsers")]
fn plain((text, place): (&str, Range<usize>)) -> Parsed<Value> {
    Ok(Value { text: text.to_owned(), place, quoted: false })
}
