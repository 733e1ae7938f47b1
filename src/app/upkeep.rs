//! What has to be done now and then: retention, and gauges nobody else sets.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::model::Timestamp;

/// How often.
const EVERY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Context {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stop: CancellationToken,
}

/// Until told to stop.
pub(super) async fn run(context: Context) -> Result<()> {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            _ = every.tick() => {}
        }
        let (journal, metrics) = (Arc::clone(&context.journal), Arc::clone(&context.metrics));
        tokio::task::spawn_blocking(move || look_after(&*journal, &metrics)).await?;
    }
}

fn look_after(journal: &dyn Journal, metrics: &Metrics) {
    loop {
        match journal.retain(Timestamp::now()) {
            Ok(expired) => {
                metrics.journal.expired.with_label_values(&["age"]).inc_by(expired.by_age);
                metrics.journal.expired.with_label_values(&["bytes"]).inc_by(expired.by_bytes);
                if expired.by_age + expired.by_bytes == 0 {
                    break;
                }
            }
            Err(error) => {
                metrics.journal.errors.with_label_values(&[error.reason()]).inc();
                tracing::warn!(error = &error as &dyn std::error::Error, "old entries cannot be removed");
                break;
            }
        }
    }
    if let Ok(stats) = journal.stats() {
        let held = if stats.first_seq == 0 { 0 } else { stats.last_seq + 1 - stats.first_seq };
        metrics.journal.entries.with_label_values::<&str>(&[]).set(held as f64);
        metrics.journal.bytes.with_label_values::<&str>(&[]).set(stats.bytes as f64);
        if let Some(oldest) = stats.oldest {
            metrics.journal.oldest.with_label_values::<&str>(&[]).set(oldest.seconds());
        }
    }
    if let Some((resident, anonymous)) = memory() {
        metrics.process.resident.with_label_values::<&str>(&[]).set(resident);
        metrics.process.anonymous.with_label_values::<&str>(&[]).set(anonymous);
    }
}

/// Resident and anonymous memory in bytes, by `/proc/self/status`.
fn memory() -> Option<(f64, f64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find(|l| l.starts_with(name))?;
        Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? * 1024.0)
    };
    Some((field("VmRSS:")?, field("RssAnon:")?))
}
