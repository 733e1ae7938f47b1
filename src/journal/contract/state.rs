//! What is kept beside the records: positions, deliveries, snapshots, closed stories, dead letters.

use std::sync::Arc;

use super::append;
use super::history::{History, position};
use crate::journal::{Commit, DeadLetter, Journal, SavedSearch};
use crate::model::{Record, Seq, StoryView, Timestamp};

pub(super) fn all(make: &dyn Fn() -> Box<dyn Journal>) {
    positions_move_with_their_records(&*make());
    the_last_state_of_a_delivery_counts(&*make());
    the_newest_snapshot_is_given(&*make());
    closed_stories_are_found_and_listed(&*make());
    dead_letters_are_bounded(&*make());
    searches_are_kept_by_name(&*make());
}

fn searches_are_kept_by_name(journal: &dyn Journal) {
    let search = |name: &str, filter: &str| SavedSearch {
        name: name.into(),
        filter: filter.into(),
        since: Some("1h".into()),
        until: None,
        saved: Timestamp::from_nanos(5),
    };
    assert!(journal.searches().expect("searches").is_empty());
    for kept in [search("b", "role:DEV"), search("a", ""), search("b", "role:QA")] {
        assert!(journal.save_search(&kept).expect("saves"));
    }
    append(journal, &History::new(7).more(5));
    assert_eq!(journal.searches().expect("searches"), [search("a", ""), search("b", "role:QA")]);
    assert!(journal.delete_search("a").expect("deletes"));
    assert!(!journal.delete_search("a").expect("it is gone"));
    assert_eq!(journal.searches().expect("searches"), [search("b", "role:QA")]);
    assert!(journal.positions().expect("positions").is_empty(), "they are no positions");
}

fn positions_move_with_their_records(journal: &dyn Journal) {
    let mut history = History::new(5);
    for n in 1..=3 {
        let records = history.more(2);
        let positions = [position("nats/A", n * 10), position("nats/B", n)];
        journal.append(&Commit { records: &records, positions: &positions, ..Commit::default() }).expect("appends");
    }
    let only = [position("nats/C", 1)];
    journal.append(&Commit { positions: &only, ..Commit::default() }).expect("positions alone may move");
    let mut positions = journal.positions().expect("positions");
    positions.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(positions, [position("nats/A", 30), position("nats/B", 3), position("nats/C", 1)]);
    journal.set_sink_position("otlp", 4).expect("sets");
    journal.set_sink_position("otlp", 3).expect("a sink may go back");
    journal.set_sink_position("feed", 9).expect("sets");
    assert_eq!(journal.sink_position("otlp").expect("sink"), 3);
    assert_eq!(journal.sink_position("feed").expect("sink"), 9);
}

fn the_last_state_of_a_delivery_counts(journal: &dyn Journal) {
    let mut history = History::new(6);
    for _ in 0..10 {
        append(journal, &history.more(60));
    }
    for record in history.records() {
        let mut expected = std::collections::BTreeMap::new();
        let of_entry = |r: &&Arc<Record>| r.delivery().is_some_and(|d| d.event.seq == record.seq);
        for later in history.records().iter().filter(of_entry) {
            let delivery = later.delivery().expect("filtered");
            expected.insert(delivery.consumer.clone(), delivery.clone());
        }
        let mut deliveries = journal.deliveries(record.seq).expect("deliveries");
        deliveries.sort_by(|a, b| a.consumer.cmp(&b.consumer));
        assert_eq!(deliveries, expected.into_values().collect::<Vec<_>>(), "of record {}", record.seq);
    }
}

fn the_newest_snapshot_is_given(journal: &dyn Journal) {
    let mut history = History::new(7);
    for (n, size) in [0_usize, 10, 300_000, 65_536, 131_071].into_iter().enumerate() {
        let (records, snapshot) = (history.more(3), vec![n as u8; size]);
        let commit = Commit { records: &records, snapshot: Some(&snapshot), ..Commit::default() };
        journal.append(&commit).expect("appends");
        append(journal, &history.more(1));
        let last = (history.records().len() - 1) as Seq;
        assert_eq!(journal.snapshot(Seq::MAX).expect("snapshot"), Some((last, snapshot)));
    }
}

fn story(id: usize, events: u64) -> StoryView {
    StoryView { story_id: format!("s-{id}").into(), events, closed: true, ..StoryView::default() }
}

fn closed_stories_are_found_and_listed(journal: &dyn Journal) {
    let mut history = History::new(8);
    for n in 0..10 {
        let (records, closed) = (history.more(1), [story(n * 2, 1), story(n * 2 + 1, 1)]);
        journal.append(&Commit { records: &records, closed: &closed, ..Commit::default() }).expect("appends");
    }
    journal.append(&Commit { closed: &[story(4, 2)], ..Commit::default() }).expect("a story may close again");
    assert_eq!(journal.story("s-4").expect("story"), Some(story(4, 2)));
    assert_eq!(journal.story("s-40").expect("story"), None);
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let (page, next) = journal.stories(cursor, 3).expect("stories");
        assert!(page.len() <= 3);
        listed.extend(page);
        if next.is_none() {
            break;
        }
        cursor = next;
    }
    let expected = [4].into_iter().chain((0..20).rev().filter(|n| *n != 4));
    assert_eq!(listed, expected.map(|n| story(n, if n == 4 { 2 } else { 1 })).collect::<Vec<_>>());
}

fn dead_letters_are_bounded(journal: &dyn Journal) {
    let letter = |n| DeadLetter { seq: n, span_id: "ab".into(), reason: "bad".into(), at: Timestamp::ZERO };
    for n in 1..=20 {
        journal.dead_letter(&letter(n)).expect("keeps");
    }
    let newest = journal.dead_letters(5).expect("letters");
    assert_eq!(newest, (16..=20).rev().map(letter).collect::<Vec<_>>());
    assert_eq!(journal.dead_letters(100).expect("letters").len(), 20);
}
