//! Entries by the values of their fields.
//! Takes: a filter and fields. Gives: the most frequent values of each, with their counts.
//! Never: reads records where postings tell: a range alone is counted by them.
//!
//! Postings know values by their hashes (32 bits). Each value that is shown is read from a record that has it; two
//! values of one hash would be counted as one.

use std::collections::HashMap;
use std::hash::Hash;

use super::Embedded;
use super::count::Count;
use super::frame::damaged;
use super::posting;
use super::read::record;
use super::term::{Field, OTHER_TYPE, Term};
use crate::journal::JournalError;
use crate::model::{
    Column, Facet, FacetCounts, Facets, FacetsQuery, Filter, Reach, Seq, Severity, Source, Text, Timestamp,
};

/// Most values told apart per field: some 3 MiB of hashes, or twice that of texts.
const MAX_DISTINCT: usize = 65_536;

/// Counts by value, each with a record that has it.
#[derive(Debug)]
struct Counter<K> {
    counts: HashMap<K, (u64, Seq)>,
    beyond: u64,
}

impl<K> Default for Counter<K> {
    fn default() -> Self {
        Self { counts: HashMap::new(), beyond: 0 }
    }
}

impl<K: Eq + Hash> Counter<K> {
    fn add(&mut self, key: K, count: u64, seq: Seq) {
        let room = self.counts.len() < MAX_DISTINCT;
        match self.counts.get_mut(&key) {
            Some((counted, _)) => *counted += count,
            None if room => {
                self.counts.insert(key, (count, seq));
            }
            None => self.beyond += count,
        }
    }

    fn total(&self) -> u64 {
        self.beyond + self.counts.values().map(|(count, _)| count).sum::<u64>()
    }

    /// The most frequent first; among equals that of the newest record.
    fn top(&self, top: usize) -> Vec<(&K, u64, Seq)> {
        let mut all: Vec<_> = self.counts.iter().map(|(key, (count, seq))| (key, *count, *seq)).collect();
        all.sort_unstable_by_key(|(_, count, seq)| std::cmp::Reverse((*count, *seq)));
        all.truncate(top);
        all
    }

    fn told(&self, by: Facet, entries: u64, values: Vec<(Text, u64)>) -> FacetCounts {
        let total = self.total();
        FacetCounts {
            by,
            other: total - values.iter().map(|(_, count)| count).sum::<u64>(),
            without: entries.saturating_sub(total),
            distinct: self.counts.len() as u64,
            overflowed: self.beyond > 0,
            values,
        }
    }
}

impl Embedded {
    pub(super) fn values(&self, query: &FacetsQuery) -> Result<Facets, JournalError> {
        let live = self.live.load_full();
        let txn = self.engine.read()?;
        match Count::new(&self.engine, &txn, &live, query.patience)? {
            None => Ok(Facets { facets: query.by.iter().map(|by| empty(*by)).collect(), ..Facets::default() }),
            Some(count) if query.filter.is_range() => by_postings(count, query),
            Some(count) => by_records(count, query),
        }
    }
}

fn empty(by: Facet) -> FacetCounts {
    Counter::<u32>::default().told(by, 0, Vec::new())
}

fn by_records(mut count: Count<'_>, query: &FacetsQuery) -> Result<Facets, JournalError> {
    let mut counters: Vec<Counter<Text>> = query.by.iter().map(|_| Counter::default()).collect();
    let mut entries = 0;
    let ended = count.fitting(&query.filter, &mut |record| {
        let Some((message, resolved)) = record.entry() else { return };
        entries += 1;
        for (by, counter) in query.by.iter().zip(&mut counters) {
            if let Some(value) = by.of(message, resolved) {
                counter.add(value, 1, record.seq);
            }
        }
    })?;
    let told = |(by, counter): (&Facet, &Counter<Text>)| {
        let values = counter.top(query.top).into_iter().map(|(value, count, _)| (value.clone(), count)).collect();
        counter.told(*by, entries, values)
    };
    let facets = query.by.iter().zip(&counters).map(told).collect();
    Ok(Facets { entries, reach: count.reach(ended)?, facets })
}

/// The fields of entries that facets are counted by.
const fn field(by: Facet) -> Field {
    match by {
        Facet::Type => Field::Type,
        Facet::Source => Field::Source,
        Facet::Severity => Field::Severity,
        Facet::Column(Column::Story) => Field::Story,
        Facet::Column(Column::Task) => Field::Task,
        Facet::Column(Column::Ceremony) => Field::Ceremony,
        Facet::Column(Column::Plan) => Field::Plan,
        Facet::Column(Column::Role) => Field::Role,
        Facet::Column(Column::Agent) => Field::Agent,
        Facet::Column(Column::Producer) => Field::Producer,
    }
}

struct Hashes<'q> {
    by: &'q [Facet],
    counters: Vec<Counter<u32>>,
    entries: u64,
}

