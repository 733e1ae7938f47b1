//! Commit → one synced transaction.
//! Takes: records in order with what belongs to them. Gives: the state with them in it, once the disk has them.
//! Never: shows a reader what is not committed, or leaves half of a commit.

use std::sync::Arc;

use heed::{PutFlags, RwTxn};

use super::frame::Codec;
use super::framing::{Framed, Framing};
use super::live::{Blocks, Live, entry};
use super::term::{Term, hash64, terms_of};
use super::{Embedded, meta, seal, snapshots, stories};
use crate::journal::{Commit, JournalError};
use crate::model::{Delivery, Record, Seq, Text};

/// From this many records on a commit drains a backlog: packing would cost more than all the rest.
const RAW_FROM: usize = 2000;

/// Highest sequence a journal may begin with: more than any fleet will come to, and far from any overflow.
const MAX_FIRST: Seq = 1 << 40;

/// What the writer keeps between commits.
#[derive(Debug)]
pub(super) struct Writer {
    ratio: f64,
}

impl Default for Writer {
    fn default() -> Self {
        Self { ratio: 2.5 }
    }
}

impl Embedded {
    pub(super) fn commit(&self, commit: &Commit<'_>) -> Result<(), JournalError> {
        let mut writer = self.writer.lock();
        let mut live = Live::clone(&self.live.load());
        check_order(live.last, commit.records)?;
        let mut txn = self.engine.write()?;
        let ratio = self.put_records(&mut txn, &mut live, commit.records, writer.ratio)?;
        seal::step(&self.engine, &mut txn, &mut live, commit.records.len())?;
        for position in commit.positions {
            meta::put_position(&self.engine, &mut txn, position)?;
        }
        stories::close(&self.engine, &mut txn, live.last, commit.closed)?;
        if let Some(snapshot) = commit.snapshot {
            let held = snapshots::Held { first: live.first, room: snapshots::room(self.retain_bytes) };
            snapshots::put(&self.engine, &mut txn, live.last, snapshot, held)?;
        }
        meta::put_ends(&self.engine, &mut txn, &live)?;
        txn.commit()?;
        writer.ratio = ratio;
        self.live.store(Arc::new(live));
        Ok(())
    }

    fn put_records(
        &self,
        txn: &mut RwTxn<'_>,
        live: &mut Live,
        records: &[Arc<Record>],
        ratio: f64,
    ) -> Result<f64, JournalError> {
        let Some(first) = records.first() else { return Ok(ratio) };
        let codec = if records.len() >= RAW_FROM { Codec::Raw } else { Codec::Lz4 };
        let mut framing = Framing::new(codec, ratio);
        let (mut terms, mut run) = (Vec::with_capacity(16), Vec::with_capacity(records.len() * 10));
        let mut segment = live.segments.of(first.seq).0;
        if live.last == 0 {
            live.sealed = segment;
        }
        for record in records {
            terms.clear();
            terms_of(record, &mut |term| terms.push(term));
            if let Some((message, _)) = record.entry() {
                terms.push(self.type_term(txn, live, &message.event_type)?);
            }
            let (of, row) = live.segments.of(record.seq);
            if of != segment {
                live.push(segment, std::mem::take(&mut run));
                segment = of;
            }
            run.extend(terms.iter().map(|term| entry(*term, row)));
            if let Some(framed) = framing.push(record, &terms)? {
                self.put_frame(txn, &framed)?;
            }
            if let Some(delivery) = record.delivery() {
                self.put_delivery(txn, record.seq, delivery)?;
            }
        }
        live.push(segment, run);
        if let Some(framed) = framing.finish() {
            self.put_frame(txn, &framed)?;
        }
        self.put_blocks(txn, live, records)?;
        if live.first == 0 {
            (live.first, live.oldest) = (first.seq, Some(first.at));
        }
        if live.last == 0 {
            meta::put_origin(&self.engine, txn, first.seq)?;
        }
        live.last = records.last().map_or(live.last, |r| r.seq);
        Ok(framing.ratio())
    }

    fn type_term(&self, txn: &mut RwTxn<'_>, live: &mut Live, name: &Text) -> Result<Term, JournalError> {
        if !live.types.contains(name) && live.types.takes(name) {
            self.engine.tables.types.put(txn, name.as_bytes(), &[])?;
            Arc::make_mut(&mut live.types).insert(name.clone());
        }
        Ok(live.types.term(name))
    }

    fn put_frame(&self, txn: &mut RwTxn<'_>, framed: &Framed) -> Result<(), JournalError> {
        let key = framed.first.to_be_bytes();
        self.engine.tables.frame.put_with_flags(txn, PutFlags::APPEND, &key, &framed.bytes)?;
        for (stream, seq) in &framed.origins {
            self.engine.tables.origin.put(txn, &pair(*stream, *seq), &key)?;
        }
        Ok(())
    }

    /// An older state of the same delivery is overwritten: its record stays in the log.
    fn put_delivery(&self, txn: &mut RwTxn<'_>, seq: Seq, delivery: &Delivery) -> Result<(), JournalError> {
        let key = pair(delivery.event.seq, hash64(delivery.consumer.as_bytes()));
        Ok(self.engine.tables.delivery.put(txn, &key, &seq.to_be_bytes())?)
    }

    fn put_blocks(&self, txn: &mut RwTxn<'_>, live: &mut Live, records: &[Arc<Record>]) -> Result<(), JournalError> {
        let blocks = Arc::make_mut(&mut live.blocks);
        for same in records.chunk_by(|a, b| Blocks::of(a.seq) == Blocks::of(b.seq)) {
            let times = || same.iter().map(|record| record.at.nanos());
            let (Some(earliest), Some(latest)) = (times().min(), times().max()) else { continue };
            let block = Blocks::of(same[0].seq);
            blocks.widen(block, earliest, latest);
            let (earliest, latest) = blocks.get(block).unwrap_or((earliest, latest));
            let value = pair(earliest.cast_unsigned(), latest.cast_unsigned());
            self.engine.tables.block.put(txn, &block.to_be_bytes(), &value)?;
        }
        Ok(())
    }
}

fn check_order(last: Seq, records: &[Arc<Record>]) -> Result<(), JournalError> {
    let mut last = match records.first() {
        // The first record ever may have any sequence: a history that was brought here keeps its own.
        Some(first) if last == 0 && (1..=MAX_FIRST).contains(&first.seq) => first.seq - 1,
        _ => last,
    };
    for record in records {
        if record.seq != last + 1 {
            let what = anyhow::anyhow!("record {} cannot follow record {last}", record.seq);
            return Err(JournalError::Engine(what));
        }
        last = record.seq;
    }
    Ok(())
}

/// Two integers as a key.
pub(super) fn pair(first: u64, second: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&first.to_be_bytes());
    key[8..].copy_from_slice(&second.to_be_bytes());
    key
}
