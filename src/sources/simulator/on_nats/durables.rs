//! The fleet's consumers: pull, take their time, and ack, refuse over and over, forget or give up, as the simulation says.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::{AckKind, Context, Message};
use fastrand::Rng;
use futures::StreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::summary::Tally;
use super::{LEAVE, Options, RunError};
use crate::sources::simulator::answer::{Course, answer, mix};
use crate::sources::simulator::catalogue::{ACK_WAIT, DURABLES, DurableSpec, MAX_ACK_PENDING};
use crate::sources::simulator::settings::Settings;

/// Marks the durables a simulation made.
const DESCRIPTION: &str = "made by fleetscope simulate";
/// How long a pull waits for messages.
const FETCH: Duration = Duration::from_secs(5);
/// How long it waits once the publishing has ended.
const LAST_FETCH: Duration = Duration::from_millis(300);
/// Messages asked for at a time when nothing is paced.
const UNPACED_BATCH: usize = 256;
/// Between two tries when a pull fails.
const RETRY: Duration = Duration::from_secs(1);
/// A consumer stalls with this part of the probability at each pull.
const STALL_SHARE: f64 = 0.01;

/// Makes the durables and starts those that run.
pub(super) async fn start(
    jetstream: &Context,
    options: &Options,
    tally: &Tally,
    ending: &CancellationToken,
) -> Result<JoinSet<()>, RunError> {
    let mut running = JoinSet::new();
    for (place, spec) in DURABLES.iter().enumerate() {
        let consumer = create(jetstream, spec, options.check_empty).await?;
        if spec.stale {
            continue;
        }
        let durable = Durable {
            place,
            spec,
            consumer,
            settings: options.settings.clone(),
            speed: options.speed,
            tally: tally.clone(),
            ending: ending.clone(),
            stop: options.stop.clone(),
        };
        running.spawn(durable.run());
    }
    Ok(running)
}

/// Waits until the consumers have nothing more to do, at most so long.
pub(super) async fn leave(mut running: JoinSet<()>, stop: &CancellationToken) {
    let all = async { while running.join_next().await.is_some() {} };
    tokio::select! {
        _ = tokio::time::timeout(LEAVE, all) => {}
        () = stop.cancelled() => {}
    }
    running.shutdown().await;
}

async fn create(jetstream: &Context, spec: &DurableSpec, refuse_foreign: bool) -> Result<PullConsumer, RunError> {
    let failed =
        |cause: String| RunError::Durable { stream: spec.stream.to_owned(), durable: spec.name.to_owned(), cause };
    let stream = jetstream
        .get_stream(spec.stream)
        .await
        .map_err(|error| RunError::Stream { stream: spec.stream.to_owned(), cause: error.to_string() })?;
    let config = pull::Config {
        durable_name: Some(spec.name.to_owned()),
        description: Some(DESCRIPTION.to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        max_ack_pending: MAX_ACK_PENDING,
        filter_subject: spec.filter.to_owned(),
        ..pull::Config::default()
    };
    let consumer = stream.get_or_create_consumer(spec.name, config).await.map_err(|error| failed(error.to_string()))?;
    if refuse_foreign && consumer.cached_info().config.description.as_deref() != Some(DESCRIPTION) {
        return Err(RunError::ForeignDurable { stream: spec.stream.to_owned(), durable: spec.name.to_owned() });
    }
    Ok(consumer)
}

/// One durable at work.
struct Durable {
    place: usize,
    spec: &'static DurableSpec,
    consumer: PullConsumer,
    settings: Settings,
    speed: f64,
    tally: Tally,
    ending: CancellationToken,
    stop: CancellationToken,
}

impl Durable {
    async fn run(self) {
        let mut rng = Rng::with_seed(mix(self.settings.seed, self.place as u64, 0));
        while !self.stop.is_cancelled() {
            let ending = self.ending.is_cancelled();
            if !ending && rng.f64() < self.settings.faults.stalled_consumer * STALL_SHARE {
                let stall = self.paced(Duration::from_secs(rng.u64(60..180)));
                tokio::select! {
                    () = tokio::time::sleep(stall) => {}
                    () = self.ending.cancelled() => {}
                    () = self.stop.cancelled() => return,
                }
            }
            match self.pull(ending).await {
                Ok(0) if ending => return,
                Ok(_) => {}
                Err(()) => {
                    self.tally.error("pull");
                    tokio::select! {
                        () = tokio::time::sleep(RETRY) => {}
                        () = self.stop.cancelled() => return,
                    }
                    if ending {
                        return;
                    }
                }
            }
        }
    }

    /// One pull and its answers; gives how many messages there were.
    async fn pull(&self, ending: bool) -> Result<usize, ()> {
        let most = if self.speed > 0.0 { self.spec.batch } else { UNPACED_BATCH };
        let wait = if ending { LAST_FETCH } else { FETCH };
        let mut messages = self.consumer.batch().max_messages(most).expires(wait).messages().await.map_err(|_| ())?;
        let mut count = 0;
        while let Some(message) = tokio::select! {
            next = messages.next() => next,
            () = self.stop.cancelled() => None,
        } {
            self.answer(&message.map_err(|_| ())?).await;
            count += 1;
        }
        Ok(count)
    }

    /// Decided by the message's sequence, so that a message given again goes on where it was.
    async fn answer(&self, message: &Message) {
        let Ok((sequence, delivered)) = message.info().map(|info| (info.stream_sequence, info.delivered)) else {
            self.tally.error("no message info");
            return;
        };
        let told = answer(&self.settings, self.place, self.spec, sequence);
        // A refusal comes at once: the loop runs as fast as the server delivers.
        if delivered <= 1 {
            tokio::time::sleep(self.paced(told.latency)).await;
        }
        let before = u32::try_from(delivered - 1).unwrap_or(u32::MAX);
        match told.course {
            Course::Refuse(times) if before < times => self.say(message, AckKind::Nak(None)).await,
            Course::Forget(times) if before < times => self.tally.answered(self.spec.name, |n| n.forgotten += 1),
            Course::Term => self.say(message, AckKind::Term).await,
            Course::Slow => {
                self.say(message, AckKind::Progress).await;
                tokio::time::sleep(self.paced(told.latency * 3)).await;
                self.say(message, AckKind::Ack).await;
            }
            Course::Ack | Course::Refuse(_) | Course::Forget(_) => self.say(message, AckKind::Ack).await,
        }
    }

    async fn say(&self, message: &Message, kind: AckKind) {
        if message.ack_with(kind).await.is_err() {
            self.tally.error("answer");
            return;
        }
        self.tally.answered(self.spec.name, |answers| match kind {
            AckKind::Nak(_) => answers.nacked += 1,
            AckKind::Term => answers.terminated += 1,
            AckKind::Progress => answers.progressed += 1,
            AckKind::Ack | AckKind::Next => answers.acked += 1,
        });
    }

    /// A duration of the fleet's time in real time.
    fn paced(&self, duration: Duration) -> Duration {
        if self.speed > 0.0 { duration.div_f64(self.speed) } else { Duration::ZERO }
    }
}
