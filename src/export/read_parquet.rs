//! A Parquet file somebody hands in → its lines.
//! Takes: the column `record` and the file's own lines. Gives: the same as NDJSON does. Never: more than a few rows at
//! once beyond the page they stand in.

use std::fs::File;
use std::io;
use std::sync::Arc;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::line::{Line, MAX_LINE};
use super::parquet::{END, HEAD, RECORD};
use super::read::{Bad, Found, Source};

/// Rows read at a time.
const ROWS: usize = 256;
/// Bytes a row group may say it has: ours have a few million.
const MAX_GROUP: i64 = 1 << 30;

pub(super) struct Table {
    file: Arc<SerializedFileReader<File>>,
    column: usize,
    /// The next group; and the one that is read.
    group: usize,
    reader: Option<ColumnReaderImpl<ByteArrayType>>,
    waiting: std::vec::IntoIter<ByteArray>,
    row: u64,
    head: Option<String>,
    end: Option<String>,
    over: bool,
}

impl Table {
    pub(super) fn open(file: File) -> io::Result<Self> {
        let file = SerializedFileReader::new(file)?;
        let metadata = file.metadata().file_metadata();
        let schema = metadata.schema_descr();
        let column = (0..schema.num_columns()).find(|n| schema.column(*n).name() == RECORD);
        let told = |key: &str| {
            let all = metadata.key_value_metadata()?;
            all.iter().find(|pair| pair.key == key)?.value.clone()
        };
        let (head, end) = (told(HEAD), told(END));
        // Without payloads there is no such column: the head says so, and nothing is read.
        let over = column.is_none();
        Ok(Self {
            column: column.unwrap_or_default(),
            file: Arc::new(file),
            group: 0,
            reader: None,
            waiting: Vec::new().into_iter(),
            row: 0,
            head,
            end,
            over,
        })
    }

    /// The next line of a record.
    fn record(&mut self) -> io::Result<Option<ByteArray>> {
        loop {
            if let Some(line) = self.waiting.next() {
                return Ok(Some(line));
            }
            let Some(reader) = &mut self.reader else {
                if self.group == self.file.num_row_groups() {
                    return Ok(None);
                }
                let group = self.file.get_row_group(self.group)?;
                self.group += 1;
                if !(0..=MAX_GROUP).contains(&group.metadata().column(self.column).uncompressed_size()) {
                    return Err(io::Error::other("a row group is larger than any that Fleetscope writes"));
                }
                let ColumnReader::ByteArrayColumnReader(reader) = group.get_column_reader(self.column)? else {
                    return Err(io::Error::other("the column `record` holds no text"));
                };
                self.reader = Some(reader);
                continue;
            };
            let (mut lines, mut present) = (Vec::new(), Vec::new());
            let (rows, _, _) = reader.read_records(ROWS, Some(&mut present), None, &mut lines)?;
            if rows == 0 {
                self.reader = None;
            }
            self.waiting = lines.into_iter();
        }
    }
}

impl Source for Table {
    fn next(&mut self) -> Option<Found> {
        if let Some(head) = self.head.take() {
            return Some(found(0, Line::parse(head.as_bytes())));
        }
        if !self.over {
            self.row += 1;
            match self.record() {
                Ok(Some(line)) if line.len() > MAX_LINE => {
                    return Some(found(self.row, Err(format!("it is longer than {} MiB", MAX_LINE >> 20))));
                }
                Ok(Some(line)) => return Some(found(self.row, Line::parse(line.data()))),
                Ok(None) => self.over = true,
                Err(error) => {
                    (self.over, self.end) = (true, None);
                    return Some(found(self.row, Err(format!("the file cannot be read on: {error}"))));
                }
            }
        }
        self.end.take().map(|end| found(self.row, Line::parse(end.as_bytes())))
    }
}

fn found(row: u64, line: Result<Line, String>) -> Found {
    match line {
        Ok(line) => Found::Line(row, line),
        Err(why) => Found::Bad(Bad { line: row, why: crate::model::printable(&why) }),
    }
}
