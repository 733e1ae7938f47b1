//! A journal in memory, for tests of its readers: the API, the feed, the sinks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleetscope::journal::{
    Commit, DeadLetter, Expired, Export, Journal, JournalError, MAX_SEARCHES, Picture, Receiver, SavedSearch, Scope,
    Stats, StoryRecords,
};
use fleetscope::model::{
    Cursor, Delivery, Facet, FacetCounts, Facets, FacetsQuery, Histogram, HistogramQuery, Known, Order, Page, Position,
    Query, Reach, Record, Seq, Severity, StoryView, Text, Timestamp,
};
use parking_lot::Mutex;

#[derive(Debug, Default)]
struct Held {
    records: Vec<Arc<Record>>,
    positions: Vec<Position>,
    closed: Vec<(Seq, StoryView)>,
    sinks: HashMap<String, Seq>,
    letters: Vec<DeadLetter>,
    searches: BTreeMap<String, SavedSearch>,
    last: Seq,
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    held: Mutex<Held>,
    /// Reads that fail from now on.
    pub(crate) failures: AtomicUsize,
}

impl Memory {
    /// Forgets what is older than `seq`, as retention does.
    pub(crate) fn purge(&self, seq: Seq) {
        self.held.lock().records.retain(|r| r.seq >= seq);
    }
}

impl Journal for Memory {
    fn append(&self, commit: &Commit<'_>) -> Result<(), JournalError> {
        let mut held = self.held.lock();
        held.records.extend(commit.records.iter().cloned());
        held.positions.extend(commit.positions.iter().cloned());
        held.last = held.records.last().map_or(held.last, |r| r.seq);
        let last = held.last;
        held.closed.extend(commit.closed.iter().map(|story| (last, story.clone())));
        Ok(())
    }

    fn stats(&self) -> Result<Stats, JournalError> {
        let held = self.held.lock();
        let first = held.records.first();
        let (first_seq, oldest) = (first.map_or(0, |r| r.seq), first.map(|r| r.at));
        Ok(Stats { first_seq, last_seq: held.last, oldest, bytes: 1 })
    }

    fn read(&self, from: Seq, limit: usize, _: usize) -> Result<Vec<Arc<Record>>, JournalError> {
        let fails = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if fails.is_ok() {
            return Err(JournalError::Engine(anyhow::anyhow!("scripted")));
        }
        let held = self.held.lock();
        let begin = held.records.partition_point(|r| r.seq < from);
        Ok(held.records[begin..].iter().take(limit).cloned().collect())
    }

    fn get(&self, seq: Seq) -> Result<Option<Arc<Record>>, JournalError> {
        Ok(self.held.lock().records.iter().find(|r| r.seq == seq).cloned())
    }

    fn search(&self, query: &Query) -> Result<Page, JournalError> {
        let held = self.held.lock();
        let after = |r: &&Arc<Record>| match (query.cursor, query.order) {
            (None, _) => true,
            (Some(Cursor(seq)), Order::Asc) => r.seq > seq,
            (Some(Cursor(seq)), Order::Desc) => r.seq < seq,
        };
        let mut items: Vec<_> =
            held.records.iter().filter(|r| query.filter.matches(r)).filter(after).cloned().collect();
        if query.order == Order::Desc {
            items.reverse();
        }
        let more = items.len() > query.limit;
        items.truncate(query.limit);
        let next = items.last().filter(|_| more).map(|r| Cursor(r.seq));
        Ok(Page { items, next })
    }

    fn deliveries(&self, seq: Seq) -> Result<Vec<Delivery>, JournalError> {
        let mut last: Vec<Delivery> = Vec::new();
        for delivery in self.held.lock().records.iter().filter_map(|r| r.delivery()).filter(|d| d.event.seq == seq) {
            last.retain(|d| d.consumer != delivery.consumer);
            last.push(delivery.clone());
        }
        Ok(last)
    }

    fn story_records(&self, story: &str, limit: usize, _: usize) -> Result<StoryRecords, JournalError> {
        let of = |r: &&Arc<Record>| match (r.entry(), r.delivery()) {
            (Some((_, resolved)), _) => resolved.ids.story.as_deref() == Some(story),
            (_, Some(delivery)) => delivery.event.story.as_deref() == Some(story),
            _ => false,
        };
        let records: Vec<_> = self.held.lock().records.iter().filter(of).take(limit + 1).cloned().collect();
        let cut = records.len() > limit;
        Ok(StoryRecords { records: records.into_iter().take(limit).collect(), cut })
    }

    fn find(&self, _: &str, _: u32, _: u64) -> Result<Option<Known>, JournalError> {
        Ok(None)
    }

    fn positions(&self) -> Result<Vec<Position>, JournalError> {
        Ok(self.held.lock().positions.clone())
    }

    fn sink_position(&self, sink: &str) -> Result<Seq, JournalError> {
        Ok(self.held.lock().sinks.get(sink).copied().unwrap_or(0))
    }

    fn set_sink_position(&self, sink: &str, seq: Seq) -> Result<(), JournalError> {
        self.held.lock().sinks.insert(sink.to_owned(), seq);
        Ok(())
    }

    fn snapshot(&self, _: Seq) -> Result<Option<(Seq, Vec<u8>)>, JournalError> {
        Ok(None)
    }

