//! Spans, or log records, → requests of bounded size, each encoded once.
//! Takes: spans or log records in journal order. Gives: batches whose parts can be sent alone. Never: encodes a span twice.

use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;

use super::encode;
use super::signal::ItemId;
use crate::model::{LogRecord, Seq, Span, Text};

/// Services whose buffers are kept from one batch to the next.
const KEPT: usize = 64;

/// One span of a batch: where it came from and where its bytes are.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Record.
    pub(super) seq: Seq,
    /// Which of its spans, or its log record.
    pub(super) id: ItemId,
    service: u32,
    bytes: Range<usize>,
}

/// A request ready to be sent.
#[derive(Debug)]
pub(super) struct Batch {
    body: Bytes,
    services: Vec<Text>,
    /// Its spans.
    pub(super) items: Vec<Item>,
    /// The last record all of whose spans are in this batch or in those before it.
    pub(super) upto: Seq,
}

impl Batch {
    /// The request for some of the spans. For all of them this costs nothing.
    pub(super) fn part(&self, range: &Range<usize>) -> Bytes {
        if *range == (0..self.items.len()) {
            return self.body.clone();
        }
        let mut out = Vec::new();
        for group in self.items[range.clone()].chunk_by(|a, b| a.service == b.service) {
            let pieces = group.iter().map(|item| &self.body[item.bytes.clone()]);
            encode::group(&mut out, &self.services[group[0].service as usize], pieces);
        }
        out.into()
    }
}

#[derive(Debug)]
struct Group {
    service: Text,
    bytes: Vec<u8>,
    items: Vec<(Seq, ItemId, Range<usize>)>,
}

/// Collects spans until a request is full.
#[derive(Debug)]
pub(super) struct Builder {
    groups: Vec<Group>,
    scratch: Vec<u8>,
    spans: usize,
    bytes: usize,
    max_spans: usize,
    max_bytes: usize,
    upto: Seq,
    /// When the first span came in.
    pub(super) since: Option<Instant>,
}

impl Builder {
    /// An empty builder; every record up to `upto` is done with.
    pub(super) fn new(max_spans: usize, max_bytes: usize, upto: Seq) -> Self {
        Self { groups: Vec::new(), scratch: Vec::new(), spans: 0, bytes: 0, max_spans, max_bytes, upto, since: None }
    }

    /// Adds a span of record `seq`. Gives the batch that had no room for it.
    pub(super) fn push(&mut self, seq: Seq, span: &Span) -> Option<Batch> {
        self.scratch.clear();
        encode::span(&mut self.scratch, span);
        self.add(seq, span.span_id.into(), &span.service)
    }

    /// Adds the log record of record `seq`. Gives the batch that had no room for it.
    pub(super) fn push_log(&mut self, seq: Seq, log: &LogRecord) -> Option<Batch> {
        self.scratch.clear();
        encode::log::log(&mut self.scratch, log);
        self.add(seq, seq.into(), &log.service)
    }

    /// Adds what `scratch` holds.
    fn add(&mut self, seq: Seq, id: ItemId, service: &Text) -> Option<Batch> {
        let mut index = self.find(service);
        let overhead = if index.is_none() { encode::group_overhead(service) } else { 0 };
        let mut full = None;
        let too_much = self.bytes + self.scratch.len() + overhead > self.max_bytes;
        if self.spans > 0 && (too_much || self.spans >= self.max_spans) {
            full = self.seal();
            index = self.find(service);
        }
        let index = index.unwrap_or_else(|| {
            self.groups.push(Group { service: service.clone(), bytes: Vec::new(), items: Vec::new() });
            self.groups.len() - 1
        });
        let group = &mut self.groups[index];
        if group.items.is_empty() {
            self.bytes += encode::group_overhead(&group.service);
        }
        let start = group.bytes.len();
        group.bytes.extend_from_slice(&self.scratch);
        group.items.push((seq, id, start..group.bytes.len()));
        self.bytes += self.scratch.len();
        self.spans += 1;
        self.since.get_or_insert_with(Instant::now);
        if full.is_none() && self.spans >= self.max_spans { self.seal() } else { full }
    }

    fn find(&self, service: &Text) -> Option<usize> {
        self.groups.iter().position(|g| g.service == *service)
    }

    /// Every span of record `seq` has been pushed.
    pub(super) fn complete(&mut self, seq: Seq) {
        self.upto = seq;
    }

    /// Whether no span waits.
    pub(super) fn is_empty(&self) -> bool {
        self.spans == 0
    }

    /// The spans collected so far as a batch, if there are any.
    pub(super) fn seal(&mut self) -> Option<Batch> {
        if self.spans == 0 {
            return None;
        }
        let mut out = Vec::with_capacity(self.bytes);
        let mut items = Vec::with_capacity(self.spans);
        let mut services = Vec::new();
        for group in self.groups.iter_mut().filter(|g| !g.items.is_empty()) {
            encode::group(&mut out, &group.service, std::iter::once(group.bytes.as_slice()));
            let begin = out.len() - group.bytes.len() - encode::GROUP_END;
            let service = services.len() as u32;
            services.push(group.service.clone());
            items.extend(group.items.drain(..).map(|(seq, id, bytes)| Item {
                seq,
                id,
                service,
                bytes: begin + bytes.start..begin + bytes.end,
            }));
            group.bytes.clear();
        }
        self.groups.truncate(KEPT);
        (self.spans, self.bytes, self.since) = (0, 0, None);
        Some(Batch { body: out.into(), services, items, upto: self.upto })
    }
}

#[cfg(test)]
mod tests;
