//! Exports: how fast, in how much memory, and what commits lose beside a reader that turns every record into JSON.

use std::io::{self, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use fleetscope::journal::embedded::Embedded;
use fleetscope::journal::{Commit, Journal};
use fleetscope::model::Record;

use super::history::record;
use super::number;
use super::report::Report;

const BATCH: u64 = 2_000;
/// Commits timed for each of: alone, beside an export.
const COMMITS: u64 = 200;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let total: u64 = number("FLEETSCOPE_BENCH_ENTRIES", 1_000_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let journal = Embedded::open(folder.path(), Duration::from_hours(24 * 30), 64 << 30)?;
    report.line(format!("\n## Export of {total} entries"));
    for from in (0..total).step_by(BATCH as usize) {
        commit(&journal, from, (from + BATCH).min(total), total)?;
    }
    drop(journal);
    for format in ["ndjson", "json", "csv", "parquet"] {
        let (bytes, took, peak) = by_command(folder.path(), format)?;
        let rate = bytes as f64 / 1e6 / took.as_secs_f64();
        report.line(format!(
            "{format}: {:.0} MB in {:.1} s, {rate:.0} MB/s, {peak:.0} MiB anonymous memory at most",
            bytes as f64 / 1e6,
            took.as_secs_f64(),
        ));
    }
    beside(report, &Embedded::open(folder.path(), Duration::from_hours(24 * 30), 64 << 30)?, total)
}

fn commit(journal: &Embedded, from: u64, to: u64, total: u64) -> Result<()> {
    let records: Vec<Arc<Record>> = (from..to).map(|n| Arc::new(record(n, total))).collect();
    Ok(journal.append(&Commit { records: &records, ..Commit::default() })?)
}

/// What the command gives, how long it takes, and the most memory it has of its own.
fn by_command(folder: &std::path::Path, format: &str) -> Result<(u64, Duration, f64)> {
    let began = Instant::now();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_fleetscope"))
        .args(["export", "--output", "-", "--format", format, "--journal"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut from = child.stdout.take().context("a pipe")?;
    let mut counted = Counted { bytes: 0, next: 0, peak: 0.0, status };
    io::copy(&mut from, &mut counted)?;
    anyhow::ensure!(child.wait()?.success(), "the export failed");
    Ok((counted.bytes, began.elapsed(), counted.peak))
}

/// Counts, and looks at the writer's memory now and then.
struct Counted {
    bytes: u64,
    next: u64,
    peak: f64,
    status: String,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        if self.bytes >= self.next {
            self.next = self.bytes + (16 << 20);
            let status = std::fs::read_to_string(&self.status).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
            let kib = line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0);
            self.peak = self.peak.max(kib / 1024.0);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Commits alone, and beside exports that begin again and again.
fn beside(report: &mut Report, journal: &Embedded, total: u64) -> Result<()> {
    let mut at = total;
    let mut timed = || -> Result<f64> {
        let began = Instant::now();
        for _ in 0..COMMITS {
            commit(journal, at, at + BATCH, total)?;
            at += BATCH;
        }
        Ok((COMMITS * BATCH) as f64 / began.elapsed().as_secs_f64())
    };
    timed()?;
    let alone = timed()?;
    let stop = AtomicBool::new(false);
    let beside_it = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let what =
                    fleetscope::journal::Export { scope: fleetscope::journal::Scope::Records, ..Default::default() };
                let mut line = Vec::new();
                let mut each = |record: Arc<Record>| {
                    line.clear();
                    let _ = serde_json::to_writer(&mut line, &*record);
                    !stop.load(Ordering::Relaxed)
                };
                let _ = journal.export(&what, &mut each);
            }
        });
        let beside_it = timed();
        stop.store(true, Ordering::Relaxed);
        beside_it
    })?;
    report.line(format!(
        "ingest: {:.0} k/s alone, {:.0} k/s beside an export: {:.2} of it",
        alone / 1e3,
        beside_it / 1e3,
        beside_it / alone
    ));
    Ok(())
}