    fn upto(&self, at: Timestamp) -> Result<Option<Seq>, JournalError> {
        let held = self.held.lock();
        let before = held.records.iter().take_while(|r| r.happened() <= at);
        Ok(before.last().map(|r| r.seq))
    }

    fn reach(&self) -> Result<Option<Seq>, JournalError> {
        Ok(self.held.lock().records.first().map(|r| r.seq).filter(|first| *first == 1))
    }

    fn story(&self, id: &str) -> Result<Option<StoryView>, JournalError> {
        Ok(self.held.lock().closed.iter().map(|(_, s)| s).find(|s| &*s.story_id == id).cloned())
    }

    fn stories(&self, cursor: Option<Cursor>, limit: usize) -> Result<(Vec<StoryView>, Option<Cursor>), JournalError> {
        let held = self.held.lock();
        let end = cursor.map_or(held.closed.len(), |Cursor(n)| (n as usize).min(held.closed.len()));
        let page: Vec<_> = held.closed[..end].iter().rev().take(limit).map(|(_, story)| story.clone()).collect();
        let end = end - page.len();
        Ok((page, (end > 0).then_some(Cursor(end as u64))))
    }

    fn closed_by(&self, seq: Seq, more: u64) -> Result<Cursor, JournalError> {
        let closed = self.held.lock().closed.iter().filter(|(at, _)| *at <= seq).count() as u64;
        Ok(Cursor(closed + more))
    }

    fn save_search(&self, search: &SavedSearch) -> Result<bool, JournalError> {
        let mut held = self.held.lock();
        if held.searches.len() >= MAX_SEARCHES && !held.searches.contains_key(&search.name) {
            return Ok(false);
        }
        held.searches.insert(search.name.clone(), search.clone());
        Ok(true)
    }

    fn delete_search(&self, name: &str) -> Result<bool, JournalError> {
        Ok(self.held.lock().searches.remove(name).is_some())
    }

    fn searches(&self) -> Result<Vec<SavedSearch>, JournalError> {
        Ok(self.held.lock().searches.values().cloned().collect())
    }

    fn dead_letter(&self, letter: &DeadLetter) -> Result<(), JournalError> {
        self.held.lock().letters.push(letter.clone());
        Ok(())
    }

    fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, JournalError> {
        Ok(self.held.lock().letters.iter().rev().take(limit).cloned().collect())
    }

    fn export(&self, what: &Export, to: &mut dyn Receiver) -> Result<u64, JournalError> {
        let records = self.held.lock().records.clone();
        let picture = Picture {
            store: "memory".into(),
            first: records.first().map_or(0, |r| r.seq),
            head: records.last().map_or(0, |r| r.seq),
        };
        let whole = what.scope == Scope::Records && what.is_whole();
        let fits = |r: &Record| if whole { what.is_in_time(r.at) } else { what.filter.matches(r) };
        let mut goes_on = to.begin(&picture);
        for record in records.into_iter().filter(|r| r.seq >= what.from && fits(r)) {
            let deliveries = if whole { Vec::new() } else { self.deliveries(record.seq)? };
            goes_on = goes_on && to.record(record, &deliveries);
        }
        Ok(0)
    }

    fn store(&self) -> Result<Text, JournalError> {
        Ok("memory".into())
    }

    fn facets(&self, query: &FacetsQuery) -> Result<Facets, JournalError> {
        let records = self.held.lock().records.clone();
        let fitting: Vec<_> = records.iter().filter(|r| query.filter.matches(r)).filter_map(|r| r.entry()).collect();
        let entries = fitting.len() as u64;
        let of = |by: &Facet| {
            let mut counts: HashMap<Text, u64> = HashMap::new();
            let values = fitting.iter().filter_map(|(message, resolved)| by.of(message, resolved));
            values.for_each(|value| *counts.entry(value).or_default() += 1);
            let (distinct, total) = (counts.len() as u64, counts.values().sum::<u64>());
            let mut values: Vec<_> = counts.into_iter().collect();
            values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            values.truncate(query.top);
            let other = total - values.iter().map(|(_, n)| n).sum::<u64>();
            FacetCounts { by: *by, values, other, without: entries - total, distinct, overflowed: false }
        };
        let reach = Reach { looked_at: entries, ended: None };
        Ok(Facets { entries, reach, facets: query.by.iter().map(of).collect() })
    }

    fn histogram(&self, query: &HistogramQuery) -> Result<Histogram, JournalError> {
        let records = self.held.lock().records.clone();
        let times = || records.iter().map(|r| r.at);
        let since = query.filter.since.or_else(|| times().min()).unwrap_or_default();
        let last = times().max().map(|at| at.plus(std::time::Duration::from_nanos(1)));
        let until = query.filter.until.or(last).unwrap_or_default();
        let mut histogram = Histogram::new(since, until, query.buckets);
        for record in records.iter().filter(|r| query.filter.matches(r)) {
            let Some(place) = histogram.place(record.at) else { continue };
            let severity = record.entry().map(|(_, resolved)| resolved.severity);
            let bucket = &mut histogram.buckets[place];
            bucket.entries += 1;
            bucket.warnings += u64::from(severity == Some(Severity::Warning));
            bucket.errors += u64::from(severity == Some(Severity::Error));
            histogram.reach.looked_at += 1;
        }
        Ok(histogram)
    }

    fn retain(&self, _: Timestamp) -> Result<Expired, JournalError> {
        Ok(Expired::default())
    }
}
