//! The observer effect: what a fleet-like publisher and its consumer lose while Fleetscope listens, tap included.

use std::time::{Duration, Instant};

use anyhow::Result;
use async_nats::jetstream::{self, consumer};
use futures::StreamExt;

use super::daemon::Daemon;
use super::load;
use super::report::{Report, percentile, series};
use super::server::Server;

const ROUNDS: usize = 3;
const STEADY: u64 = 1_000;
const SECONDS: u64 = 6;
const SATURATED: u64 = 60_000;

#[derive(Debug, Default)]
struct Sample {
    ack_p50: f64,
    ack_p99: f64,
    consumed: f64,
    saturated: f64,
}

pub(crate) async fn run(report: &mut Report) -> Result<()> {
    report.line("\n## Observer effect (publisher and consumer with Fleetscope and its tap, over without)");
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(sample(false).await?);
        with.push(sample(true).await?);
    }
    let ratio = |of: fn(&Sample) -> f64| with.iter().zip(&without).map(|(a, b)| of(a) / of(b)).collect::<Vec<_>>();
    let plain = |of: fn(&Sample) -> f64| without.iter().map(of).collect::<Vec<_>>();
    report.series("publish ack p50 without, 1 k events/s", "ms", &plain(|s| s.ack_p50));
    report.line(format!("publish ack p50: {} (at most 1.10, aim 1.05)", series(&ratio(|s| s.ack_p50), "×")));
    report.line(format!("publish ack p99: {}", series(&ratio(|s| s.ack_p99), "×")));
    report.line(format!("consumer's rate: {} (at least 0.90, aim 0.95)", series(&ratio(|s| s.consumed), "×")));
    report.series("saturated publishing with a consumer, without", "events/s", &plain(|s| s.saturated));
    report.line(format!("saturated publishing: {}", series(&ratio(|s| s.saturated), "×")));
    Ok(())
}

async fn sample(observed: bool) -> Result<Sample> {
    let server = Server::start().await?;
    let js = jetstream::new(async_nats::connect(&server.url).await?);
    load::stream(&js, load::STREAM, "agent.>").await?;
    let daemon = if observed { Some(Daemon::start(&server.url, None)?) } else { None };
    if let Some(daemon) = &daemon {
        daemon.ready().await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let consuming = tokio::spawn(consume(jetstream::new(async_nats::connect(&server.url).await?)));
    let mut latencies = steady(&js).await?;
    let began = Instant::now();
    load::fill(&js, SATURATED, 500).await?;
    let saturated = SATURATED as f64 / began.elapsed().as_secs_f64();
    let (consumed, seconds) = consuming.await??;
    Ok(Sample {
        ack_p50: percentile(&mut latencies, 0.5),
        ack_p99: percentile(&mut latencies, 0.99),
        consumed: consumed as f64 / seconds,
        saturated,
    })
}

/// Publishes at 1 k events/s, waiting for each ack; milliseconds from publish to ack.
async fn steady(js: &jetstream::Context) -> Result<Vec<f64>> {
    let mut every = tokio::time::interval(Duration::from_micros(1_000_000 / STEADY));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut latencies = Vec::new();
    for n in 0..STEADY * SECONDS {
        every.tick().await;
        let (subject, body) = load::message(n, 500);
        let began = Instant::now();
        js.publish(subject, body.into()).await?.await?;
        latencies.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(latencies)
}

/// A durable that acks everything; gives how many and in how many seconds.
async fn consume(js: jetstream::Context) -> Result<(u64, f64)> {
    let stream = js.get_stream(load::STREAM).await?;
    let config =
        consumer::pull::Config { durable_name: Some("orch".into()), max_ack_pending: 5_000, ..Default::default() };
    let consumer = stream.create_consumer(config).await?;
    let mut messages = consumer.messages().await?;
    let began = Instant::now();
    let total = STEADY * SECONDS + SATURATED;
    for _ in 0..total {
        let message = messages.next().await.ok_or_else(|| anyhow::anyhow!("the stream ended"))??;
        message.ack().await.map_err(|e| anyhow::anyhow!("{e}"))?;
    }
    Ok((total, began.elapsed().as_secs_f64()))
}
