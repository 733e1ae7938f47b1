//! CSV for spreadsheets: RFC 4180, a header, CRLF, UTF-8.
//! Takes: entries. Gives: a row each. Never: a cell that a spreadsheet would take for a formula.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::{QuoteStyle, Terminator, WriterBuilder};

use super::line::{End, Head};
use super::table::{Cell, columns, row};
use super::write::{Sheet, Told};
use crate::model::{Delivery, Record, StoryView};

/// What a cell must not begin with: spreadsheets take the rest for a formula, also behind these in full width.
const BEGINS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

pub(super) struct Table<'a> {
    out: csv::Writer<&'a mut (dyn Write + Send)>,
    told: &'a Told<'a>,
}

impl<'a> Table<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), told: &'a Told<'a>) -> Self {
        let out = WriterBuilder::new().terminator(Terminator::CRLF).quote_style(QuoteStyle::Necessary).from_writer(out);
        Self { out, told }
    }
}

impl Sheet for Table<'_> {
    fn begin(&mut self, _: &Head) -> io::Result<()> {
        let names = columns(self.told.detail).iter().map(|(name, _)| name);
        Ok(self.out.write_record(names)?)
    }

    fn record(&mut self, record: &Record, deliveries: &[Delivery]) -> io::Result<()> {
        let Some(cells) = row(record, deliveries, self.told.polls, self.told.detail) else { return Ok(()) };
        for cell in cells {
            match cell {
                Cell::None => self.out.write_field("")?,
                Cell::Number(number) => self.out.write_field(number.to_string())?,
                Cell::Flag(flag) => self.out.write_field(if flag { "true" } else { "false" })?,
                Cell::Time(at) => self.out.write_field(at.to_string())?,
                Cell::Text(text) => self.out.write_field(&*safe(&text))?,
            }
        }
        Ok(self.out.write_record(None::<&[u8]>)?)
    }

    fn story(&mut self, _: &StoryView) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &End) -> io::Result<()> {
        self.out.flush()
    }
}

/// A text no spreadsheet runs: an apostrophe before what would begin a formula. NUL, which no reader of CSV expects,
/// becomes the sign for what cannot be shown.
fn safe(text: &str) -> Cow<'_, str> {
    let clean = if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) };
    if clean.starts_with(BEGINS) { Cow::Owned(format!("'{clean}")) } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_formula_is_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            assert_eq!(safe(text), format!("'{text}"));
        }
        assert_eq!(safe("a=1"), "a=1");
        assert_eq!(safe("\0=1"), "\u{fffd}=1");
        assert_eq!(safe(""), "");
    }
}
