//! History → files, and files → history.
//! Takes: a journal and what is asked for; or a file somebody hands in. Gives: NDJSON, JSON, CSV, Parquet; or records.
//! Never: holds a file in memory, or trusts one.
//!
//! What each format holds is told in docs/EXPORT.md.

mod csv;
mod json;
mod line;
mod lines;
mod ndjson;
mod parquet;
mod read;
mod read_parquet;
mod table;
mod write;

pub(crate) use line::{End, Head, Line, MAX_LINE, VERSION};
pub(crate) use lines::{Lines, Piece};
pub(crate) use read::{Bad, Found, open};
pub(crate) use write::{Failed, Told, write};

use crate::model::Timestamp;

/// How a history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A JSON document a line; with payloads it can be imported again.
    Ndjson,
    /// The events in one array.
    Json,
    /// A table for spreadsheets.
    Csv,
    /// A table with types, for analysis; with payloads it can be imported again.
    Parquet,
}

impl Format {
    pub(crate) const ALL: [Self; 4] = [Self::Ndjson, Self::Json, Self::Csv, Self::Parquet];

    /// The name, which is also the ending of a file's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => PARQUET,
        }
    }

    /// Whether all of an entry can be in it, so that it can be read back.
    pub(crate) const fn can_be_whole(self) -> bool {
        matches!(self, Self::Ndjson | Self::Parquet)
    }
}

/// The media type of Parquet: what is packed already.
pub(crate) const PARQUET: &str = "application/vnd.apache.parquet";

/// What a file is called if nobody says.
pub(crate) fn file_name(at: Timestamp, format: Format) -> String {
    let time: String = at.to_string().chars().take(19).filter(char::is_ascii_alphanumeric).collect();
    format!("fleetscope-{time}Z.{}", format.name())
}
