//! A journal in memory: as much of the contract as a sink sees.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleetscope::journal::{Commit, DeadLetter, Expired, Journal, JournalError, Stats};
use fleetscope::model::{
    Cursor, Delivery, Filter, Known, Page, Position, Query, Record, Seq, StoryView, Text, Timestamp,
};
use parking_lot::Mutex;

#[derive(Debug, Default)]
pub(super) struct MemoryJournal {
    records: Mutex<Vec<Arc<Record>>>,
    sinks: Mutex<HashMap<String, Seq>>,
    letters: Mutex<Vec<DeadLetter>>,
    /// Reads that fail from now on.
    pub(super) failures: AtomicUsize,
}

fn failed() -> JournalError {
    JournalError::Engine(anyhow::anyhow!("scripted"))
}

impl MemoryJournal {
    /// Forgets records up to `seq`, as retention does.
    pub(super) fn expire(&self, seq: Seq) {
        self.records.lock().retain(|r| r.seq > seq);
    }
}

impl Journal for MemoryJournal {
    fn append(&self, commit: &Commit<'_>) -> Result<(), JournalError> {
        self.records.lock().extend(commit.records.iter().cloned());
        Ok(())
    }

    fn stats(&self) -> Result<Stats, JournalError> {
        let last_seq = self.records.lock().last().map_or(0, |r| r.seq);
        Ok(Stats { last_seq, ..Stats::default() })
    }

    fn read(&self, from: Seq, limit: usize, _: usize) -> Result<Vec<Arc<Record>>, JournalError> {
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            return Err(failed());
        }
        let records = self.records.lock();
        let begin = records.partition_point(|r| r.seq < from);
        Ok(records[begin..].iter().take(limit).cloned().collect())
    }

    fn get(&self, seq: Seq) -> Result<Option<Arc<Record>>, JournalError> {
        Ok(self.records.lock().iter().find(|r| r.seq == seq).cloned())
    }

    fn search(&self, _: &Query) -> Result<Page, JournalError> {
        Err(failed())
    }

    fn deliveries(&self, _: Seq) -> Result<Vec<Delivery>, JournalError> {
        Err(failed())
    }

    fn story_records(&self, _: &str, _: usize) -> Result<Vec<Arc<Record>>, JournalError> {
        Err(failed())
    }

    fn find(&self, _: &str, _: u32, _: u64) -> Result<Option<Known>, JournalError> {
        Ok(None)
    }

    fn positions(&self) -> Result<Vec<Position>, JournalError> {
        Ok(Vec::new())
    }

    fn sink_position(&self, sink: &str) -> Result<Seq, JournalError> {
        Ok(self.sinks.lock().get(sink).copied().unwrap_or(0))
    }

    fn set_sink_position(&self, sink: &str, seq: Seq) -> Result<(), JournalError> {
        self.sinks.lock().insert(sink.to_owned(), seq);
        Ok(())
    }

    fn snapshot(&self) -> Result<Option<(Seq, Vec<u8>)>, JournalError> {
        Ok(None)
    }

    fn story(&self, _: &str) -> Result<Option<StoryView>, JournalError> {
        Ok(None)
    }

    fn stories(&self, _: Option<Cursor>, _: usize) -> Result<(Vec<StoryView>, Option<Cursor>), JournalError> {
        Ok((Vec::new(), None))
    }

    fn dead_letter(&self, letter: &DeadLetter) -> Result<(), JournalError> {
        self.letters.lock().push(letter.clone());
        Ok(())
    }

    fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, JournalError> {
        Ok(self.letters.lock().iter().rev().take(limit).cloned().collect())
    }

    fn export(&self, filter: &Filter, each: &mut dyn FnMut(Arc<Record>) -> bool) -> Result<(), JournalError> {
        let records = self.records.lock().clone();
        let mut fitting = records.into_iter().filter(|r| filter.matches(r));
        while fitting.next().is_some_and(&mut *each) {}
        Ok(())
    }

    fn retain(&self, _: Timestamp) -> Result<Expired, JournalError> {
        Ok(Expired::default())
    }
}

/// So that the imports of the trait's types stay in one place.
pub(super) fn text(text: &str) -> Text {
    text.into()
}
