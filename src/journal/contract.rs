//! What every journal must do, whatever it is made of.
//! Takes: a way to make an empty journal. Gives: a failed test where a promise of the trait is broken.
//! Never: knows the backend.

mod counts;
mod exports;
mod history;
mod past;
mod searches;
mod state;

use std::sync::Arc;

pub(super) use self::counts::check as check_counts;
pub(crate) use self::history::{History, position};
pub(super) use self::searches::check;
use super::{Commit, Journal};
use crate::model::{Record, Seq};

/// Runs every promise, each against a journal of its own.
pub(super) fn contract(make: &dyn Fn() -> Box<dyn Journal>) {
    an_empty_journal_answers_everything(&*make());
    what_is_appended_is_read(&*make());
    records_out_of_order_are_refused(&*make());
    readers_see_whole_commits(&*make());
    state::all(make);
    past::all(make);
    searches::all(make);
    counts::all(make);
    exports::all(make);
}

/// Commits records alone.
pub(super) fn append(journal: &dyn Journal, records: &[Arc<Record>]) {
    journal.append(&Commit { records, ..Commit::default() }).expect("appends");
}

fn seqs(records: &[Arc<Record>]) -> Vec<Seq> {
    records.iter().map(|r| r.seq).collect()
}

fn an_empty_journal_answers_everything(journal: &dyn Journal) {
    let stats = journal.stats().expect("stats");
    assert_eq!((stats.first_seq, stats.last_seq, stats.oldest), (0, 0, None));
    assert!(journal.read(0, 10, 1000).expect("read").is_empty());
    assert!(journal.get(1).expect("get").is_none());
    let page = journal.search(&crate::model::Query { limit: 10, ..Default::default() }).expect("search");
    assert!(page.items.is_empty() && page.next.is_none());
    assert!(journal.deliveries(1).expect("deliveries").is_empty());
    assert!(journal.story_records("s", 10, usize::MAX).expect("story").records.is_empty());
    assert!(journal.find("A", 0, 1).expect("find").is_none());
    assert!(journal.positions().expect("positions").is_empty());
    assert_eq!(journal.sink_position("otlp").expect("sink"), 0);
    assert!(journal.snapshot(Seq::MAX).expect("snapshot").is_none());
    assert_eq!(journal.upto(crate::model::Timestamp::from_nanos(i64::MAX)).expect("upto"), None);
    assert_eq!(journal.reach().expect("reach"), None);
    assert!(journal.story("s").expect("story").is_none());
    assert!(journal.stories(None, 10).expect("stories").0.is_empty());
    assert!(journal.dead_letters(10).expect("letters").is_empty());
    assert_eq!(journal.retain(crate::model::Timestamp::from_nanos(1)).expect("retain"), super::Expired::default());
    append(journal, &[]);
    assert_eq!(journal.stats().expect("stats").last_seq, 0);
}

fn what_is_appended_is_read(journal: &dyn Journal) {
    let mut history = history::History::new(1);
    for size in [1, 3, 40, 200, 1] {
        append(journal, &history.more(size));
    }
    let all = history.records();
    assert_eq!(journal.read(0, usize::MAX, usize::MAX).expect("read"), all);
    assert_eq!(journal.read(7, 5, usize::MAX).expect("read"), all[6..11]);
    assert_eq!(journal.read(240, 99, usize::MAX).expect("read"), all[239..]);
    assert!(journal.read(246, 99, usize::MAX).expect("read").is_empty());
    let some = journal.read(1, usize::MAX, 2000).expect("read");
    assert!(!some.is_empty() && some.len() < 100, "bytes bound a read, yet it goes on: {}", some.len());
    for record in all {
        assert_eq!(journal.get(record.seq).expect("get").as_ref(), Some(record));
    }
    assert!(journal.get(0).expect("get").is_none() && journal.get(246).expect("get").is_none());
    let stats = journal.stats().expect("stats");
    assert_eq!((stats.first_seq, stats.last_seq, stats.oldest), (1, 245, Some(all[0].at)));
    assert!(stats.bytes > 0);
}

fn records_out_of_order_are_refused(journal: &dyn Journal) {
    let mut history = history::History::new(2);
    append(journal, &history.more(3));
    let next = history.more(3);
    let position = history::position("nats/A", 9);
    let commit = Commit { records: &next[1..], positions: &[position], ..Commit::default() };
    assert_eq!(journal.append(&commit).expect_err("a hole").reason(), "engine");
    let twice = [next[0].clone(), next[0].clone()];
    journal.append(&Commit { records: &twice, ..Commit::default() }).expect_err("one seq twice");
    assert_eq!(journal.stats().expect("stats").last_seq, 3);
    assert!(journal.positions().expect("positions").is_empty(), "nothing of a refused commit is there");
    append(journal, &next);
    assert_eq!(seqs(&journal.read(1, 10, usize::MAX).expect("read")), [1, 2, 3, 4, 5, 6]);
}

/// Readers beside a writer: what they see ends with a commit, has no hole, and search and read agree.
fn readers_see_whole_commits(journal: &dyn Journal) {
    const COMMITS: usize = 120;
    let mut history = history::History::new(3);
    let commits: Vec<_> = (0..COMMITS).map(|_| history.more(7)).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| commits.iter().for_each(|commit| append(journal, commit)));
        for order in [crate::model::Order::Asc, crate::model::Order::Desc] {
            scope.spawn(move || {
                let mut last = 0;
                while last < (COMMITS * 7) as Seq {
                    let records = journal.read(1, usize::MAX, usize::MAX).expect("read");
                    assert_eq!(records.len() % 7, 0, "a commit is seen as a whole");
                    assert!(records.iter().enumerate().all(|(n, r)| r.seq == n as Seq + 1));
                    assert!(records.len() as Seq >= last, "what was seen stays");
                    last = records.len() as Seq;
                    let query = crate::model::Query { order, limit: 1000, ..Default::default() };
                    let page = journal.search(&query).expect("search");
                    let entries = records.iter().filter(|r| r.entry().is_some()).count();
                    assert!(page.items.len() >= entries.min(1000), "search sees what read saw");
                }
            });
        }
    });
}
