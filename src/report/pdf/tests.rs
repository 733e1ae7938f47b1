//! What goes on paper, whatever the texts are.

use super::*;
use crate::model::Timestamp;
use crate::report::document::{Axis, Bar, Block, Cell, Chart, Figure, Section, Table, Tone, text};

/// A document all of whose texts are this one.
fn document(of: &str, rows: usize) -> Document {
    let axis = Axis::new(Timestamp::ZERO, Timestamp::from_millis(90_000));
    let bar = Bar { label: of.to_owned(), from: 0.1, to: 0.4, tone: Tone::Work, took: of.to_owned() };
    let chart = Chart { ticks: axis.ticks(), bars: vec![bar], legend: vec![("Work", Tone::Work)], note: None };
    let items = vec![of; rows];
    let table = Table::of(&[text("a", 1.0), text("b", 3.0)], &items, 1, rows, |of| {
        vec![Cell { text: (*of).to_owned(), tone: Tone::Bad, mono: true }, Cell::text(*of)]
    });
    let blocks = vec![
        Block::Heading { text: of.to_owned(), tone: Tone::Warn },
        Block::Text { text: of.to_owned() },
        Block::Chart(chart),
        Block::Table(table),
    ];
    Document {
        kind: "Story report",
        title: of.to_owned(),
        id: of.to_owned(),
        badge: (of.to_owned(), Tone::Good),
        about: vec![("Story", of.to_owned())],
        figures: vec![Figure::new("Events", of.to_owned())],
        notes: vec![of.to_owned()],
        sections: vec![Section { title: "Course", lead: "What was.", blocks }],
        date: Timestamp::parse("2026-02-14T09:12:33Z").expect("valid"),
    }
}

#[test]
fn the_same_document_makes_the_same_file() {
    let document = document("Retry the moon", 40);
    let (first, pages) = pdf(&document).expect("typeset");
    let (again, _) = pdf(&document).expect("typeset");
    assert!(first.starts_with(b"%PDF-") && first == again);
    assert!((2..=4).contains(&pages), "{pages} pages");
    let date = b"20260214091233";
    assert!(first.windows(date.len()).any(|window| window == date), "its date is that of its data");
}

#[test]
fn no_text_is_markup_or_breaks_the_page() {
    let hostile = [
        "#panic(\"x\") #read(\"/etc/passwd\") $x^2$ *b* _i_ `c` = h \\ #import \"@preview/x:1.0.0\" // /* <a> @b ~ --",
        "<script>alert(1)</script>&amp;",
        "שלום עולם مرحبا بالعالم \u{202e}gnp.exe 😀👩‍👩‍👧 漢字かな한국어 ไทย हिन्दी",
        "\u{0}\u{1}\u{7}\u{1b}[31m\u{7f}\u{fffe}\r\n\t\u{2028}\u{feff}",
        "",
    ];
    let (_, plain) = pdf(&document("plain", 3)).expect("typeset");
    for text in hostile {
        let (_, pages) = pdf(&document(text, 3)).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert!((plain..=plain + 1).contains(&pages), "{text:?}: {pages} pages");
    }
}

#[test]
fn words_without_end_stay_on_the_page() {
    let pages = |text: &str| {
        let paper = Paper {
            data: named("/report.json"),
            report: Bytes::new(data(&document(text, 2)).to_string().into_bytes()),
        };
        typst::compile::<PagedDocument>(&paper).output.expect("typeset")
    };
    for text in ["x".repeat(2_000), "漢".repeat(500), "ceremony-BRC-9:".repeat(60), "_".repeat(900)] {
        let document = pages(&text);
        for page in document.pages() {
            let width = page.frame.width();
            let over = widest(&page.frame, typst::layout::Abs::zero());
            assert!(over <= width, "{over:?} of {width:?}: {}", &text[..3]);
        }
    }
}

/// How far to the right the text of a frame reaches.
fn widest(frame: &typst::layout::Frame, x: typst::layout::Abs) -> typst::layout::Abs {
    use typst::layout::FrameItem;
    frame.items().fold(x, |most, (at, item)| {
        let here = x + at.x;
        let reach = match item {
            // What is clipped cannot be seen beyond its frame.
            FrameItem::Group(group) if group.clip.is_some() => here + group.frame.width(),
            FrameItem::Group(group) => widest(&group.frame, here),
            FrameItem::Text(text) => here + text.width(),
            _ => here,
        };
        most.max(reach)
    })
}

#[test]
fn what_no_font_can_draw_is_named() {
    // A character of a private plane: no font has it.
    let data = data(&document("a \u{10abcd} b", 1));
    assert_eq!(data["missing"], json!(["U+10ABCD"]));
    assert_eq!(super::data(&document("Libertinus has é, ß, Ω and Ж", 1))["missing"], json!([]));
}

#[test]
fn the_world_has_two_files() {
    let paper = Paper { data: named("/report.json"), report: Bytes::new(Vec::new()) };
    for path in ["/etc/passwd", "/other.typ", "/report.typ.json"] {
        assert!(paper.file(named(path)).is_err() && paper.source(named(path)).is_err(), "{path}");
    }
    assert!(paper.today(None).is_none());
}
