//! Dead letters: spans, or log records, the backend refuses for good are kept in the journal, and told of now and then.
//! Takes: a span's origin and the reason. Gives: whether it is kept. Never: lets a span go before it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::answer::tidy;
use super::retry::Backoff;
use super::signal::{ItemId, Signal};
use crate::journal::{DeadLetter, Journal, JournalError};
use crate::model::{Seq, Text, Timestamp};

/// Least time between two log lines about dead letters.
const INTERVAL: Duration = Duration::from_secs(10);

/// Keeps dead letters.
#[derive(Debug)]
pub(super) struct Letters {
    journal: Arc<dyn Journal>,
    signal: Signal,
    told: Mutex<(Option<Instant>, u64)>,
}

impl Letters {
    /// Into `journal`.
    pub(super) fn new(journal: Arc<dyn Journal>, signal: Signal) -> Self {
        Self { journal, signal, told: Mutex::default() }
    }

    /// Keeps one; tries until the journal takes it. `false` = stopped before that.
    pub(super) async fn keep(&self, seq: Seq, id: ItemId, reason: &str, stop: &CancellationToken) -> bool {
        let reason = tidy(reason);
        let letter = DeadLetter {
            seq,
            // A log record has no id of its own: its entry says which it is.
            span_id: if self.signal == Signal::Spans { id.to_string().into() } else { Text::default() },
            reason: reason.as_str().into(),
            at: Timestamp::now(),
        };
        let mut backoff = Backoff::default();
        loop {
            let (journal, letter) = (Arc::clone(&self.journal), letter.clone());
            let kept = tokio::task::spawn_blocking(move || journal.dead_letter(&letter)).await;
            match kept.unwrap_or_else(|e| Err(JournalError::Engine(e.into()))) {
                Ok(()) => break,
                Err(e) => {
                    self.tell(|more| tracing::error!(error = %e, more, "a dead letter cannot be kept; trying again"));
                    tokio::select! {
                        () = tokio::time::sleep(backoff.next()) => {}
                        () = stop.cancelled() => return false,
                    }
                }
            }
        }
        let (backend, item) = (self.signal.backend(), self.signal.item());
        self.tell(|more| tracing::warn!(seq, %id, reason, more, "the {backend} refuses a {item}: dead letter"));
        true
    }

    /// Logs at most once per interval, with the number of lines left out since.
    fn tell(&self, log: impl FnOnce(u64)) {
        let mut told = self.told.lock();
        if told.0.is_some_and(|at| at.elapsed() < INTERVAL) {
            told.1 += 1;
            return;
        }
        let more = std::mem::take(&mut told.1);
        told.0 = Some(Instant::now());
        drop(told);
        log(more);
    }
}
