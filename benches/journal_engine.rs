//! What the embedded journal costs: append per event, pages at size, text search, retention, opening.
//!
//! `cargo bench --bench journal_engine -- [events] [folder]`. CPU is that of the appending thread, the generator left
//! out. Numbers depend on the machine: compare within one run.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetscope::journal::{Commit, Embedded, Export, Journal, JournalError};
use fleetscope::model::{
    Body, Facts, Filter, Form, Glob, Ids, Key, Message, Order, Payload, Query, Record, Resolved, Seq, Severity, Source,
    Text, Timestamp, TraceKey, Value,
};

const STORIES: u32 = 5000;
const TASKS: u32 = 25_000;
const ROLES: [&str; 8] = ["DEV", "QA", "ARCHITECT", "DEVOPS", "DATA", "PO", "UX", "SEC"];
const WORDS: [&str; 16] = [
    "review",
    "the",
    "plan",
    "and",
    "derive",
    "tasks",
    "for",
    "story",
    "with",
    "graph",
    "context",
    "failed",
    "token",
    "budget",
    "agent",
    "completed",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let events: u64 = arguments.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("fleetscope-bench-{}", std::process::id()));
    for (name, batch) in [("LZ4 frames, 1,000 a commit", 1000), ("raw frames, 2,000", 2000), ("raw, 8,000", 8000)] {
        let folder = folder.join(batch.to_string());
        let journal = fill(&folder, name, events, batch)?;
        if batch != 2000 {
            pages(&journal, events)?;
        }
        drop(journal);
        reopen(&folder, events)?;
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn open(folder: &Path) -> Result<Embedded, JournalError> {
    Embedded::open(folder, Duration::from_hours(24 * 365 * 100), 200 << 30)
}

fn fill(folder: &Path, name: &str, events: u64, batch: u64) -> Result<Embedded, JournalError> {
    let journal = open(folder)?;
    let mut rng = fastrand::Rng::with_seed(1);
    let (mut cpu, mut walls) = (Duration::ZERO, Vec::new());
    let (mut next, mut payload) = (1, 0);
    while next <= events {
        let records: Vec<_> = (next..(next + batch).min(events + 1)).map(|seq| record(&mut rng, seq, events)).collect();
        payload += records.iter().filter_map(|r| r.entry()).map(|(m, _)| m.payload.bytes.len() as u64).sum::<u64>();
        next += records.len() as u64;
        let (began, used) = (Instant::now(), thread_cpu());
        journal.append(&Commit { records: &records, ..Commit::default() })?;
        cpu += thread_cpu().saturating_sub(used);
        walls.push(began.elapsed());
    }
    walls.sort_unstable();
    let wall: Duration = walls.iter().sum();
    let stats = journal.stats()?;
    print(&format!(
        "{name}: {events} events, {} B payload; {:.2} µs CPU/event, {:.0} k events/s, commit p50 {:.1} p99 {:.1} max \
         {:.1} ms, {} B/event on disk, RSS {} MB anonymous",
        payload / events,
        cpu.as_secs_f64() * 1e6 / events as f64,
        events as f64 / wall.as_secs_f64() / 1e3,
        ms(at(&walls, 0.5)),
        ms(at(&walls, 0.99)),
        ms(at(&walls, 1.0)),
        stats.bytes / events,
        anonymous_kb() / 1024,
    ));
    Ok(journal)
}

/// Makes a filter from random values.
type Make = Box<dyn Fn(&mut fastrand::Rng) -> Filter>;

fn pages(journal: &Embedded, events: u64) -> Result<(), JournalError> {
    let hour = move |filter: Filter| Filter { since: Some(time(events - events / 24, events)), ..filter };
    let filters: Vec<(&str, Make)> = vec![
        ("everything", Box::new(|_| Filter::default())),
        ("story", Box::new(|r| Filter { story: vec![format!("s-{:08x}", r.u32(..STORIES))], ..Filter::default() })),
        ("task", Box::new(|r| Filter { task: vec![format!("t-{:08x}", r.u32(..TASKS))], ..Filter::default() })),
        ("absent story", Box::new(|r| Filter { story: vec![format!("no-{}", r.u32(..))], ..Filter::default() })),
        (
            "role + type, last hour",
            Box::new(move |r| {
                hour(Filter {
                    role: vec![ROLES[r.usize(..8)].to_owned()],
                    types: vec![Glob::new(format!("type.{}.event", r.u8(..20)))],
                    ..Filter::default()
                })
            }),
        ),
        (
            "type glob + role",
            Box::new(|r| Filter {
                role: vec![ROLES[r.usize(..8)].to_owned()],
                types: vec![Glob::new("type.1*")],
                ..Filter::default()
            }),
        ),
        (
            "type + story",
            Box::new(|r| Filter {
                story: vec![format!("s-{:08x}", r.u32(..STORIES))],
                types: vec![Glob::new(format!("type.{}.*", r.u8(..20)))],
                ..Filter::default()
            }),
        ),
        (
            "errors of an agent",
            Box::new(|r| Filter {
                agent: vec![format!("agent-{}", r.u8(..40))],
                severity: Some(Severity::Error),
                ..Filter::default()
            }),
        ),
        ("time range", {
            Box::new(move |r| {
                let from = r.u64(1..events);
                let (since, until) = (time(from, events), time(from + events / 1000, events));
                Filter { since: Some(since), until: Some(until), ..Filter::default() }
            })
        }),
        ("text, common", Box::new(|_| Filter { q: Some("Failed".to_owned()), ..Filter::default() })),
        ("text, rare, all", Box::new(|_| Filter { q: Some("needle-xyz".to_owned()), ..Filter::default() })),
    ];
    for (name, make) in filters {
        let mut rng = fastrand::Rng::with_seed(7);
        let runs = if name.starts_with("text, rare") { 3 } else { 200 };
        let (mut walls, mut found, used) = (Vec::new(), 0, thread_cpu());
        for run in 0..runs {
            let order = if run % 4 == 3 { Order::Asc } else { Order::Desc };
            let query = Query { filter: make(&mut rng), order, limit: 200, cursor: None };
            let began = Instant::now();
            found += black_box(journal.search(&query)?).items.len();
            walls.push(began.elapsed());
        }
        let cpu = thread_cpu().saturating_sub(used) / runs;
        walls.sort_unstable();
        print(&format!(
            "  {name}: p50 {:.2} p99 {:.2} ms, CPU {:.2} ms, {} found a page",
            ms(at(&walls, 0.5)),
            ms(at(&walls, 0.99)),
            ms(cpu),
            found / runs as usize,
        ));
    }
    let (mut rng, mut walls) = (fastrand::Rng::with_seed(9), Vec::new());
    for _ in 0..2000 {
        let seq = rng.u64(1..=events);
        let began = Instant::now();
        black_box(journal.get(seq)?);
        walls.push(began.elapsed());
    }
    walls.sort_unstable();
    print(&format!("  get by seq: p50 {:.3} p99 {:.3} ms", ms(at(&walls, 0.5)), ms(at(&walls, 0.99))));
    let (began, mut count) = (Instant::now(), 0_u64);
    journal.export(&Export::default(), &mut |record: Arc<Record>| {
        count += black_box(record).seq & 1;
        true
    })?;
    print(&format!("  export of all: {:.2} s, {} MB anonymous", began.elapsed().as_secs_f64(), anonymous_kb() / 1024));
    Ok(())
}

fn reopen(folder: &Path, events: u64) -> Result<(), JournalError> {
    let began = Instant::now();
    let journal = open(folder)?;
    print(&format!("  open: {:.1} ms", ms(began.elapsed())));
    drop(journal);
    let day = time(events, events).since(time(0, events));
    let journal = Embedded::open(folder, day.mul_f64(0.9), 200 << 30)?;
    let (began, mut longest, mut removed) = (Instant::now(), Duration::ZERO, 0);
    loop {
        let call = Instant::now();
        let expired = journal.retain(time(events, events))?;
        longest = longest.max(call.elapsed());
        if expired.by_age == 0 {
            break;
        }
        removed += expired.by_age;
    }
    print(&format!("  retention of {removed}: {:.1} ms, longest call {:.1}", ms(began.elapsed()), ms(longest)));
    Ok(())
}

/// A day's worth of events.
fn time(n: u64, events: u64) -> Timestamp {
    Timestamp::from_nanos(1_770_000_000_000_000_000 + (n as i64) * (86_400_000_000_000 / events as i64))
}

fn record(rng: &mut fastrand::Rng, seq: Seq, events: u64) -> Arc<Record> {
    let at = time(seq, events);
    let story: Text = format!("s-{:08x}", rng.u32(..STORIES)).into();
    let task: Text = format!("t-{:08x}", rng.u32(..TASKS)).into();
    let agent: Text = format!("agent-{}", rng.u8(..40)).into();
    let event_type: Text = format!("type.{}.event", rng.u8(..20)).into();
    let producer: Text = format!("service-{}", rng.u8(..12)).into();
    let role: Text = ROLES[rng.usize(..8)].into();
    let words: Vec<&str> = (0..30).map(|_| WORDS[rng.usize(..16)]).collect();
    let payload = format!(
        r#"{{"event_type":"{event_type}","idempotency_key":"{:032x}","correlation_id":"{:032x}","producer":"{producer}","timestamp":"{at}","payload":{{"story_id":"{story}","task_id":"{task}","agent_id":"{agent}","role":"{role}","digest":"{:032x}{:032x}","content":"{}","duration_ms":{}}}}}"#,
        rng.u128(..),
        rng.u128(..),
        rng.u128(..),
        rng.u128(..),
        words.join(" "),
        rng.u32(..90_000),
    );
    let mut facts = Facts::default();
    for (key, value) in [(Key::StoryId, &story), (Key::TaskId, &task), (Key::AgentId, &agent), (Key::Role, &role)] {
        facts.insert(key, Value::Text(value));
    }
    facts.insert(Key::DurationMs, Value::Int(i64::from(rng.u32(..90_000))));
    let message = Message {
        source: Source::Nats,
        stream: "AGENT_RESPONSES".into(),
        incarnation: 0,
        stream_seq: seq,
        subject: event_type.clone(),
        event_type,
        stored: at,
        received: at,
        size: payload.len() as u32,
        form: Form::Envelope,
        producer: Some(producer),
        producer_inferred: false,
        message_id: Some(format!("{:032x}", rng.u128(..)).into()),
        traceparent: None,
        claimed: Some(at),
        facts,
        undecodable: None,
        payload: Payload { bytes: payload.into_bytes().into(), truncated: false, masked: 0 },
        observed: None,
    };
    let resolved = Resolved {
        trace: Some(TraceKey::story(&story)),
        part: 0,
        severity: if rng.u8(..50) == 0 { Severity::Error } else { Severity::Info },
        summary: format!("{agent} answered {task} in 12.3 s").into(),
        violations: Vec::new(),
        ids: Ids { story: Some(story), task: Some(task), agent: Some(agent), role: Some(role), ..Ids::default() },
    };
    let body = Body::Message(Box::new(message), Box::new(resolved));
    Arc::new(Record { seq, at, body, spans: Vec::new(), links: Vec::new() })
}

fn at(sorted: &[Duration], share: f64) -> Duration {
    sorted.get(((sorted.len() - 1) as f64 * share) as usize).copied().unwrap_or_default()
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// CPU time of this thread, as the kernel's scheduler counts it.
fn thread_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

fn anonymous_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn print(line: &str) {
    println!("{line}");
}
