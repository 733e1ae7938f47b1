//! A printable report, before it is HTML or PDF: a cover, figures, tables and charts of plain text.
//!
//! Both writers show the same document, so they cannot disagree. All text in it is foreign text: neither writer takes
//! any of it for markup.

use serde::Serialize;

use crate::model::Timestamp;

/// What a colour means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Went well.
    Good,
    /// Worth a look.
    Warn,
    /// Failed.
    Bad,
    /// A phase.
    Phase,
    /// A task, a review, a derivation.
    Work,
    /// A deliberation.
    Talk,
    /// A job of Ray.
    Ray,
}

impl Tone {
    /// Name of its style.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Phase => "phase",
            Self::Work => "work",
            Self::Talk => "talk",
            Self::Ray => "ray",
        }
    }
}

/// A report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Document {
    /// `Story report` or `Fleet report`.
    pub(crate) kind: &'static str,
    /// What it is of, in large letters.
    pub(crate) title: String,
    /// What it is of, in the header of each page.
    pub(crate) id: String,
    /// How it stands.
    pub(crate) badge: (String, Tone),
    /// What the cover tells besides.
    pub(crate) about: Vec<(&'static str, String)>,
    /// Figures of the cover.
    pub(crate) figures: Vec<Figure>,
    /// What it leaves out, and why.
    pub(crate) notes: Vec<String>,
    pub(crate) sections: Vec<Section>,
    /// The time its data end: the document's date, so that the same data make the same document.
    #[serde(skip)]
    pub(crate) date: Timestamp,
}

/// A number with its name.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    pub(crate) tone: Tone,
}

impl Figure {
    pub(crate) const fn new(label: &'static str, value: String) -> Self {
        Self { label, value, tone: Tone::Plain }
    }

    /// In the colour of failure, unless there is none.
    pub(crate) fn bad(label: &'static str, count: u64) -> Self {
        Self { label, value: super::words::count(count), tone: if count > 0 { Tone::Bad } else { Tone::Plain } }
    }
}

/// A part of a report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// What it shows, in a sentence.
    pub(crate) lead: &'static str,
    pub(crate) blocks: Vec<Block>,
}

/// What a section is made of.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub(crate) enum Block {
    /// A line between.
    Heading {
        text: String,
        tone: Tone,
    },
    /// A paragraph.
    Text {
        text: String,
    },
    Table(Table),
    Chart(Chart),
}

/// A table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Said beneath it.
    pub(crate) note: Option<String>,
}

/// A column.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// Its share of the width.
    pub(crate) width: f32,
    /// Whether it holds numbers, which stand to the right.
    pub(crate) number: bool,
}

/// Longest id of a table, in characters.
const MAX_ID: usize = 44;

/// A column of text.
pub(crate) const fn text(title: &'static str, width: f32) -> Column {
    Column { title, width, number: false }
}

/// A column of numbers.
pub(crate) const fn number(title: &'static str, width: f32) -> Column {
    Column { title, width, number: true }
}

/// A cell.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    /// Whether it is an id.
    pub(crate) mono: bool,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Nothing known is a dash.
    pub(crate) fn maybe(text: Option<&str>) -> Self {
        Self::text(text.unwrap_or("–"))
    }

    /// An id; a long one without its middle.
    pub(crate) fn id(text: &str) -> Self {
        Self { text: super::words::middle(text, MAX_ID), tone: Tone::Plain, mono: true }
    }

    pub(crate) fn count(count: u64) -> Self {
        Self::text(super::words::count(count))
    }

    /// Red, unless it is nothing.
    pub(crate) fn bad(count: u64) -> Self {
        Self::count(count).toned(if count > 0 { Tone::Bad } else { Tone::Plain })
    }

    pub(crate) fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

