//! The life of a source that asks: poll, hand over, wait; back off while the system is away.
//! Takes: something that can be polled. Gives: its events to ingest, its health to `/status` and `/metrics`.
//! Never: waits for a poll beyond its deadline, asks in step with others, or logs more than one line per change.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, reason};
use super::room::{Gone, room};
use crate::metrics::Metrics;
use crate::model::{Batch, Event, Timestamp};
use crate::privacy::Masker;
use crate::status::{Health, Status};

/// Longest pause while a system is away.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Longest pause while it refuses us: some lock out a user whose password is wrong.
const MAX_LASTING_PAUSE: Duration = Duration::from_mins(5);
/// Shortest pause, whatever there is to wake for.
const MIN_PAUSE: Duration = Duration::from_millis(500);
/// Most events handed over at a time.
const MAX_EVENTS: usize = 500;

/// What every watching source is given.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is the part of that name")]
pub struct Watcher {
    pub masker: Arc<Masker>,
    pub events: mpsc::Sender<Batch>,
    pub metrics: Arc<Metrics>,
    pub status: Arc<Status>,
    pub stop: CancellationToken,
}

/// What a poll brought.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// For ingest, in order.
    pub(super) events: Vec<Event>,
    /// One line for `/status`: which version, how much was seen.
    pub(super) detail: String,
    /// When to ask again, where that is not as paced.
    pub(super) next: Option<Duration>,
}

/// Something that can be asked again and again.
pub(super) trait Poll: Send {
    /// The `source` label; `/status` calls the part `source/<name>`.
    const NAME: &'static str;

    /// Asks once.
    fn poll(&mut self) -> impl Future<Output = Result<Seen, Failure>> + Send;

