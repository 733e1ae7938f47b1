//! The journal in a folder: frames of records and postings per segment, in LMDB.
//! Takes: commits. Gives: pages, records and positions, each answer from one consistent snapshot.
//! Never: is open twice, or loses what it acknowledged.
//!
//! Records stand in frames, cut by bytes; a frame is written once and read as a whole. What records are searched by is
//! turned into terms. A segment of sequences collects the postings of its terms in memory until it is full; then they
//! are written, a piece with each commit. After a crash the postings of the open segment are built again from the
//! columns of its frames. Every commit is synced.
//!
//! LMDB maps its file into memory. Pages that were read count as resident memory of the process until the system
//! wants them back, which shows on container dashboards but is no leak. The map is larger than the retention limit,
//! which costs address space only. The file does not shrink; pages freed by retention are used again.

mod append;
mod bytes_of;
mod count;
mod engine;
mod facets;
mod frame;
mod framing;
mod histogram;
mod letters;
mod links;
mod live;
mod look;
mod meta;
mod plan;
mod posting;
mod read;
mod rebuild;
mod retention;
mod row;
mod rows;
mod saved;
mod scan;
mod seal;
mod snapshots;
mod stories;
mod term;
#[cfg(test)]
mod tests;
mod walk;
mod when;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use self::append::Writer;
use self::engine::Engine;
use self::live::Live;
use super::{Commit, DeadLetter, Expired, Export, Journal, JournalError, Receiver, SavedSearch, Stats, StoryRecords};
use crate::model::{
    Cursor, Delivery, Facets, FacetsQuery, Histogram, HistogramQuery, Known, Page, Position, Query, Record, Seq,
    StoryView, Text, Timestamp,
};

/// Sequences in a segment, as a power of two. The postings of an open segment and of one being sealed are in memory,
/// some 6 MiB each.
const SEGMENT_BITS: u32 = 16;

/// The journal in a folder.
#[derive(Debug)]
pub struct Embedded {
    engine: Engine,
    live: ArcSwap<Live>,
    writer: Mutex<Writer>,
    retain_age: Duration,
    retain_bytes: u64,
}

impl Embedded {
    /// Opens the journal in `path`, or makes one. `InUse` while another process, or another part of this one, has it.
    pub fn open(path: &Path, retain_age: Duration, retain_bytes: u64) -> Result<Self, JournalError> {
        Self::open_sized(path, retain_age, retain_bytes, map_size(retain_bytes), SEGMENT_BITS)
    }

    fn open_sized(
        path: &Path,
        retain_age: Duration,
        retain_bytes: u64,
        map_size: usize,
        segment_bits: u32,
    ) -> Result<Self, JournalError> {
        let engine = Engine::open(path, map_size)?;
        let segments = meta::check_format(&engine, segment_bits)?;
        meta::name_store(&engine)?;
        let live = rebuild::live(&engine, segments)?;
        Ok(Self { engine, live: ArcSwap::from_pointee(live), writer: Mutex::default(), retain_age, retain_bytes })
    }

    /// Opens the journal in `path` to be read only, without a trace in the folder; `None` = there is none. `InUse` while
    /// a process has it.
    pub fn open_to_read(path: &Path) -> Result<Option<Self>, JournalError> {
        let Some(engine) = Engine::open_to_read(path)? else { return Ok(None) };
        let segments = {
            let txn = engine.read()?;
            meta::format(&engine, &txn)?
        };
        let Some(segments) = segments else { return Ok(None) };
        let live = ArcSwap::from_pointee(rebuild::live(&engine, segments)?);
        let (retain_age, retain_bytes) = (Duration::MAX, u64::MAX);
        Ok(Some(Self { engine, live, writer: Mutex::default(), retain_age, retain_bytes }))
    }

    /// Gives a journal that never held a record the name of the store its records will come from.
    pub fn adopt(&self, store: &str) -> Result<(), JournalError> {
        if self.live.load().last > 0 {
            return Err(JournalError::Engine(anyhow::anyhow!("a journal that holds records keeps its store's name")));
        }
        self.write(|txn| meta::put_store(&self.engine, txn, store))
    }
}

/// Room for the retained bytes, for what is written before retention comes round, and for pages that cannot be used
/// again yet because an export still reads them.
fn map_size(retain_bytes: u64) -> usize {
    const LEAST: u64 = 4 << 30;
    let size = retain_bytes.saturating_mul(2).max(LEAST).next_multiple_of(1 << 20);
    usize::try_from(size).unwrap_or(usize::MAX >> 1)
}

impl Journal for Embedded {
    fn append(&self, commit: &Commit<'_>) -> Result<(), JournalError> {
        self.commit(commit).map_err(|error| self.engine.judge(error))
    }

