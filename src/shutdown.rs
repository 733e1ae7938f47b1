//! Signals → an orderly end.
//! Takes: SIGINT, SIGTERM. Gives: a cancelled token; a second signal aborts the process.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first SIGINT or SIGTERM. At the second the process is aborted: whoever asks twice means it,
/// and the journal is crash-safe.
pub fn on_signal(stop: CancellationToken) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        for asked in 0.. {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            };
            if asked > 0 {
                tracing::warn!(signal = name, "second signal: aborting");
                std::process::abort();
            }
            tracing::info!(signal = name, "stopping; a second signal aborts");
            stop.cancel();
        }
    });
    Ok(())
}
