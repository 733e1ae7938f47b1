//! The journal → somebody who takes all of it.
//! Takes: what to export. Gives: records in order, deliveries, closed stories, all from one snapshot.
//! Never: holds more than a few frames and a bounded list of sequences, or writes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::sync::Arc;

use heed::RoTxn;

use super::bytes_of::u64_of;
use super::engine::Engine;
use super::frame::{Content, Frame};
use super::live::Live;
use super::plan::Plan;
use super::scan::{Scan, frame_of, unpack};
use super::{Embedded, meta, read, stories};
use crate::journal::{Export, JournalError, Picture, Receiver, Scope};
use crate::model::{Delivery, Order, Record, Seq, TraceKey};

/// Frames kept unpacked: deliveries stand shortly after their entries.
const FRAMES: usize = 8;
/// Most records that may wait for their turn: a delivery is far behind its entry only where a consumer is.
const MAX_DUE: usize = 1 << 20;
/// Closed stories read at a time.
const STORIES: usize = 100;

impl Embedded {
    pub(super) fn walk(&self, what: &Export, to: &mut dyn Receiver) -> Result<u64, JournalError> {
        // Between commits, so that memory and snapshot are of one moment.
        let (live, txn) = {
            let _writer = self.writer.lock();
            (self.live.load_full(), self.engine.read()?)
        };
        let store = meta::store(&self.engine, &txn)?;
        if !to.begin(&Picture { store, first: live.first, head: live.last }) {
            return Ok(0);
        }
        let mut walk = Walk { journal: self, live: &live, txn: &txn, what, frames: Frames::new(&self.engine, &txn) };
        let (left_out, goes_on) = match what.scope {
            Scope::Entries => (0, walk.entries(to)?),
            Scope::Records if what.is_whole() => (0, walk.every(to)?),
            Scope::Records => walk.some(to)?,
        };
        if goes_on && what.scope == Scope::Records {
            walk.closed(to)?;
        }
        Ok(left_out)
    }
}

struct Walk<'a> {
    journal: &'a Embedded,
    live: &'a Live,
    txn: &'a RoTxn<'a, heed::WithoutTls>,
    what: &'a Export,
    frames: Frames<'a>,
}

/// Whether the receiver wants more.
type GoesOn = bool;

