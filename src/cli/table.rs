//! Events → lines of a table.
//! Takes: events as the API gives them. Gives: aligned columns, in colour where a person reads.
//! Never: lets a text of the fleet move the terminal's cursor.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::{printable, shorten};

/// Whether somebody still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    All,
    NobodyReads,
}

/// Where events are shown: as a table, or a JSON document a line.
#[derive(Debug)]
pub(super) struct Output {
    table: Option<Table>,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { table: (!json).then(Table::default) }
    }

    pub(super) fn show(&mut self, events: &[Box<RawValue>]) -> anyhow::Result<Shown> {
        let mut out = std::io::stdout().lock();
        let lines = match &mut self.table {
            None => events.iter().map(|event| event.get().to_owned()).collect(),
            Some(table) => {
                let rows: Vec<Row> = events
                    .iter()
                    .map(|event| serde_json::from_str(event.get()))
                    .collect::<Result<_, _>>()
                    .context("the daemon's answer is no event")?;
                table.lines(&rows)
            }
        };
        for line in lines {
            if writeln!(out, "{line}").is_err() {
                return Ok(Shown::NobodyReads);
            }
        }
        Ok(if out.flush().is_ok() { Shown::All } else { Shown::NobodyReads })
    }
}

/// What is shown of an event.
#[derive(Debug, Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    severity: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    story_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    producer: Option<Cow<'a, str>>,
    #[serde(borrow)]
    summary: Cow<'a, str>,
}

const HEADS: [&str; 5] = ["TIME (UTC)", "TYPE", "STORY", "ROLE", "PRODUCER"];
/// Widest columns, in characters.
const WIDEST: [usize; HEADS.len()] = [23, 44, 24, 12, 24];

/// Keeps the widths of its columns: they only grow.
#[derive(Debug)]
struct Table {
    widths: [usize; HEADS.len()],
    coloured: bool,
    headed: bool,
}

impl Default for Table {
    fn default() -> Self {
        let coloured = std::io::stdout().is_terminal();
        // The head is for people, too.
        Self { widths: HEADS.map(str::len), coloured, headed: !coloured }
    }
}

impl Table {
    fn lines(&mut self, rows: &[Row<'_>]) -> Vec<String> {
        let cells: Vec<[String; HEADS.len()]> = rows.iter().map(cells).collect();
        for row in &cells {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut lines = Vec::with_capacity(rows.len() + 1);
        if !self.headed && !rows.is_empty() {
            self.headed = true;
            lines.push(self.line(&HEADS.map(str::to_owned), "SEVERITY", "SUMMARY"));
        }
        let severity = |row: &Row<'_>| self.severity(&row.severity);
        lines.extend(
            rows.iter().zip(&cells).map(|(row, cells)| self.line(cells, &severity(row), &printable(&row.summary))),
        );
        lines
    }

    fn line(&self, cells: &[String; HEADS.len()], severity: &str, summary: &str) -> String {
        let [time, rest @ ..] = cells;
        let mut line = format!("{time:<width$}  {severity:<8}", width = self.widths[0]);
        for (cell, width) in rest.iter().zip(&self.widths[1..]) {
            line.push_str("  ");
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        }
        line.push_str("  ");
        line.push_str(summary);
        line.truncate(line.trim_end().len());
        line
    }

    fn severity(&self, severity: &str) -> String {
        let padded = format!("{:<8}", printable(severity));
        let colour = match severity {
            "error" => "31",
            "warning" => "33",
            _ => return padded,
        };
        if self.coloured { format!("\u{1b}[{colour}m{padded}\u{1b}[0m") } else { padded }
    }
}

/// Widest cell of a table of state, in characters.
const WIDEST_CELL: usize = 48;

/// Rows under their heads, in columns.
pub(super) fn aligned(heads: &[&str], rows: Vec<Vec<String>>) -> Vec<String> {
    let heads = heads.iter().map(|head| (*head).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(heads)
        .chain(rows)
        .map(|row| row.iter().map(|cell| shorten(&printable(cell), WIDEST_CELL)).collect())
        .collect();
    let width = |n: usize| all.iter().filter_map(|row: &Vec<String>| row.get(n)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..all[0].len()).map(|n| width(n).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
        }
        line.truncate(line.trim_end().len());
        line
    };
    all.iter().map(line).collect()
}

fn cells(row: &Row<'_>) -> [String; HEADS.len()] {
    let time = row.timestamp.replace('T', " ");
    let optional = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or("-").to_owned();
    // Milliseconds are enough for people.
    let time = time.get(..WIDEST[0]).unwrap_or(&time).to_owned();
    let cells = [time, row.kind.to_string(), optional(&row.story_id), optional(&row.role), optional(&row.producer)];
    let mut widest = WIDEST.into_iter();
    cells.map(|cell| shorten(&printable(&cell), widest.next().unwrap_or(usize::MAX).saturating_sub(1).max(23)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_moves_the_cursor() {
        let long = "x".repeat(80);
        let event = |kind: &str, story: &str| {
            format!(
                r#"{{"seq":1,"timestamp":"2026-02-14T09:12:33.123456Z","severity":"error","type":"{kind}",
                   "story_id":{story},"role":"DEV","producer":null,"summary":"it \u001b[31mfailed\n twice"}}"#
            )
        };
        let events = [event("a.b", "\"US-1\""), event(&long, "null")];
        let rows: Vec<Row<'_>> = events.iter().map(|e| serde_json::from_str(e).expect("an event")).collect();
        let mut table = Table { widths: HEADS.map(str::len), coloured: true, headed: false };
        let lines = table.lines(&rows);
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("TIME (UTC)               SEVERITY  TYPE "), "{}", lines[0]);
        let plain = |line: &str| line.replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
        assert!(plain(&lines[1]).starts_with("2026-02-14 09:12:33.123  error     a.b "), "{}", lines[1]);
        let at = |line: &str, text: &str| plain(line).split(text).next().map(|before| before.chars().count());
        assert_eq!(at(&lines[1], "US-1"), at(&lines[0], "STORY"));
        assert_eq!(at(&lines[1], "it "), at(&lines[2], "it "));
        assert!(lines[2].contains('…') && plain(&lines[2]).chars().count() < 170, "{}", lines[2]);
        assert!(plain(&lines[1]).ends_with("it  [31mfailed  twice"), "{}", lines[1]);
        assert_eq!(table.lines(&rows[..1]).len(), 1, "one head is enough");
    }
}
