//! A writer killed at any moment loses nothing it acknowledged.
//!
//! The test starts itself as a child that appends as fast as it can and tells each commit once it has it; the parent
//! kills it without warning, opens the journal and checks everything, again and again.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetscope::journal::{Commit, Embedded, Export, Journal};
use fleetscope::model::{
    Body, Facts, Filter, Form, Glob, Ids, Message, Order, Payload, Position, Query, Record, Resolved, Seq, Severity,
    Source, Timestamp, TraceKey,
};

const CHILD: &str = "FLEETSCOPE_CRASH_CHILD";
const STORIES: u64 = 700;
/// More than a segment, so that the kills fall before, during and after the sealing of one.
const RECORDS: Seq = 131_072 + 20_000;
const KILLS: usize = 20;
/// Generous: a loaded machine is slow, but it gets there.
const BOUND: Duration = Duration::from_mins(4);

#[test]
fn nothing_acknowledged_is_lost_however_often_the_writer_is_killed() {
    if let Ok(folder) = std::env::var(CHILD) {
        write_until_killed(Path::new(&folder));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut rng = fastrand::Rng::with_seed(11);
    let (began, mut kills, mut last) = (Instant::now(), 0, 0);
    while kills < KILLS || last < RECORDS {
        assert!(began.elapsed() < BOUND, "{last} records after {kills} kills");
        // Far apart first, to get beyond the segment's end; then close by.
        let commits = if last < RECORDS { rng.usize(1..16) } else { rng.usize(1..3) };
        let acknowledged = run_and_kill(folder.path(), commits);
        kills += 1;
        let journal = open(folder.path());
        let held = journal.stats().expect("stats").last_seq;
        assert!(held >= acknowledged && acknowledged >= last, "{acknowledged} were acknowledged, {held} are there");
        last = held;
        check_end(&journal, last);
    }
    check_all(&open(folder.path()), last);
}

fn open(folder: &Path) -> Embedded {
    Embedded::open(folder, Duration::from_hours(24 * 365 * 100), 8 << 30).expect("opens after a kill")
}

/// The child: commits of many sizes, each acknowledged by a line.
fn write_until_killed(folder: &Path) {
    let journal = open(folder);
    let mut next = journal.stats().expect("stats").last_seq + 1;
    let mut rng = fastrand::Rng::new();
    let mut out = std::io::stdout().lock();
    loop {
        let size = if rng.u8(..4) == 0 { rng.u64(1..200) } else { rng.u64(2000..4000) };
        let records: Vec<_> = (next..next + size).map(record).collect();
        next += size;
        let position = Position { key: "nats/A".into(), seq: next - 1, created: 1, incarnation: 0 };
        journal.append(&Commit { records: &records, positions: &[position], ..Commit::default() }).expect("appends");
        writeln!(out, "acked {}", next - 1).and_then(|()| out.flush()).expect("the parent listens");
    }
}

/// Starts a child, waits for so many commits, kills it; gives the last sequence it acknowledged.
fn run_and_kill(folder: &Path, commits: usize) -> Seq {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "journal_crash::nothing_acknowledged_is_lost_however_often_the_writer_is_killed"])
        .args(["--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut acknowledged = 0;
    let mut read = |most: usize| {
        let mut seen = 0;
        while seen < most {
            let Some(Ok(line)) = lines.next() else { break };
            // The harness writes its own words before the first line.
            if let Some((_, seq)) = line.split_once("acked ") {
                acknowledged = seq.trim().parse().expect("a number");
                seen += 1;
            }
        }
        seen
    };
    let seen = read(commits);
    child.kill().expect("is killed");
    child.wait().expect("ends");
    assert_eq!(seen, commits, "the child ended by itself");
    // What it managed to acknowledge before the kill came.
    read(usize::MAX);
    acknowledged
}

/// The end of the journal, where a crash would show.
fn check_end(journal: &Embedded, last: Seq) {
    let positions = journal.positions().expect("positions");
    assert_eq!(positions.iter().map(|p| p.seq).collect::<Vec<_>>(), [last], "positions stand where the records end");
    let from = last.saturating_sub(6000).max(1);
    let records = journal.read(from, usize::MAX, usize::MAX).expect("reads");
    assert_eq!(records.last().map(|r| r.seq), Some(last));
    for (expected, found) in (from..).zip(&records) {
        assert_eq!(**found, *record(expected));
    }
    let story = format!("s-{}", last % STORIES);
    let query = Query {
        filter: Filter { story: vec![story], ..Filter::default() },
        order: Order::Desc,
        limit: 5,
        cursor: None,
    };
    let page = journal.search(&query).expect("searches");
    let expected: Vec<Seq> = (1..=last).rev().filter(|seq| seq % STORIES == last % STORIES).take(5).collect();
    assert_eq!(page.items.iter().map(|r| r.seq).collect::<Vec<_>>(), expected);
}

/// Every record, and searches across the end of a segment against all records.
fn check_all(journal: &Embedded, last: Seq) {
    let mut next = 1;
    while next <= last {
        for found in journal.read(next, 20_000, usize::MAX).expect("reads") {
            assert_eq!(found.seq, next);
            assert_eq!(*found, *record(next));
            next += 1;
        }
    }
    let mut by_story: HashMap<u64, Vec<Seq>> = HashMap::new();
    (1..=last).for_each(|seq| by_story.entry(seq % STORIES).or_default().push(seq));
    for story in [0, 1, 131_072 % STORIES, 131_073 % STORIES, STORIES - 1] {
        let filter = Filter { story: vec![format!("s-{story}")], ..Filter::default() };
        assert_eq!(found(journal, &filter), by_story[&story], "story {story}");
        let filter = Filter { story: vec![format!("s-{story}")], types: vec![Glob::new("*.3")], ..Filter::default() };
        let both: Vec<Seq> = by_story[&story].iter().copied().filter(|seq| seq % 5 == 3).collect();
        assert_eq!(found(journal, &filter), both, "story {story} and type");
    }
    for seq in (1..=last).step_by(9973).chain([131_071, 131_072, 131_073, last]) {
        assert_eq!(journal.find("A", 0, seq).expect("finds").map(|known| known.seq), Some(seq));
    }
    assert!(journal.find("A", 0, last + 1).expect("finds").is_none());
}

fn found(journal: &Embedded, filter: &Filter) -> Vec<Seq> {
    let mut found = Vec::new();
    journal
        .export(&Export { filter: filter.clone(), ..Export::default() }, &mut |record: Arc<Record>| {
            found.push(record.seq);
            true
        })
        .expect("exports");
    found
}

/// The record of a sequence: always the same.
fn record(seq: Seq) -> Arc<Record> {
    let at = Timestamp::from_millis(1_770_000_000_000 + seq as i64);
    let story = format!("s-{}", seq % STORIES);
    let payload = format!(r#"{{"story_id":"{story}","n":{seq}}}"#).into_bytes();
    let message = Message {
        source: Source::Nats,
        stream: "A".into(),
        incarnation: 0,
        stream_seq: seq,
        subject: "agent.response".into(),
        event_type: format!("type.{}", seq % 5).into(),
        stored: at,
        received: at,
        size: payload.len() as u32,
        form: Form::Bare,
        producer: None,
        producer_inferred: false,
        message_id: None,
        traceparent: None,
        claimed: None,
        facts: Facts::default(),
        undecodable: None,
        payload: Payload { bytes: payload.into(), truncated: false, masked: 0 },
        observed: None,
    };
    let resolved = Resolved {
        trace: Some(TraceKey::story(&story)),
        severity: if seq.is_multiple_of(50) { Severity::Error } else { Severity::Info },
        ids: Ids { story: Some(story.into()), ..Ids::default() },
        ..Resolved::default()
    };
    let body = Body::Message(Box::new(message), Box::new(resolved));
    Arc::new(Record { seq, at, body, spans: Vec::new(), links: Vec::new() })
}
