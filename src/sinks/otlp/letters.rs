//! Dead letters: spans the backend refuses for good are kept in the journal, and told of now and then.
//! Takes: a span's origin and the reason. Gives: whether it is kept. Never: lets a span go before it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::answer::tidy;
use super::retry::Backoff;
use crate::journal::{DeadLetter, Journal, JournalError};
use crate::model::{Seq, SpanId, Timestamp};

/// Least time between two log lines about dead letters.
const INTERVAL: Duration = Duration::from_secs(10);

/// Keeps dead letters.
#[derive(Debug)]
pub(super) struct Letters {
    journal: Arc<dyn Journal>,
    told: Mutex<(Option<Instant>, u64)>,
}

impl Letters {
    /// Into `journal`.
    pub(super) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, told: Mutex::default() }
    }

    /// Keeps one; tries until the journal takes it. `false` = stopped before that.
    pub(super) async fn keep(&self, seq: Seq, span_id: SpanId, reason: &str, stop: &CancellationToken) -> bool {
        let reason = tidy(reason);
        let letter = DeadLetter {
            seq,
            span_id: span_id.to_string().into(),
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
        self.tell(|more| tracing::warn!(seq, %span_id, reason, more, "the trace backend refuses a span: dead letter"));
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
