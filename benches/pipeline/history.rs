//! Questions to a long history: first pages, text search, and pages far from the first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use fleetscope::journal::embedded::Embedded;
use fleetscope::journal::{Commit, Journal};
use fleetscope::model::{
    Body, Facet, FacetsQuery, Facts, Filter, Form, Glob, HistogramQuery, Ids, Message, Order, Payload, Query, Record,
    Resolved, Source, Text, Timestamp, TraceKey,
};

use super::report::{Report, percentile};
use super::{load, number};

const STORIES: u64 = 5_000;
const BATCH: u64 = 2_000;
const ASKED: usize = 200;
/// Pages of a walk, and walks of each kind.
const PAGES: usize = 50;
const WALKS: u64 = 10;
/// 24 hours of events.
const SPAN_NS: i64 = 24 * 3600 * 1_000_000_000;

/// Entries: 1 M, or what `FLEETSCOPE_BENCH_ENTRIES` says (10000000 for the figure of the design).
fn entries() -> u64 {
    number("FLEETSCOPE_BENCH_ENTRIES", 1_000_000)
}

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let total = entries();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let journal = Embedded::open(folder.path(), Duration::from_hours(24 * 30), 64 << 30)?;
    report.line(format!("\n## History: {total} entries over 24 h, {STORIES} stories"));
    let (mut written, mut commits) = (Duration::ZERO, Vec::new());
    for from in (0..total).step_by(BATCH as usize) {
        let records: Vec<Arc<Record>> = (from..(from + BATCH).min(total)).map(|n| Arc::new(record(n, total))).collect();
        let began = Instant::now();
        journal.append(&Commit { records: &records, ..Commit::default() })?;
        written += began.elapsed();
        commits.push(began.elapsed().as_secs_f64() * 1e3);
        if from > 0 && from.is_multiple_of(1_000_000) {
            report.line(format!("{from} written"));
        }
    }
    let stats = journal.stats()?;
    report.line(format!(
        "append: {:.1} µs/event, commit of {BATCH}: p50 {:.1} ms, p99 {:.1} ms; {} B/event on disk",
        written.as_secs_f64() * 1e6 / total as f64,
        percentile(&mut commits, 0.5),
        percentile(&mut commits, 0.99),
        stats.bytes / total,
    ));
    for (name, filter) in questions(total) {
        let mut times = Vec::new();
        let mut found = 0;
        for n in 0..filter.1 {
            let began = Instant::now();
            let page = journal.search(&Query { filter: (filter.0)(n as u64), limit: 200, ..Query::default() })?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            found = page.items.len();
        }
        let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
        report.line(format!("first page, {name}: p50 {p50:.1} ms, p99 {p99:.1} ms ({found} entries on it)"));
    }
    counts(report, &journal)?;
    for order in [Order::Desc, Order::Asc] {
        for (name, filter, limit) in walks(total) {
            walk(report, &journal, name, &*filter, &Query { order, limit, ..Query::default() })?;
        }
    }
    Ok(())
}

/// Facets and histograms, as the API asks for them: within a second, and how much of the history that was.
fn counts(report: &mut Report, journal: &Embedded) -> Result<()> {
    let (patience, runs) = (Duration::from_secs(1), 20);
    for text in ["", "role:DEV", "-type:agent.*", "-\"no such text\""] {
        let filter = Filter::parse(text)?;
        let (mut values, mut buckets) = (Vec::new(), Vec::new());
        let mut looked = (0, 0);
        for _ in 0..runs {
            let began = Instant::now();
            let by = Facet::ALL[..4].to_vec();
            let told = journal.facets(&FacetsQuery { filter: filter.clone(), by, top: 10, patience })?;
            values.push(began.elapsed().as_secs_f64() * 1e3);
            let began = Instant::now();
            let over_time = journal.histogram(&HistogramQuery { filter: filter.clone(), buckets: 60, patience })?;
            buckets.push(began.elapsed().as_secs_f64() * 1e3);
            looked = (told.reach.looked_at, over_time.reach.looked_at);
        }
        report.line(format!(
            "facets of `{text}`: p50 {:.1} ms, p99 {:.1} ms, {} looked at; histogram: p50 {:.1} ms, p99 {:.1} ms, {}",
            percentile(&mut values, 0.5),
            percentile(&mut values, 0.99),
            looked.0,
            percentile(&mut buckets, 0.5),
            percentile(&mut buckets, 0.99),
            looked.1,
        ));
    }
    Ok(())
}

