//! The daemon's own log.

use std::io::IsTerminal;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat, Telemetry};

/// Flushes when dropped.
#[derive(Debug)]
pub struct Guard;

/// Starts logging to standard error.
pub fn start(log: &Log, telemetry: &Telemetry) -> anyhow::Result<Guard> {
    let filter = EnvFilter::try_new(&log.filter).context("log.filter")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = telemetry;
    match log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(Guard)
}
