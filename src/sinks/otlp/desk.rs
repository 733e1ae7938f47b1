//! Where batches become deliveries.
//! Takes: passes to draw from. Gives: deliveries under way, bounded in number. Never: looks at what became of one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::deliver::{Delivered, Post};
use super::ledger::Ledger;
use super::pass::Pass;
use super::signal::Meter;
use crate::model::Seq;

/// How long spans wait for company.
pub(super) const LINGER: Duration = Duration::from_millis(20);
/// How long to leave the journal alone after it failed.
const JOURNAL_REST: Duration = Duration::from_secs(1);

/// Deliveries in doubt that are held besides: each keeps its batch in memory.
const MOST_IN_DOUBT: usize = 64;

/// A batch done with: pass, number, last record, what became of it.
pub(super) type Done = (u64, u64, Seq, Delivered);

/// Deliveries under way, and the ledger they are entered in.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) post: Arc<Post>,
    pub(super) meter: Meter,
    pub(super) ledger: Ledger,
    pub(super) tasks: JoinSet<Done>,
    /// Most deliveries under way, held ones included.
    pub(super) most: usize,
    /// The journal is left alone until then.
    pub(super) rest_until: Option<Instant>,
    /// Stopped in the middle of a batch: nothing more is sent.
    pub(super) halted: bool,
}

impl Desk {
    /// Whether another delivery may begin. Those that wait for proof about spans that were refused take no place of the
    /// others: it is others that bring the proof.
    pub(super) fn has_room(&self) -> bool {
        let in_doubt = self.post.in_doubt.load(Ordering::Relaxed).min(MOST_IN_DOUBT);
        self.tasks.len() < self.most + in_doubt && !self.ledger.is_full() && self.rest_until.is_none()
    }

    /// Starts deliveries of `pass` while there is room and something to send.
    pub(super) async fn draw(&mut self, pass: &mut Pass, linger: Duration) {
        while self.has_room() && !self.halted {
            let drawn = pass.next(&mut self.ledger).await;
            for (seq, id, why) in std::mem::take(&mut pass.flawed) {
                self.halted |= !self.post.letters.keep(seq, id, why, &self.post.stop).await;
            }
            match drawn {
                Ok(Some((number, batch))) => {
                    if pass.end.is_some() {
                        let resent = self.meter.resent.with_label_values(&["backend_restart"]);
                        resent.inc_by(batch.items.len() as u64);
                    }
                    let (post, id) = (Arc::clone(&self.post), pass.id);
                    self.tasks.spawn(async move { (id, number, batch.upto, post.deliver(&batch).await) });
                }
                Ok(None) if pass.since().is_some_and(|t| t.elapsed() >= linger) => pass.flush(),
                Ok(None) => break,
                Err(e) => {
                    tracing::warn!(error = %e, reason = e.reason(), "the journal cannot be read; trying again");
                    self.rest_until = Some(Instant::now() + JOURNAL_REST);
                }
            }
        }
    }
}
