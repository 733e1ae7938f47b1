//! An event → the cells of a row.
//! Takes: a record. Gives: its columns by name, in one order for every format. Never: a column for what is not told.

use crate::model::{Delivery, Record, Seq, Timestamp};
use crate::sinks::feed::{Detail, Event, Polls};

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    None,
    Number(u64),
    Flag(bool),
    Time(Timestamp),
    Text(String),
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Flag,
    Time,
    Text,
}

/// Names and kinds of the columns, in their order. `data` is there only with payloads.
pub(super) const COLUMNS: [(&str, Kind); 22] = [
    ("seq", Kind::Number),
    ("id", Kind::Text),
    ("timestamp", Kind::Time),
    ("received", Kind::Time),
    ("source", Kind::Text),
    ("type", Kind::Text),
    ("subject", Kind::Text),
    ("severity", Kind::Text),
    ("summary", Kind::Text),
    ("story_id", Kind::Text),
    ("task_id", Kind::Text),
    ("ceremony_id", Kind::Text),
    ("plan_id", Kind::Text),
    ("role", Kind::Text),
    ("agent_id", Kind::Text),
    ("producer", Kind::Text),
    ("producer_inferred", Kind::Flag),
    ("size", Kind::Number),
    ("trace_id", Kind::Text),
    ("span_id", Kind::Text),
    ("deliveries", Kind::Text),
    ("data", Kind::Text),
];

/// The columns there are.
pub(super) fn columns(detail: Detail) -> &'static [(&'static str, Kind)] {
    match detail {
        Detail::Full => &COLUMNS,
        Detail::Summary => &COLUMNS[..COLUMNS.len() - 1],
    }
}

/// The row of an entry, with a cell for each column; `None` = the record is no entry.
pub(super) fn row(record: &Record, seen: &[Delivery], polls: &Polls, detail: Detail) -> Option<Vec<Cell>> {
    let event = Event::of(record, seen, polls, detail)?;
    let (message, _) = record.entry()?;
    let text = |text: &str| Cell::Text(text.to_owned());
    let maybe = |text: Option<&str>| text.map_or(Cell::None, |text| Cell::Text(text.to_owned()));
    let deliveries = serde_json::to_string(&event.deliveries).expect("texts and numbers");
    let mut cells = vec![
        Cell::Number(record.seq),
        Cell::Text(event.id),
        Cell::Time(message.stored),
        Cell::Time(message.received),
        text(event.source),
        text(event.kind),
        text(event.subject),
        text(event.severity),
        text(&event.summary),
        maybe(event.story_id),
        maybe(event.task_id),
        maybe(event.ceremony_id),
        maybe(event.plan_id),
        maybe(event.role),
        maybe(event.agent_id),
        maybe(event.producer),
        Cell::Flag(event.producer_inferred),
        Cell::Number(u64::from(event.size)),
        maybe(event.trace_id.as_deref()),
        maybe(event.span_id.as_deref()),
        Cell::Text(deliveries),
    ];
    if detail == Detail::Full {
        cells.push(Cell::Text(String::from_utf8_lossy(&message.payload.bytes).into_owned()));
    }
    Some(cells)
}

/// The row of a record that is no entry: where and when it stands.
pub(super) fn bare(seq: Seq, at: Timestamp, detail: Detail) -> Vec<Cell> {
    let mut cells = vec![Cell::None; columns(detail).len()];
    (cells[0], cells[2]) = (Cell::Number(seq), Cell::Time(at));
    cells
}
