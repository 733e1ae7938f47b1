//! What the state of a time is made from: snapshots over all that is held, the record a time leads to, closed stories.

use super::append;
use super::history::History;
use crate::journal::{Commit, Journal};
use crate::model::{Cursor, Seq, StoryView, Timestamp};

pub(super) fn all(make: &dyn Fn() -> Box<dyn Journal>) {
    snapshots_are_kept_over_all_that_is_held(&*make());
    a_time_leads_to_the_last_record_known_then(&*make());
    closed_stories_can_be_listed_as_of_a_record(&*make());
}

fn snapshots_are_kept_over_all_that_is_held(journal: &dyn Journal) {
    const COMMITS: Seq = 400;
    let mut history = History::new(51);
    for n in 1..=COMMITS {
        let (records, snapshot) = (history.more(3), (n * 3).to_be_bytes());
        let commit = Commit { records: &records, snapshot: Some(&snapshot), ..Commit::default() };
        journal.append(&commit).expect("appends");
    }
    assert_eq!(journal.reach().expect("reach"), Some(1), "nothing was ever removed");
    let (mut kept, mut first) = (Vec::new(), COMMITS * 3);
    for upto in 1..=COMMITS * 3 {
        let Some((seq, snapshot)) = journal.snapshot(upto).expect("snapshot") else {
            assert!(kept.is_empty(), "{upto}");
            continue;
        };
        assert_eq!(snapshot, seq.to_be_bytes(), "of {upto}");
        assert!(seq <= upto && upto - seq <= COMMITS * 3 / 10, "{seq} is far from {upto}");
        first = first.min(upto);
        if kept.last() != Some(&seq) {
            kept.push(seq);
        }
    }
    assert!(first <= COMMITS * 3 / 10, "the first snapshot is of {first}");
    assert!((20..=64).contains(&kept.len()), "{} are kept", kept.len());
    assert_eq!(kept[kept.len() - 2..], [COMMITS * 3 - 3, COMMITS * 3], "a start needs the last two");
}

fn a_time_leads_to_the_last_record_known_then(journal: &dyn Journal) {
    let mut history = History::new(52);
    for size in [1, 40, 300, 2_100, 7] {
        append(journal, &history.more(size));
    }
    let records = history.records();
    let mut times: Vec<Timestamp> = records.iter().step_by(17).map(|record| record.at).collect();
    times.extend([Timestamp::from_nanos(i64::MIN), Timestamp::from_nanos(i64::MAX), records[0].at]);
    for at in times {
        let known = records.iter().take_while(|record| record.happened() <= at).last().map(|record| record.seq);
        assert_eq!(journal.upto(at).expect("upto"), known, "as of {at}");
    }
}

fn closed_stories_can_be_listed_as_of_a_record(journal: &dyn Journal) {
    let story = |n: u64| StoryView { story_id: format!("s-{n}").into(), closed: true, ..StoryView::default() };
    let mut history = History::new(53);
    for n in 0..30 {
        let (records, closed) = (history.more(2), [story(n * 2), story(n * 2 + 1)]);
        journal.append(&Commit { records: &records, closed: &closed, ..Commit::default() }).expect("appends");
    }
    let listed = |cursor: Cursor| {
        let (stories, _) = journal.stories(Some(cursor), 100).expect("stories");
        stories.len() as u64
    };
    for seq in 0..=60 {
        assert_eq!(listed(journal.closed_by(seq, 0).expect("closed")), seq / 2 * 2, "as of {seq}");
        assert_eq!(listed(journal.closed_by(seq, 1).expect("closed")), (seq / 2 * 2 + 1).min(60), "one more");
    }
}
