//! The journal's records in order, from memory where possible.
//! Takes: a position. Gives: the records after it. Never: holds more than a piece of the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::journal::{Journal, JournalError};
use crate::model::{Record, Seq};
use crate::tail::{Next, Tail};

/// Records taken at a time.
const PIECE: usize = 1024;
/// About how many bytes of the journal are read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Reads on from a position.
#[derive(Debug)]
pub(super) struct Reader {
    journal: Arc<dyn Journal>,
    tail: Arc<Tail>,
    queue: VecDeque<Arc<Record>>,
    cursor: Seq,
    missed: u64,
}

impl Reader {
    /// A reader of what comes after `position`.
    pub(super) fn new(journal: Arc<dyn Journal>, tail: Arc<Tail>, position: Seq) -> Self {
        Self { journal, tail, queue: VecDeque::new(), cursor: position, missed: 0 }
    }

    /// The last record read.
    pub(super) fn cursor(&self) -> Seq {
        self.cursor
    }

    /// How many records were gone from the journal before they could be read, since last asked.
    pub(super) fn take_missed(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }

    /// The next record; `None` = there is none yet.
    pub(super) async fn next(&mut self) -> Result<Option<Arc<Record>>, JournalError> {
        if self.queue.is_empty() {
            self.fill().await?;
        }
        let Some(record) = self.queue.pop_front() else { return Ok(None) };
        self.missed += record.seq.saturating_sub(self.cursor + 1);
        self.cursor = record.seq;
        Ok(Some(record))
    }

    async fn fill(&mut self) -> Result<(), JournalError> {
        let after = self.cursor;
        match self.tail.after(after) {
            Next::UpToDate => {}
            Next::Batches(batches) => {
                let records = batches.iter().flat_map(|b| &b.records).filter(|r| r.seq > after);
                self.queue.extend(records.take(PIECE).cloned());
            }
            Next::Behind(first) => {
                let journal = Arc::clone(&self.journal);
                let read = move || journal.read(after + 1, PIECE, PIECE_BYTES);
                let records = match tokio::task::spawn_blocking(read).await {
                    Ok(records) => records?,
                    Err(e) => return Err(JournalError::Engine(e.into())),
                };
                self.queue.extend(records.into_iter().filter(|r| r.seq > after));
                if self.queue.is_empty() && first > after + 1 {
                    // The journal holds nothing of what the tail no longer has: it expired.
                    self.missed += first - after - 1;
                    self.cursor = first - 1;
                }
            }
        }
        Ok(())
    }
}
