//! `make bench`: what Fleetscope costs and gives, beside plain readers, in one run on one machine.
//!
//! Every figure is a median with its spread over interleaved rounds; ratios are taken within a round.

mod backend;
mod daemon;
mod feed;
mod history;
mod load;
mod observer;
mod readers;
mod report;
mod server;
mod stages;
mod throughput;

use report::Report;

/// As the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Which parts to run: all, or those named on the command line (`make bench` runs all).
fn wanted(name: &str) -> bool {
    let named: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    named.is_empty() || named.iter().any(|n| name.contains(n.as_str()))
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
    if wanted("history") {
        history::run(&mut report)?;
    }
    report.save()
}
