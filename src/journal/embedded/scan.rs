//! Candidates → records, frame by frame.
//! Takes: a plan, a range of sequences, an order. Gives: the records that fit, one at a time, until told to stop.
//! Never: unpacks a frame no candidate is in, or works on without bound.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use heed::RoTxn;

use super::bytes_of::u64_of;
use super::engine::Engine;
use super::frame::{Content, Frame};
use super::live::{Blocks, Live};
use super::plan::Plan;
use super::rows;
use crate::journal::JournalError;
use crate::model::{Order, Record, Seq};

/// How a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All candidates were looked at.
    Exhausted,
    /// The caller or the budget stopped it after this sequence.
    After(Seq),
}

/// A walk over a part of the journal.
pub(super) struct Scan<'a> {
    pub(super) engine: &'a Engine,
    pub(super) txn: &'a RoTxn<'a>,
    pub(super) live: &'a Live,
    pub(super) plan: &'a Plan,
    pub(super) order: Order,
    /// Bytes of frames it may unpack.
    pub(super) budget: u64,
    /// Candidates looked at so far.
    pub(super) looked: u64,
}

type Each<'e> = &'e mut dyn FnMut(Arc<Record>, usize) -> ControlFlow<()>;
type Step = Result<ControlFlow<Seq>, JournalError>;

impl<'a> Scan<'a> {
    /// Walks over `from..=to` and calls `each` with what fits and its size.
    pub(super) fn run(&mut self, from: Seq, to: Seq, each: Each<'_>) -> Result<End, JournalError> {
        let held = self.engine.tables.frame.first(self.txn)?.and_then(|(key, _)| u64_of(key));
        let (from, to) = (from.max(held.unwrap_or(Seq::MAX)), to.min(self.live.last));
        if from > to {
            return Ok(End::Exhausted);
        }
        let end = if self.plan.clauses.is_empty() { self.all(from, to, each)? } else { self.segments(from, to, each)? };
        Ok(match end {
            ControlFlow::Continue(()) => End::Exhausted,
            ControlFlow::Break(seq) => End::After(seq),
        })
    }

    fn may_hold(&self, seq: Seq) -> bool {
        self.live.blocks.may_hold(seq, self.plan.filter.since, self.plan.filter.until)
    }

