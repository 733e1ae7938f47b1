//! Where the position may move to, and what is counted when.

use super::*;

const SETTLE: Duration = Duration::from_secs(64);

fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn the_position_moves_over_the_contiguous_beginning_only() {
    let start = Instant::now();
    let mut track = Track::new(10, SETTLE);
    let (a, b, c) = (track.sent(20, 5), track.sent(30, 5), track.sent(40, 5));
    track.taken(b, start, 0, 0);
    track.taken(c, start, 0, 0);
    assert_eq!(track.settle(at(start, 500), Seq::MAX), Settled::default());
    assert_eq!(track.position(), 10);
    track.taken(a, at(start, 100), 1, 2);
    assert_eq!(track.settle(at(start, 163), Seq::MAX).exported, 0);
    assert_eq!(track.settle(at(start, 164), Seq::MAX), Settled { exported: 12, rejected: 2 });
    assert_eq!(track.position(), 40);
}

#[test]
fn records_without_spans_settle_with_the_batch_before_them() {
    let start = Instant::now();
    let mut track = Track::new(0, SETTLE);
    track.extend(3);
    assert_eq!(track.position(), 3);
    let a = track.sent(5, 1);
    track.extend(9);
    track.taken(a, start, 0, 0);
    track.extend(12);
    assert_eq!(track.doubtful(), Some(12));
    track.settle(at(start, 64), Seq::MAX);
    assert_eq!((track.position(), track.doubtful()), (12, None));
}

#[test]
fn a_barrier_holds_what_comes_after_it() {
    let start = Instant::now();
    let mut track = Track::new(0, SETTLE);
    let (a, b) = (track.sent(5, 1), track.sent(9, 1));
    track.taken(a, start, 0, 0);
    track.taken(b, at(start, 10), 0, 0);
    assert_eq!(track.settle(at(start, 900), 5).exported, 1);
    assert_eq!(track.position(), 5);
    assert_eq!(track.settle(at(start, 900), 9).exported, 1);
}

#[test]
fn many_small_batches_are_remembered_as_few() {
    let start = Instant::now();
    let mut track = Track::new(0, SETTLE);
    for n in 1..=10_000 {
        let number = track.sent(n, 1);
        track.taken(number, start + Duration::from_millis(n), 0, 0);
    }
    assert!(track.windows.len() <= 11, "{}", track.windows.len());
    assert_eq!(track.settle(at(start, 100), Seq::MAX).exported, 10_000);
}

#[test]
fn a_span_lost_after_it_was_taken_is_not_counted_as_exported() {
    let start = Instant::now();
    let mut track = Track::new(0, SETTLE);
    let a = track.sent(5, 3);
    track.taken(a, start, 0, 0);
    track.lose(4);
    assert_eq!(track.settle(at(start, 64), Seq::MAX).exported, 2);
    track.taken(a, start, 0, 0);
    assert_eq!(track.position(), 5);
}