    fn stats(&self) -> Result<Stats, JournalError> {
        let live = self.live.load();
        let txn = self.engine.read()?;
        let bytes = self.engine.bytes(&txn)?;
        Ok(Stats { first_seq: live.first, last_seq: live.last, oldest: live.oldest, bytes })
    }

    fn read(&self, from: Seq, limit: usize, max_bytes: usize) -> Result<Vec<Arc<Record>>, JournalError> {
        self.records(from, limit, max_bytes)
    }

    fn get(&self, seq: Seq) -> Result<Option<Arc<Record>>, JournalError> {
        let txn = self.engine.read()?;
        read::record(&self.engine, &txn, seq)
    }

    fn search(&self, query: &Query) -> Result<Page, JournalError> {
        self.page(query)
    }

    fn facets(&self, query: &FacetsQuery) -> Result<Facets, JournalError> {
        self.values(query)
    }

    fn histogram(&self, query: &HistogramQuery) -> Result<Histogram, JournalError> {
        self.over_time(query)
    }

    fn export(&self, what: &Export, to: &mut dyn Receiver) -> Result<u64, JournalError> {
        self.walk(what, to)
    }

    fn store(&self) -> Result<Text, JournalError> {
        let txn = self.engine.read()?;
        meta::store(&self.engine, &txn)
    }

    fn deliveries(&self, seq: Seq) -> Result<Vec<Delivery>, JournalError> {
        self.deliveries_of(seq)
    }

    fn story_records(&self, story: &str, limit: usize, max_bytes: usize) -> Result<StoryRecords, JournalError> {
        self.trace_of(story, limit, max_bytes)
    }

    fn find(&self, stream: &str, incarnation: u32, stream_seq: u64) -> Result<Option<Known>, JournalError> {
        self.known(stream, incarnation, stream_seq)
    }

    fn positions(&self) -> Result<Vec<Position>, JournalError> {
        let txn = self.engine.read()?;
        meta::positions(&self.engine, &txn)
    }

    fn sink_position(&self, sink: &str) -> Result<Seq, JournalError> {
        let txn = self.engine.read()?;
        meta::sink(&self.engine, &txn, sink)
    }

    fn set_sink_position(&self, sink: &str, seq: Seq) -> Result<(), JournalError> {
        self.write(|txn| meta::put_sink(&self.engine, txn, sink, seq))
    }

    fn snapshot(&self, upto: Seq) -> Result<Option<(Seq, Vec<u8>)>, JournalError> {
        let txn = self.engine.read()?;
        snapshots::newest(&self.engine, &txn, upto)
    }

    fn upto(&self, at: Timestamp) -> Result<Option<Seq>, JournalError> {
        self.known_at(at)
    }

    fn reach(&self) -> Result<Option<Seq>, JournalError> {
        self.makeable_from()
    }

    fn story(&self, id: &str) -> Result<Option<StoryView>, JournalError> {
        let txn = self.engine.read()?;
        stories::get(&self.engine, &txn, id)
    }

    fn stories(&self, cursor: Option<Cursor>, limit: usize) -> Result<(Vec<StoryView>, Option<Cursor>), JournalError> {
        let txn = self.engine.read()?;
        stories::page(&self.engine, &txn, cursor, limit)
    }

    fn closed_by(&self, seq: Seq, more: u64) -> Result<Cursor, JournalError> {
        let txn = self.engine.read()?;
        stories::closed_by(&self.engine, &txn, seq, more)
    }

    fn save_search(&self, search: &SavedSearch) -> Result<bool, JournalError> {
        self.write(|txn| saved::put(&self.engine, txn, search))
    }

    fn delete_search(&self, name: &str) -> Result<bool, JournalError> {
        self.write(|txn| saved::remove(&self.engine, txn, name))
    }

    fn searches(&self) -> Result<Vec<SavedSearch>, JournalError> {
        let txn = self.engine.read()?;
        saved::all(&self.engine, &txn)
    }

    fn dead_letter(&self, letter: &DeadLetter) -> Result<(), JournalError> {
        self.write(|txn| letters::put(&self.engine, txn, letter))
    }

    fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, JournalError> {
        let txn = self.engine.read()?;
        letters::newest(&self.engine, &txn, limit)
    }

    fn retain(&self, now: Timestamp) -> Result<Expired, JournalError> {
        self.expire(now).map_err(|error| self.engine.judge(error))
    }
}

impl Embedded {
    /// A small transaction of its own.
    fn write<T>(
        &self,
        change: impl FnOnce(&mut heed::RwTxn<'_>) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let run = || {
            let mut txn = self.engine.write()?;
            let made = change(&mut txn)?;
            txn.commit()?;
            Ok(made)
        };
        run().map_err(|error| self.engine.judge(error))
    }
}
