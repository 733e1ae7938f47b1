//! Real servers on 127.0.0.1: found, started on a free port, killed by their own pid.

pub(crate) mod nats;
pub(crate) mod proxy;

use std::future::Future;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// A port nobody listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Waits until `look` gives something; fails the test after `bound`.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    bound: Duration,
    mut look: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + bound;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "waited {bound:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
