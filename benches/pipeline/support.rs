//! What the servers of the integration tests need, which are started here too.

use std::future::Future;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// A port nobody listens on now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

/// Waits until `look` holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, bound: Duration, mut look: impl FnMut() -> F) {
    let end = Instant::now() + bound;
    while !look().await {
        assert!(Instant::now() < end, "not within {bound:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
