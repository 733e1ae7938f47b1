//! Exports: what is given is what looking at every record would find, in order, wherever it begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::history::History;
use super::{append, searches};
use crate::journal::{Commit, Export, Journal, Picture, Receiver, Scope};
use crate::model::{Delivery, Filter, Record, Seq, StoryView, Text, Timestamp};

/// Keeps what it is given; wants no more than so much.
struct Keep<'a> {
    journal: &'a dyn Journal,
    picture: Option<Picture>,
    records: Vec<Arc<Record>>,
    stories: Vec<Text>,
    most: usize,
    scope: Scope,
}

impl Receiver for Keep<'_> {
    fn begin(&mut self, picture: &Picture) -> bool {
        assert!(self.picture.replace(picture.clone()).is_none() && self.records.is_empty(), "told once, and first");
        true
    }

    fn record(&mut self, record: Arc<Record>, deliveries: &[Delivery]) -> bool {
        assert!(self.records.len() < self.most, "goes on although told to stop");
        assert!(self.stories.is_empty(), "stories come last");
        let expected = match self.scope {
            Scope::Entries => self.journal.deliveries(record.seq).expect("deliveries"),
            Scope::Records => Vec::new(),
        };
        assert_eq!(deliveries, expected, "deliveries of {}", record.seq);
        self.records.push(record);
        self.records.len() < self.most
    }

    fn story(&mut self, story: StoryView) -> bool {
        self.stories.push(story.story_id);
        true
    }
}

fn export<'a>(journal: &'a dyn Journal, filter: &Filter, from: Seq, scope: Scope, most: usize) -> Keep<'a> {
    let mut kept = Keep { journal, picture: None, records: Vec::new(), stories: Vec::new(), most, scope };
    let what = Export { filter: filter.clone(), from, scope };
    assert_eq!(journal.export(&what, &mut kept).expect("exports"), 0, "nothing is left out of so little");
    let stats = journal.stats().expect("stats");
    let picture = kept.picture.as_ref().expect("told");
    assert_eq!((picture.first, picture.head), (stats.first_seq, stats.last_seq));
    assert!(!picture.store.is_empty() && picture.store == journal.store().expect("a name"));
    kept
}

/// The entries an export gives.
pub(super) fn entries(journal: &dyn Journal, filter: &Filter, from: Seq) -> Vec<Seq> {
    super::seqs(&export(journal, filter, from, Scope::Entries, usize::MAX).records)
}

pub(super) fn all(make: &dyn Fn() -> Box<dyn Journal>) {
    for seed in 40..46 {
        let (journal, mut history) = (make(), History::new(seed));
        for n in 0..history.rng().usize(1..20) {
            let size = history.rng().usize(1..60);
            let records = history.more(size);
            let last_event = records[0].at;
            let closed = [StoryView { story_id: format!("s-{}", n % 7).into(), last_event, ..StoryView::default() }];
            journal.append(&Commit { records: &records, closed: &closed, ..Commit::default() }).expect("appends");
        }
        for _ in 0..30 {
            records(&*journal, &mut history);
        }
        closed_stories(&*journal);
    }
    an_empty_journal_has_a_picture(&*make());
    a_history_may_begin_anywhere(&*make());
}

/// One random filter and beginning.
fn records(journal: &dyn Journal, history: &mut History) {
    let mut filter = history.filter();
    if history.rng().bool() {
        filter = Filter { story: filter.story, since: filter.since, until: filter.until, ..Filter::default() };
    }
    let what = Export { filter: filter.clone(), ..Export::default() };
    let all = history.records().to_vec();
    let mut expected: BTreeSet<Seq> = BTreeSet::new();
    if what.is_whole() {
        expected.extend(all.iter().filter(|r| what.is_in_time(r.at)).map(|r| r.seq));
    } else {
        let fitting: BTreeSet<Seq> = searches::by_hand(&all, &filter).into_iter().collect();
        let mut newest = BTreeMap::new();
        for record in &all {
            let Some(delivery) = record.delivery().filter(|d| fitting.contains(&d.event.seq)) else { continue };
            newest.insert((delivery.event.seq, delivery.consumer.clone()), record.seq);
        }
        expected.extend(newest.into_values());
        expected.extend(fitting);
        for story in filter.story.iter().filter(|_| what.is_of_stories()) {
            let trace = journal.story_records(story, usize::MAX, usize::MAX).expect("story").records;
            expected.extend(trace.iter().filter(|r| what.is_in_time(r.at)).map(|r| r.seq));
        }
    }
    let from = if history.rng().bool() { 0 } else { history.rng().u64(0..all.len() as u64 + 2) };
    let expected: Vec<Seq> = expected.into_iter().filter(|seq| *seq >= from).collect();
    let given = export(journal, &filter, from, Scope::Records, usize::MAX);
    assert_eq!(super::seqs(&given.records), expected, "from {from}: {filter:?}");
    assert!(given.records.iter().all(|record| **record == *all[record.seq as usize - 1]), "the records themselves");
    if expected.len() > 1 {
        let most = history.rng().usize(1..expected.len());
        let some = export(journal, &filter, from, Scope::Records, most);
        assert_eq!(super::seqs(&some.records), expected[..most]);
        assert!(some.stories.is_empty(), "told to stop");
    }
    assert_eq!(
        entries(journal, &filter, from),
        searches::by_hand(&all, &filter).into_iter().filter(|seq| *seq >= from).collect::<Vec<_>>()
    );
}

fn closed_stories(journal: &dyn Journal) {
    let mut expected: Vec<Text> =
        journal.stories(None, 100).expect("stories").0.into_iter().map(|story| story.story_id).collect();
    expected.reverse();
    let given = |filter: Filter| export(journal, &filter, 0, Scope::Records, usize::MAX).stories;
    assert_eq!(given(Filter::default()), expected);
    let one = Filter { story: vec!["s-0".into()], ..Filter::default() };
    assert_eq!(given(one), ["s-0".into()]);
    assert!(given(Filter { role: vec!["DEV".into()], ..Filter::default() }).is_empty());
    let later = Filter { since: Some(Timestamp::from_nanos(i64::MAX)), ..Filter::default() };
    assert!(given(later).is_empty());
    assert!(export(journal, &Filter::default(), 0, Scope::Entries, usize::MAX).stories.is_empty());
}

fn an_empty_journal_has_a_picture(journal: &dyn Journal) {
    for scope in [Scope::Entries, Scope::Records] {
        assert!(export(journal, &Filter::default(), 0, scope, usize::MAX).records.is_empty());
    }
}

/// A history that was brought from elsewhere keeps its sequences.
fn a_history_may_begin_anywhere(journal: &dyn Journal) {
    let mut history = History::new(50);
    history.more(1_000);
    let records: Vec<Arc<Record>> = history.records()[700..].to_vec();
    append(journal, &records[..5]);
    append(journal, &records[5..]);
    let stats = journal.stats().expect("stats");
    assert_eq!((stats.first_seq, stats.last_seq), (701, 1_000));
    assert_eq!(journal.read(0, usize::MAX, usize::MAX).expect("read"), records);
    let mut history = history.forget_before(701);
    for _ in 0..20 {
        searches::check(journal, &mut history);
    }
}
