//! Records → JSON, each at most once a round and payload class.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{Delivery, Filter, Record, Seq};
use crate::sinks::feed::entry::{Detail, event_json};
use crate::sinks::feed::frame::Frame;
use crate::sinks::feed::standing::{Polls, Settled, Standing};
use crate::tail::{Next, Tail};

/// Most deliveries in one frame.
const MAX_ITEMS: usize = 500;

/// The records of a round with the JSON made of them so far.
#[derive(Debug)]
pub(crate) struct Encoded<'a> {
    records: &'a [Arc<Record>],
    polls: &'a Polls,
    summary: Vec<Option<String>>,
    full: Vec<Option<String>>,
}

impl<'a> Encoded<'a> {
    pub(crate) fn new(records: &'a [Arc<Record>], polls: &'a Polls) -> Self {
        Self { records, polls, summary: Vec::new(), full: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn record(&self, n: usize) -> &'a Record {
        &self.records[n]
    }

    pub(crate) fn json(&mut self, n: usize, detail: Detail) -> &str {
        let cache = match detail {
            Detail::Summary => &mut self.summary,
            Detail::Full => &mut self.full,
        };
        if cache.is_empty() {
            cache.resize_with(self.records.len(), || None);
        }
        cache[n].get_or_insert_with(|| event_json(&self.records[n], &[], self.polls, detail))
    }
}

/// The entries that deliveries belong to, as far as the tail still has them.
pub(crate) fn entries(tail: &Tail, deliveries: &[&Delivery]) -> HashMap<Seq, Arc<Record>> {
    let mut found = HashMap::new();
    let mut seqs: Vec<Seq> = deliveries.iter().map(|d| d.event.seq).collect();
    seqs.sort_unstable();
    seqs.dedup();
    let Some(Next::Batches(batches)) = seqs.iter().find_map(|seq| match tail.after(seq.saturating_sub(1)) {
        Next::Behind(_) | Next::UpToDate => None,
        batches @ Next::Batches(_) => Some(batches),
    }) else {
        return found;
    };
    for seq in seqs {
        let at = batches.partition_point(|b| b.last() < seq);
        let record = batches.get(at).and_then(|b| b.records.get(usize::try_from(seq.checked_sub(b.first())?).ok()?));
        if let Some(record) = record {
            found.insert(seq, Arc::clone(record));
        }
    }
    found
}

/// The frames that tell deliveries of entries a filter lets through. An entry the tail no longer has is judged by what
/// its delivery says of it: rather one delivery too many than one too few.
pub(crate) fn deliveries(filter: &Filter, deliveries: &[&Delivery], entries: &HashMap<Seq, Arc<Record>>) -> Vec<Frame> {
    let wanted = |delivery: &&&Delivery| match entries.get(&delivery.event.seq) {
        Some(entry) => filter.matches(entry),
        None => may_match(filter, delivery),
    };
    let items: Vec<_> =
        deliveries.iter().filter(wanted).map(|d| Settled { seq: d.event.seq, standing: Standing::from(*d) }).collect();
    items.chunks(MAX_ITEMS).map(Frame::deliveries).collect()
}

fn may_match(filter: &Filter, delivery: &Delivery) -> bool {
    let story = delivery.event.story.as_deref();
    (filter.story.is_empty() || story.is_some_and(|s| filter.story.iter().any(|f| f == s)))
        && (filter.types.is_empty() || filter.types.iter().any(|g| g.matches(&delivery.event.event_type)))
        && filter.and.iter().all(|clause| clause.may_fit(&delivery.event))
}
