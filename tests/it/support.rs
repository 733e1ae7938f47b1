//! What several integration tests need: the daemon as a process, a trace backend that judges, a journal in memory, and
//! how to wait.

pub(crate) mod backend;
pub(crate) mod daemon;
pub(crate) mod memory;
pub(crate) mod stories;
pub(crate) mod tool;

use std::future::Future;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fleetscope::correlate::{LlmSettings, Settings};

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

/// What correlation is told where a test does not care.
pub(crate) fn settings() -> Settings {
    Settings {
        silent_after: Duration::from_secs(30),
        idle_after: Duration::from_mins(1),
        timeout: Duration::from_mins(5),
        derive_timeout: Duration::from_mins(2),
        open_span_max: Duration::from_mins(5),
        trace_bytes: 4 << 20,
        max_stories: 1_000,
        llm: LlmSettings::default(),
    }
}

/// A port for a server that cannot be asked which one it took. Below those the system gives to whoever asks for any, or
/// to whoever connects, so that it stays free until the server listens; and each only once.
pub(crate) fn free_port() -> u16 {
    const FROM: u32 = 15_000;
    const COUNT: u32 = 16_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Where two test runs meet they do not begin with the same ones.
    let begin = std::process::id().wrapping_mul(97);
    let next = || FROM + (begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed))) % COUNT;
    let ports = std::iter::repeat_with(next).take(COUNT as usize).map(|port| port as u16);
    let is_free = |port: &u16| ["127.0.0.1", "127.0.0.2"].iter().all(|host| TcpListener::bind((*host, *port)).is_ok());
    ports.into_iter().find(is_free).expect("a free port")
}