/// Every field by the hashes of its values, segment by segment.
fn by_postings(mut count: Count<'_>, query: &FacetsQuery) -> Result<Facets, JournalError> {
    let counters = query.by.iter().map(|_| Counter::default()).collect();
    let mut hashes = Hashes { by: &query.by, counters, entries: 0 };
    let segments = count.live.segments;
    let mut ended = None;
    for segment in (segments.of(count.held).0..=segments.of(count.live.last).0).rev() {
        let range = (segments.first(segment), segments.last(segment));
        match overlap(&count, range, &query.filter) {
            Overlap::None => {}
            Overlap::All if segment < count.live.sealed && range.0 >= count.held => {
                hashes.segment(&mut count, segment)?;
            }
            Overlap::All | Overlap::Some => ended = hashes.rows(&mut count, range, &query.filter)?,
        }
        if ended.is_none() && count.is_over() {
            ended = Some(range.0);
        }
        if ended.is_some() {
            break;
        }
    }
    let reach: Reach = count.reach(ended)?;
    let facets = (query.by.iter().zip(&hashes.counters))
        .map(|(by, counter)| told(&count, *by, counter, hashes.entries, query.top))
        .collect::<Result<_, _>>()?;
    Ok(Facets { entries: hashes.entries, reach, facets })
}

/// How much of a range of sequences is in the range of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlap {
    None,
    Some,
    All,
}

pub(super) fn overlap(count: &Count<'_>, (first, last): (Seq, Seq), filter: &Filter) -> Overlap {
    let within = (first.max(count.held), last.min(count.live.last));
    let Some((earliest, latest)) = count.live.blocks.span(within.0, within.1) else { return Overlap::Some };
    let (since, until) = (filter.since.unwrap_or(Timestamp::from_nanos(i64::MIN)), filter.until);
    if latest < since || until.is_some_and(|until| earliest >= until) {
        Overlap::None
    } else if earliest >= since && until.is_none_or(|until| latest < until) {
        Overlap::All
    } else {
        Overlap::Some
    }
}

impl Hashes<'_> {
    fn segment(&mut self, count: &mut Count<'_>, segment: u32) -> Result<(), JournalError> {
        let first = count.live.segments.first(segment);
        let mut entries = 0;
        each_posting(count, segment, Field::Type, &mut |_, n, _| entries += n)?;
        for (by, counter) in self.by.iter().zip(&mut self.counters) {
            each_posting(count, segment, field(*by), &mut |hash, n, row| counter.add(hash, n, first + u64::from(row)))?;
        }
        self.entries += entries;
        count.looked_at += entries;
        Ok(())
    }

    fn rows(&mut self, count: &mut Count<'_>, range: (Seq, Seq), filter: &Filter) -> Result<Option<Seq>, JournalError> {
        count.rows(range, (filter.since, filter.until), &mut |seq, frame, row| {
            self.entries += 1;
            frame.terms(row, &mut |term| {
                for (by, counter) in self.by.iter().zip(&mut self.counters) {
                    if term.field() == field(*by) as u8 {
                        counter.add(term.hash(), 1, seq);
                    }
                }
            });
        })
    }
}

/// Calls `each` with hash, number of rows and first row of every posting of a field.
fn each_posting(
    count: &Count<'_>,
    segment: u32,
    field: Field,
    each: &mut dyn FnMut(u32, u64, u32),
) -> Result<(), JournalError> {
    let damaged = || damaged(count.live.segments.first(segment), "posting");
    let prefix = &super::seal::key(segment, Term::from_hash(field, 0))[..5];
    for item in count.engine.tables.post.prefix_iter(count.txn, prefix)? {
        let (key, bytes) = item?;
        let hash = key.get(5..).and_then(|hash| hash.try_into().ok()).map(u32::from_be_bytes).ok_or_else(damaged)?;
        let (rows, first) = posting::summary(bytes).ok_or_else(damaged)?;
        each(hash, rows, first);
    }
    Ok(())
}

/// Counts by hash → counts by value.
fn told(
    count: &Count<'_>,
    by: Facet,
    counter: &Counter<u32>,
    entries: u64,
    top: usize,
) -> Result<FacetCounts, JournalError> {
    // What nearly all entries have is not among the terms: it is the rest.
    let usual = match by {
        Facet::Source => Some(Source::Nats.name()),
        Facet::Severity => Some(Severity::Info.name()),
        _ => None,
    };
    let mut values = Vec::new();
    for (hash, n, seq) in counter.top(top) {
        if by == Facet::Type && *hash == OTHER_TYPE.hash() {
            continue;
        }
        let record = record(count.engine, count.txn, seq)?;
        let value = record.as_ref().and_then(|r| r.entry()).and_then(|(message, resolved)| by.of(message, resolved));
        values.extend(value.map(|value| (value, n)));
    }
    let rest = entries.saturating_sub(counter.total());
    let Some(usual) = usual else { return Ok(counter.told(by, entries, values)) };
    if rest > 0 {
        let at = values.partition_point(|(_, n)| *n >= rest);
        values.insert(at, (usual.into(), rest));
        values.truncate(top);
    }
    let shown = values.iter().map(|(_, n)| n).sum::<u64>();
    let distinct = counter.counts.len() as u64 + u64::from(rest > 0);
    Ok(FacetCounts { by, other: entries - shown, without: 0, distinct, overflowed: false, values })
}
