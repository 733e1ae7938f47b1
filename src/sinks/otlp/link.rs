//! What the connections to the backend say about it, whoever uses them.
//! Takes: refusals and losses. Gives: events in order, and a number that changes with each.
//! Never: decides what they mean (see `ledger`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, watch};

/// What happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkEvent {
    /// It ended. The backend may have restarted, or a proxy may have tidied up.
    Lost,
    /// Nobody listens where the backend was: it is down or restarting.
    Refused,
}

/// Most events waiting; more say nothing new.
const WAITING: usize = 64;

/// Tells the sink what connections see.
#[derive(Clone, Debug)]
pub(super) struct Link {
    events: mpsc::Sender<LinkEvent>,
    refusals: watch::Sender<()>,
    epoch: Arc<AtomicU64>,
}

impl Link {
    /// A link and its events.
    pub(super) fn new() -> (Self, mpsc::Receiver<LinkEvent>) {
        let (events, receiver) = mpsc::channel(WAITING);
        (Self { events, refusals: watch::Sender::new(()), epoch: Arc::default() }, receiver)
    }

    /// Reports. When 64 are waiting the reader is about to hear the same anyway.
    pub(super) fn tell(&self, event: LinkEvent) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        if event == LinkEvent::Refused {
            self.refusals.send_replace(());
        }
        let _full = self.events.try_send(event);
    }

    /// Changes with every event: a request under way while it changed may have reached a backend that is gone.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Tells when a connection is refused.
    pub(super) fn refusals(&self) -> watch::Receiver<()> {
        self.refusals.subscribe()
    }
}
