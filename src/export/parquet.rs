//! Parquet: a typed table, and each record whole in a column of its own.
//! Takes: records. Gives: row groups of bounded size, packed by zstd. Never: more than one of them in memory.

use std::io::{self, Write};
use std::mem::take;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::line::{End, Head, put_end, put_head, put_record, put_story};
use super::table::{Cell, Kind, bare, columns, row};
use super::write::{Sheet, Told};
use crate::model::{Delivery, Record, Seq, StoryView, Timestamp};

/// Rows and bytes of a row group: what is in memory before it is packed.
const ROWS: usize = 20_000;
const BYTES: usize = 8 << 20;
/// The column with the line of NDJSON that a record is, and the keys of the file's own lines.
pub(super) const RECORD: &str = "record";
pub(super) const HEAD: &str = "fleetscope.head";
pub(super) const END: &str = "fleetscope.end";
/// Columns whose values hardly repeat.
const PLAIN: [&str; 4] = [RECORD, "data", "id", "span_id"];

/// The values of a column, as far as they are there, and which are.
struct Column {
    kind: Kind,
    numbers: Vec<i64>,
    flags: Vec<bool>,
    texts: Vec<ByteArray>,
    present: Vec<i16>,
}

pub(super) struct Typed<'a> {
    writer: Option<SerializedFileWriter<&'a mut (dyn Write + Send)>>,
    told: &'a Told<'a>,
    whole: bool,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl<'a> Typed<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), told: &'a Told<'a>, whole: bool) -> io::Result<Self> {
        let mut names: Vec<(&str, Kind)> = columns(told.detail).to_vec();
        if whole {
            names.push((RECORD, Kind::Text));
        }
        let schema = Arc::new(parse_message_type(&schema(&names))?);
        let mut properties = WriterProperties::builder()
            .set_created_by(format!("fleetscope {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true);
        for name in PLAIN {
            let path = ColumnPath::from(name);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path, EnabledStatistics::None);
        }
        let writer = Some(SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?);
        let column = |(_, kind): &(&str, Kind)| Column::new(*kind);
        Ok(Self { writer, told, whole, columns: names.iter().map(column).collect(), rows: 0, bytes: 0 })
    }

    fn writer(&mut self) -> io::Result<&mut SerializedFileWriter<&'a mut (dyn Write + Send)>> {
        self.writer.as_mut().ok_or_else(|| io::Error::other("the file is closed"))
    }

    fn tell(&mut self, key: &str, line: &[u8]) -> io::Result<()> {
        let value = String::from_utf8_lossy(line).into_owned();
        self.writer()?.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        Ok(())
    }

    fn put(&mut self, mut cells: Vec<Cell>, line: Option<Vec<u8>>) -> io::Result<()> {
        if self.whole {
            // JSON is UTF-8.
            let line = line.map(|line| Cell::Text(String::from_utf8(line).unwrap_or_default()));
            cells.push(line.unwrap_or(Cell::None));
        }
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.bytes += column.put(cell);
        }
        self.rows += 1;
        if self.rows >= ROWS || self.bytes >= BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        (self.rows, self.bytes) = (0, 0);
        let mut columns = take(&mut self.columns);
        let mut group = self.writer()?.next_row_group()?;
        for column in &mut columns {
            let Some(mut to) = group.next_column()? else { break };
            let present = Some(&*column.present);
            match column.kind {
                Kind::Number | Kind::Time => to.typed::<Int64Type>().write_batch(&column.numbers, present, None)?,
                Kind::Flag => to.typed::<BoolType>().write_batch(&column.flags, present, None)?,
                Kind::Text => to.typed::<ByteArrayType>().write_batch(&column.texts, present, None)?,
            };
            to.close()?;
            column.clear();
        }
        group.close()?;
        self.columns = columns;
        Ok(())
    }
}

/// Every column may be empty: a delivery has a place and a time, and nothing of an entry.
fn schema(names: &[(&str, Kind)]) -> String {
    let field = |(name, kind): &(&str, Kind)| {
        let of = match kind {
            Kind::Number => ("int64", "INTEGER(64,false)"),
            Kind::Time => ("int64", "TIMESTAMP(NANOS,true)"),
            Kind::Flag => return format!("optional boolean {name};"),
            Kind::Text => ("binary", "STRING"),
        };
        format!("optional {} {name} ({});", of.0, of.1)
    };
    format!("message fleetscope {{ {} }}", names.iter().map(field).collect::<Vec<_>>().join(" "))
}

impl Column {
    const fn new(kind: Kind) -> Self {
        Self { kind, numbers: Vec::new(), flags: Vec::new(), texts: Vec::new(), present: Vec::new() }
    }

    /// Gives the bytes it takes.
    fn put(&mut self, cell: Cell) -> usize {
        self.present.push(i16::from(cell != Cell::None));
        match cell {
            Cell::None => return 2,
            Cell::Number(number) => self.numbers.push(number.cast_signed()),
            Cell::Time(at) => self.numbers.push(at.nanos()),
            Cell::Flag(flag) => self.flags.push(flag),
            Cell::Text(text) => {
                let bytes = text.len() + size_of::<ByteArray>();
                self.texts.push(ByteArray::from(text.into_bytes()));
                return bytes;
            }
        }
        10
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.flags.clear();
        self.texts.clear();
        self.present.clear();
    }
}

impl Sheet for Typed<'_> {
    fn begin(&mut self, head: &Head) -> io::Result<()> {
        let mut line = Vec::new();
        put_head(head, &mut line)?;
        self.tell(HEAD, &line)
    }

    fn record(&mut self, record: &Record, deliveries: &[Delivery]) -> io::Result<()> {
        let detail = self.told.detail;
        let cells = row(record, deliveries, self.told.polls, detail);
        let mut line = None;
        if self.whole {
            put_record(record, line.insert(Vec::new()))?;
        }
        self.put(cells.unwrap_or_else(|| bare(record.seq, record.at, detail)), line)
    }

    fn story(&mut self, story: &StoryView) -> io::Result<()> {
        let mut line = Vec::new();
        put_story(story, &mut line)?;
        self.put(nothing(story.last_event, self.told.detail), Some(line))
    }

    fn end(&mut self, end: &End) -> io::Result<()> {
        self.flush()?;
        let mut line = Vec::new();
        put_end(end, &mut line)?;
        self.tell(END, &line)?;
        if let Some(writer) = self.writer.take() {
            writer.close()?;
        }
        Ok(())
    }
}

/// The cells of a closed story: it has a time, and no place among the records.
fn nothing(at: Timestamp, detail: crate::sinks::feed::Detail) -> Vec<Cell> {
    let mut cells = bare(Seq::MIN, at, detail);
    cells[0] = Cell::None;
    cells
}
