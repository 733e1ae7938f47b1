//! Clauses → the rows of a segment that may fit.
//! Takes: the live state, a snapshot. Gives: ascending candidate rows. Never: looks at a record.

use heed::RoTxn;

use super::engine::Engine;
use super::frame::damaged;
use super::live::Live;
use super::term::Term;
use super::{posting, seal};
use crate::journal::JournalError;

/// Rows all clauses hit in a segment.
pub(super) fn of_segment(
    engine: &Engine,
    txn: &RoTxn<'_>,
    live: &Live,
    segment: u32,
    clauses: &[Vec<Term>],
) -> Result<Vec<u32>, JournalError> {
    let lookup = Lookup { engine, txn, live, segment };
    // The rarest clause first: often it ends the search of this segment.
    let mut sized = Vec::with_capacity(clauses.len());
    for clause in clauses {
        let size = lookup.size(clause)?;
        if size == 0 {
            return Ok(Vec::new());
        }
        sized.push((size, clause));
    }
    sized.sort_by_key(|(size, _)| *size);
    let mut rows: Option<Vec<u32>> = None;
    for (_, clause) in sized {
        let hits = lookup.rows(clause)?;
        match &mut rows {
            None => rows = Some(hits),
            Some(rows) => posting::intersect(rows, &hits),
        }
        if rows.as_ref().is_some_and(Vec::is_empty) {
            break;
        }
    }
    Ok(rows.unwrap_or_default())
}

struct Lookup<'a> {
    engine: &'a Engine,
    txn: &'a RoTxn<'a>,
    live: &'a Live,
    segment: u32,
}

impl Lookup<'_> {
    /// About how many rows a clause hits; 0 = none.
    fn size(&self, clause: &[Term]) -> Result<usize, JournalError> {
        if let Some(open) = self.live.open(self.segment) {
            return Ok(clause.iter().map(|term| open.count(*term)).sum());
        }
        let mut size = 0;
        for term in clause {
            size += self.posting(*term)?.map_or(0, <[u8]>::len);
        }
        Ok(size)
    }

    fn rows(&self, clause: &[Term]) -> Result<Vec<u32>, JournalError> {
        let mut rows = Vec::new();
        for term in clause {
            if let Some(open) = self.live.open(self.segment) {
                open.rows(*term, &mut rows);
            } else if let Some(bytes) = self.posting(*term)? {
                posting::decode(bytes, &mut rows)
                    .ok_or_else(|| damaged(self.live.segments.first(self.segment), "posting"))?;
            }
        }
        // The runs of an open segment, and the terms of a clause, may each bring the same row.
        if !rows.is_sorted_by(|a, b| a < b) {
            rows.sort_unstable();
            rows.dedup();
        }
        Ok(rows)
    }

    fn posting(&self, term: Term) -> Result<Option<&[u8]>, JournalError> {
        if self.segment >= self.live.sealed {
            return Ok(None);
        }
        Ok(self.engine.tables.post.get(self.txn, &seal::key(self.segment, term))?)
    }
}
