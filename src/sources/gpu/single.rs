//! Calls that block, and may never return.
//! Takes: a call at a time. Gives: its answer. Never: makes a second call while one is still out: each holds a thread that
//! the whole daemon shares.

use futures::FutureExt as _;
use tokio::task::{JoinError, JoinHandle};

use crate::sources::failure::{Failure, reason};

/// The call that is out, if there is one.
#[derive(Debug)]
pub(super) struct Single<T> {
    out: Option<JoinHandle<Result<T, Failure>>>,
}

impl<T> Default for Single<T> {
    fn default() -> Self {
        Self { out: None }
    }
}

impl<T: Send + 'static> Single<T> {
    /// Makes the call off the async workers and waits for it; may be dropped while it waits. Where a call made before is
    /// still out, that one is waited for instead. `work` is given what came of one nobody waited for any more.
    pub(super) async fn ask(
        &mut self,
        who: &str,
        work: impl FnOnce(Option<T>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let late = match self.out.take() {
            Some(out) if !out.is_finished() => {
                self.out = Some(out);
                None
            }
            Some(out) => out.now_or_never().and_then(|done| told(who, done).ok()),
            None => None,
        };
        let out = self.out.get_or_insert_with(|| tokio::task::spawn_blocking(move || work(late)));
        let done = out.await;
        self.out = None;
        told(who, done)
    }
}

fn told<T>(who: &str, done: Result<Result<T, Failure>, JoinError>) -> Result<T, Failure> {
    done.unwrap_or_else(|error| Err(Failure::new(reason::UNEXPECTED, format!("{who}'s library failed: {error}"))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn while_a_call_hangs_no_other_is_made() {
        let (release, held) = mpsc::channel::<()>();
        let (mut held, calls, mut single) = (Some(held), Arc::new(AtomicU32::new(0)), Single::default());
        for _ in 0..5 {
            let (held, calls) = (held.take(), Arc::clone(&calls));
            let hangs = move |_| {
                calls.fetch_add(1, Ordering::SeqCst);
                held.map(|held| held.recv());
                Ok(7)
            };
            let asked = timeout(Duration::from_millis(20), single.ask("it", hangs)).await;
            assert!(asked.is_err(), "a call that hangs is waited for");
        }
        release.send(()).expect("it still waits");
        // It is waited for, or what came of it is handed on.
        let anew = |late: Option<u32>| Ok(late.unwrap_or(8));
        assert_eq!(timeout(Duration::from_secs(10), single.ask("it", anew)).await, Ok(Ok(7)));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(timeout(Duration::from_secs(10), single.ask("it", anew)).await, Ok(Ok(8)), "and the next is made");
    }

    #[tokio::test]
    async fn a_call_that_fails_to_its_end_is_a_failure() {
        let mut single = Single::<u32>::default();
        let broken = |_| panic!("in the library");
        assert_eq!(single.ask("it", broken).await.map_err(|f| f.reason), Err(reason::UNEXPECTED));
        assert_eq!(single.ask("it", |_| Ok(1)).await, Ok(1));
    }
}
