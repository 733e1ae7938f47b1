//! What passes on its way into a file → whether it is whole.
//! Takes: the bytes of an export. Gives: them, less the header of a file that is gone on with; and the verdict.
//! Never: takes a file for whole whose end does not say so.

use std::io::{self, Write};

use anyhow::{Context as _, bail};

use crate::export::{Head, Line};

/// Most that is kept of a line: headers and ends are much shorter.
const KEPT: usize = 64 << 10;

pub(super) struct Checked<W> {
    to: W,
    ndjson: bool,
    /// What the header must agree with, where a file is gone on with.
    expected: Option<Box<Head>>,
    skips: bool,
    line: Vec<u8>,
    last: Vec<u8>,
    lines: u64,
    bytes: u64,
}

impl<W: Write> Checked<W> {
    pub(super) fn new(to: W, ndjson: bool, expected: Option<Box<Head>>) -> Self {
        let skips = expected.is_some();
        Self { to, ndjson, expected, skips, line: Vec::new(), last: Vec::new(), lines: 0, bytes: 0 }
    }

    /// Bytes that passed.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes, and the number of entries as the file says it, or else as its sender did.
    pub(super) fn finish(mut self, entries: Option<u64>) -> anyhow::Result<(u64, Option<u64>)> {
        self.to.flush().context("the file cannot be written")?;
        if !self.ndjson {
            return Ok((self.bytes, entries));
        }
        let Ok(Line::End(end)) = Line::parse(&self.last) else {
            bail!("the export broke off after {} lines", self.lines);
        };
        if !self.line.is_empty() || end.records + end.stories + 2 != self.lines {
            bail!("{} records and {} stories were sent, and {} lines came", end.records, end.stories, self.lines);
        }
        if end.left_out > 0 {
            super::term::note(&format!(
                "warning: {} deliveries were left out: they stood too far behind their messages; export by time instead",
                end.left_out
            ));
        }
        Ok((self.bytes, Some(end.entries)))
    }

    fn look(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            self.keep(&bytes[from..end]);
            from = end + 1;
            self.lines += 1;
            if self.lines == 1 {
                self.check_head()?;
            }
            std::mem::swap(&mut self.line, &mut self.last);
            self.line.clear();
        }
        self.keep(&bytes[from..]);
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.line.len()).min(bytes.len());
        self.line.extend_from_slice(&bytes[..room]);
    }

    fn check_head(&self) -> io::Result<()> {
        let Some(expected) = &self.expected else { return Ok(()) };
        let Ok(Line::Head(head)) = Line::parse(&self.line) else {
            return Err(io::Error::other("what was sent is no export of Fleetscope"));
        };
        let wrong = if head.store != expected.store {
            "--resume: this is another journal than the one FILE.part came from"
        } else if head.filter != expected.filter {
            "--resume: FILE.part was made with another filter; give the same options"
        } else if head.lossless != expected.lossless {
            "--resume: FILE.part was made with another --payload, or with another role"
        } else if head.oldest > head.from {
            "--resume: what would come next has expired meanwhile; begin anew without --resume"
        } else {
            return Ok(());
        };
        Err(io::Error::other(wrong))
    }
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = if self.skips {
            let end = memchr::memchr(b'\n', bytes);
            self.skips = end.is_none();
            end.map_or(bytes.len(), |end| end + 1)
        } else {
            0
        };
        if self.ndjson {
            self.look(bytes)?;
        }
        self.to.write_all(&bytes[skipped..])?;
        self.bytes += (bytes.len() - skipped) as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
