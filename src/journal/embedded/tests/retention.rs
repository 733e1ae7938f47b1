//! What is removed, and that all else stays as it was.

use std::time::Duration;

use super::{EVER, Embedded, MAP, folder, open};
use crate::journal::contract::{History, append, check, check_counts};
use crate::journal::{Commit, Expired, Journal};
use crate::model::{Seq, StoryView, Timestamp};

/// Calls until nothing is removed any more.
fn retain(journal: &Embedded, now: Timestamp) -> Expired {
    let mut all = Expired::default();
    for _ in 0..1000 {
        let some = journal.retain(now).expect("retains");
        if some == Expired::default() {
            return all;
        }
        all.by_age += some.by_age;
        all.by_bytes += some.by_bytes;
    }
    panic!("retention finds no end");
}

#[test]
fn what_is_too_old_goes_with_all_that_belongs_to_it() {
    let dir = folder();
    let age = Duration::from_secs(1);
    let open = || Embedded::open_sized(dir.path(), age, u64::MAX, MAP, 6).expect("opens");
    let (mut journal, mut history) = (open(), History::new(41));
    for n in 0..50 {
        let (records, closed) =
            (history.more(60), [StoryView { story_id: format!("c-{n}").into(), ..StoryView::default() }]);
        journal.append(&Commit { records: &records, closed: &closed, ..Commit::default() }).expect("appends");
    }
    // The histories' records are a millisecond apart, give or take fifty.
    let mut first_before = 1;
    for now in [1500, 1700, 2500, 2501] {
        let now = Timestamp::from_millis(now);
        let expired = retain(&journal, now);
        let stats = journal.stats().expect("stats");
        assert_eq!(stats.first_seq, first_before + expired.by_age);
        assert_eq!((stats.last_seq, expired.by_bytes), (3000, 0));
        first_before = stats.first_seq;
        let kept = &history.records()[stats.first_seq as usize - 1..];
        assert!(kept[0].at >= now.minus(age + Duration::from_millis(200)), "what is old is gone");
        let gone = &history.records()[..stats.first_seq as usize - 1];
        assert!(gone.iter().all(|r| r.at < now.minus(age)), "nothing young is gone");
        assert_eq!(journal.read(0, usize::MAX, usize::MAX).expect("reads"), kept);
        assert_eq!(stats.oldest, Some(kept[0].at));
        for record in gone.iter().rev().take(50) {
            assert!(journal.get(record.seq).expect("get").is_none());
            assert!(journal.deliveries(record.seq).expect("deliveries").is_empty());
            if let Some((message, _)) = record.entry() {
                let found = journal.find(&message.stream, message.incarnation, message.stream_seq).expect("find");
                assert!(found.is_none_or(|known| known.seq >= stats.first_seq));
            }
        }
        let mut kept = history.forget_before(stats.first_seq);
        for _ in 0..15 {
            check(&journal, &mut kept);
            check_counts(&journal, &mut kept);
        }
        drop(journal);
        journal = open();
        assert_eq!(journal.stats().expect("stats"), stats);
        check(&journal, &mut kept);
        check_counts(&journal, &mut kept);
    }
    assert!(journal.story("c-0").expect("story").is_none() && journal.story("c-49").expect("story").is_some());
    append(&journal, &history.more(10));
    assert_eq!(journal.stats().expect("stats").last_seq, 3010);
}

#[test]
fn everything_may_expire_and_sequences_go_on() {
    let dir = folder();
    let journal = Embedded::open_sized(dir.path(), Duration::from_secs(1), u64::MAX, MAP, 5).expect("opens");
    let mut history = History::new(42);
    append(&journal, &history.more(500));
    assert_eq!(retain(&journal, Timestamp::from_millis(100_000)).by_age, 500);
    let stats = journal.stats().expect("stats");
    assert_eq!((stats.first_seq, stats.last_seq, stats.oldest), (0, 500, None));
    assert!(journal.read(0, 10, 1000).expect("reads").is_empty());
    append(&journal, &history.more(100));
    assert_eq!(journal.stats().expect("stats").first_seq, 501);
    let mut kept = history.forget_before(501);
    for _ in 0..20 {
        check(&journal, &mut kept);
        check_counts(&journal, &mut kept);
    }
}

