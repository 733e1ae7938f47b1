//! The journal: the one durable, ordered, searchable history, and the positions of sources and sinks in it.
//! Takes: batches of records with positions, committed together. Gives: pages, single records, deliveries, snapshots.
//! Never: gives up an entry it said it has; interprets one.

#[cfg(test)]
pub(crate) mod contract;
pub mod embedded;

pub use embedded::Embedded;

use std::sync::Arc;

use crate::model::{
    Cursor, Delivery, Facets, FacetsQuery, Filter, Histogram, HistogramQuery, Known, Page, Position, Query, Record,
    Seq, StoryView, Text, Timestamp,
};

/// Why the journal could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No room on the device.
    #[error("the journal's disk is full")]
    Full(#[source] anyhow::Error),
    /// The device or file may not be written.
    #[error("the journal cannot be written")]
    ReadOnly(#[source] anyhow::Error),
    /// Another process has the journal open.
    #[error("the journal at {0} is in use by another process")]
    InUse(String),
    /// What was read is not what was written.
    #[error("the journal is damaged at record {seq}: {what}")]
    Damaged {
        /// Near this record.
        seq: Seq,
        /// What does not fit.
        what: String,
    },
    /// The file was written by a version that this one does not know.
    #[error(
        "the journal has format {found}, this version reads {known}: move journal.path away, and what NATS still holds is read again"
    )]
    Format {
        /// In the file.
        found: u32,
        /// Readable.
        known: u32,
    },
    /// Anything else the engine says.
    #[error("the journal's engine failed")]
    Engine(#[source] anyhow::Error),
}

impl JournalError {
    /// The closed word it is counted under.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Full(_) => "disk_full",
            Self::ReadOnly(_) => "read_only",
            Self::InUse(_) => "in_use",
            Self::Damaged { .. } => "damaged",
            Self::Format { .. } => "format",
            Self::Engine(_) => "engine",
        }
    }
}

/// What is committed together: all of it or nothing.
#[derive(Debug, Default)]
pub struct Commit<'a> {
    /// In order, without a hole, beginning at `head + 1`; the first ones ever may begin anywhere.
    pub records: &'a [Arc<Record>],
    /// Where the sources stand after these records.
    pub positions: &'a [Position],
    /// Stories that left the live state.
    pub closed: &'a [StoryView],
    /// The correlator's state after these records.
    pub snapshot: Option<&'a [u8]>,
}

/// A span the trace backend, or a log record the log backend, refuses for good.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DeadLetter {
    /// The record it came from.
    pub seq: Seq,
    /// Hexadecimal span id; empty for a log record, of which a record has one.
    pub span_id: Text,
    /// What the backend said, shortened.
    pub reason: Text,
    /// When.
    pub at: Timestamp,
}

/// Most saved searches.
pub const MAX_SEARCHES: usize = 200;

/// A filter and a range somebody gave a name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SavedSearch {
    /// Its name.
    pub name: String,
    /// The filter, as it was written.
    pub filter: String,
    /// Begin of the range, as it was written: a time ago, or a time.
    pub since: Option<String>,
    /// Its end, likewise.
    pub until: Option<String>,
    /// When it was saved.
    pub saved: Timestamp,
}

/// The records of a story's trace: enough to make its spans, without payloads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoryRecords {
    /// In order.
    pub records: Vec<Arc<Record>>,
    /// Whether there are more.
    pub cut: bool,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Stats {
    /// Oldest record held; 0 when empty.
    pub first_seq: Seq,
    /// Newest record; keeps its value when old ones expire.
    pub last_seq: Seq,
    /// Time of the oldest record.
    pub oldest: Option<Timestamp>,
    /// Bytes in use.
    pub bytes: u64,
}

/// What retention removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Records removed because of their age.
    pub by_age: u64,
    /// Records removed because of the size.
    pub by_bytes: u64,
}

/// What an export gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The entries that fit, each with its deliveries.
    #[default]
    Entries,
    /// All that makes the same history again: every record of the time asked for, where the filter names nothing else;
    /// otherwise the entries that fit with the last state of each delivery, and for stories the records of their
    /// traces. Then the closed stories.
    Records,
}

/// What to export.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// Which entries.
    pub filter: Filter,
    /// Not before this record.
    pub from: Seq,
    /// What of them.
    pub scope: Scope,
}

/// What an export is a picture of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Whose records these are.
    pub store: Text,
    /// Oldest record held; 0 = none.
    pub first: Seq,
    /// Newest record; 0 = none.
    pub head: Seq,
}

/// What takes an export. An answer of false ends it.
pub trait Receiver {
    /// Told once, before anything else.
    fn begin(&mut self, _picture: &Picture) -> bool {
        true
    }

    /// A record, oldest first; with its deliveries, one per consumer, where the scope is entries.
    fn record(&mut self, record: Arc<Record>, deliveries: &[Delivery]) -> bool;

    /// A closed story, first closed first, after all records.
    fn story(&mut self, _story: StoryView) -> bool {
        true
    }
}

/// Who wants the records alone.
impl<F: FnMut(Arc<Record>) -> bool> Receiver for F {
    fn record(&mut self, record: Arc<Record>, _: &[Delivery]) -> bool {
        self(record)
    }
}

impl Export {
    /// Whether the filter names nothing but a time.
    pub fn is_whole(&self) -> bool {
        self.names_only(&Filter::default())
    }

