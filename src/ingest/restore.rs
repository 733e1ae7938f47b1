//! The correlator as it was: the newest snapshot, and the records after it.

use std::time::Instant;

use crate::correlate::{Correlator, Settings};
use crate::journal::{Journal, JournalError};

/// Records read at a time.
const PIECE: usize = 4_000;

/// State as of the last record of the journal, and how many records were replayed for it.
pub(super) fn correlator(journal: &dyn Journal, settings: Settings) -> Result<(Correlator, u64), JournalError> {
    let began = Instant::now();
    let stats = journal.stats()?;
    let mut correlator = match journal.snapshot()? {
        Some((seq, bytes)) if seq <= stats.last_seq => match Correlator::restore(settings.clone(), seq + 1, &bytes) {
            Ok(correlator) => correlator,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "snapshot unreadable, reading all records");
                Correlator::new(settings, stats.first_seq.max(1))
            }
        },
        _ => Correlator::new(settings, stats.first_seq.max(1)),
    };
    let mut from = correlator.next_seq();
    let mut replayed = 0_u64;
    while from <= stats.last_seq {
        let records = journal.read(from, PIECE, 16 << 20)?;
        let Some(last) = records.last() else { break };
        from = last.seq + 1;
        for record in &records {
            correlator.replay(record);
            replayed += 1;
        }
    }
    correlator.continue_at(stats.last_seq + 1);
    if stats.last_seq > 0 {
        let took_ms = began.elapsed().as_millis() as u64;
        tracing::info!(journal.records = stats.last_seq, replayed, took_ms, "state rebuilt");
    }
    Ok((correlator, replayed))
}
