//! An export from a daemon.
//! Takes: its address and a token. Gives: what it sends, as it comes. Never: holds more than a piece of it.

use std::io::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::checked::Checked;
use super::part::Out;
use super::{Job, term};
use crate::cli::daemon::{Address, Daemon};

/// Longest silence: a filter that hardly anything fits is looked for through all of the history.
const SILENCE: Duration = Duration::from_mins(5);

/// Bytes after which progress is told.
const STEP: u64 = 1 << 20;

/// Gives the number of entries, where the daemon could tell it.
pub(super) fn fetch(
    address: &Address,
    job: &Job,
    to: &mut Checked<Out>,
    progress: &mut term::Progress,
) -> anyhow::Result<Option<u64>> {
    // First: it brings what TLS needs.
    let runtime = crate::cli::runtime()?;
    let daemon = Daemon::new(address)?;
    let fetched = runtime.block_on(stream(&daemon, &query(job), to, progress));
    runtime.shutdown_timeout(crate::cli::LEAVE);
    fetched
}

fn query(job: &Job) -> Vec<(&'static str, String)> {
    let mut query = vec![("format", job.format.name().to_owned())];
    query.extend(job.pairs.iter().cloned());
    query.extend(job.payload.iter().map(|payload| ("payload", payload.clone())));
    if job.from > 0 {
        query.push(("from", job.from.to_string()));
    }
    query
}

async fn stream(
    daemon: &Daemon,
    query: &[(&str, String)],
    to: &mut Checked<Out>,
    progress: &mut term::Progress,
) -> anyhow::Result<Option<u64>> {
    let silent = "the daemon fell silent";
    let answer = timeout(SILENCE, daemon.ask("api/export", query, "*/*")).await.context(silent)??;
    let answer: http::Response<reqwest::Body> = answer.into();
    let (mut body, mut entries, mut told) = (answer.into_body(), None, 0);
    while let Some(frame) = timeout(SILENCE, body.frame()).await.context(silent)? {
        let frame = frame.map_err(reqwest::Error::without_url).context("the connection broke off")?;
        match frame.into_data() {
            Ok(bytes) => {
                to.write_all(&bytes)?;
                if to.bytes() >= told + STEP {
                    told = to.bytes();
                    progress.tell(&format!("{:.1} MB", told as f64 / 1e6));
                }
            }
            Err(frame) => {
                let told = frame.trailers_ref().and_then(|t| t.get("x-fleetscope-entries"));
                entries = told.and_then(|value| value.to_str().ok()?.parse().ok());
            }
        }
    }
    Ok(entries)
}
