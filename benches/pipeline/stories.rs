//! Memory over many stories: it must not grow with the number the fleet has ever had.

use std::time::{Duration, Instant};

use anyhow::Result;
use async_nats::jetstream;
use tokio::sync::watch;

use super::backend::Backend;
use super::daemon::Daemon;
use super::report::Report;
use super::server::Server;
use super::{load, share};

const STORIES: u64 = 1_000_000;
/// Two of each story, a million messages apart.
const MESSAGES: u64 = 2 * STORIES;
/// Memory over these first stories is what later memory is compared with.
const FIRST: u64 = 100_000;
/// How far publishing may be ahead of what the backend has: all the time the daemon is as busy as it can be, and the
/// server is not, after a while, done.
const AHEAD: u64 = 50_000;
const PIECE: u64 = 10_000;

pub(crate) async fn run(report: &mut Report) -> Result<()> {
    let (stories, messages, first) = (share(STORIES), share(MESSAGES), share(FIRST));
    report.line(format!("\n## Stories: {messages} messages of {stories} stories"));
    let server = Server::start().await?;
    let js = jetstream::new(async_nats::connect(&server.url).await?);
    load::stream(&js, load::STREAM, "agent.>").await?;
    let backend = Backend::start().await?;
    let daemon = Daemon::start(&server.url, Some(&backend.url))?;
    daemon.ready().await?;
    let (progress, told) = watch::channel(0);
    let filling = tokio::spawn(fill(js, messages, stories, told));

    let (mut at_first, mut at_last, mut peak) = (0.0_f64, 0.0_f64, 0.0_f64);
    let (began, mut last, mut moved, mut said) = (Instant::now(), 0, Instant::now(), 0);
    while last < messages {
        let done = backend.published();
        let (anonymous, _) = daemon.memory();
        peak = peak.max(anonymous);
        if done < first {
            at_first = at_first.max(anonymous);
        }
        if done + first >= messages {
            at_last = at_last.max(anonymous);
        }
        if done > last {
            (last, moved) = (done, Instant::now());
        }
        anyhow::ensure!(moved.elapsed() < Duration::from_mins(1), "the backend has {done} of {messages} spans");
        if done * 10 / messages > said {
            said = done * 10 / messages;
            report.line(format!("{done} messages in {:.0} s: {anonymous:.1} MiB", began.elapsed().as_secs_f64()));
        }
        progress.send_replace(done);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    filling.await??;
    report.line(format!(
        "anonymous memory, peak: {at_first:.1} MiB over the first {first} stories, {at_last:.1} MiB over the last, \
         {peak:.1} MiB of all"
    ));
    report.line(format!(
        "last over first: {:.2}×, highest over first: {:.2}× (at most 1.25, aim 1.1)",
        at_last / at_first,
        peak / at_first
    ));
    let evicted = daemon.sample("fleetscope_correlate_evicted_total").await?;
    report.line(format!("{evicted:.0} pieces of state given up to stay within bounds"));
    Ok(())
}

/// Publishes as fast as the server takes it, never too far ahead.
async fn fill(js: jetstream::Context, messages: u64, stories: u64, mut progress: watch::Receiver<u64>) -> Result<()> {
    for from in (0..messages).step_by(PIECE as usize) {
        progress.wait_for(|done| from <= done + AHEAD).await?;
        load::fill_from(&js, from, (from + PIECE).min(messages), stories).await?;
    }
    Ok(())
}
