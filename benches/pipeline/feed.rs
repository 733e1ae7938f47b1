//! Publish → WebSocket client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use async_nats::jetstream;
use futures::{SinkExt, StreamExt};
use parking_lot::Mutex;
use tokio_tungstenite::tungstenite::Message;

use super::daemon::Daemon;
use super::load;
use super::report::{Report, percentile};
use super::server::Server;

const SECONDS: u64 = 10;

pub(crate) async fn run(report: &mut Report) -> Result<()> {
    report.line("\n## Live feed");
    for (clients, rate, stalled) in [(10, 1_000, 0), (50, 10_000, 0), (50, 10_000, 1)] {
        let outcome = measure(clients, rate, stalled).await?;
        report.line(format!(
            "{clients} clients at {rate} events/s{}: p50 {:.1} ms, p99 {:.1} ms; {} gaps told, {} holes unmarked, \
             {} of {} deliveries",
            if stalled > 0 { ", one of them stalled" } else { "" },
            outcome.p50,
            outcome.p99,
            outcome.gaps,
            outcome.holes,
            outcome.seen,
            outcome.expected,
        ));
    }
    Ok(())
}

struct Outcome {
    p50: f64,
    p99: f64,
    gaps: u64,
    holes: u64,
    seen: u64,
    expected: u64,
}

#[derive(Debug, Default)]
struct Counters {
    seen: AtomicU64,
    gaps: AtomicU64,
    holes: AtomicU64,
    latencies: Mutex<Vec<f64>>,
}

async fn measure(clients: u64, rate: u64, stalled: u64) -> Result<Outcome> {
    let server = Server::start().await?;
    let js = jetstream::new(async_nats::connect(&server.url).await?);
    load::stream(&js, load::STREAM, "agent.>").await?;
    let daemon = Daemon::start(&server.url, None)?;
    daemon.ready().await?;
    let counters = Arc::new(Counters::default());
    let mut tasks = Vec::new();
    for client in 0..clients {
        let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", daemon.http)).await?;
        socket.send(Message::text(r#"{"type":"subscribe","filter":{}}"#)).await?;
        let counters = Arc::clone(&counters);
        tasks.push(tokio::spawn(async move {
            if client < stalled {
                // Connected, and never reads.
                std::future::pending::<()>().await;
            }
            let mut last_stream_seq = 0;
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(text) = message {
                    frame(&text, &counters, &mut last_stream_seq, client == stalled);
                }
            }
        }));
    }
    publish(&js, rate).await?;
    let expected = rate * SECONDS * (clients - stalled);
    let mut quiet = 0;
    let mut last = 0;
    while counters.seen.load(Ordering::Relaxed) < expected && quiet < 50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = counters.seen.load(Ordering::Relaxed);
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
    }
    for task in tasks {
        task.abort();
    }
    let mut latencies = counters.latencies.lock();
    Ok(Outcome {
        p50: percentile(&mut latencies, 0.5),
        p99: percentile(&mut latencies, 0.99),
        gaps: counters.gaps.load(Ordering::Relaxed),
        holes: counters.holes.load(Ordering::Relaxed),
        seen: counters.seen.load(Ordering::Relaxed),
        expected,
    })
}

/// Counts a frame; one client times each entry, so that the measuring does not weigh on the rest.
fn frame(text: &str, counters: &Counters, last: &mut u64, timed: bool) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let Ok(frame) = serde_json::from_str::<serde_json::Value>(text) else { return };
    match frame["type"].as_str() {
        Some("gap") => {
            counters.gaps.fetch_add(1, Ordering::Relaxed);
            *last = 0;
        }
        Some("events") => {
            let items = frame["items"].as_array().or_else(|| frame["events"].as_array());
            for event in items.into_iter().flatten() {
                counters.seen.fetch_add(1, Ordering::Relaxed);
                let seq = event["id"].as_str().and_then(|id| id.rsplit(':').next()?.parse::<u64>().ok()).unwrap_or(0);
                if *last > 0 && seq != *last + 1 {
                    counters.holes.fetch_add(1, Ordering::Relaxed);
                }
                *last = seq;
                let stored = event["timestamp"].as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok());
                if let (true, Some(stored)) = (timed, stored) {
                    counters.latencies.lock().push((now - stored.as_nanosecond() as f64 / 1e9) * 1e3);
                }
            }
        }
        _ => {}
    }
}

/// Publishes at a steady rate for the time of the measurement.
async fn publish(js: &jetstream::Context, rate: u64) -> Result<()> {
    let mut every = tokio::time::interval(Duration::from_millis(5));
    let per_tick = rate / 200;
    let mut n = 0;
    for _ in 0..SECONDS * 200 {
        every.tick().await;
        for _ in 0..per_tick {
            let (subject, body) = load::message(n, 500);
            let ack = js.publish(subject, body.into()).await?;
            tokio::spawn(async move { drop(ack.await) });
            n += 1;
        }
    }
    Ok(())
}
