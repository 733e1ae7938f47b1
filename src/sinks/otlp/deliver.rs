//! One batch's way to the backend: sent until every span of it is taken or a dead letter.
//! Takes: a batch. Gives: when it was taken, and which spans never will be. Never: gives up on a backend
//! that is away, or blames a span for a backend that takes none.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::batch::Batch;
use super::course::{Control, Course, Next, Suspect};
use super::letters::Letters;
use super::link::{Link, LinkEvent};
use super::proof::Proof;
use super::pulse::Pulse;
use super::retry::{self, Backoff};
use super::signal::{ItemId, Signal};
use super::transport::Transport;
use crate::model::Seq;

/// How often a blocked sink looks whether its headers file changed.
const LOOK: Duration = Duration::from_secs(1);

/// What every delivery needs.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) signal: Signal,
    pub(super) transport: Transport,
    pub(super) permits: Semaphore,
    pub(super) link: Link,
    pub(super) pulse: Pulse,
    pub(super) proof: Proof,
    pub(super) letters: Letters,
    pub(super) stop: CancellationToken,
    /// How long a request with an unknown outcome is held before it is sent again.
    pub(super) hold: Duration,
    /// How long a backend that is at fault itself may refuse a span until the span is given up.
    pub(super) patience: Duration,
    /// The span that was taken last, to find out whether any still is.
    pub(super) control: Mutex<Option<Control>>,
    /// Deliveries of which nothing is left but spans that were refused.
    pub(super) in_doubt: AtomicUsize,
}

/// Counts a delivery in doubt for as long as it lives.
#[derive(Debug)]
struct InDoubt<'a>(&'a AtomicUsize);

impl<'a> InDoubt<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for InDoubt<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Delivered {
    /// When the last of it was taken; `None` = stopped before that.
    pub(super) taken: Option<Instant>,
    /// The oldest view of the link under which a part was taken: an older one than now means doubt.
    pub(super) epoch: u64,
    /// Spans that are dead letters now.
    pub(super) dead: Vec<(Seq, ItemId)>,
    /// Spans the backend did not take, without saying which.
    pub(super) rejected: u64,
}

/// How one request ended.
enum Ended {
    Taken { rejected: u64, message: String, epoch: u64 },
    Halve { why: String, own: bool },
    Stopped,
}

impl Post {
    /// Sends `batch` until it is done with.
    pub(super) async fn deliver(&self, batch: &Arc<Batch>) -> Delivered {
        let mut delivered = Delivered { taken: None, epoch: u64::MAX, dead: Vec::new(), rejected: 0 };
        let mut course = Course::new(batch.items.len());
        let mut in_doubt = None;
        while !course.is_done() {
            if course.is_in_doubt() && in_doubt.is_none() {
                in_doubt = Some(InDoubt::new(&self.in_doubt));
            }
            let Some(next) = self.next(&mut course).await else { return delivered };
            // Looked at before sending: what is taken meanwhile says nothing about this request.
            let proven = matches!(&next, Next::Suspect(suspect) if self.proof.since(suspect.refused));
            let (of, range) = match &next {
                Next::Part(range) => (batch, range.clone()),
                Next::Suspect(suspect) => (batch, suspect.item..suspect.item + 1),
                Next::Control(control) => (&control.batch, control.item..control.item + 1),
            };
            let suspect = match &next {
                Next::Suspect(suspect) if proven => Some(suspect),
                _ => None,
            };
            let ended = self.send(of.part(&range), range.len() as u64, suspect, &mut course.vetted).await;
            match (ended, next) {
                (Ended::Stopped, _) => return delivered,
                (_, Next::Control(control)) => self.keep_control(&control.batch, control.item),
                (Ended::Taken { rejected, message, epoch }, _) => {
                    delivered.epoch = delivered.epoch.min(epoch);
                    if rejected == 0 {
                        self.keep_control(batch, range.start);
                    } else if !self.note(batch, &range, rejected, &message, &mut delivered).await {
                        return delivered;
                    }
                }
                (Ended::Halve { why, own }, Next::Suspect(mut suspect)) if proven => {
                    if suspect.again(own, self.patience) {
                        course.doubt(suspect, why);
                        continue;
                    }
                    let item = &batch.items[suspect.item];
                    if !self.letters.keep(item.seq, item.id, &why, &self.stop).await {
                        return delivered;
                    }
                    delivered.dead.push((item.seq, item.id));
                }
                (Ended::Halve { why, .. }, Next::Suspect(suspect)) => course.doubt(suspect, why),
                (Ended::Halve { why, .. }, Next::Part(range)) if range.len() == 1 => {
                    course.doubt(Suspect::new(range.start), why);
                }
                (Ended::Halve { .. }, Next::Part(range)) => {
                    let (first, second) = halves(&range);
                    course.parts.extend([second, first]);
                }
            }
        }
        delivered.taken = Some(Instant::now());
        delivered
    }

    fn keep_control(&self, batch: &Arc<Batch>, item: usize) {
        *self.control.lock() = Some(Control { batch: Arc::clone(batch), item, taken: Instant::now() });
    }

