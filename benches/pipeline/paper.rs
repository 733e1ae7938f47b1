//! Reports: how long one of a story takes, read from a journal that holds many others, and in how much memory.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use fleetscope::journal::embedded::Embedded;
use fleetscope::journal::{Commit, Journal};
use fleetscope::model::{Body, Record, TraceKey};

use super::history::record;
use super::report::Report;

/// Events of the story, and of the journal it is in.
const EVENTS: u64 = 10_000;
const TOTAL: u64 = 100_000;
const BATCH: u64 = 2_000;
const STORY: &str = "s-paper";
const ROUNDS: usize = 5;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let journal = Embedded::open(folder.path(), Duration::from_hours(24 * 30), 64 << 30)?;
    report.line(format!("\n## Report of a story of {EVENTS} events, in a journal of {TOTAL}"));
    for from in (0..TOTAL).step_by(BATCH as usize) {
        let records: Vec<Arc<Record>> = (from..from + BATCH).map(|n| Arc::new(one(n))).collect();
        journal.append(&Commit { records: &records, ..Commit::default() })?;
    }
    drop(journal);
    for format in ["html", "pdf"] {
        let mut times = Vec::new();
        let (mut bytes, mut peak) = (0, 0.0_f64);
        for _ in 0..ROUNDS {
            let (took, size, memory) = by_command(folder.path(), format)?;
            times.push(took.as_secs_f64());
            (bytes, peak) = (size, peak.max(memory));
        }
        times.sort_by(f64::total_cmp);
        report.line(format!(
            "{format}: {:.2} s ({:.2} to {:.2}), start of the program included; {:.1} MB, {peak:.0} MiB at most",
            times[ROUNDS / 2],
            times[0],
            times[ROUNDS - 1],
            bytes as f64 / 1e6,
        ));
    }
    Ok(())
}

/// Every tenth entry is the story's.
fn one(n: u64) -> Record {
    let mut record = record(n, TOTAL);
    if n.is_multiple_of(TOTAL / EVENTS)
        && let Body::Message(_, resolved) = &mut record.body
    {
        resolved.ids.story = Some(STORY.into());
        resolved.trace = Some(TraceKey::story(STORY));
    }
    record
}

/// How long the command takes, what it gives, and the most memory it had, in MiB.
fn by_command(folder: &std::path::Path, format: &str) -> Result<(Duration, usize, f64)> {
    let began = Instant::now();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_fleetscope"))
        .args(["report", "story", STORY, "--output", "-", "--format", format, "--journal"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut from = child.stdout.take().context("a pipe")?;
    // Nobody reads more than a pipe holds until the first look: by then it has its report in memory.
    let mut file = vec![0; 1];
    std::io::Read::read_exact(&mut from, &mut file)?;
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib = line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0);
    std::io::Read::read_to_end(&mut from, &mut file)?;
    anyhow::ensure!(child.wait()?.success(), "the report failed");
    Ok((began.elapsed(), file.len(), kib / 1024.0))
}
