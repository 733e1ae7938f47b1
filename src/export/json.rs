//! JSON: the events of the API in one array, one a line.
//! Takes: entries. Gives: an array that ends only where all of it was written. Never: anything but events.

use std::io::{self, Write};

use super::line::{End, Head};
use super::write::{Sheet, Told};
use crate::model::{Delivery, Record, StoryView};
use crate::sinks::feed::event_json;

pub(super) struct Array<'a> {
    out: &'a mut (dyn Write + Send),
    told: &'a Told<'a>,
    any: bool,
}

impl<'a> Array<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), told: &'a Told<'a>) -> Self {
        Self { out, told, any: false }
    }
}

impl Sheet for Array<'_> {
    fn begin(&mut self, _: &Head) -> io::Result<()> {
        self.out.write_all(b"[")
    }

    fn record(&mut self, record: &Record, deliveries: &[Delivery]) -> io::Result<()> {
        let between: &[u8] = if std::mem::replace(&mut self.any, true) { b",\n" } else { b"\n" };
        self.out.write_all(between)?;
        self.out.write_all(event_json(record, deliveries, self.told.polls, self.told.detail).as_bytes())
    }

    fn story(&mut self, _: &StoryView) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &End) -> io::Result<()> {
        self.out.write_all(b"\n]\n")
    }
}
