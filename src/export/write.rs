//! A journal → a file of any format.
//! Takes: what is asked for, and somewhere to write. Gives: what was written. Never: goes on where writing failed.

use std::io::{self, Write};
use std::sync::Arc;

use super::line::{End, Head};
use super::{Format, csv, json, ndjson, parquet};
use crate::journal::{Export, Journal, JournalError, Picture, Receiver};
use crate::model::{Delivery, Record, StoryView, Timestamp};
use crate::sinks::feed::{Detail, Polls};

/// A file in the making.
pub(super) trait Sheet {
    fn begin(&mut self, head: &Head) -> io::Result<()>;
    fn record(&mut self, record: &Record, deliveries: &[Delivery]) -> io::Result<()>;
    fn story(&mut self, story: &StoryView) -> io::Result<()>;
    fn end(&mut self, end: &End) -> io::Result<()>;
}

/// How a file is to be made.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) format: Format,
    pub(crate) detail: Detail,
    /// What to export; its scope says whether the file can be imported.
    pub(crate) what: &'a Export,
    pub(crate) polls: &'a Polls,
    /// Now.
    pub(crate) at: Timestamp,
}

/// Why there is no whole file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// The journal could not be read.
    #[error("the journal cannot be read on")]
    Journal(#[from] JournalError),
    /// The file could not be written.
    #[error("it cannot be written on")]
    Out(#[from] io::Error),
}

/// Writes all of it. `step` is told of each record, before it is written.
pub(crate) fn write(
    journal: &dyn Journal,
    told: &Told<'_>,
    out: &mut (dyn Write + Send),
    step: &mut dyn FnMut(&End),
) -> Result<End, Failed> {
    let whole = told.what.scope == crate::journal::Scope::Records;
    let sheet: Box<dyn Sheet + '_> = match told.format {
        Format::Ndjson => Box::new(ndjson::Ndjson::new(out, told, whole)),
        Format::Json => Box::new(json::Array::new(out, told)),
        Format::Csv => Box::new(csv::Table::new(out, told)),
        Format::Parquet => Box::new(parquet::Typed::new(out, told, whole)?),
    };
    let end = End { from: told.what.from, ..End::default() };
    let mut taker = Taker { sheet, told, whole, end, failed: None, step };
    let left_out = journal.export(told.what, &mut taker)?;
    taker.end.left_out = left_out;
    let Taker { mut sheet, end, failed, .. } = taker;
    match failed {
        Some(failed) => Err(failed.into()),
        None => Ok(sheet.end(&end).map(|()| end)?),
    }
}

struct Taker<'a> {
    sheet: Box<dyn Sheet + 'a>,
    told: &'a Told<'a>,
    whole: bool,
    end: End,
    failed: Option<io::Error>,
    step: &'a mut dyn FnMut(&End),
}

impl Taker<'_> {
    fn keep(&mut self, result: io::Result<()>) -> bool {
        self.failed = result.err();
        self.failed.is_none()
    }
}

impl Receiver for Taker<'_> {
    fn begin(&mut self, picture: &Picture) -> bool {
        let what = self.told.what;
        let head = Head::new(picture, self.whole, what.from, what.filter.clone(), self.told.at);
        let begun = self.sheet.begin(&head);
        self.keep(begun)
    }

    fn record(&mut self, record: Arc<Record>, deliveries: &[Delivery]) -> bool {
        self.end.records += 1;
        self.end.entries += u64::from(record.entry().is_some());
        self.end.last = record.seq;
        (self.step)(&self.end);
        let written = self.sheet.record(&record, deliveries);
        self.keep(written)
    }

    fn story(&mut self, story: StoryView) -> bool {
        self.end.stories += 1;
        let written = self.sheet.story(&story);
        self.keep(written)
    }
}
