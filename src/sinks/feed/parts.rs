//! What the feed reads from, and how it reads from what blocks.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::board::Board;
use crate::journal::{Journal, JournalError};
use crate::metrics::Metrics;
use crate::tail::Tail;

/// Journal reads of the feed at a time: the rest of the daemon must not starve behind clients that catch up.
const READS: usize = 8;

/// Shared by the hub and all clients.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) board: Arc<Board>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) metrics: Arc<Metrics>,
    reads: Arc<Semaphore>,
}

impl Parts {
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        board: Arc<Board>,
        tail: Arc<Tail>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        Arc::new(Self { journal, board, tail, metrics, reads: Arc::new(Semaphore::new(READS)) })
    }

    /// Runs `work` where blocking is allowed. It keeps its place among the reads until it is done, even when its
    /// caller is gone.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let place = Arc::clone(&self.reads).acquire_owned().await.expect("the semaphore is never closed");
        let parts = Arc::clone(self);
        let run = move || {
            let _place = place;
            work(&parts)
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(result) => result,
            Err(failed) => Err(JournalError::Engine(failed.into())),
        }
    }

    /// Counts events not sent to a slow client.
    pub(crate) fn dropped(&self, events: u64) {
        if events > 0 {
            self.metrics.feed.dropped.with_label_values(&["slow"]).inc_by(events);
        }
    }
}