    /// What to send next, after a wait if nothing shows that the backend takes any span. `None` = stopped.
    async fn next(&self, course: &mut Course) -> Option<Next> {
        while let Some(until) = course.rests_until() {
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => {}
                () = self.stop.cancelled() => return None,
            }
        }
        if let Some(refused) = course.doubtful(&self.proof) {
            course.waits += 1;
            if course.waits > 1 {
                let items = self.signal.items();
                self.pulse.down(&format!("{items} are refused one by one and none is taken: {}", course.why));
            }
            tokio::select! {
                () = tokio::time::sleep(course.backoff.next()) => {}
                () = self.proof.wait(refused) => {}
                () = self.stop.cancelled() => return None,
            }
        } else {
            course.waits = 0;
            course.backoff = Backoff::default();
        }
        let control = self.control.lock().clone();
        let next = course.pick(&self.proof, control, self.hold);
        if let Some(Next::Control(_)) = next {
            self.pulse.again("control", 1);
        }
        next
    }

    /// Keeps a letter about spans that were not taken. `false` = stopped before that.
    async fn note(
        &self,
        batch: &Batch,
        range: &Range<usize>,
        rejected: u64,
        message: &str,
        delivered: &mut Delivered,
    ) -> bool {
        let rejected = rejected.min(range.len() as u64);
        delivered.rejected += rejected;
        let (first, last) = (&batch.items[range.start], &batch.items[range.end - 1]);
        let what = format!(
            "{rejected} of {} {} of records {} to {} were not taken, nobody knows which: {message}",
            range.len(),
            self.signal.items(),
            first.seq,
            last.seq
        );
        self.letters.keep(first.seq, first.id, &what, &self.stop).await
    }

    /// Sends one request until something final is known of it; `suspect` = the single span in it, which was refused before
    /// others were taken.
    async fn send(&self, body: Bytes, spans: u64, suspect: Option<&Suspect>, vetted: &mut bool) -> Ended {
        let mut backoff = Backoff::default();
        loop {
            let mut refusals = self.link.refusals();
            let sent = Instant::now();
            let (answer, epoch) = self.ask(body.clone()).await;
            let outcome = outcome(&answer, spans, suspect);
            self.pulse.heard(outcome, &answer);
            let go_on = match answer {
                Answer::Accepted { rejected, message } => {
                    if rejected < spans {
                        self.proof.took(sent);
                    }
                    return Ended::Taken { rejected, message, epoch };
                }
                Answer::TooLarge { why } => return Ended::Halve { why, own: false },
                Answer::Refused { why, own } if *vetted => return Ended::Halve { why, own },
                Answer::Refused { why, own } => match self.vet(&why).await {
                    Vetted::Fine => {
                        *vetted = true;
                        return Ended::Halve { why, own };
                    }
                    Vetted::Wrong => self.blocked().await,
                    Vetted::Away => self.wait(backoff.next()).await,
                },
                Answer::Retry { after, .. } => self.wait(backoff.after(after)).await,
                Answer::Unknown { doubt, .. } => {
                    if doubt {
                        self.link.tell(LinkEvent::Lost);
                    }
                    self.pulse.again("unknown_outcome", spans);
                    self.hold(backoff.next(), &mut refusals).await
                }
                Answer::Blocked { .. } => self.blocked().await,
            };
            if !go_on {
                return Ended::Stopped;
            }
        }
    }

    /// One request and its answer, and how the link looked before. A stop does not keep it from being sent: what is
    /// under way then has until the drain is over.
    async fn ask(&self, body: Bytes) -> (Answer, u64) {
        let permit = self.permits.acquire().await;
        let epoch = self.link.epoch();
        let started = Instant::now();
        let answer = self.transport.send(body).await;
        self.pulse.took(started.elapsed());
        drop(permit);
        (answer, epoch)
    }

    /// A backend that refuses even a request without spans does not speak OTLP with us: no span is to blame.
    async fn vet(&self, why: &str) -> Vetted {
        match self.ask(Bytes::new()).await.0 {
            Answer::Accepted { .. } => Vetted::Fine,
            Answer::Retry { .. } | Answer::Unknown { .. } => Vetted::Away,
            Answer::Blocked { .. } | Answer::TooLarge { .. } | Answer::Refused { .. } => {
                let (items, section) = (self.signal.items(), self.signal.section());
                self.pulse
                    .down(&format!("even a request without {items} is refused: {why} (check {section}.endpoint)"));
                Vetted::Wrong
            }
        }
    }

    /// Waits; `false` = stopped.
    async fn wait(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.stop.cancelled() => false,
        }
    }

    /// Waits until a second copy of a span would be recognised as one, or the backend is seen to have restarted.
    async fn hold(&self, least: Duration, refusals: &mut watch::Receiver<()>) -> bool {
        let restarted = async {
            if refusals.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(least).await;
        };
        tokio::select! {
            () = tokio::time::sleep(self.hold.max(least)) => true,
            () = restarted => true,
            () = self.stop.cancelled() => false,
        }
    }

    /// Waits long, or until the headers file says something else.
    async fn blocked(&self) -> bool {
        let before = self.transport.headers().ok();
        let until = tokio::time::Instant::now() + retry::blocked();
        while tokio::time::Instant::now() < until {
            if !self.wait(LOOK).await {
                return false;
            }
            let now = self.transport.headers().ok();
            let changed = match (&before, &now) {
                (Some(before), Some(now)) => !Arc::ptr_eq(before, now),
                (before, now) => before.is_some() != now.is_some(),
            };
            if changed {
                break;
            }
        }
        true
    }
}

enum Vetted {
    Fine,
    Wrong,
    Away,
}

/// The closed word a request is counted under.
fn outcome(answer: &Answer, spans: u64, suspect: Option<&Suspect>) -> &'static str {
    let last = |own| suspect.is_some_and(|suspect| suspect.is_last(own));
    match answer {
        Answer::Accepted { rejected: 0, .. } => "ok",
        Answer::Accepted { .. } => "partial",
        Answer::TooLarge { .. } | Answer::Refused { .. } if spans > 1 => "bisected",
        Answer::TooLarge { .. } if last(false) => "rejected",
        Answer::Refused { own, .. } if last(*own) => "rejected",
        _ => "retried",
    }
}

fn halves(range: &Range<usize>) -> (Range<usize>, Range<usize>) {
    let middle = range.start + range.len() / 2;
    (range.start..middle, middle..range.end)
}