impl Walk<'_> {
    /// The entries that fit, from a sequence on.
    fn scan(
        &self,
        from: Seq,
        each: &mut dyn FnMut(Arc<Record>) -> Result<bool, JournalError>,
    ) -> Result<GoesOn, JournalError> {
        let engine = &self.journal.engine;
        let plan = Plan::new(engine, self.txn, self.live, &self.what.filter)?;
        let (order, budget) = (Order::Asc, u64::MAX);
        let mut scan = Scan { engine, txn: self.txn, live: self.live, plan: &plan, order, budget, looked: 0 };
        let (mut goes_on, mut failed) = (true, None);
        scan.run(from, Seq::MAX, &mut |record, _| {
            goes_on = each(record).unwrap_or_else(|error| {
                failed = Some(error);
                false
            });
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        failed.map_or(Ok(goes_on), Err)
    }

    /// Entries with their deliveries.
    fn entries(&mut self, to: &mut dyn Receiver) -> Result<GoesOn, JournalError> {
        let mut frames = Frames::new(&self.journal.engine, self.txn);
        let last = self.live.last;
        self.scan(self.what.from, &mut |record| {
            let mut deliveries = Vec::new();
            for seq in frames.deliveries(record.seq)?.into_iter().filter(|seq| *seq <= last) {
                let at = frames.record(seq)?;
                deliveries.extend(at.as_ref().and_then(|at| at.delivery()).cloned());
            }
            deliveries.sort_by(|a: &Delivery, b| a.consumer.cmp(&b.consumer));
            Ok(to.record(record, &deliveries))
        })
    }

    /// Every record of the time asked for.
    fn every(&self, to: &mut dyn Receiver) -> Result<GoesOn, JournalError> {
        let (since, until) = (self.what.filter.since, self.what.filter.until);
        let mut next = self.what.from.max(self.live.first);
        while next <= self.live.last {
            let Some(frame) = frame_of(&self.journal.engine, self.txn, next)? else { break };
            let in_time =
                since.is_none_or(|since| frame.latest >= since) && until.is_none_or(|until| frame.earliest < until);
            if in_time {
                let content = unpack(&frame)?;
                for (index, row) in frame.rows.iter().enumerate().skip((next - frame.first) as usize) {
                    if self.what.is_in_time(row.at) && !to.record(frame.record(index, &content)?, &[]) {
                        return Ok(false);
                    }
                }
            }
            next = frame.last() + 1;
        }
        Ok(true)
    }

    /// Entries that fit, and the records that belong to them, in one order.
    fn some(&mut self, to: &mut dyn Receiver) -> Result<(u64, GoesOn), JournalError> {
        let mut due = Due { waiting: BinaryHeap::new(), given: self.what.from.saturating_sub(1), left_out: 0 };
        if self.what.is_of_stories() {
            for story in &self.what.filter.story {
                self.trace(story, &mut due)?;
            }
        }
        let mut frames = Frames::new(&self.journal.engine, self.txn);
        let last = self.live.last;
        // From the first entry, wherever the export goes on: what belongs to earlier ones may stand later.
        let goes_on = self.scan(0, &mut |record| {
            if !due.give_before(record.seq, &mut frames, to)? {
                return Ok(false);
            }
            for seq in frames.deliveries(record.seq)? {
                due.add(seq, last);
            }
            Ok(record.seq <= due.given || due.give(record, to))
        })?;
        let goes_on = goes_on && due.give_before(Seq::MAX, &mut frames, to)?;
        Ok((due.left_out, goes_on))
    }

    /// What a story's trace is made of.
    fn trace(&mut self, story: &str, due: &mut Due) -> Result<(), JournalError> {
        let key = TraceKey::story(story);
        let (what, frames) = (self.what, &mut self.frames);
        read::trace_seqs(&self.journal.engine, self.txn, self.live, &key, &mut |seq, parts| {
            let Some(record) = frames.record(seq)? else { return Ok(()) };
            if what.is_in_time(record.at) && read::is_in(&record, &key, parts) {
                due.add(seq, Seq::MAX);
            }
            Ok(())
        })
    }

    /// The closed stories that belong to what was given.
    fn closed(&self, to: &mut dyn Receiver) -> Result<(), JournalError> {
        let filter = &self.what.filter;
        if !self.what.is_whole() && !self.what.is_of_stories() {
            return Ok(());
        }
        if self.what.is_of_stories() {
            for story in stories::named(&self.journal.engine, self.txn, &filter.story)? {
                if self.what.is_in_time(story.last_event) && !to.story(story) {
                    return Ok(());
                }
            }
            return Ok(());
        }
        let mut after = 0;
        loop {
            let (page, next) = stories::oldest(&self.journal.engine, self.txn, after, STORIES)?;
            for story in page {
                if self.what.is_in_time(story.last_event) && !to.story(story) {
                    return Ok(());
                }
            }
            match next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }
}

/// Records that wait until their sequence is reached.
struct Due {
    waiting: BinaryHeap<Reverse<Seq>>,
    /// The last one given.
    given: Seq,
    left_out: u64,
}

impl Due {
    fn add(&mut self, seq: Seq, last: Seq) {
        if seq <= self.given || seq > last {
            return;
        }
        if self.waiting.len() == MAX_DUE {
            self.left_out += 1;
        } else {
            self.waiting.push(Reverse(seq));
        }
    }

    fn give_before(&mut self, seq: Seq, frames: &mut Frames<'_>, to: &mut dyn Receiver) -> Result<bool, JournalError> {
        while let Some(Reverse(next)) = self.waiting.peek().copied().filter(|Reverse(next)| *next < seq) {
            self.waiting.pop();
            if next > self.given
                && let Some(record) = frames.record(next)?
                && !self.give(record, to)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn give(&mut self, record: Arc<Record>, to: &mut dyn Receiver) -> bool {
        self.given = record.seq;
        to.record(record, &[])
    }
}

/// Single records, out of frames that are likely to hold the next one too.
struct Frames<'a> {
    engine: &'a Engine,
    txn: &'a RoTxn<'a, heed::WithoutTls>,
    held: Vec<(Frame<'a>, Content<'a>)>,
}

impl<'a> Frames<'a> {
    const fn new(engine: &'a Engine, txn: &'a RoTxn<'a, heed::WithoutTls>) -> Self {
        Self { engine, txn, held: Vec::new() }
    }

    fn record(&mut self, seq: Seq) -> Result<Option<Arc<Record>>, JournalError> {
        let found = self.held.iter().position(|(frame, _)| (frame.first..=frame.last()).contains(&seq));
        if let Some(at) = found {
            self.held[..=at].rotate_right(1);
        } else {
            let Some(frame) = frame_of(self.engine, self.txn, seq)? else { return Ok(None) };
            let content = unpack(&frame)?;
            self.held.truncate(FRAMES - 1);
            self.held.insert(0, (frame, content));
        }
        let (frame, content) = &self.held[0];
        frame.record((seq - frame.first) as usize, content).map(Some)
    }

    /// The records that say how an entry's deliveries stand.
    fn deliveries(&self, seq: Seq) -> Result<Vec<Seq>, JournalError> {
        let mut at = Vec::new();
        for item in self.engine.tables.delivery.prefix_iter(self.txn, &seq.to_be_bytes())? {
            at.extend(u64_of(item?.1));
        }
        Ok(at)
    }
}
