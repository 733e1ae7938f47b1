//! What an interruption costs: the daemon killed, and the trace backend away.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use async_nats::jetstream;

use super::backend::Backend;
use super::daemon::Daemon;
use super::report::{Report, percentile};
use super::server::Server;
use super::traffic::{Live, Traffic};
use super::{load, number, share};

const FILLED: u64 = 500_000;
const KILLS: usize = 10;
/// Events a second while the daemon is killed.
const KILLED_AT: u64 = 1_000;
/// Events a second while the backend is away.
const AWAY_AT: u64 = 5_000;
/// Live traffic before the outage: as long as a simulated story takes, so that as many are live as ever will be.
const WARM_UP: u64 = 90;
/// Of these, the last ones say what memory is without an outage.
const MEMORY_OF: u64 = 10;
const LOOK: Duration = Duration::from_millis(20);

pub(crate) async fn run(report: &mut Report) -> Result<()> {
    kills(report).await?;
    outage(report).await
}

async fn kills(report: &mut Report) -> Result<()> {
    let filled = share(FILLED);
    report.line(format!(
        "\n## Kill: {filled} events in the journal, {KILLED_AT} events/s live; rounds are a settle time apart"
    ));
    let server = Server::start().await?;
    let js = jetstream::new(async_nats::connect(&server.url).await?);
    load::fleet_stream(&js).await?;
    let mut traffic = Traffic::new(js);
    traffic.fill(filled).await?;
    let backend = Backend::watching().await?;
    let mut daemon = Daemon::start(&server.url, Some(&backend.url))?;
    daemon.ready().await?;
    backend.reached(filled / 100 * 98).await?;
    let live = traffic.live(KILLED_AT);
    let mut times = Vec::new();
    for round in 1..=KILLS {
        newer_than(&backend, now() - 500_000_000).await?;
        // What is not settled is sent again after a kill, so a round must not inherit that of the round before.
        settled(&daemon).await?;
        // Not always equally long after a snapshot.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1_000..5_000))).await;
        newer_than(&backend, now() - 500_000_000).await?;
        let began = Instant::now();
        daemon.kill()?;
        let killed = now();
        daemon.restart()?;
        newer_than(&backend, killed).await?;
        times.push(began.elapsed().as_secs_f64());
        report.line(format!("round {round}: {:.2} s", times[round - 1]));
    }
    live.stop().await?;
    let (p50, max) = (percentile(&mut times, 0.5), percentile(&mut times, 1.0));
    report.line(format!(
        "kill -9 to the first span of a message published after it: p50 {p50:.2} s, max {max:.2} s, n={KILLS} \
         (at most 2, aim 1)"
    ));
    Ok(())
}

