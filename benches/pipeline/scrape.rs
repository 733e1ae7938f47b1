//! `/metrics` with many series: how long a page takes, and what being scraped costs.

use std::time::{Duration, Instant};

use anyhow::Result;
use async_nats::jetstream;

use super::backend::Backend;
use super::daemon::Daemon;
use super::report::{Report, percentile, series};
use super::server::Server;
use super::{load, share};

const EVENTS: u64 = 300_000;
const STORIES: u64 = 2_700;
const SCRAPES: usize = 200;
/// Pairs of drains: two per cent are less than one drain differs from the next.
const ROUNDS: usize = 7;
/// Fifteen series each: a count, and the histogram of sizes. Within the bounds of labels (100 types, 50 producers).
const TYPES: u64 = 30;
const PRODUCERS: u64 = 20;
/// Some seven series each, within the bounds of labels (200 agents, 50 councils).
const AGENTS: u64 = 100;
const COUNCILS: u64 = 10;

pub(crate) async fn run(report: &mut Report) -> Result<()> {
    let events = share(EVENTS);
    report.line(format!("\n## Scrapes: {events} events drained with and without one a second"));
    let server = Server::start().await?;
    let js = jetstream::new(async_nats::connect(&server.url).await?);
    load::stream(&js, load::STREAM, "agent.>").await?;
    load::publish(&js, (0..TYPES * PRODUCERS).map(of_a_type).chain((0..AGENTS).map(of_an_agent))).await?;
    load::fill(&js, events, STORIES).await?;
    let all = TYPES * PRODUCERS + AGENTS + events;
    pages(report, &server.url, all).await?;

    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Which comes first changes, so that what the machine does meanwhile falls on both.
        for scraped in [round % 2 == 0, round % 2 == 1] {
            let run = drain(&server.url, all, scraped).await?;
            if scraped { with.push(run) } else { without.push(run) }
        }
        report.line(format!(
            "round {}: {:.1} k/s scraped, {:.1} k/s not",
            round + 1,
            with[round].0 / 1e3,
            without[round].0 / 1e3
        ));
    }
    let over = |of: fn(&(f64, f64)) -> f64| with.iter().zip(&without).map(|(a, b)| of(a) / of(b)).collect::<Vec<_>>();
    report.line(format!("drain, scraped over not: {} (at least 0.98)", series(&over(|run| run.0), "×")));
    report.line(format!("CPU of the daemon, scraped over not: {}", series(&over(|run| run.1), "×")));
    Ok(())
}

/// A message of one of the types, by one of the producers.
fn of_a_type(n: u64) -> (String, String) {
    let (kind, producer) = (n % TYPES, n / TYPES);
    let letter = |n: u64| char::from(b'a' + (n % 26) as u8);
    let (_, body) = load::message(n, STORIES);
    // A word without digits: a token that looks like an id would become `*`.
    let subject = format!("agent.bench.{}{}", letter(kind / 26), letter(kind));
    (subject, body.replace("ray-executor", &format!("service-{producer}")))
}

/// An answer of one of the agents.
fn of_an_agent(n: u64) -> (String, String) {
    let (subject, body) = load::message(n * 15, STORIES);
    let council = n % COUNCILS;
    let body = body.replace("agent-dev-001", &format!("agent-c{council}-{n:03}"));
    (subject.to_owned(), body.replace("\"DEV\"", &format!("\"COUNCIL{council}\"")))
}

/// Time of a page over one connection that stays open, as a scraper has it.
async fn pages(report: &mut Report, nats: &str, all: u64) -> Result<()> {
    let backend = Backend::start().await?;
    let daemon = Daemon::start(nats, Some(&backend.url))?;
    backend.reached(all).await?;
    let client = reqwest::Client::new();
    let (mut times, mut page) = (Vec::new(), String::new());
    for _ in 0..SCRAPES {
        let began = Instant::now();
        page = scrape(&client, &daemon.http).await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let count = page.lines().filter(|line| !line.starts_with('#')).count();
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    report.line(format!(
        "a page of {count} series, {} KiB: p50 {p50:.1} ms, p99 {p99:.1} ms, n={SCRAPES} (at most 50, aim 20)",
        page.len() >> 10
    ));
    Ok(())
}

async fn scrape(client: &reqwest::Client, http: &str) -> Result<String> {
    Ok(client.get(format!("http://{http}/metrics")).send().await?.error_for_status()?.text().await?)
}

/// A daemon on a fresh journal until the backend has the publish span of every event: events a second, CPU seconds.
async fn drain(nats: &str, all: u64, scraped: bool) -> Result<(f64, f64)> {
    let backend = Backend::start().await?;
    let began = Instant::now();
    let daemon = Daemon::start(nats, Some(&backend.url))?;
    let http = daemon.http.clone();
    let scraping = scraped.then(|| {
        tokio::spawn(async move {
            let client = reqwest::Client::new();
            let mut every = tokio::time::interval(Duration::from_secs(1));
            loop {
                every.tick().await;
                // The first one may come before the daemon listens.
                drop(scrape(&client, &http).await);
            }
        })
    });
    backend.reached(all).await?;
    let run = (all as f64 / began.elapsed().as_secs_f64(), daemon.cpu());
    if let Some(scraping) = scraping {
        scraping.abort();
    }
    Ok(run)
}
