//! JetStream → journal committed → spans accepted, over plain readers of the same stream.

use std::time::{Duration, Instant};

use anyhow::Result;
use async_nats::jetstream;

use super::backend::Backend;
use super::daemon::Daemon;
use super::report::{Report, series};
use super::server::Server;
use super::{load, readers};

const EVENTS: u64 = 500_000;
const STORIES: u64 = EVENTS / 110;
const ROUNDS: usize = 3;

pub(crate) async fn run(report: &mut Report) -> Result<()> {
    let server = Server::start().await?;
    let js = jetstream::new(async_nats::connect(&server.url).await?);
    load::fleet_stream(&js).await?;
    let began = Instant::now();
    let size = load::fleet(&js, EVENTS).await?;
    report.line(format!(
        "\n## Throughput: {EVENTS} events of a simulated fleet, {size} B on average, about {STORIES} stories"
    ));
    report.line(format!("publishing them took {:.1} s", began.elapsed().as_secs_f64()));
    let sink = readers::null_sink().await?;
    let mut spans = Vec::new();
    let (mut raw, mut ours, mut post, mut one, mut cpu, mut anon, mut rss, mut server_cpu) =
        (vec![], vec![], vec![], vec![], vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        raw.push(readers::ordered(&js, load::FLEET, EVENTS).await? / 1e3);
        let before = server.cpu();
        let run = pipeline(&server.url).await?;
        server_cpu.push((server.cpu() - before) * 1e6 / EVENTS as f64);
        ours.push(run.rate / 1e3);
        spans.push(run.spans);
        cpu.push(run.cpu_us);
        anon.push(run.anonymous);
        rss.push(run.resident);
        post.push(readers::pull_ack_post(&js, load::FLEET, EVENTS, &sink).await? / 1e3);
        one.push(readers::one_by_one(&js, load::FLEET, 20_000).await? / 1e3);
        report.line(format!("round {}: raw {:.0} k/s, fleetscope {:.0} k/s", round + 1, raw[round], ours[round]));
    }
    report.series("raw ordered drain", "k/s", &raw);
    report.series("fleetscope: journaled and accepted by the backend", "k/s", &ours);
    report.series("pull 2,000 + POST 500 + ack each", "k/s", &post);
    report.series("fetch 1 + ack", "k/s", &one);
    report.series("spans an event", "", &spans);
    let over = |other: &[f64]| ours.iter().zip(other).map(|(a, b)| a / b).collect::<Vec<_>>();
    report.line(format!("ratio to the raw drain: {} (at least 0.40, aim 0.70)", series(&over(&raw), "×")));
    report.line(format!("ratio to pull + POST + ack: {} (at least 1, aim 1.7)", series(&over(&post), "×")));
    report.line(format!("ratio to fetch 1 + ack: {} (at least 9, aim 17)", series(&over(&one), "×")));
    report.series("CPU of the daemon", "µs/event", &cpu);
    report.series("CPU of the server meanwhile", "µs/event", &server_cpu);
    report.series("anonymous memory at full rate, peak (at most 96, aim 64)", "MiB", &anon);
    report.series("resident memory incl. mapped journal, peak", "MiB", &rss);
    Ok(())
}

struct Run {
    spans: f64,
    rate: f64,
    cpu_us: f64,
    anonymous: f64,
    resident: f64,
}

/// A daemon on a fresh journal, from its start until the backend has a span of every event.
async fn pipeline(nats: &str) -> Result<Run> {
    let backend = Backend::start().await?;
    let began = Instant::now();
    let daemon = Daemon::start(nats, Some(&backend.url))?;
    let (mut anonymous, mut resident) = (0.0_f64, 0.0_f64);
    let done = all_exported(&backend, &daemon);
    tokio::pin!(done);
    loop {
        tokio::select! {
            result = &mut done => { result?; break; }
            () = tokio::time::sleep(Duration::from_millis(50)) => {
                let (anon, rss) = daemon.memory();
                anonymous = anonymous.max(anon);
                resident = resident.max(rss);
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let journaled = daemon.sample("fleetscope_events_total{outcome=\"journaled\"").await?;
    anyhow::ensure!(journaled >= EVENTS as f64, "only {journaled} events are in the journal");
    let spans = backend.spans() as f64 / EVENTS as f64;
    Ok(Run { spans, rate: EVENTS as f64 / seconds, cpu_us: daemon.cpu() * 1e6 / EVENTS as f64, anonymous, resident })
}

/// Waits until each event has its publish span at the backend, or was skipped because it names nothing to hang it on.
async fn all_exported(backend: &Backend, daemon: &Daemon) -> Result<()> {
    backend.reached(EVENTS / 100 * 99).await?;
    loop {
        let skipped = daemon.sample("fleetscope_spans_total{outcome=\"skipped\"}").await?;
        if backend.published() + skipped as u64 >= EVENTS {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
