//! A time → the last record that was known then, and how far back that can be asked.
//! Takes: the times of blocks, which are in memory, and the few frames that may hold what is asked for.
//! Gives: a record. Never: lets a record that came late, or whose time cannot be true, move all the others.
//!
//! Records stand in the order they were taken in, which is nearly that of their times: what a source read late is older
//! than what stands before it. It was not known before it came, so it counts where it stands: what was known at a time is
//! everything before the first record that happened after it.

use super::live::Blocks;
use super::scan::{frame_of, unpack};
use super::{Embedded, meta, snapshots};
use crate::journal::JournalError;
use crate::model::{Seq, Timestamp};

/// Records whose time is later than when they were received that are looked at: after so many the answer is the record
/// before the last of them.
const MAX_LOOKED: usize = 200_000;

impl Embedded {
    pub(super) fn known_at(&self, at: Timestamp) -> Result<Option<Seq>, JournalError> {
        let live = self.live.load_full();
        if live.first == 0 {
            return Ok(None);
        }
        let txn = self.engine.read()?;
        let mut looked = 0;
        for block in Blocks::of(live.first)..=Blocks::of(live.last) {
            if live.blocks.get(block).is_some_and(|(_, latest)| latest <= at.nanos()) {
                continue;
            }
            let (first, last) = Blocks::range(block);
            let mut next = first.max(live.first);
            while next <= last.min(live.last) {
                // Retention may have been here meanwhile.
                let Some(frame) = frame_of(&self.engine, &txn, next)? else { break };
                let late = |row: &super::frame::Row| row.at > at;
                let begin = (next - frame.first) as usize;
                if frame.rows[begin..].iter().any(late) {
                    let content = unpack(&frame)?;
                    for (index, _) in frame.rows.iter().enumerate().skip(begin).filter(|(_, row)| late(row)) {
                        looked += 1;
                        if looked > MAX_LOOKED || frame.record(index, &content)?.happened() > at {
                            let before = frame.first + index as u64 - 1;
                            return Ok((before >= live.first).then_some(before));
                        }
                    }
                }
                next = frame.last() + 1;
            }
        }
        Ok(Some(live.last))
    }

    pub(super) fn makeable_from(&self) -> Result<Option<Seq>, JournalError> {
        let first = self.live.load().first;
        let txn = self.engine.read()?;
        if first > 0 && first <= meta::origin(&self.engine, &txn)? {
            return Ok(Some(first));
        }
        snapshots::oldest(&self.engine, &txn, first)
    }
}
