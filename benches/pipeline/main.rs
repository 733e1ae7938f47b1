//! `make bench`: what Fleetscope costs and gives, beside plain readers, in one run on one machine.
//!
//! Every figure is a median with its spread over interleaved rounds; ratios are taken within a round.
//!
//! Parts: `stages`, `throughput`, `feed`, `observer`, `recovery`, `scrape`, `stories`, `join`, `systems`, `history`,
//! `export`, `paper`; `cargo bench --bench pipeline -- stories scrape` runs those two. `FLEETSCOPE_BENCH_ENTRIES` (1000000) sets the length of the history,
//! `FLEETSCOPE_BENCH_OUTAGE_S` (60) that of the backend's outage; `FLEETSCOPE_BENCH_SHARE` (1) takes a share of the
//! events of `recovery`, `scrape`, `stories` and `systems`, to try them: only figures of the whole count.

mod backend;
mod daemon;
mod export;
mod feed;
mod history;
mod join;
mod load;
mod observer;
mod paper;
mod readers;
mod recovery;
mod report;
mod scrape;
mod server;
mod stages;
mod stories;
mod support;
mod systems;
mod throughput;
mod traffic;

use report::Report;

/// As the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Which parts to run: all, or those named on the command line (`make bench` runs all).
fn wanted(name: &str) -> bool {
    let named: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    named.is_empty() || named.iter().any(|n| name.contains(n.as_str()))
}

/// A number from the environment.
fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

/// The share of a count that is asked for.
fn share(count: u64) -> u64 {
    (count as f64 * number("FLEETSCOPE_BENCH_SHARE", 1.0)) as u64
}

fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::default();
    report.machine();
    if wanted("stages") {
        stages::run(&mut report)?;
    }
    if wanted("throughput") {
        runtime.block_on(throughput::run(&mut report))?;
    }
    if wanted("feed") {
        runtime.block_on(feed::run(&mut report))?;
    }
    if wanted("observer") {
        runtime.block_on(observer::run(&mut report))?;
    }
    if wanted("recovery") {
        runtime.block_on(recovery::run(&mut report))?;
    }
    if wanted("scrape") {
        runtime.block_on(scrape::run(&mut report))?;
    }
    if wanted("stories") {
        runtime.block_on(stories::run(&mut report))?;
    }
    if wanted("join") {
        join::run(&mut report);
    }
    if wanted("systems") {
        runtime.block_on(systems::run(&mut report))?;
    }
    if wanted("systems-large") {
        runtime.block_on(systems::run_large(&mut report))?;
    }
    if wanted("history") {
        history::run(&mut report)?;
    }
    if wanted("export") {
        export::run(&mut report)?;
    }
    if wanted("paper") {
        paper::run(&mut report)?;
    }
    report.save()
}
