//! Room for a batch at ingest: a full channel makes sources wait, and a source that is to end waits no more.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::Batch;

/// Ingest is gone, or takes nothing more although the source is to end.
#[derive(Debug)]
pub(super) struct Gone;

/// Room for a batch. Told to stop, it waits for none: a journal that refuses must not hold up the end.
pub(super) async fn room<'a>(
    sender: &'a mpsc::Sender<Batch>,
    stop: &CancellationToken,
) -> Result<mpsc::Permit<'a, Batch>, Gone> {
    tokio::select! {
        biased;
        room = sender.reserve() => room.map_err(|_| Gone),
        () = stop.cancelled() => Err(Gone),
    }
}
