//! A document → one HTML page that needs nothing else: no script, no font, no picture from anywhere.
//! Takes: a document. Gives: a page. Never: lets a text of the fleet be markup (the template library escapes all), or
//! lets the page load or run anything (its policy is in the page itself, for when it is opened as a file).

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::document::{Block, Cell, Chart, Document, Section, Table};
use super::words;

const STYLE: &str = include_str!("html/report.css");

/// What the page may do: show its own style, and nothing else.
pub(crate) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
});

/// Width of a chart's labels, of its bars, of what stands behind them; height of a bar, in points of the drawing.
const LABEL: f64 = 275.0;
const PLOT: f64 = 575.0;
const TOOK: f64 = 90.0;
const BAR: f64 = 18.0;
const AXIS: f64 = 26.0;

/// The page.
pub(crate) fn page(document: &Document) -> String {
    let (badge, tone) = &document.badge;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(*POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (document.kind) " " bdi { (document.id) } }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.kind { "Fleetscope · " (document.kind) }
                    h1 dir="auto" { (document.title) }
                    p.badge.(tone.name()) { (badge) }
                }
                dl.about {
                    @for (label, value) in &document.about { dt { (label) } dd dir="auto" { (value) } }
                }
                ul.figures {
                    @for figure in &document.figures {
                        li { strong.(figure.tone.name()) { (figure.value) } span { (figure.label) } }
                    }
                }
                @if !document.notes.is_empty() {
                    aside { h2 { "What is not in here" } ul { @for note in &document.notes { li { (note) } } } }
                }
                @for section in &document.sections { (part(section)) }
                footer { "Data up to " (words::time(document.date)) " UTC" }
            }
        }
    }
    .into_string()
}

fn part(section: &Section) -> Markup {
    html! {
        section {
            h2 { (section.title) }
            p.lead { (section.lead) }
            @for block in &section.blocks {
                @match block {
                    Block::Heading { text, tone } => h3.(tone.name()) dir="auto" { (text) },
                    Block::Text { text } => p dir="auto" { (text) },
                    Block::Table(of) => (table(of)),
                    Block::Chart(of) => (chart(of)),
                }
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    let all: f32 = table.columns.iter().map(|column| column.width).sum();
    html! {
        table {
            colgroup { @for column in &table.columns { col width=(format!("{:.2}%", column.width / all * 100.0)); } }
            thead { tr { @for column in &table.columns {
                @if column.number { th.number { (column.title) } } @else { th { (column.title) } }
            } } }
            tbody { @for row in &table.rows { tr { @for (cell, column) in row.iter().zip(&table.columns) {
                (data(cell, column.number))
            } } } }
        }
        @if let Some(note) = &table.note { p.more { (note) } }
    }
}

fn data(cell: &Cell, number: bool) -> Markup {
    let class = [("number", number), ("mono", cell.mono)]
        .iter()
        .filter(|(_, is)| *is)
        .fold(cell.tone.name().to_owned(), |class, (name, _)| class + " " + name);
    html! { td class=(class) dir="auto" { (cell.text) } }
}

fn chart(chart: &Chart) -> Markup {
    let height = AXIS + BAR * chart.bars.len() as f64 + 6.0;
    let width = LABEL + PLOT + TOOK;
    html! {
        svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-label="Bars over time" {
            @for (place, label) in &chart.ticks {
                @let x = LABEL + place * PLOT;
                line.tick x1=(x) y1=(AXIS - 6.0) x2=(x) y2=(height) {}
                @let anchor = if *place > 0.95 { "end" } else { "middle" };
                text.tick x=(x) y="12" text-anchor=(anchor) { (label) }
            }
            @for (at, bar) in chart.bars.iter().enumerate() {
                @let y = AXIS + BAR * at as f64;
                @let length = ((bar.to - bar.from) * PLOT).max(2.0);
                text.label x=(LABEL - 8.0) y=(y + 12.5) text-anchor="end" {
                    (bar.label)
                }
                rect class=(bar.tone.name()) x=(LABEL + bar.from * PLOT) y=(y + 3.0) width=(length) height=(BAR - 6.0) rx="2" {}
                text.took x=(LABEL + PLOT + 8.0) y=(y + 12.5) { (bar.took) }
            }
        }
        ul.legend { @for (label, tone) in &chart.legend { li.(tone.name()) { (label) } } }
        @if let Some(note) = &chart.note { p.more { (note) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::report::document::{Figure, Tone, text};

    #[test]
    fn no_text_is_markup() {
        let hostile = "</style><script>alert(1)</script><img src=x onerror='x'>\"&\u{202e}שלום😀\0";
        let table = Table::of(&[text("a", 1.0)], &[hostile], 0, 9, |text| vec![Cell::text(*text)]);
        let document = Document {
            kind: "Story report",
            title: hostile.to_owned(),
            id: hostile.to_owned(),
            badge: (hostile.to_owned(), Tone::Bad),
            about: vec![("Story", hostile.to_owned())],
            figures: vec![Figure::new("Events", hostile.to_owned())],
            notes: vec![hostile.to_owned()],
            sections: vec![Section { title: "Course", lead: "What was.", blocks: vec![Block::Table(table)] }],
            date: Timestamp::ZERO,
        };
        let page = page(&document);
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("\"&"), "{page}");
        assert_eq!(page.matches("</style>").count(), 1);
        assert_eq!(page.matches("&lt;script&gt;").count(), 7);
        assert!(!page.contains("style=") && !page.contains("http://") && !page.contains("url("), "{page}");
    }

    #[test]
    fn the_page_may_show_its_own_style_alone() {
        let hash = POLICY.split('\'').find(|part| part.starts_with("sha256-")).expect("a hash").to_owned();
        assert_eq!(hash, format!("sha256-{}", STANDARD.encode(Sha256::digest(STYLE.as_bytes()))));
        assert!(!POLICY.contains("unsafe") && POLICY.starts_with("default-src 'none'"));
    }
}
