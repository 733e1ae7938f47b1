//! Questions → answers.
//! Takes: what the journal's callers ask. Gives: records, pages, deliveries. Never: writes.

use std::ops::ControlFlow;
use std::sync::Arc;

use heed::RoTxn;

use super::append::pair;
use super::bytes_of::u64_of;
use super::engine::Engine;
use super::frame::Frame;
use super::framing::stream_hash;
use super::live::Live;
use super::plan::Plan;
use super::scan::{End, Scan, frame_of, unpack};
use super::term::{Field, Term, first_part};
use super::{Embedded, rows};
use crate::journal::{JournalError, StoryRecords};
use crate::model::{Body, Cursor, Delivery, Known, Order, Page, Query, Record, Seq, Source, TraceId, TraceKey};

/// Most entries on a page.
const MAX_PAGE: usize = 1000;
/// Bytes of records after which a page ends early.
const PAGE_BYTES: usize = 16 << 20;
/// Bytes a page may unpack: a text that hardly ever occurs is looked for page by page, with an end in sight for each.
const PAGE_BUDGET: u64 = 1 << 30;
/// Continuations of a trace without any record after which there are no more.
const ABSENT_PARTS: u32 = 2;

/// One record.
pub(super) fn record(engine: &Engine, txn: &RoTxn<'_>, seq: Seq) -> Result<Option<Arc<Record>>, JournalError> {
    let Some(frame) = frame_of(engine, txn, seq)? else { return Ok(None) };
    frame.record((seq - frame.first) as usize, &unpack(&frame)?).map(Some)
}

impl Embedded {
    pub(super) fn records(&self, from: Seq, limit: usize, max_bytes: usize) -> Result<Vec<Arc<Record>>, JournalError> {
        let live = self.live.load_full();
        let txn = self.engine.read()?;
        let held = self.engine.tables.frame.first(&txn)?.and_then(|(key, _)| u64_of(key));
        let Some(held) = held else { return Ok(Vec::new()) };
        let (mut next, mut records, mut bytes) = (from.max(held), Vec::new(), 0);
        while next <= live.last && records.len() < limit && bytes < max_bytes {
            let Some(frame) = frame_of(&self.engine, &txn, next)? else { break };
            let content = unpack(&frame)?;
            for index in (next - frame.first) as usize..frame.rows.len() {
                if records.len() == limit || bytes >= max_bytes {
                    break;
                }
                records.push(frame.record(index, &content)?);
                bytes += frame.rows[index].size();
            }
            next = frame.last() + 1;
        }
        Ok(records)
    }

