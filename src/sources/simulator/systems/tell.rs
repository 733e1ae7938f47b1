//! What the simulated model server sends by itself: its spans, and its log.
//! Takes: the systems, where spans are taken, a file. Gives: both, every second. Never: loses a span that was not taken.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::Systems;
use crate::inbox::{Inboxes, Parcel};
use crate::model::Source;

/// How often.
const EVERY: Duration = Duration::from_secs(1);
/// Bytes after which the log is begun anew, the one before being kept.
const MAX_LOG: u64 = 1 << 20;

/// Sends and writes until stopped.
pub async fn tell(systems: Arc<Systems>, inboxes: Arc<Inboxes>, log: &Path, stop: CancellationToken) {
    let mut every = interval(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = send(&systems, &inboxes) => {}
        }
        let lines = systems.0.lock().requests.lines();
        // A log that cannot be written says nothing, as that of any server.
        if let Err(error) = write(log, &lines).await {
            tracing::debug!(%error, "the simulated log is not written");
        }
    }
}

/// Sends what waits; what is refused is sent again with the next.
async fn send(systems: &Systems, inboxes: &Inboxes) {
    loop {
        let export = systems.0.lock().requests.export();
        let Some((count, export)) = export else { return };
        let body = export.encode_to_vec().into();
        let parcel = Parcel { content_type: "application/x-protobuf".to_owned(), body };
        match inboxes.give(Source::Vllm, parcel, "vllm.otlp is off").await {
            Ok(_) => systems.0.lock().requests.sent(count),
            Err(refusal) => {
                tracing::debug!(%refusal, "simulated spans are not taken");
                return;
            }
        }
    }
}

async fn write(log: &Path, lines: &str) -> std::io::Result<()> {
    if tokio::fs::metadata(log).await.is_ok_and(|there| there.len() > MAX_LOG) {
        tokio::fs::rename(log, log.with_extension("log.1")).await?;
    }
    let mut file = tokio::fs::OpenOptions::new().create(true).append(true).open(log).await?;
    file.write_all(lines.as_bytes()).await?;
    file.flush().await
}
