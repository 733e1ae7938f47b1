//! Foreign text in log lines, made harmless.
//! Takes: fields, finished lines. Gives: the same without control characters. Never: changes a line's own end or colour.

use std::io;

use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{FormatFields, debug_fn};

use crate::model::printable;

/// Writes fields as `name=value`; values lose their control characters.
pub(super) fn fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    let one = debug_fn(|out, field, value| {
        let text = printable(&format!("{value:?}"));
        if field.name() == "message" { write!(out, "{text}") } else { write!(out, "{}={text}", field.name()) }
    });
    one.delimited(" ")
}

/// Makes writers whose lines hold no control characters but the break at their end.
#[derive(Debug)]
pub(super) struct Lines<W>(W);

impl<W> Lines<W> {
    pub(super) fn new(writer: W) -> Self {
        Self(writer)
    }
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self.0.make_writer())
    }
}

/// Writes whole lines: the formatter hands over one event at a time.
#[derive(Debug)]
pub(super) struct Line<W>(W);

impl<W: io::Write> io::Write for Line<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (body, end) = text.strip_suffix('\n').map_or((&*text, ""), |body| (body, "\n"));
        let safe = printable(body) + end;
        self.0.write_all(safe.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