    /// Every entry is a candidate.
    fn all(&mut self, from: Seq, to: Seq, each: Each<'_>) -> Step {
        let mut at = Some(if self.order == Order::Asc { from } else { to });
        while let Some(seq) = at.filter(|seq| (from..=to).contains(seq)) {
            let done = if self.may_hold(seq) {
                let Some(frame) = self.frame(seq)? else { break };
                let (first, last) = (frame.first.max(from), frame.last().min(to));
                let candidates: Vec<usize> = (first..=last).map(|seq| (seq - frame.first) as usize).collect();
                if let ControlFlow::Break(seq) = self.frame_rows(&frame, &candidates, each)? {
                    return Ok(ControlFlow::Break(seq));
                }
                (frame.first, frame.last())
            } else {
                Blocks::bounds(seq)
            };
            at = if self.order == Order::Asc { done.1.checked_add(1) } else { done.0.checked_sub(1) };
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The postings say which entries are candidates.
    fn segments(&mut self, from: Seq, to: Seq, each: Each<'_>) -> Step {
        let segments = self.live.segments;
        let (low, high) = (segments.of(from).0, segments.of(to).0);
        for n in 0..=high - low {
            let segment = if self.order == Order::Asc { low + n } else { high - n };
            let rows = rows::of_segment(self.engine, self.txn, self.live, segment, &self.plan.clauses)?;
            let first = segments.first(segment);
            let mut seqs: Vec<Seq> = rows
                .into_iter()
                .map(|row| first + u64::from(row))
                .filter(|seq| (from..=to).contains(seq) && self.may_hold(*seq))
                .collect();
            if self.order == Order::Desc {
                seqs.reverse();
            }
            if let ControlFlow::Break(seq) = self.seqs(&seqs, each)? {
                return Ok(ControlFlow::Break(seq));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Candidates in the scan's order.
    fn seqs(&mut self, mut seqs: &[Seq], each: Each<'_>) -> Step {
        while let Some(seq) = seqs.first() {
            let Some(frame) = self.frame(*seq)? else {
                seqs = &seqs[1..];
                continue;
            };
            let within = frame.first..=frame.last();
            let count = seqs.iter().take_while(|seq| within.contains(seq)).count();
            let (here, rest) = seqs.split_at(count);
            let candidates: Vec<usize> = here.iter().map(|seq| (seq - frame.first) as usize).collect();
            if let ControlFlow::Break(seq) = self.frame_rows(&frame, &candidates, each)? {
                return Ok(ControlFlow::Break(seq));
            }
            seqs = rest;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Candidates of one frame, given by index; in ascending or in the scan's order.
    fn frame_rows(&mut self, frame: &Frame<'_>, candidates: &[usize], each: Each<'_>) -> Step {
        let (since, until) = (self.plan.filter.since, self.plan.filter.until);
        let fits = |at| since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until);
        if since.is_some_and(|since| frame.latest < since) || until.is_some_and(|until| frame.earliest >= until) {
            return Ok(ControlFlow::Continue(()));
        }
        let mut wanted: Vec<usize> = candidates
            .iter()
            .copied()
            .filter(|index| frame.rows[*index].is_entry() && fits(frame.rows[*index].at))
            .collect();
        let ascends = wanted.is_sorted();
        if ascends != (self.order == Order::Asc) && wanted.len() > 1 {
            wanted.reverse();
        }
        let Some(last) = wanted.last() else { return Ok(ControlFlow::Continue(())) };
        let last = frame.first + *last as u64;
        self.looked += wanted.len() as u64;
        self.budget = self.budget.saturating_sub(frame.size() as u64);
        let text = frame.text()?;
        self.keep_hits(frame, &text, &mut wanted);
        if !wanted.is_empty() {
            let content = frame.content(text)?;
            for index in wanted {
                let record = frame.record(index, &content)?;
                let seq = record.seq;
                if self.plan.matches(&record)
                    && self.plan.filter.matches_text(&record)
                    && each(record, frame.rows[index].size()).is_break()
                {
                    return Ok(ControlFlow::Break(seq));
                }
            }
        }
        Ok(if self.budget == 0 { ControlFlow::Break(last) } else { ControlFlow::Continue(()) })
    }

    /// Keeps the rows whose text holds what is looked for, or may hold it.
    fn keep_hits(&self, frame: &Frame<'_>, text: &[u8], wanted: &mut Vec<usize>) {
        let Some(finder) = &self.plan.text else { return };
        if wanted.len() * 4 < frame.rows.len() {
            wanted.retain(|index| text.get(frame.rows[*index].text()).is_some_and(|text| finder.is_match(text)));
            return;
        }
        // One search over all rows; a hit across two rows is none, and is sorted out with the record.
        let mut hit = vec![false; frame.rows.len()];
        let mut from = 0;
        while let Some(found) = finder.find_at(text, from) {
            let row = frame.rows.partition_point(|row| row.text().end <= found.start());
            let Some(place) = frame.rows.get(row) else { break };
            hit[row] = true;
            from = if found.end() > place.text().end { found.start() + 1 } else { place.text().end };
        }
        wanted.retain(|index| hit[*index]);
    }

    fn frame(&self, seq: Seq) -> Result<Option<Frame<'a>>, JournalError> {
        frame_of(self.engine, self.txn, seq)
    }
}

/// The frame that holds a record.
pub(super) fn frame_of<'t>(engine: &Engine, txn: &'t RoTxn<'_>, seq: Seq) -> Result<Option<Frame<'t>>, JournalError> {
    let Some((key, bytes)) = engine.tables.frame.get_lower_than_or_equal_to(txn, &seq.to_be_bytes())? else {
        return Ok(None);
    };
    let frame = Frame::open(u64_of(key).unwrap_or(0), bytes)?;
    Ok((frame.last() >= seq).then_some(frame))
}

#[cfg(test)]
thread_local! {
    /// Frames this thread has unpacked.
    pub(super) static UNPACKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// All of a frame, unpacked.
pub(super) fn unpack<'t>(frame: &Frame<'t>) -> Result<Content<'t>, JournalError> {
    #[cfg(test)]
    UNPACKED.set(UNPACKED.get() + 1);
    let text: Cow<'t, [u8]> = frame.text()?;
    frame.content(text)
}