    /// Waits for a reason to ask before the pause is over.
    fn woken(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// How often to ask, and how long to wait for the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) every: Duration,
    pub(super) deadline: Duration,
}

/// Asks until stopped.
pub(super) async fn run<P: Poll>(mut poll: P, pace: Pace, watcher: &Watcher) {
    let sources = &watcher.metrics.sources;
    let part = format!("source/{}", P::NAME);
    sources.up.with_label_values(&[P::NAME]).set(0.0);
    watcher.status.report(&part, Health::Starting, "asking for the first time");
    let mut failures = 0;
    while !watcher.stop.is_cancelled() {
        let began = Instant::now();
        let asked = tokio::select! {
            asked = timeout(pace.deadline, AssertUnwindSafe(poll.poll()).catch_unwind()) => asked,
            () = watcher.stop.cancelled() => break,
        };
        sources.poll_duration.with_label_values(&[P::NAME]).observe(began.elapsed().as_secs_f64());
        // One source's fault is none of the others': it is told, and asked again.
        let asked = match asked {
            Ok(Ok(asked)) => asked,
            Ok(Err(_)) => Err(Failure::new(reason::INTERNAL, "a fault of Fleetscope itself; the log tells where")),
            Err(_) => Err(Failure::new(reason::TIMEOUT, format!("no answer within {:?}", pace.deadline))),
        };
        let (pause, may_wake) = match asked {
            Ok(seen) => {
                failures = 0;
                sources.up.with_label_values(&[P::NAME]).set(1.0);
                sources.last_success.with_label_values(&[P::NAME]).set(Timestamp::now().seconds());
                watcher.status.report(&part, Health::Up, watcher.masker.text(&seen.detail));
                if hand_over(seen.events, watcher).await.is_err() {
                    break;
                }
                (uneven(seen.next.unwrap_or(pace.every)), true)
            }
            Err(failure) => {
                failures += 1;
                sources.up.with_label_values(&[P::NAME]).set(0.0);
                sources.errors.with_label_values(&[P::NAME, failure.reason]).inc();
                let pause = pause(pace.every, failures, &failure);
                let why = watcher.masker.text(&failure.detail);
                watcher.status.report(&part, Health::Down, format!("{why}; the last good state is shown"));
                (pause, false)
            }
        };
        let least = pause.min(MIN_PAUSE);
        let _ = timeout(least, watcher.stop.cancelled()).await;
        tokio::select! {
            _ = timeout(pause.saturating_sub(least), watcher.stop.cancelled()) => {}
            () = poll.woken(), if may_wake => {}
        }
    }
    sources.up.with_label_values(&[P::NAME]).set(0.0);
}

/// How long to leave a failing system alone.
fn pause(every: Duration, failures: u32, failure: &Failure) -> Duration {
    let most = if failure.is_lasting() { MAX_LASTING_PAUSE } else { MAX_PAUSE };
    let growing = every.max(Duration::from_millis(500)) * (1 << failures.saturating_sub(1).min(10));
    uneven(growing.min(most.max(every))).max(failure.wait.unwrap_or_default())
}

/// Never in step with others that were started together.
fn uneven(pause: Duration) -> Duration {
    pause.mul_f64(0.9 + fastrand::f64() / 5.0)
}

/// Hands events to ingest. `Err` = ingest is gone, or the source is to end.
pub(super) async fn hand_over(events: Vec<Event>, watcher: &Watcher) -> Result<(), Gone> {
    let mut events = events.into_iter().peekable();
    while events.peek().is_some() {
        let place = room(&watcher.events, &watcher.stop).await?;
        place.send(Batch { events: events.by_ref().take(MAX_EVENTS).collect(), positions: Vec::new() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::config::Content;

    fn watcher() -> (Watcher, mpsc::Receiver<Batch>) {
        let (events, received) = mpsc::channel(4);
        let watcher = Watcher {
            masker: Arc::new(Masker::new(Content::Summary, 1 << 16)),
            events,
            metrics: Arc::new(Metrics::new()),
            status: Arc::new(Status::default()),
            stop: CancellationToken::new(),
        };
        (watcher, received)
    }

    struct Moody(Arc<AtomicU32>);

    impl Poll for Moody {
        const NAME: &'static str = "moody";

        async fn poll(&mut self) -> Result<Seen, Failure> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Err(Failure::new(reason::SERVER_ERROR, "answers 500")),
                1 => std::future::pending().await,
                2 => panic!("a fault of ours"),
                _ => Ok(Seen { events: vec![Event::Tick(Timestamp::ZERO)], detail: "all is well".into(), next: None }),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_system_that_fails_and_hangs_and_a_fault_of_ours_are_asked_again() {
        let (watcher, mut received) = watcher();
        let asked = Arc::new(AtomicU32::new(0));
        let (poll, ours) = (Moody(Arc::clone(&asked)), watcher.clone());
        let pace = Pace { every: Duration::from_secs(1), deadline: Duration::from_secs(5) };
        let task = tokio::spawn(async move { run(poll, pace, &ours).await });
        assert_eq!(received.recv().await.expect("a batch").events.len(), 1);
        let errors = |reason| watcher.metrics.sources.errors.with_label_values(&["moody", reason]).get();
        assert_eq!((errors("server_error"), errors("timeout"), errors("internal")), (1, 1, 1));
        assert_eq!(watcher.status.parts()["source/moody"].detail, "all is well");
        watcher.stop.cancel();
        task.await.expect("ends");
        assert!(watcher.metrics.sources.up.with_label_values(&["moody"]).get() < 0.5);
    }

    struct Telling;

    impl Poll for Telling {
        const NAME: &'static str = "telling";

        async fn poll(&mut self) -> Result<Seen, Failure> {
            Err(Failure::new(reason::SERVER_ERROR, "answers 500 to password=hunter2-and-more"))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_in_what_a_system_says_is_masked() {
        let (watcher, _received) = watcher();
        let ours = watcher.clone();
        let pace = Pace { every: Duration::from_secs(1), deadline: Duration::from_secs(5) };
        let task = tokio::spawn(async move { run(Telling, pace, &ours).await });
        let down = || watcher.status.part("source/telling").filter(|part| part.health == Health::Down);
        for _ in 0..1_000 {
            if down().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let part = down().expect("the failure is reported");
        assert!(part.detail.starts_with("answers 500") && !part.detail.contains("hunter2"), "{}", part.detail);
        watcher.stop.cancel();
        task.await.expect("ends");
    }

    #[test]
    fn a_pause_grows_to_its_limit_and_honours_what_is_asked() {
        let away = Failure::new(reason::UNREACHABLE, "refused");
        let wrong = Failure::new(reason::UNAUTHORIZED, "wrong password");
        let second = Duration::from_secs(1);
        let about = |found: Duration, meant: Duration| {
            assert!((meant.mul_f64(0.9)..=meant.mul_f64(1.1)).contains(&found), "{found:?} is not about {meant:?}");
        };
        for _ in 0..100 {
            about(pause(second, 1, &away), second);
            about(pause(second, 3, &away), second * 4);
            about(pause(second, 30, &away), MAX_PAUSE);
            about(pause(second, 30, &wrong), MAX_LASTING_PAUSE);
            let asked_for = pause(second, 1, &away.clone().after(second * 60));
            assert_eq!(asked_for, second * 60, "a system is asked before it wants to be");
        }
    }
}
