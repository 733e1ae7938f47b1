//! The contract, and what is special about a journal on disk.

mod disk;
mod retention;

use std::cell::RefCell;
use std::time::Duration;

use tempfile::TempDir;

use super::Embedded;
use crate::journal::contract::{History, append, check, check_counts, contract, position};
use crate::journal::{Commit, Journal, JournalError};
use crate::model::Seq;

const MAP: usize = 1 << 30;
const EVER: Duration = Duration::from_hours(24 * 36_500);

/// In memory where there is such a place: the tests commit thousands of times, and each commit is synced.
fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a folder")
}

fn open(dir: &TempDir, segment_bits: u32) -> Embedded {
    Embedded::open_sized(dir.path(), EVER, u64::MAX, MAP, segment_bits).expect("opens")
}

/// Runs the contract with segments of a given size: small ones are sealed all the time.
fn keeps_the_contract(segment_bits: u32) {
    let dirs = RefCell::new(Vec::new());
    contract(&|| {
        let dir = folder();
        let journal = open(&dir, segment_bits);
        dirs.borrow_mut().push(dir);
        Box::new(journal) as Box<dyn Journal>
    });
}

#[test]
fn keeps_the_contract_with_small_segments() {
    keeps_the_contract(5);
}

#[test]
fn keeps_the_contract_with_segments_as_they_are() {
    keeps_the_contract(super::SEGMENT_BITS);
}

#[test]
fn answers_as_before_when_opened_again() {
    let dir = folder();
    let mut history = History::new(21);
    // Commits of every size relative to a segment of 64, raw and packed frames among them.
    for size in [1, 63, 1, 64, 200, 5, 2500, 40, 1, 1, 130] {
        let journal = open(&dir, 6);
        let (records, positions) = (history.more(size), [position("nats/A", size as u64)]);
        journal.append(&Commit { records: &records, positions: &positions, ..Commit::default() }).expect("appends");
        let (stats, positions) = (journal.stats().expect("stats"), journal.positions().expect("positions"));
        drop(journal);
        let journal = open(&dir, 6);
        assert_eq!(journal.stats().expect("stats"), stats);
        assert_eq!(journal.positions().expect("positions"), positions);
        assert_eq!(journal.read(1, usize::MAX, usize::MAX).expect("reads"), history.records());
        for _ in 0..12 {
            check(&journal, &mut history);
            check_counts(&journal, &mut history);
        }
    }
}

#[test]
fn a_storys_trace_unpacks_each_frame_once() {
    let dir = folder();
    let (journal, mut history) = (open(&dir, 6), History::new(24));
    for _ in 0..5 {
        append(&journal, &history.more(60));
    }
    let txn = journal.engine.read().expect("reads");
    let frames = journal.engine.tables.frame.len(&txn).expect("reads") as usize;
    drop(txn);
    let before = super::scan::UNPACKED.get();
    let records = journal.story_records("s-1", usize::MAX, usize::MAX).expect("story").records;
    let unpacked = super::scan::UNPACKED.get() - before;
    assert!(records.len() > 2 * frames, "{} records of {frames} frames prove nothing", records.len());
    assert!(unpacked <= frames, "{unpacked} times for {frames} frames");
}

#[test]
fn segments_keep_the_size_they_were_made_with() {
    let dir = folder();
    let mut history = History::new(22);
    append(&open(&dir, 4), &history.more(100));
    let journal = open(&dir, 9);
    append(&journal, &history.more(100));
    for _ in 0..20 {
        check(&journal, &mut history);
        check_counts(&journal, &mut history);
    }
}

#[test]
fn is_open_once() {
    let dir = folder();
    let first = open(&dir, 6);
    let second = Embedded::open(dir.path(), EVER, 1 << 30).expect_err("it is in use");
    assert!(matches!(&second, JournalError::InUse(path) if *path == dir.path().display().to_string()));
    drop(first);
    Embedded::open(dir.path(), EVER, 1 << 30).expect("it is free again");
}

#[test]
fn an_unknown_format_is_refused() {
    let dir = folder();
    let journal = open(&dir, 6);
    journal
        .write(|txn| Ok(journal.engine.tables.meta.put(txn, b"format", &[0, 0, 0, 77, 0, 0, 0, 6])?))
        .expect("writes");
    drop(journal);
    let error = Embedded::open(dir.path(), EVER, 1 << 30).expect_err("a later version wrote it");
    assert!(matches!(error, JournalError::Format { found: 77, known: 4 }), "{error}");
}

#[test]
fn damage_is_told_and_stays_where_it_is() {
    let dir = folder();
    let (journal, mut history) = (open(&dir, 6), History::new(23));
    for _ in 0..4 {
        append(&journal, &history.more(40));
    }
    // One byte of the second frame, wherever it is, must not go unnoticed.
    let key = 41_u64.to_be_bytes();
    let txn = journal.engine.read().expect("reads");
    let whole = journal.engine.tables.frame.get(&txn, &key).expect("reads").expect("a frame begins there").to_vec();
    drop(txn);
    for at in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        journal.write(|txn| Ok(journal.engine.tables.frame.put(txn, &key, &bytes)?)).expect("writes");
        let error = journal.get(50).expect_err("byte {at} was changed");
        assert!(matches!(error, JournalError::Damaged { seq: 41, .. }), "byte {at}: {error}");
        assert!(journal.get(20).expect("reads").is_some() && journal.get(90).expect("reads").is_some());
    }
}

#[test]
fn a_damaged_snapshot_is_passed_over_for_the_one_before() {
    let dir = folder();
    let (journal, mut history) = (open(&dir, 6), History::new(9));
    let snapshots = [b"earlier".repeat(20_000), b"later".repeat(20_000)];
    for snapshot in &snapshots {
        let commit = Commit { records: &history.more(3), snapshot: Some(snapshot), ..Commit::default() };
        journal.append(&commit).expect("appends");
    }
    assert_eq!(journal.snapshot(Seq::MAX).expect("snapshot"), Some((6, snapshots[1].clone())));
    let key = super::append::pair(6, 1);
    journal.write(|txn| Ok(journal.engine.tables.snapshot.put(txn, &key, b"damaged")?)).expect("writes");
    assert_eq!(journal.snapshot(Seq::MAX).expect("snapshot"), Some((3, snapshots[0].clone())));
}