impl Table {
    /// A table of at most `max` rows, which says how many there are besides.
    pub(crate) fn of<T>(columns: &[Column], items: &[T], more: u64, max: usize, row: impl Fn(&T) -> Vec<Cell>) -> Self {
        let hidden = items.len().saturating_sub(max) as u64 + more;
        let note = (hidden > 0).then(|| format!("and {} more, not listed", super::words::count(hidden)));
        let rows = items.iter().take(max).map(|item| fitting(row(item), columns.len())).collect();
        Self { columns: columns.to_vec(), rows, note }
    }
}

/// A row has as many cells as the table has columns.
fn fitting(mut cells: Vec<Cell>, columns: usize) -> Vec<Cell> {
    cells.resize_with(columns, Cell::default);
    cells
}

/// Longest label of a bar, in characters.
pub(crate) const MAX_LABEL: usize = 38;

/// Bars over time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Chart {
    /// Marks of the axis: place from 0 to 1, and what is written there.
    pub(crate) ticks: Vec<(f64, String)>,
    pub(crate) bars: Vec<Bar>,
    /// The colours in it.
    pub(crate) legend: Vec<(&'static str, Tone)>,
    pub(crate) note: Option<String>,
}

/// A bar.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bar {
    pub(crate) label: String,
    /// Begin and end, from 0 to 1.
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) tone: Tone,
    /// How long it took.
    pub(crate) took: String,
}

/// Places times on an axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    from: Timestamp,
    nanos: f64,
}

/// Steps of an axis in seconds: what people count in.
const STEPS: [f64; 26] = [
    0.001,
    0.01,
    0.1,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1_800.0,
    3_600.0,
    7_200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    2_592_000.0,
    31_536_000.0,
];
/// Marks an axis may have.
const MAX_TICKS: f64 = 7.0;

impl Axis {
    pub(crate) fn new(from: Timestamp, until: Timestamp) -> Self {
        Self { from, nanos: (until.since(from).as_nanos() as f64).max(1e6) }
    }

    pub(crate) fn place(&self, at: Timestamp) -> f64 {
        let place = at.since(self.from).as_nanos() as f64 / self.nanos;
        (place.clamp(0.0, 1.0) * 1e5).round() / 1e5
    }

    /// Marks at whole steps after the begin.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        let seconds = self.nanos / 1e9;
        let step = STEPS.into_iter().find(|step| seconds / step <= MAX_TICKS).unwrap_or(seconds / MAX_TICKS);
        let count = (seconds / step).floor() as u32;
        (0..=count).map(|n| f64::from(n) * step).map(|at| ((at / seconds * 1e5).round() / 1e5, mark(at))).collect()
    }
}

/// What is written at a mark.
fn mark(seconds: f64) -> String {
    if seconds == 0.0 { "0".to_owned() } else { format!("+{}", super::words::seconds(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_of_any_length_has_few_marks() {
        for nanos in [0, 1, 1_000_000, 999_999_999, 61_000_000_000, 86_400_000_000_000, i64::MAX] {
            let axis = Axis::new(Timestamp::ZERO, Timestamp::from_nanos(nanos));
            let ticks = axis.ticks();
            assert!((1..=8).contains(&ticks.len()), "{nanos}: {ticks:?}");
            assert!(ticks.iter().all(|(place, _)| (0.0..=1.0).contains(place)), "{nanos}: {ticks:?}");
            assert!(axis.place(Timestamp::from_nanos(nanos)) <= 1.0);
        }
        let axis = Axis::new(Timestamp::from_nanos(10), Timestamp::from_nanos(5));
        assert!(axis.place(Timestamp::from_nanos(3)) < 1e-9);
    }

    #[test]
    fn a_table_says_what_it_does_not_list() {
        let table = Table::of(&[text("a", 1.0), text("b", 1.0)], &[1, 2, 3], 4, 2, |n| vec![Cell::text(n.to_string())]);
        assert_eq!((table.rows.len(), table.rows[0].len()), (2, 2));
        assert_eq!(table.note.as_deref(), Some("and 5 more, not listed"));
    }
}
