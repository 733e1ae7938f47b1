//! Records with holes between them → a journal, which has none.
//! Takes: records in order. Gives: commits. Never: moves a record to another sequence.

use std::sync::Arc;

use crate::journal::{Commit, Embedded, Journal, JournalError};
use crate::model::{Body, Record, Seq, StoryView, Timestamp};

/// Records of a commit: the journal packs commits of fewer than two thousand.
const BATCH: usize = 1_900;
/// Bytes of payload after which a commit is made anyway.
const BATCH_BYTES: usize = 8 << 20;
/// Closed stories of a commit.
const STORIES: usize = 500;
/// Most sequences that are filled; each takes some ten bytes.
const MAX_FILLED: u64 = 50_000_000;
/// Highest sequence there can be.
const MAX_SEQ: Seq = 1 << 40;

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fitted {
    Added,
    /// The journal had it.
    Known,
    /// Why it cannot be added.
    Not(String),
}

pub(super) struct Fill<'a> {
    journal: &'a Embedded,
    /// The last record, of the journal or of the batch; 0 = none.
    last: Seq,
    first: Seq,
    at: Timestamp,
    batch: Vec<Arc<Record>>,
    bytes: usize,
    stories: Vec<StoryView>,
    filled: u64,
}

impl<'a> Fill<'a> {
    pub(super) fn new(journal: &'a Embedded) -> Result<Self, JournalError> {
        let stats = journal.stats()?;
        let (last, first) = (stats.last_seq, stats.first_seq);
        let at = journal.get(last)?.map_or(Timestamp::ZERO, |record| record.at);
        Ok(Self { journal, last, first, at, batch: Vec::new(), bytes: 0, stories: Vec::new(), filled: 0 })
    }

    /// Whether nothing was added, now or ever.
    pub(super) const fn is_empty(&self) -> bool {
        self.last == 0
    }

    /// Sequences that were filled.
    pub(super) const fn filled(&self) -> u64 {
        self.filled
    }

    pub(super) fn record(&mut self, record: Record) -> Result<Fitted, JournalError> {
        let seq = record.seq;
        if !(1..=MAX_SEQ).contains(&seq) {
            return Ok(Fitted::Not(format!("there is no record {seq}")));
        }
        if seq <= self.last {
            return self.compare(&record);
        }
        let hole = if self.last == 0 { 0 } else { seq - self.last - 1 };
        if self.filled + hole > MAX_FILLED {
            let why = "too much lies between it and the record before; export by time, without other filters";
            return Ok(Fitted::Not(why.to_owned()));
        }
        for filler in seq - hole..seq {
            // At the time of the record before: it makes nothing happen.
            self.push(Record { seq: filler, at: self.at, body: Body::Tick, spans: Vec::new(), links: Vec::new() })?;
        }
        self.filled += hole;
        if self.last == 0 {
            self.first = seq;
        }
        self.at = record.at;
        self.push(record)?;
        Ok(Fitted::Added)
    }

    fn push(&mut self, record: Record) -> Result<(), JournalError> {
        self.last = record.seq;
        self.bytes += record.entry().map_or(0, |(message, _)| message.payload.bytes.len());
        self.batch.push(Arc::new(record));
        if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.commit()?;
        }
        Ok(())
    }

    /// A record that should be there already.
    fn compare(&mut self, record: &Record) -> Result<Fitted, JournalError> {
        self.commit()?;
        let seq = record.seq;
        Ok(match self.journal.get(seq)? {
            Some(held) if *held == *record => Fitted::Known,
            Some(_) => Fitted::Not(format!("the journal has another record {seq}: import it into a folder of its own")),
            None => Fitted::Not(format!("record {seq} lies before the journal, which begins at {}", self.first)),
        })
    }

    pub(super) fn story(&mut self, story: StoryView) -> Result<(), JournalError> {
        self.stories.push(story);
        if self.stories.len() >= STORIES { self.commit() } else { Ok(()) }
    }

    pub(super) fn finish(&mut self) -> Result<(), JournalError> {
        self.commit()
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        if self.batch.is_empty() && self.stories.is_empty() {
            return Ok(());
        }
        let commit = Commit { records: &self.batch, closed: &self.stories, ..Commit::default() };
        self.journal.append(&commit)?;
        self.batch.clear();
        self.stories.clear();
        self.bytes = 0;
        Ok(())
    }
}
