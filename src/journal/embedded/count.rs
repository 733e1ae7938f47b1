//! What counting shares: its time, the walk over what fits, and the columns of what nothing else tells.
//! Takes: a plan or a range of sequences. Gives: records, or rows of frames, newest first, until the time is up.
//! Never: goes on for ever, or keeps what it has looked at.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use heed::RoTxn;

use super::bytes_of::u64_of;
use super::engine::Engine;
use super::frame::{Frame, Row};
use super::live::Live;
use super::plan::Plan;
use super::scan::{End, Scan, frame_of};
use crate::journal::JournalError;
use crate::model::{Filter, Order, Reach, Record, Seq, Timestamp};

/// Bytes unpacked before the clock is looked at.
const SLICE: u64 = 16 << 20;
/// Records taken before the clock is looked at.
const OFTEN: u64 = 64;

/// One consistent state of the journal, and the time that counting in it may take.
pub(super) struct Count<'a> {
    pub(super) engine: &'a Engine,
    pub(super) txn: &'a RoTxn<'a>,
    pub(super) live: &'a Live,
    /// Oldest record held.
    pub(super) held: Seq,
    pub(super) looked_at: u64,
    end: Instant,
}

impl<'a> Count<'a> {
    /// `None` = the journal is empty.
    pub(super) fn new(
        engine: &'a Engine,
        txn: &'a RoTxn<'a>,
        live: &'a Live,
        patience: Duration,
    ) -> Result<Option<Self>, JournalError> {
        let held = engine.tables.frame.first(txn)?.and_then(|(key, _)| u64_of(key));
        let Some(held) = held.filter(|held| *held <= live.last) else { return Ok(None) };
        Ok(Some(Self { engine, txn, live, held, looked_at: 0, end: Instant::now() + patience }))
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// How far it came, where it ended at a sequence.
    pub(super) fn reach(&self, ended: Option<Seq>) -> Result<Reach, JournalError> {
        let ended = ended.filter(|seq| *seq > self.held);
        let at = ended.map(|seq| frame_of(self.engine, self.txn, seq)).transpose()?.flatten();
        let time = |(seq, frame): (Seq, Frame<'_>)| (seq, frame.rows[(seq - frame.first) as usize].at);
        Ok(Reach { looked_at: self.looked_at, ended: ended.zip(at).map(time) })
    }

    /// Calls `each` with every entry that fits, newest first. Gives the sequence at which the time was up.
    pub(super) fn fitting(
        &mut self,
        filter: &Filter,
        each: &mut dyn FnMut(&Record),
    ) -> Result<Option<Seq>, JournalError> {
        let plan = Plan::new(self.engine, self.txn, self.live, filter)?;
        let (engine, txn, live, order) = (self.engine, self.txn, self.live, Order::Desc);
        let (mut to, mut found) = (Seq::MAX, 0_u64);
        loop {
            let mut scan = Scan { engine, txn, live, plan: &plan, order, budget: SLICE, looked: 0 };
            let ended = scan.run(0, to, &mut |record, _| {
                each(&record);
                found += 1;
                if found.is_multiple_of(OFTEN) && self.is_over() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            self.looked_at += scan.looked;
            match ended {
                End::Exhausted => return Ok(None),
                End::After(seq) if seq <= self.held => return Ok(None),
                End::After(seq) if self.is_over() => return Ok(Some(seq)),
                End::After(seq) => to = seq - 1,
            }
        }
    }

    /// Calls `each` with every entry's row in a range of sequences and of times. Gives the sequence at which the time
    /// was up.
    pub(super) fn rows(
        &mut self,
        (from, to): (Seq, Seq),
        (since, until): (Option<Timestamp>, Option<Timestamp>),
        each: &mut dyn FnMut(Seq, &Frame<'_>, &Row),
    ) -> Result<Option<Seq>, JournalError> {
        let (from, mut at) = (from.max(self.held), to.min(self.live.last));
        while at >= from {
            let Some(frame) = frame_of(self.engine, self.txn, at)? else { break };
            let first = frame.first.max(from);
            for seq in (first..=at).rev() {
                let row = &frame.rows[(seq - frame.first) as usize];
                let fits = since.is_none_or(|since| row.at >= since) && until.is_none_or(|until| row.at < until);
                if row.is_entry() && fits {
                    self.looked_at += 1;
                    each(seq, &frame, row);
                }
            }
            if first > from && self.is_over() {
                return Ok(Some(first));
            }
            at = first - 1;
        }
        Ok(None)
    }
}
