//! History → what people hand on: the timeline of a story, and printable reports of it and of a time.
//! Takes: records of the journal, one at a time. Gives: a timeline; HTML and PDF made of it.
//! Never: holds more than a bounded part of a story, or leaves something out without saying so.
//!
//! What a report holds is told in docs/REPORT.md.

mod bounded;
mod compare;
mod document;
mod fleet;
mod html;
#[cfg(feature = "pdf")]
mod pdf;
mod read;
mod said;
mod story;
mod tally;
mod timeline;
mod words;

pub(crate) use compare::{Comparison, compare};
pub(crate) use document::Document;
pub(crate) use html::POLICY;
pub(crate) use read::{fleet, story};
pub(crate) use story::document as story_document;
pub(crate) use timeline::{Known, Timeline, Told};

use crate::model::Timestamp;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// One page that needs nothing else.
    Html,
    /// A4.
    Pdf,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoReport {
    /// This build cannot typeset.
    #[error("this build of Fleetscope has no PDF (cargo feature `pdf`): ask for format=html, which prints as well")]
    Unbuilt,
    /// Typesetting failed.
    #[cfg(feature = "pdf")]
    #[error(transparent)]
    NotTypeset(#[from] pdf::NotTypeset),
}

impl Format {
    pub(crate) const ALL: [Self; 2] = [Self::Html, Self::Pdf];

    /// The name, which is also the ending of a file's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Pdf => "pdf",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
        }
    }

    /// Writes a document. Takes processor time: a PDF some seconds.
    pub(crate) fn write(self, document: &Document) -> Result<Vec<u8>, NoReport> {
        match self {
            Self::Html => Ok(html::page(document).into_bytes()),
            #[cfg(feature = "pdf")]
            Self::Pdf => Ok(pdf::pdf(document).map(|(file, _)| file)?),
            #[cfg(not(feature = "pdf"))]
            Self::Pdf => Err(NoReport::Unbuilt),
        }
    }
}

/// What a report's file is called if nobody says: letters, digits, `-`, `_` and `.` of what it is of.
pub(crate) fn file_name(of: &str, at: Timestamp, format: Format) -> String {
    let of: String =
        of.chars().take(60).map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    let day: String = at.to_string().chars().take(10).collect();
    format!("fleetscope-{}-{day}.{}", of.trim_matches('.'), format.name())
}
