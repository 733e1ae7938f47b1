//! What tells a bad span from a bad backend: whether other spans are taken meanwhile.
//! Takes: when a request that was taken had been sent. Gives: whether one was since a refusal, and a wake-up.
//! Never: takes a request without spans for proof.

use std::time::Instant;

use tokio::sync::watch;

/// The newest request with spans that the backend took.
#[derive(Debug)]
pub(super) struct Proof(watch::Sender<Option<Instant>>);

impl Proof {
    /// Of a backend that has taken nothing yet.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Spans sent at `sent` were taken.
    pub(super) fn took(&self, sent: Instant) {
        self.0.send_if_modified(|newest| {
            let newer = newest.is_none_or(|at| at < sent);
            if newer {
                *newest = Some(sent);
            }
            newer
        });
    }

    /// Whether spans sent after `refused` were taken.
    pub(super) fn since(&self, refused: Instant) -> bool {
        self.0.borrow().is_some_and(|sent| sent > refused)
    }

    /// Waits until spans sent after `refused` were taken.
    pub(super) async fn wait(&self, refused: Instant) {
        let seen = |newest: &Option<Instant>| newest.is_some_and(|sent| sent > refused);
        // It fails only when the sender is gone, and `self` is the sender.
        let _gone = self.0.subscribe().wait_for(seen).await.is_err();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_was_sent_after_the_refusal_proves_something() {
        let (proof, refused) = (Proof::new(), Instant::now());
        let (before, after) = (refused.checked_sub(Duration::from_millis(1)), refused + Duration::from_millis(1));
        assert!(!proof.since(refused));
        proof.took(before.expect("a moment ago"));
        assert!(!proof.since(refused), "sent before, answered after");
        proof.took(after);
        proof.took(refused);
        assert!(proof.since(refused) && !proof.since(after));
    }
}
