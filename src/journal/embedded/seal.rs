//! Full segments → postings on disk.
//! Takes: the entries of a full segment. Gives: one posting per term, in key order, a bounded piece with each commit.
//! Never: makes one commit pay for a whole segment.

use heed::RwTxn;

use super::engine::Engine;
use super::live::{Live, row_of, term_of};
use super::posting;
use super::term::Term;
use crate::journal::JournalError;

/// Entries sealed per record appended: a record brings about eight, so sealing is three times as fast as filling.
const PER_RECORD: usize = 24;
/// And at least so many per commit.
const AT_LEAST: usize = 2048;

/// Key of a posting.
pub(super) fn key(segment: u32, term: Term) -> [u8; 9] {
    let mut key = [0; 9];
    key[..4].copy_from_slice(&segment.to_be_bytes());
    key[4] = (term.bits() >> 32) as u8;
    key[5..].copy_from_slice(&(term.bits() as u32).to_be_bytes());
    key
}

/// Writes the next postings of the oldest full segment, if there is one.
pub(super) fn step(engine: &Engine, txn: &mut RwTxn<'_>, live: &mut Live, records: usize) -> Result<(), JournalError> {
    let segments = live.segments;
    let (from, segment) = (live.sealing, live.sealed);
    if live.last < segments.last(segment) {
        return Ok(());
    }
    let Some(open) = live.open.iter_mut().find(|open| open.segment == segment) else {
        // Retention took the whole segment, or it holds no terms.
        (live.sealed, live.sealing) = (segment + 1, Term::from_bits(0));
        return Ok(());
    };
    open.merge_all();
    let entries = open.runs.first().map_or(&[][..], |run| run);
    let mut at = entries.partition_point(|e| term_of(*e) < from);
    let stop = at + (records * PER_RECORD).max(AT_LEAST);
    let (mut rows, mut bytes) = (Vec::new(), Vec::new());
    while at < entries.len() && at < stop {
        let term = term_of(entries[at]);
        let same = entries[at..].iter().take_while(|e| term_of(**e) == term);
        rows.clear();
        rows.extend(same.map(|e| row_of(*e)));
        at += rows.len();
        rows.dedup();
        posting::encode(&rows, segments.rows(), &mut bytes);
        engine.tables.post.put(txn, &key(segment, term), &bytes)?;
    }
    if let Some(next) = entries.get(at) {
        live.sealing = term_of(*next);
    } else {
        (live.sealed, live.sealing) = (segment + 1, Term::from_bits(0));
        live.open.retain(|open| open.segment != segment);
    }
    Ok(())
}