/// Name, filter by the number of the walk, entries a page.
type Walk = (&'static str, Box<dyn Fn(u64) -> Filter>, usize);

/// Filters by the number of the walk, and pages short enough that there are [`PAGES`] of them.
fn walks(total: u64) -> [Walk; 3] {
    let of = |stories: Vec<String>| Filter { story: stories, ..Filter::default() };
    let short = (total / STORIES / PAGES as u64).max(1) as usize;
    [
        ("no filter", Box::new(|_| Filter::default()), 200),
        ("a story", Box::new(move |n| of(vec![story(n)])), short),
        ("fifty stories", Box::new(move |n| of((n * 50..n * 50 + 50).map(story).collect())), 200),
    ]
}

/// Goes forward by cursor and times each page; the last ones apart, as a page must not cost more for being far in.
fn walk(
    report: &mut Report,
    journal: &Embedded,
    name: &str,
    filter: &dyn Fn(u64) -> Filter,
    query: &Query,
) -> Result<()> {
    let (mut times, mut deep, mut entries) = (Vec::new(), Vec::new(), 0);
    for n in 0..WALKS {
        let mut query = Query { filter: filter(n), ..query.clone() };
        for page in 0..PAGES {
            let began = Instant::now();
            let found = journal.search(&query)?;
            let took = began.elapsed().as_secs_f64() * 1e3;
            times.push(took);
            if page >= PAGES / 5 * 4 {
                deep.push(took);
            }
            entries += found.items.len();
            query.cursor = found.next;
            if query.cursor.is_none() {
                break;
            }
        }
    }
    let order = if query.order == Order::Asc { "oldest first" } else { "newest first" };
    report.line(format!(
        "walk, {name}, {order}: {} pages of {}, {entries} entries: p50 {:.1} ms, p99 {:.1} ms; last fifth p99 {:.1} ms",
        times.len(),
        query.limit,
        percentile(&mut times, 0.5),
        percentile(&mut times, 0.99),
        percentile(&mut deep, 0.99),
    ));
    Ok(())
}

fn story(n: u64) -> String {
    format!("s-{:08x}-2222-4333-8444-{:012x}", n * 37 % STORIES, n * 37 % STORIES)
}

type Question = (&'static str, (Box<dyn Fn(u64) -> Filter>, usize));

fn questions(total: u64) -> Vec<Question> {
    let ask = |f: fn(Filter) -> Filter| -> (Box<dyn Fn(u64) -> Filter>, usize) {
        (Box::new(move |_| f(Filter::default())), ASKED)
    };
    let hour_before_end = Timestamp::from_nanos(SPAN_NS / 24 * 23);
    vec![
        ("no filter", ask(|f| f)),
        ("a story", (Box::new(move |n| Filter { story: vec![story(n)], ..Filter::default() }), ASKED)),
        (
            "a task",
            (
                Box::new(move |n| {
                    let task = n * 7919 % (total / 3);
                    Filter { task: vec![format!("T-{task:08x}-1111-4222-8333-{task:012x}")], ..Filter::default() }
                }),
                ASKED,
            ),
        ),
        (
            "role and type in the last hour",
            (
                Box::new(move |_| Filter {
                    role: vec!["QA".into()],
                    types: vec![Glob::new("agent.response.completed")],
                    since: Some(hour_before_end),
                    ..Filter::default()
                }),
                ASKED,
            ),
        ),
        (
            "type glob and agent",
            ask(|f| Filter { types: vec![Glob::new("agent.*.f*")], agent: vec!["agent-dev-002".into()], ..f }),
        ),
        ("nothing fits", ask(|f| Filter { story: vec!["no-such-story".into()], ..f })),
        ("text, common word", ask(|f| Filter { q: Some("healthz".into()), ..f })),
        (
            "text, a word that is nowhere",
            (Box::new(|_| Filter { q: Some("zebra crossing".into()), ..Filter::default() }), 5),
        ),
    ]
}

pub(crate) fn record(n: u64, total: u64) -> Record {
    let (subject, body) = load::message(n, STORIES);
    let story: Text = format!("s-{:08x}-2222-4333-8444-{:012x}", n * 7919 % STORIES, n * 7919 % STORIES).into();
    let event_type: Text = if n.is_multiple_of(50) { "agent.response.failed".into() } else { subject.into() };
    let role: Text = ["DEV", "QA", "ARCHITECT", "DEVOPS", "DATA"][(n % 5) as usize].into();
    let at = Timestamp::from_nanos((SPAN_NS as f64 * (n as f64 / total as f64)) as i64);
    let ids = Ids {
        story: Some(story.clone()),
        task: Some(format!("T-{:08x}-1111-4222-8333-{:012x}", n / 3, n / 3).into()),
        agent: Some(format!("agent-{}-{:03}", role.to_lowercase(), n % 3 + 1).into()),
        role: Some(role),
        ..Ids::default()
    };
    let message = Message {
        source: Source::Nats,
        stream: load::STREAM.into(),
        incarnation: 0,
        stream_seq: n + 1,
        subject: event_type.clone(),
        event_type,
        stored: at,
        received: at,
        size: body.len() as u32,
        form: Form::Envelope,
        producer: Some("ray-executor".into()),
        producer_inferred: false,
        message_id: None,
        traceparent: None,
        claimed: None,
        facts: Facts::default(),
        undecodable: None,
        payload: Payload { bytes: body.into_bytes().into(), truncated: false, masked: 0 },
        observed: None,
    };
    let resolved = Resolved {
        ids,
        trace: Some(TraceKey::story(&story)),
        summary: "an agent answered in 4.2 s".into(),
        ..Resolved::default()
    };
    Record { seq: n + 1, at, body: Body::Message(Box::new(message), Box::new(resolved)), spans: vec![], links: vec![] }
}
