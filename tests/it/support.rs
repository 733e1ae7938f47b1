//! What several integration tests need: the daemon as a process, a trace backend that judges, a journal in memory, and
//! how to wait.

pub(crate) mod backend;
pub(crate) mod daemon;
pub(crate) mod memory;
pub(crate) mod stories;
pub(crate) mod tool;

use std::future::Future;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// What can be waited for: that something holds, or that something is found.
pub(crate) trait Awaited {
    type Found;

    fn found(self) -> Option<Self::Found>;
}

impl Awaited for bool {
    type Found = ();

    fn found(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Awaited for Option<T> {
    type Found = T;

    fn found(self) -> Self {
        self
    }
}

/// Waits until `look` holds or gives something; fails the test after `bound`.
pub(crate) async fn until<A: Awaited, F: Future<Output = A>>(
    what: &str,
    bound: Duration,
    mut look: impl FnMut() -> F,
) -> A::Found {
    let end = Instant::now() + bound;
    loop {
        if let Some(found) = look().await.found() {
            return found;
        }
        assert!(Instant::now() < end, "not within {bound:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until `look` gives what is `wanted`, and gives that; fails the test after `bound` with what was seen last.
pub(crate) async fn until_seen<T: std::fmt::Debug, F: Future<Output = T>>(
    what: &str,
    bound: Duration,
    mut look: impl FnMut() -> F,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + bound;
    loop {
        let seen = look().await;
        if wanted(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "not within {bound:?}: {what}; seen last: {seen:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A port nobody listens on now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}
