//! A document → PDF, typeset by Typst.
//! Takes: a document. Gives: the file, the same for the same document and fonts.
//! Never: reads a file but fonts, reaches for the network, or takes a text of the fleet for markup: all texts go in as
//! one JSON file of a world that has two files.

use std::sync::LazyLock;

use serde_json::{Value as Json, json};
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _, World};
use typst_kit::fonts::{FontStore, embedded, system};
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

use super::document::Document;
use super::words;

mod text;

const TEMPLATE: &str = include_str!("pdf/report.typ");

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
#[error("the report could not be typeset: {0}")]
pub(crate) struct NotTypeset(String);

/// Found once: looking through the system's fonts takes a moment.
static FONTS: LazyLock<FontStore> = LazyLock::new(|| {
    let mut fonts = FontStore::new();
    fonts.extend(embedded());
    fonts.extend(system());
    fonts
});

/// The template and its language, which never change.
static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::default()));
static MAIN: LazyLock<Source> = LazyLock::new(|| Source::new(named("/report.typ"), TEMPLATE.to_owned()));

fn named(path: &str) -> FileId {
    let path = VirtualPath::new(path).expect("a plain name");
    RootedPath::new(VirtualRoot::Project, path).intern()
}

/// A world of two files.
struct Paper {
    data: FileId,
    report: Bytes,
}

impl World for Paper {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        FONTS.book()
    }

    fn main(&self) -> FileId {
        MAIN.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == MAIN.id() { Ok(MAIN.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.data { Ok(self.report.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.font(index)
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

/// Forgets what typesetting remembered, however it ends.
struct Forget;

impl Drop for Forget {
    fn drop(&mut self) {
        typst::comemo::evict(0);
    }
}

/// The file, and how many pages it has.
pub(crate) fn pdf(document: &Document) -> Result<(Vec<u8>, usize), NotTypeset> {
    let report = serde_json::to_vec(&data(document)).map_err(|error| NotTypeset(error.to_string()))?;
    let paper = Paper { data: named("/report.json"), report: Bytes::new(report) };
    let _forget = Forget;
    let pages: PagedDocument = typst::compile(&paper).output.map_err(|wrong| not_typeset(&wrong))?;
    let options = PdfOptions {
        ident: Smart::Custom(format!("fleetscope {} {}", document.id, document.date.nanos())),
        creator: Smart::Custom(Some("Fleetscope".to_owned())),
        ..PdfOptions::default()
    };
    let file = typst_pdf::pdf(&pages, &options).map_err(|wrong| not_typeset(&wrong))?;
    Ok((file, pages.pages().len()))
}

fn not_typeset(wrong: &[SourceDiagnostic]) -> NotTypeset {
    let told: Vec<&str> = wrong.iter().map(|wrong| wrong.message.as_str()).collect();
    NotTypeset(told.join("; "))
}

/// What the template reads.
fn data(document: &Document) -> Json {
    let mut data = serde_json::to_value(document).unwrap_or_default();
    let missing = text::prepare(&mut data, &|c| covered(c));
    let time = words::time(document.date);
    let parts: Vec<u32> = time.split(['-', ' ', ':']).filter_map(|part| part.parse().ok()).collect();
    data["until"] = json!(time);
    data["date"] = if parts.len() == 6 { json!(parts) } else { Json::Null };
    data["missing"] = json!(missing);
    data
}

/// Whether any font has a picture of a character.
fn covered(c: char) -> bool {
    let book = FONTS.book();
    (0..).map_while(|index| book.info(index)).any(|font| font.coverage.contains(c as u32))
}

#[cfg(test)]
mod tests;
