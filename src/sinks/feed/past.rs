//! History for a client that begins before the live edge: the journal's search, then a plain read of what was committed
//! meanwhile, so that no entry and no delivery falls between history and live.

use std::sync::Arc;

use super::entry::{Detail, event_json};
use super::frame::{Frame, Joiner, Reason};
use super::hub::{Encoded, deliveries, entries};
use super::parts::Parts;
use super::standing::Polls;
use super::subscription::Wanted;
use crate::journal::JournalError;
use crate::model::{Cursor, Filter, Order, Query, Record, Seq, Timestamp};
use crate::tail::Next;

/// Entries a search page holds; fewer with payloads, which are larger.
const PAGE: usize = 256;
const FULL_PAGE: usize = 64;
/// Records read at a time.
const RECORDS: usize = 1000;
const RECORD_BYTES: usize = 4 << 20;

/// A piece of history.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) frames: Vec<Frame>,
    /// Everything up to here was told.
    pub(crate) at: Seq,
    /// Whether this was the last piece.
    pub(crate) done: bool,
}

/// The matching entries after `at`, up to `until`, with their deliveries.
pub(crate) fn page(
    parts: &Parts,
    wanted: &Wanted,
    from_time: Option<Timestamp>,
    at: Seq,
    until: Seq,
) -> Result<Piece, JournalError> {
    let limit = if wanted.detail == Detail::Full { FULL_PAGE } else { PAGE };
    let filter = Filter { since: from_time, ..wanted.filter.clone() };
    let cursor = (at > 0).then_some(Cursor(at));
    let page = parts.journal.search(&Query { filter, order: Order::Asc, limit, cursor })?;
    let done = page.next.is_none() || page.items.last().is_some_and(|r| r.seq >= until);
    let items: Vec<_> = page.items.into_iter().filter(|r| r.seq <= until).collect();
    let reached = if done { until } else { page.next.map_or(until, |Cursor(seq)| seq).min(until) };

    let mut frames = Vec::new();
    // Asked after the search: what expired before it is then known to be missing. Who begins at a time misses nothing.
    let oldest = if from_time.is_none() { parts.journal.stats()?.first_seq } else { 0 };
    let mut from = at + 1;
    if oldest > from {
        let first = items.first().map_or(oldest, |r| r.seq.min(oldest));
        let to = (first - 1).min(until);
        if to >= from {
            frames.push(Frame::gap(from, to, Reason::Purged));
            from = to + 1;
        }
    }
    let polls = Polls::of(&parts.board);
    let mut joiner = Joiner::new(from);
    for record in &items {
        let seen = parts.journal.deliveries(record.seq)?;
        joiner.push(&event_json(record, &seen, &polls, wanted.detail), record.seq, None);
    }
    frames.extend(joiner.finish(reached));
    Ok(Piece { frames, at: reached, done })
}

/// The records after `at`, up to `until`: entries that match, and deliveries of entries told before.
pub(crate) fn scan(parts: &Parts, wanted: &Wanted, at: Seq, until: Seq) -> Result<Piece, JournalError> {
    let within = |r: &&Arc<Record>| r.seq > at && r.seq <= until;
    let records: Vec<Arc<Record>> = if let Next::Batches(batches) = parts.tail.after(at) {
        batches.iter().flat_map(|b| &b.records).filter(within).take(RECORDS).map(Arc::clone).collect()
    } else {
        let read = parts.journal.read(at + 1, RECORDS, RECORD_BYTES)?;
        read.iter().filter(within).map(Arc::clone).collect()
    };
    let mut frames = Vec::new();
    let first = records.first().map_or(until + 1, |r| r.seq);
    if first > at + 1 {
        frames.push(Frame::gap(at + 1, first - 1, Reason::Purged));
    }
    let reached = records.last().map_or(until, |r| r.seq);
    let polls = Polls::of(&parts.board);
    let mut encoded = Encoded::new(&records, &polls);
    let mut joiner = Joiner::new(first);
    for (n, record) in records.iter().enumerate() {
        if wanted.filter.matches(record) {
            joiner.push(encoded.json(n, wanted.detail), record.seq, None);
        }
    }
    frames.extend(joiner.finish(reached));
    let told: Vec<_> = records.iter().filter_map(|r| r.delivery()).collect();
    frames.extend(deliveries(&wanted.filter, &told, &entries(&parts.tail, &told)));
    Ok(Piece { frames, at: reached, done: reached >= until })
}