#[test]
fn too_much_goes_oldest_first_and_its_pages_are_used_again() {
    const CAP: u64 = 1 << 20;
    let dir = folder();
    let journal = Embedded::open_sized(dir.path(), EVER, CAP, MAP, 7).expect("opens");
    let mut history = History::new(43);
    let (mut removed, mut size) = (0, 0);
    for round in 0..12 {
        for _ in 0..10 {
            append(&journal, &history.more(200));
        }
        removed += retain(&journal, Timestamp::from_millis(1)).by_bytes;
        let stats = journal.stats().expect("stats");
        assert!(stats.bytes <= CAP, "{} bytes are too many", stats.bytes);
        assert_eq!(stats.first_seq, removed + 1);
        let file = std::fs::metadata(dir.path().join("data.mdb")).expect("there is a file").len();
        if round == 5 {
            size = file;
        }
        assert!(size == 0 || file <= size + size / 4, "the file grew from {size} to {file}");
    }
    assert!(removed > 1000);
    let first = journal.stats().expect("stats").first_seq;
    let mut kept = history.forget_before(first);
    for _ in 0..20 {
        check(&journal, &mut kept);
        check_counts(&journal, &mut kept);
    }
}

#[test]
fn a_time_from_the_future_does_not_keep_the_past() {
    let dir = folder();
    let journal = Embedded::open_sized(dir.path(), Duration::from_secs(1), u64::MAX, MAP, 6).expect("opens");
    let mut history = History::new(44);
    let mut records = history.more(200);
    std::sync::Arc::make_mut(&mut records[3]).at = Timestamp::from_nanos(i64::MAX);
    append(&journal, &records);
    retain(&journal, Timestamp::from_millis(100_000));
    assert_eq!(journal.stats().expect("stats").first_seq, 0 as Seq);
}

#[test]
fn readers_go_on_while_retention_works() {
    let dir = folder();
    let (journal, mut history) = (open(&dir, 6), History::new(45));
    for _ in 0..20 {
        append(&journal, &history.more(100));
    }
    drop(journal);
    let journal = Embedded::open_sized(dir.path(), Duration::from_millis(100), u64::MAX, MAP, 6).expect("opens");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for now in (200..2200).step_by(20) {
                retain(&journal, Timestamp::from_millis(now));
            }
        });
        let query = crate::model::Query { limit: 1000, ..Default::default() };
        while !writer.is_finished() {
            let items = journal.search(&query).expect("searches").items;
            assert!(items.windows(2).all(|pair| pair[0].seq > pair[1].seq));
            let read = journal.read(0, usize::MAX, usize::MAX).expect("reads");
            assert!(read.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq), "no hole");
        }
    });
}

#[test]
fn snapshots_go_with_the_records_after_them() {
    let dir = folder();
    let journal = Embedded::open_sized(dir.path(), Duration::from_secs(1), u64::MAX, MAP, 6).expect("opens");
    let mut history = History::new(44);
    for n in 1..=30_u64 {
        let (records, snapshot) = (history.more(60), n.to_be_bytes());
        let commit = Commit { records: &records, snapshot: Some(&snapshot), ..Commit::default() };
        journal.append(&commit).expect("appends");
    }
    assert_eq!(journal.reach().expect("reach"), Some(1));
    retain(&journal, Timestamp::from_millis(2_000));
    let first = journal.stats().expect("stats").first_seq;
    assert!(first > 100, "{first}");
    let reach = journal.reach().expect("reach").expect("there are snapshots");
    assert!(reach + 1 >= first && reach < first + 60, "{reach}, and the first record is {first}");
    assert_eq!(journal.snapshot(reach).expect("snapshot"), Some((reach, (reach / 60).to_be_bytes().to_vec())));
    assert_eq!(journal.snapshot(reach - 1).expect("snapshot"), None, "what came before leads nowhere");
    // All records may go: a start still finds the last state.
    retain(&journal, Timestamp::from_millis(100_000));
    assert_eq!(journal.reach().expect("reach"), None);
    assert_eq!(journal.snapshot(Seq::MAX).expect("snapshot").map(|(seq, _)| seq), Some(1_800));
}
