//! The correlator as it was after a record: a snapshot, and the records after it.
//! Takes: the journal. Gives: the state a start after a crash has, of any record that is near enough to a snapshot.
//! Never: keeps more than a piece of the records in memory.

use std::time::Instant;

use crate::correlate::{Correlator, Settings};
use crate::journal::{Journal, JournalError};
use crate::model::Seq;

/// Records read at a time.
const PIECE: usize = 4_000;

/// A state made again.
#[derive(Debug)]
pub struct Restored {
    /// The state.
    pub correlator: Correlator,
    /// The record the snapshot was taken after; `None` = it was made from the records alone.
    pub snapshot: Option<Seq>,
    /// Records replayed.
    pub replayed: u64,
    /// Stories that left the live state since the snapshot.
    pub closed: u64,
}

/// State as of the last record of the journal.
pub fn newest(journal: &dyn Journal, settings: Settings) -> Result<Restored, JournalError> {
    let began = Instant::now();
    let stats = journal.stats()?;
    let mut restored = as_of(journal, settings, stats.last_seq, &|| false)?;
    restored.correlator.continue_at(stats.last_seq + 1);
    if stats.last_seq > 0 {
        let (replayed, took_ms) = (restored.replayed, began.elapsed().as_millis() as u64);
        tracing::info!(journal.records = stats.last_seq, replayed, took_ms, "state rebuilt");
    }
    Ok(restored)
}

/// State as of a record, or of one before it where `stopped` says so.
pub(super) fn as_of(
    journal: &dyn Journal,
    settings: Settings,
    upto: Seq,
    stopped: &dyn Fn() -> bool,
) -> Result<Restored, JournalError> {
    let mut restored = begin(journal, settings, upto)?;
    let mut from = restored.correlator.next_seq();
    while from <= upto && !stopped() {
        let limit = usize::try_from(upto - from + 1).unwrap_or(PIECE).min(PIECE);
        let records = journal.read(from, limit, 16 << 20)?;
        let Some(last) = records.last() else { break };
        from = last.seq + 1;
        for record in records.iter().take_while(|record| record.seq <= upto) {
            restored.closed += restored.correlator.replay(record) as u64;
            restored.replayed += 1;
        }
    }
    Ok(restored)
}

/// What there is to begin with.
fn begin(journal: &dyn Journal, settings: Settings, upto: Seq) -> Result<Restored, JournalError> {
    let from_records = |settings, first: Seq| Restored {
        correlator: Correlator::new(settings, first.max(1)),
        snapshot: None,
        replayed: 0,
        closed: 0,
    };
    let first = journal.stats()?.first_seq;
    let Some((seq, bytes)) = journal.snapshot(upto)? else { return Ok(from_records(settings, first)) };
    match Correlator::restore(settings.clone(), seq + 1, &bytes) {
        Ok(correlator) => Ok(Restored { correlator, snapshot: Some(seq), replayed: 0, closed: 0 }),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "snapshot unreadable, reading all records");
            Ok(from_records(settings, first))
        }
    }
}