/// Nanoseconds since 1970: the server is on this machine, so its stored times are of the same clock.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// Waits until the spans of so far are settled: what is not settled then is of the settle time just gone by.
async fn settled(daemon: &Daemon) -> Result<()> {
    let line = |outcome: &str| format!("fleetscope_spans_total{{outcome=\"{outcome}\"}}");
    let created = daemon.sample(&line("created")).await?;
    let began = Instant::now();
    loop {
        let mut done = 0.0;
        for outcome in ["exported", "dead_lettered", "skipped"] {
            done += daemon.sample(&line(outcome)).await?;
        }
        if done >= created {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < Duration::from_mins(2), "{done} of {created} spans are settled");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until the backend has the publish span of a message stored after this.
async fn newer_than(backend: &Backend, nanos: u64) -> Result<()> {
    let began = Instant::now();
    while backend.newest() <= nanos {
        anyhow::ensure!(began.elapsed() < Duration::from_mins(2), "no new span for two minutes");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// A fleet, the daemon and a backend that goes away.
struct Scene {
    backend: Backend,
    daemon: Daemon,
    live: Live,
    /// Most anonymous memory seen since the outage began.
    peak: f64,
}

impl Scene {
    /// Messages whose publish span the backend has or never gets, as they name nothing to hang it on.
    async fn settled(&self) -> Result<u64> {
        let skipped = self.daemon.sample("fleetscope_spans_total{outcome=\"skipped\"}").await?;
        Ok(self.backend.published() + skipped as u64)
    }

    fn look(&mut self) -> f64 {
        let (anonymous, _) = self.daemon.memory();
        self.peak = self.peak.max(anonymous);
        anonymous
    }

    /// Looks at memory for so many seconds; gives what was seen.
    async fn spend(&mut self, seconds: u64) -> Vec<f64> {
        let (mut seen, began) = (Vec::new(), Instant::now());
        while began.elapsed() < Duration::from_secs(seconds) {
            seen.push(self.look());
            tokio::time::sleep(LOOK).await;
        }
        seen
    }
}

async fn outage(report: &mut Report) -> Result<()> {
    let away: u64 = number("FLEETSCOPE_BENCH_OUTAGE_S", 60);
    report.line(format!("\n## Catch-up: {away} s without a trace backend at {AWAY_AT} events/s"));
    let server = Server::start().await?;
    let js = jetstream::new(async_nats::connect(&server.url).await?);
    load::fleet_stream(&js).await?;
    let backend = Backend::watching().await?;
    let daemon = Daemon::start(&server.url, Some(&backend.url))?;
    daemon.ready().await?;
    let mut scene = Scene { backend, daemon, live: Traffic::new(js.clone()).live(AWAY_AT), peak: 0.0 };
    let warm_up = share(WARM_UP).max(MEMORY_OF);
    scene.spend(warm_up - MEMORY_OF).await;
    let before = percentile(&mut scene.spend(MEMORY_OF).await, 0.5);
    report.line(format!(
        "after {warm_up} s: {} published, {} accepted or skipped, {before:.1} MiB",
        scene.live.published(),
        scene.settled().await?
    ));

    scene.peak = 0.0;
    scene.backend.down().await;
    for spent in (0..away).step_by(30) {
        scene.spend(30.min(away - spent)).await;
        let behind = scene.live.published().saturating_sub(scene.settled().await?);
        report.line(format!("backend away: {behind} events behind, peak {:.1} MiB", scene.peak));
    }
    let grown = scene.peak - before;
    let rate = catch_up(report, &mut scene, away).await?;
    report.line(format!("accepted over live: {:.1}× (at least 5, aim 10)", rate / AWAY_AT as f64));
    report.line(format!(
        "anonymous memory over {before:.1} MiB before: {grown:+.1} MiB away, {:+.1} MiB until caught up (at most 32)",
        scene.peak - before
    ));
    lost(report, scene, &js).await
}

/// From the backend's return until no more than half a second of events is behind: publish spans accepted a second.
async fn catch_up(report: &mut Report, scene: &mut Scene, away: u64) -> Result<f64> {
    let (had, live, began) = (scene.backend.published(), scene.live.published(), Instant::now());
    scene.backend.up().await?;
    let (mut first, mut told) = (None, 0);
    loop {
        scene.look();
        if first.is_none() && scene.backend.published() > had {
            first = Some(began.elapsed().as_secs_f64());
        }
        let behind = scene.live.published().saturating_sub(scene.settled().await?);
        // Looked at together, after the page that was waited for.
        let (accepted, took) = (scene.backend.published() - had, began.elapsed().as_secs_f64());
        if took as u64 / 10 > told {
            told = took as u64 / 10;
            report.line(format!("catching up for {took:.0} s: {behind} events behind"));
        }
        if behind <= AWAY_AT / 2 {
            report.line(format!(
                "caught up after {took:.1} s, the first span after {:.1} s; {accepted} accepted, {:.0} events/s live",
                first.unwrap_or(f64::NAN),
                (scene.live.published() - live) as f64 / took
            ));
            return Ok(accepted as f64 / took);
        }
        anyhow::ensure!(took < (away * 5 + 120) as f64, "still {behind} events behind after {took:.0} s");
        tokio::time::sleep(LOOK * 5).await;
    }
}

/// Ends the traffic and waits for what is under way.
async fn lost(report: &mut Report, scene: Scene, js: &jetstream::Context) -> Result<()> {
    let Scene { backend, daemon, live, .. } = scene;
    live.stop().await?;
    let stored = js.get_stream(load::FLEET).await?.get_info().await?.state.messages;
    let began = Instant::now();
    loop {
        let skipped = daemon.sample("fleetscope_spans_total{outcome=\"skipped\"}").await? as u64;
        let accepted = backend.published();
        if accepted + skipped >= stored || began.elapsed() > Duration::from_mins(1) {
            report.line(format!(
                "published {stored} = accepted {accepted} + skipped {skipped} + lost {} (0)",
                stored as i64 - (accepted + skipped) as i64
            ));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
