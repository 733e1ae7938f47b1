//! The live end of the journal: the newest committed records, in memory.
//! Takes: what ingest committed. Gives: to any number of readers, the records after a sequence.
//! Never: waits for a reader. One that falls behind is told so and reads from the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::model::{Record, Seq};

/// Bytes the tail holds, about 3,500 events of half a kilobyte: seconds of a busy fleet. Whoever needs more reads the
/// journal.
const MAX_BYTES: usize = 8 << 20;
/// What a record takes besides its payload: ids, facts, resolved texts.
const RECORD: usize = 1_500;
/// What an attached span takes.
const SPAN: usize = 1_000;

/// Records committed together, in order and without a hole.
#[derive(Debug, Default)]
pub struct Committed {
    /// Never empty in the tail.
    pub records: Vec<Arc<Record>>,
}

impl Committed {
    /// Sequence of the first record; 0 when empty.
    pub fn first(&self) -> Seq {
        self.records.first().map_or(0, |r| r.seq)
    }

    /// Sequence of the last record; 0 when empty.
    pub fn last(&self) -> Seq {
        self.records.last().map_or(0, |r| r.seq)
    }

    fn bytes(&self) -> usize {
        let of = |r: &Arc<Record>| RECORD + SPAN * r.spans.len() + r.entry().map_or(0, |(m, _)| m.payload.bytes.len());
        self.records.iter().map(of).sum()
    }
}

/// What a reader gets.
#[derive(Debug)]
pub enum Next {
    /// The batches that hold records after the sequence asked for; the first may begin before it.
    Batches(Vec<Arc<Committed>>),
    /// Nothing new.
    UpToDate,
    /// The tail begins after that sequence: read the journal up to (not including) this one.
    Behind(Seq),
}

/// A ring of committed batches, bounded in bytes.
#[derive(Debug)]
pub struct Tail {
    ring: RwLock<Ring>,
    head: watch::Sender<Seq>,
}

#[derive(Debug, Default)]
struct Ring {
    batches: VecDeque<(Arc<Committed>, usize)>,
    bytes: usize,
}

impl Tail {
    /// An empty tail after the journal's last sequence.
    pub fn new(head: Seq) -> Self {
        Self { ring: RwLock::default(), head: watch::Sender::new(head) }
    }

    /// Appends what was committed and wakes the readers.
    pub fn push(&self, committed: Arc<Committed>) {
        let last = committed.last();
        if committed.records.is_empty() {
            return;
        }
        let bytes = committed.bytes();
        let mut ring = self.ring.write();
        ring.bytes += bytes;
        ring.batches.push_back((committed, bytes));
        while ring.bytes > MAX_BYTES && ring.batches.len() > 1 {
            if let Some((_, old)) = ring.batches.pop_front() {
                ring.bytes -= old;
            }
        }
        drop(ring);
        self.head.send_replace(last);
    }

    /// The last sequence committed.
    pub fn head(&self) -> Seq {
        *self.head.borrow()
    }

    /// Tells when the head moves.
    pub fn watch(&self) -> watch::Receiver<Seq> {
        self.head.subscribe()
    }

    /// What comes after `seq`.
    pub fn after(&self, seq: Seq) -> Next {
        if seq >= self.head() {
            return Next::UpToDate;
        }
        let ring = self.ring.read();
        let Some((first, _)) = ring.batches.front() else { return Next::Behind(self.head() + 1) };
        if first.first() > seq + 1 {
            return Next::Behind(first.first());
        }
        let from = ring.batches.partition_point(|(batch, _)| batch.last() <= seq);
        Next::Batches(ring.batches.range(from..).map(|(batch, _)| Arc::clone(batch)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Body, Timestamp};

    fn batch(from: Seq, to: Seq) -> Arc<Committed> {
        let record =
            |seq| Arc::new(Record { seq, at: Timestamp::ZERO, body: Body::Tick, spans: Vec::new(), links: Vec::new() });
        Arc::new(Committed { records: (from..=to).map(record).collect() })
    }

    #[test]
    fn a_reader_gets_what_comes_after_its_sequence() {
        let tail = Tail::new(10);
        assert!(matches!(tail.after(10), Next::UpToDate));
        assert!(matches!(tail.after(3), Next::Behind(11)));
        tail.push(batch(11, 12));
        tail.push(batch(13, 15));
        assert!(matches!(tail.after(9), Next::Behind(11)));
        assert!(matches!(tail.after(15), Next::UpToDate));
        let Next::Batches(batches) = tail.after(12) else { panic!("13..15 is there") };
        assert_eq!((batches.len(), batches[0].first()), (1, 13));
    }

    #[test]
    fn the_ring_is_bounded_and_says_so() {
        let tail = Tail::new(0);
        for n in 0..200 {
            tail.push(batch(n * 1000 + 1, n * 1000 + 1000));
        }
        assert!(matches!(tail.after(1), Next::Behind(_)));
    }
}