    pub(super) fn page(&self, query: &Query) -> Result<Page, JournalError> {
        let live = self.live.load_full();
        let txn = self.engine.read()?;
        let plan = Plan::new(&self.engine, &txn, &live, &query.filter)?;
        let limit = query.limit.clamp(1, MAX_PAGE);
        let (from, to) = match (query.order, query.cursor) {
            (Order::Asc, Some(Cursor(seq))) => (seq.saturating_add(1), Seq::MAX),
            (Order::Desc, Some(Cursor(seq))) => (0, seq.saturating_sub(1)),
            (_, None) => (0, Seq::MAX),
        };
        let (mut items, mut bytes) = (Vec::new(), 0);
        let (engine, order) = (&self.engine, query.order);
        let mut scan = Scan { engine, txn: &txn, live: &live, plan: &plan, order, budget: PAGE_BUDGET, looked: 0 };
        let end = scan.run(from, to, &mut |record, size| {
            items.push(record);
            bytes += size;
            if items.len() >= limit || bytes >= PAGE_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let at_end = |seq| match query.order {
            Order::Asc => seq >= live.last,
            Order::Desc => seq <= live.first,
        };
        let next = match end {
            End::After(seq) if !at_end(seq) => Some(Cursor(seq)),
            _ => None,
        };
        Ok(Page { items, next })
    }

    pub(super) fn deliveries_of(&self, seq: Seq) -> Result<Vec<Delivery>, JournalError> {
        let txn = self.engine.read()?;
        let mut deliveries = Vec::new();
        for item in self.engine.tables.delivery.prefix_iter(&txn, &seq.to_be_bytes())? {
            let at = u64_of(item?.1).unwrap_or(0);
            let record = record(&self.engine, &txn, at)?;
            deliveries.extend(record.as_ref().and_then(|record| record.delivery()).cloned());
        }
        deliveries.sort_by(|a, b| a.consumer.cmp(&b.consumer));
        Ok(deliveries)
    }

    /// The entry of a stored message: the last frame in which the stream had reached the sequence.
    pub(super) fn known(&self, stream: &str, incarnation: u32, stream_seq: u64) -> Result<Option<Known>, JournalError> {
        let txn = self.engine.read()?;
        let hash = stream_hash(stream, incarnation);
        let key = pair(hash, stream_seq);
        let Some((found, first)) = self.engine.tables.origin.get_lower_than_or_equal_to(&txn, &key)? else {
            return Ok(None);
        };
        if found[..8] != key[..8] {
            return Ok(None);
        }
        let Some(frame) = frame_of(&self.engine, &txn, u64_of(first).unwrap_or(0))? else { return Ok(None) };
        let content = unpack(&frame)?;
        for (index, _) in frame.rows.iter().enumerate().filter(|(_, row)| row.is_entry()) {
            let record = frame.record(index, &content)?;
            let Some((message, resolved)) = record.entry() else { continue };
            if message.stream_seq == stream_seq && message.incarnation == incarnation && &*message.stream == stream {
                return Ok(Some(Known {
                    seq: record.seq,
                    incarnation,
                    stored: message.stored,
                    event_type: message.event_type.clone(),
                    trace: resolved.trace.as_ref().map(|trace| trace.continuation(resolved.part)),
                    story: resolved.ids.story.clone(),
                }));
            }
        }
        Ok(None)
    }

    /// Everything with a span in the story's trace, its continuations included; payloads are left out.
    pub(super) fn trace_of(&self, story: &str, limit: usize, max_bytes: usize) -> Result<StoryRecords, JournalError> {
        let live = self.live.load_full();
        let txn = self.engine.read()?;
        let key = TraceKey::story(story);
        let parts = parts(&self.engine, &txn, &live, &key)?;
        let clauses = [trace_clause(&key, &parts)];
        let (mut found, mut bytes, mut open) = (StoryRecords::default(), 0, None);
        for segment in live.segments.of(live.first).0..=live.segments.of(live.last).0 {
            let first = live.segments.first(segment);
            let rows = rows::of_segment(&self.engine, &txn, &live, segment, &clauses)?;
            for seq in rows.into_iter().map(|row| first + u64::from(row)).filter(|seq| *seq <= live.last) {
                if open.as_ref().is_none_or(|(frame, _): &(Frame<'_>, _)| frame.last() < seq) {
                    let Some(frame) = frame_of(&self.engine, &txn, seq)? else { continue };
                    let content = unpack(&frame)?;
                    open = Some((frame, content));
                }
                let Some((frame, content)) = &open else { continue };
                let index = (seq - frame.first) as usize;
                let record = frame.bare(index, content)?;
                if !is_in(&record, &key, &parts) {
                    continue;
                }
                if found.records.len() == limit || bytes >= max_bytes {
                    found.cut = true;
                    return Ok(found);
                }
                bytes += frame.rows[index].bare_size();
                found.records.push(record);
            }
        }
        Ok(found)
    }
}

/// The trace ids of a trace and its continuations. Continuations are counted up without a gap.
fn parts(engine: &Engine, txn: &RoTxn<'_>, live: &Live, key: &TraceKey) -> Result<Vec<TraceId>, JournalError> {
    let mut parts = vec![key.trace_id()];
    let mut absent = 0;
    for part in 1.. {
        let trace = key.continuation(part).trace_id();
        let clauses = [vec![Term::span(trace)]];
        let mut found = false;
        for segment in live.segments.of(live.first).0..=live.segments.of(live.last).0 {
            found = found || !rows::of_segment(engine, txn, live, segment, &clauses)?.is_empty();
        }
        absent = if found { 0 } else { absent + 1 };
        if absent == ABSENT_PARTS {
            break;
        }
        parts.push(trace);
    }
    Ok(parts)
}

/// Takes a sequence, and the ids of the trace's parts.
type EachSeq<'e> = &'e mut dyn FnMut(Seq, &[TraceId]) -> Result<(), JournalError>;

/// Calls `each` with the records that may be in a trace, in order, and the ids of its parts.
pub(super) fn trace_seqs(
    engine: &Engine,
    txn: &RoTxn<'_>,
    live: &Live,
    key: &TraceKey,
    each: EachSeq<'_>,
) -> Result<(), JournalError> {
    let parts = parts(engine, txn, live, key)?;
    let clauses = [trace_clause(key, &parts)];
    for segment in live.segments.of(live.first).0..=live.segments.of(live.last).0 {
        let first = live.segments.first(segment);
        let rows = rows::of_segment(engine, txn, live, segment, &clauses)?;
        for seq in rows.into_iter().map(|row| first + u64::from(row)) {
            if (live.first..=live.last).contains(&seq) {
                each(seq, &parts)?;
            }
        }
    }
    Ok(())
}

fn trace_clause(key: &TraceKey, parts: &[TraceId]) -> Vec<Term> {
    let story = key.as_str().strip_prefix("story:").unwrap_or_default();
    let mut clause = vec![Term::new(Field::Story, story.as_bytes()), Term::trace(key.as_str())];
    clause.extend(parts.iter().map(|trace| Term::span(*trace)));
    clause
}

/// Whether a record is part of a trace.
pub(super) fn is_in(record: &Record, key: &TraceKey, parts: &[TraceId]) -> bool {
    let own = match &record.body {
        // Only what was published has a span of its own; what else was seen has those attached to it, or none.
        Body::Message(message, resolved) if message.source == Source::Nats => resolved.trace.as_ref(),
        Body::Delivery(delivery) => delivery.event.trace.as_ref(),
        Body::Message(..) | Body::Tick => None,
    };
    own.is_some_and(|own| own == key || first_part(own.as_str()) == key.as_str())
        || record.spans.iter().any(|span| parts.contains(&span.trace_id))
}
