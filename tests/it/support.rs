//! What several integration tests need: the daemon as a process, and a trace backend that judges.

pub(crate) mod backend;
pub(crate) mod daemon;

use std::future::Future;
use std::time::{Duration, Instant};

/// Waits until `condition` holds, at most `bound`; panics with `what` otherwise.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, bound: Duration, mut condition: impl FnMut() -> F) {
    let end = Instant::now() + bound;
    while !condition().await {
        assert!(Instant::now() < end, "not within {bound:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