    /// Whether the filter names nothing but stories and a time.
    pub fn is_of_stories(&self) -> bool {
        !self.filter.story.is_empty()
            && self.names_only(&Filter { story: self.filter.story.clone(), ..Filter::default() })
    }

    fn names_only(&self, plain: &Filter) -> bool {
        Filter { since: None, until: None, ..self.filter.clone() } == *plain
    }

    /// Whether a time is within what was asked for.
    pub fn is_in_time(&self, at: Timestamp) -> bool {
        self.filter.since.is_none_or(|since| at >= since) && self.filter.until.is_none_or(|until| at < until)
    }
}

/// A durable history. All calls block: async callers go through `spawn_blocking`.
pub trait Journal: Send + Sync + std::fmt::Debug {
    /// Commits; on an error nothing of it is there, and the same commit may be tried again.
    fn append(&self, commit: &Commit<'_>) -> Result<(), JournalError>;

    /// How much there is.
    fn stats(&self) -> Result<Stats, JournalError>;

    /// Records from `from` on (or from the oldest held), in order, at most `limit` records and about `max_bytes`.
    fn read(&self, from: Seq, limit: usize, max_bytes: usize) -> Result<Vec<Arc<Record>>, JournalError>;

    /// One record.
    fn get(&self, seq: Seq) -> Result<Option<Arc<Record>>, JournalError>;

    /// A page of entries. Stories are widened by the links committed with the records.
    fn search(&self, query: &Query) -> Result<Page, JournalError>;

    /// Counts the values of fields. Stories are widened as in `search`. Bounded in time and memory.
    fn facets(&self, query: &FacetsQuery) -> Result<Facets, JournalError>;

    /// Counts entries over time. Stories are widened as in `search`. Bounded in time and memory.
    fn histogram(&self, query: &HistogramQuery) -> Result<Histogram, JournalError>;

    /// What fits, oldest first, all from one consistent snapshot and in constant memory, until `to` says no. Stories
    /// are widened as in `search`. Gives the number of deliveries that had to be left out to keep memory bounded.
    fn export(&self, what: &Export, to: &mut dyn Receiver) -> Result<u64, JournalError>;

    /// Whose records these are: given to a journal when it is made, and kept by what is exported from it.
    fn store(&self) -> Result<Text, JournalError>;

    /// The deliveries of an entry, one per consumer, as last committed.
    fn deliveries(&self, seq: Seq) -> Result<Vec<Delivery>, JournalError>;

    /// What a story's trace is made of, in order: at most `limit` records and about `max_bytes` of them.
    fn story_records(&self, story: &str, limit: usize, max_bytes: usize) -> Result<StoryRecords, JournalError>;

    /// The entry of a stored message, for settlements whose message is no longer in memory.
    fn find(&self, stream: &str, incarnation: u32, stream_seq: u64) -> Result<Option<Known>, JournalError>;

    /// Where the sources stand.
    fn positions(&self) -> Result<Vec<Position>, JournalError>;

    /// Up to which record a sink has settled; 0 = none.
    fn sink_position(&self, sink: &str) -> Result<Seq, JournalError>;

    /// Moves a sink's position.
    fn set_sink_position(&self, sink: &str, seq: Seq) -> Result<(), JournalError>;

    /// The newest correlator snapshot of those taken after record `upto` or one before, and the record it was taken after.
    /// A few are kept over all that is held, so that the state of any time can be made from one that is near.
    fn snapshot(&self, upto: Seq) -> Result<Option<(Seq, Vec<u8>)>, JournalError>;

    /// The last record before the first one that happened after `at`: what was known then. `None` = nothing was, of what
    /// is held.
    fn upto(&self, at: Timestamp) -> Result<Option<Seq>, JournalError>;

    /// The first record whose state can be made: the first one held where none was ever removed, else the one the oldest
    /// snapshot with all records after it was taken after. `None` = there is none.
    fn reach(&self) -> Result<Option<Seq>, JournalError>;

    /// A closed story as it was last seen.
    fn story(&self, id: &str) -> Result<Option<StoryView>, JournalError>;

    /// Closed stories, most recently closed first, after `cursor` (a record sequence), at most `limit`.
    fn stories(&self, cursor: Option<Cursor>, limit: usize) -> Result<(Vec<StoryView>, Option<Cursor>), JournalError>;

    /// The cursor of `stories` after which those stand that were closed by the commits up to record `seq`, and the `more`
    /// that closed next.
    fn closed_by(&self, seq: Seq, more: u64) -> Result<Cursor, JournalError>;

    /// Keeps a search in the place of the one of its name. Gives false where there are `MAX_SEARCHES` others.
    fn save_search(&self, search: &SavedSearch) -> Result<bool, JournalError>;

    /// Forgets a search. Gives false where there is none of this name.
    fn delete_search(&self, name: &str) -> Result<bool, JournalError>;

    /// All saved searches, by name.
    fn searches(&self) -> Result<Vec<SavedSearch>, JournalError>;

    /// Keeps a span the backend refuses.
    fn dead_letter(&self, letter: &DeadLetter) -> Result<(), JournalError>;

    /// The newest dead letters.
    fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, JournalError>;

    /// Removes a bounded piece of what is too old or too much. Call it until it removes nothing.
    fn retain(&self, now: Timestamp) -> Result<Expired, JournalError>;
}
