//! Counts: facets and histograms say of any filter what counting by hand would, and how far they came.

use std::collections::BTreeMap;
use std::time::Duration;

use super::append;
use super::history::History;
use super::searches::by_hand;
use crate::journal::Journal;
use crate::model::{Facet, FacetsQuery, Filter, Histogram, HistogramQuery, Reach, Record, Severity, Text, Timestamp};

const PATIENCE: Duration = Duration::from_mins(10);

pub(super) fn all(make: &dyn Fn() -> Box<dyn Journal>) {
    let empty = make();
    let facets = empty.facets(&ask(&Filter::default())).expect("facets");
    assert_eq!((facets.entries, facets.reach, facets.facets.len()), (0, Reach::default(), Facet::ALL.len()));
    let query = HistogramQuery { filter: Filter::default(), buckets: 10, patience: PATIENCE };
    assert!(empty.histogram(&query).expect("histogram").buckets.is_empty());
    for seed in 20..26 {
        let (journal, mut history) = (make(), History::new(seed));
        for _ in 0..history.rng().usize(1..12) {
            let size = history.rng().usize(1..90);
            append(&*journal, &history.more(size));
        }
        (0..40).for_each(|_| check(&*journal, &mut history));
    }
    let (journal, mut history) = (make(), History::new(98));
    append(&*journal, &history.more(9000));
    (0..20).for_each(|_| check(&*journal, &mut history));
    who_has_no_time_says_how_far_it_came(&*journal, &history);
}

fn ask(filter: &Filter) -> FacetsQuery {
    FacetsQuery { filter: filter.clone(), by: Facet::ALL.to_vec(), top: 3, patience: PATIENCE }
}

/// One random filter, one time in two a range alone.
pub(in crate::journal) fn check(journal: &dyn Journal, history: &mut History) {
    let mut filter = history.filter();
    if history.rng().bool() {
        filter = Filter { since: filter.since, until: filter.until, ..Filter::default() };
    }
    let buckets = history.rng().usize(1..80);
    let fitting = by_hand(history.records(), &filter);
    let fitting: Vec<&Record> =
        history.records().iter().filter(|r| fitting.binary_search(&r.seq).is_ok()).map(AsRef::as_ref).collect();
    values(journal, &filter, &fitting);
    let query = HistogramQuery { filter, buckets, patience: PATIENCE };
    let told = journal.histogram(&query).expect("histogram");
    assert!(told.reach.ended.is_none() && told.buckets.len() <= buckets);
    let mut expected = Histogram { reach: told.reach, ..Histogram::new(told.since, told.until, buckets) };
    for record in &fitting {
        let place = expected.place(record.at).expect("the range holds all that fits");
        let severity = record.entry().map(|(_, resolved)| resolved.severity);
        let bucket = &mut expected.buckets[place];
        bucket.entries += 1;
        bucket.warnings += u64::from(severity == Some(Severity::Warning));
        bucket.errors += u64::from(severity == Some(Severity::Error));
    }
    assert_eq!(told, expected, "{:?}", query.filter);
}

fn values(journal: &dyn Journal, filter: &Filter, fitting: &[&Record]) {
    let told = journal.facets(&ask(filter)).expect("facets");
    assert_eq!((told.entries, told.reach.ended), (fitting.len() as u64, None), "{filter:?}");
    assert!(told.reach.looked_at >= told.entries);
    for (by, counts) in Facet::ALL.into_iter().zip(&told.facets) {
        let mut expected: BTreeMap<Text, u64> = BTreeMap::new();
        for (message, resolved) in fitting.iter().filter_map(|r| r.entry()) {
            by.of(message, resolved).into_iter().for_each(|value| *expected.entry(value).or_default() += 1);
        }
        let total: u64 = expected.values().sum();
        let mut most: Vec<u64> = expected.values().copied().collect();
        most.sort_unstable_by(|a, b| b.cmp(a));
        most.truncate(3);
        let shown: Vec<u64> = counts.values.iter().map(|(_, count)| *count).collect();
        assert_eq!(shown, most, "{} of {filter:?}: {counts:?}", by.name());
        assert!(counts.values.iter().all(|(value, count)| expected.get(value) == Some(count)), "{counts:?}");
        assert_eq!((counts.by, counts.distinct, counts.overflowed), (by, expected.len() as u64, false));
        assert_eq!((counts.other, counts.without), (total - most.iter().sum::<u64>(), told.entries - total));
    }
}

fn who_has_no_time_says_how_far_it_came(journal: &dyn Journal, history: &History) {
    let texts = Filter::parse("-\"no such text\"").expect("valid");
    let range = Filter { since: Some(Timestamp::from_nanos(1)), ..Filter::default() };
    for filter in [texts, range] {
        let (all, patience) = (by_hand(history.records(), &filter), Duration::ZERO);
        let told = journal.facets(&FacetsQuery { patience, ..ask(&filter) }).expect("facets");
        let (seq, at) = told.reach.ended.expect("there is more");
        let counted = all.iter().filter(|fitting| **fitting >= seq).count() as u64;
        assert_eq!(told.entries, counted, "true of what was looked at");
        assert!(told.entries > 0 && counted < all.len() as u64 && told.reach.looked_at >= counted);
        assert_eq!(at, history.records()[seq as usize - 1].at);
        let told = journal.histogram(&HistogramQuery { filter, buckets: 7, patience }).expect("histogram");
        let (seq, _) = told.reach.ended.expect("there is more");
        let counted = all.iter().filter(|fitting| **fitting >= seq).count() as u64;
        assert_eq!(told.buckets.iter().map(|bucket| bucket.entries).sum::<u64>(), counted);
    }
}
