//! A term → the words it is written in. What is printed reads as the same term.

use std::fmt::{Display, Formatter, Result};

use super::clause::{Clause, Test};
use super::language::{is_bare, is_word};

impl Display for Clause {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.not {
            f.write_str("-")?;
        }
        match &self.test {
            Test::Is(column, values) => list(f, column.name(), values.iter().map(String::as_str)),
            Test::Type(globs) => list(f, "type", globs.iter().map(super::Glob::as_str)),
            Test::Source(sources) => list(f, "source", sources.iter().map(|source| source.name())),
            Test::Severity(least) => write!(f, "severity:{}", least.name()),
            Test::Text(texts) => match &texts[..] {
                [text] if is_word(text) => f.write_str(text),
                [text] => quoted(f, text),
                texts => list(f, "q", texts.iter().map(String::as_str)),
            },
        }
    }
}

fn list<'a>(f: &mut Formatter<'_>, name: &str, values: impl Iterator<Item = &'a str>) -> Result {
    for (n, value) in values.enumerate() {
        if n == 0 {
            write!(f, "{name}:")?;
        } else {
            f.write_str(",")?;
        }
        if is_bare(value) && (name == "type" || !value.contains('*')) {
            f.write_str(value)?;
        } else {
            quoted(f, value)?;
        }
    }
    Ok(())
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> Result {
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
