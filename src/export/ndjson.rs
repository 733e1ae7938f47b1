//! NDJSON: a header, a JSON document a line, an end.
//! Takes: records. Gives: all of each, or the event the API shows. Never: a line break within a line.

use std::io::{self, Write};

use super::line::{End, Head, put_end, put_head, put_record, put_story};
use super::write::{Sheet, Told};
use crate::model::{Delivery, Record, StoryView};
use crate::sinks::feed::event_json;

pub(super) struct Ndjson<'a> {
    out: &'a mut (dyn Write + Send),
    told: &'a Told<'a>,
    whole: bool,
    line: Vec<u8>,
}

impl<'a> Ndjson<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), told: &'a Told<'a>, whole: bool) -> Self {
        Self { out, told, whole, line: Vec::new() }
    }

    fn put(&mut self, make: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>) -> io::Result<()> {
        self.line.clear();
        make(&mut self.line)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}

impl Sheet for Ndjson<'_> {
    fn begin(&mut self, head: &Head) -> io::Result<()> {
        self.put(|line| put_head(head, line))
    }

    fn record(&mut self, record: &Record, deliveries: &[Delivery]) -> io::Result<()> {
        if self.whole {
            return self.put(|line| put_record(record, line));
        }
        let event = event_json(record, deliveries, self.told.polls, self.told.detail);
        self.put(|line| {
            line.extend_from_slice(event.as_bytes());
            Ok(())
        })
    }

    fn story(&mut self, story: &StoryView) -> io::Result<()> {
        self.put(|line| put_story(story, line))
    }

    fn end(&mut self, end: &End) -> io::Result<()> {
        self.put(|line| put_end(end, line))
    }
}
