//! Time and size → what is removed.
//! Takes: limits. Gives: how much it removed. Never: holds the writer for long, removes a part of a frame, or waits for
//! a sink: one that is too far behind finds its records gone, which its position and `first_seq` show.

use std::sync::Arc;

use super::append::pair;
use super::bytes_of::{before, u64_of};
use super::frame::Frame;
use super::live::{Blocks, Live};
use super::{Embedded, meta, seal, snapshots, stories};
use crate::journal::{Expired, JournalError};
use crate::model::{Seq, Timestamp};
use heed::RwTxn;

/// Records removed per call: a commit waits for it.
const STEP: u64 = 50_000;
/// Postings removed per call.
const POSTINGS: usize = 50_000;
/// Closed stories removed per call.
const STORIES: usize = 5_000;
/// A time further ahead than this is taken for wrong: it must not keep the records behind it for years.
const AHEAD: std::time::Duration = std::time::Duration::from_hours(24);

impl Embedded {
    pub(super) fn expire(&self, now: Timestamp) -> Result<Expired, JournalError> {
        let _writer = self.writer.lock();
        let mut live = Live::clone(&self.live.load());
        let mut txn = self.engine.write()?;
        let over = self.engine.bytes(&txn)?.saturating_sub(self.retain_bytes);
        let mut expired = Expired::default();
        let mut frames = Vec::new();
        let mut freed = 0;
        let (mut next, mut oldest) = (live.last + 1, None);
        for item in self.engine.tables.frame.iter(&txn)? {
            let (key, bytes) = item?;
            let frame = Frame::open(u64_of(key).unwrap_or(0), bytes)?;
            let by_age = self.is_old(&frame, now);
            if !by_age && freed >= over || expired.by_age + expired.by_bytes >= STEP {
                (next, oldest) = (frame.first, frame.rows.first().map(|row| row.at));
                break;
            }
            let count = if by_age { &mut expired.by_age } else { &mut expired.by_bytes };
            *count += frame.rows.len() as u64;
            freed += bytes.len() as u64;
            frames.push((frame.first, frame.origins().collect::<Vec<_>>()));
        }
        if frames.is_empty() && self.is_clean(&txn, &live)? {
            return Ok(expired);
        }
        for (first, origins) in frames {
            self.engine.tables.frame.delete(&mut txn, &first.to_be_bytes())?;
            for (stream, seq) in origins {
                self.engine.tables.origin.delete(&mut txn, &pair(stream, seq))?;
            }
        }
        (live.first, live.oldest) = if next > live.last { (0, None) } else { (next, oldest) };
        self.forget_before(&mut txn, &mut live, next)?;
        meta::put_ends(&self.engine, &mut txn, &live)?;
        txn.commit()?;
        self.live.store(Arc::new(live));
        Ok(expired)
    }

    /// A frame is old when its newest record is.
    fn is_old(&self, frame: &Frame<'_>, now: Timestamp) -> bool {
        let newest = if frame.latest > now.plus(AHEAD) { frame.earliest } else { frame.latest };
        newest < now.minus(self.retain_age)
    }

    /// Whether no postings are left to remove either.
    fn is_clean(&self, txn: &heed::RoTxn<'_>, live: &Live) -> Result<bool, JournalError> {
        let kept = live.segments.of(live.first).0;
        let oldest = self.engine.tables.post.first(txn)?.map(|(key, _)| key.to_vec());
        Ok(live.first == 0 || oldest.is_none_or(|key| key.as_slice() >= kept.to_be_bytes().as_slice()))
    }

    /// Removes what belongs to records before `first`.
    fn forget_before(&self, txn: &mut RwTxn<'_>, live: &mut Live, first: Seq) -> Result<(), JournalError> {
        let tables = &self.engine.tables;
        tables.delivery.delete_range(txn, &before(&pair(first, 0)))?;
        stories::expire(&self.engine, txn, first, STORIES)?;
        snapshots::expire(&self.engine, txn, first)?;
        let block = Blocks::of(first);
        tables.block.delete_range(txn, &before(&block.to_be_bytes()))?;
        Arc::make_mut(&mut live.blocks).forget_before(block);
        let segment = live.segments.of(first).0;
        live.open.retain(|open| open.segment >= segment);
        let kept = seal::key(segment, super::term::Term::from_bits(0));
        let mut gone = Vec::new();
        for item in tables.post.range(txn, &before(&kept))?.take(POSTINGS) {
            gone.push(item?.0.to_vec());
        }
        for key in gone {
            tables.post.delete(txn, &key)?;
        }
        Ok(())
    }
}
