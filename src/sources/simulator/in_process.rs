//! The simulated fleet in this process → events, as the NATS source would give them.
//! Takes: settings and a speed. Gives: batches in stream order, with positions and polls.
//! Never: opens a connection.

mod ledger;
mod pace;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::ledger::Ledger;
use self::pace::Pace;
use super::answer::mix;
use super::fleet::Fleet;
use super::settings::Settings;
use super::step::{Action, Publish, Settle, SettleKind};
use super::systems::Systems;
use crate::metrics::Metrics;
use crate::model::{Batch, Event, Position, Settlement, SettlementKind, Timestamp};
use crate::privacy::Masker;
use crate::sources::decode::{Raw, message};
use crate::status::{Health, Status};

/// The part's name in the status, and the source it stands in for in metrics.
const PART: &str = "source/nats";
const SOURCE: &str = "nats";
/// Most events of a batch.
const BATCH: usize = 512;
/// Virtual time between two polls.
const POLL: Duration = Duration::from_secs(2);
/// Core subjects Fleetscope would listen to. `vllm.streaming.>` and the rest without a stream are lost, as in the fleet.
const CORE: &[&str] = &["choreo.", "tool_learning.", "observability."];

/// What the runner needs.
#[derive(Debug)]
pub struct InProcess {
    /// The fleet. Its `start` is replaced: the wall clock less `history`.
    pub settings: Settings,
    /// Virtual seconds per second; 0 = as fast as they are taken.
    pub speed: f64,
    /// How much of the fleet's past is told at once, before its present is told at pace.
    pub history: Duration,
    /// Where a run before this one ended; sequences go on from there, with other stories.
    pub positions: Vec<Position>,
    /// Masks bodies.
    pub masker: Arc<Masker>,
    /// To ingest.
    pub events: mpsc::Sender<Batch>,
    /// Families to measure into.
    pub metrics: Arc<Metrics>,
    /// Where to report.
    pub status: Arc<Status>,
    /// The systems beside NATS, told what happens.
    pub systems: Arc<Systems>,
    /// Ends the run.
    pub stop: CancellationToken,
}

/// Runs the fleet until it is stopped or nobody takes its events any more.
pub async fn run_in_process(context: InProcess) {
    let InProcess { mut settings, speed, history, positions, masker, events, metrics, status, systems, stop } = context;
    let pace = Pace::new(speed, history);
    settings.start = pace.start();
    settings.clock = pace.clock();
    let before: u64 = positions.iter().map(|position| position.seq).sum();
    if before > 0 {
        settings.seed = mix(settings.seed, before, 1);
    }
    let seed = settings.seed;
    let mut teller = Teller {
        ledger: Ledger::new(settings.successors, &positions, settings.start),
        pace,
        masker,
        metrics,
        batch: Batch::default(),
        next_poll: history,
        told: 0,
    };
    status.report(PART, Health::Up, format!("simulated fleet, seed {seed}"));
    teller.metrics.sources.up.with_label_values(&[SOURCE]).set(1.0);

    for step in Fleet::new(settings) {
        while teller.next_poll <= step.at {
            let at = teller.next_poll;
            if !teller.reach(at, &events, &stop).await {
                return;
            }
            teller.poll(at);
            teller.next_poll += POLL;
            status.report(PART, Health::Up, format!("simulated fleet, seed {seed}: {} messages", teller.told));
        }
        if !teller.reach(step.at, &events, &stop).await {
            return;
        }
        systems.reach(teller.pace.instant(step.at));
        match step.action {
            Action::Publish(publish) => teller.publish(publish, step.at),
            Action::Settle(settle) => teller.settle(&settle, step.at),
            Action::Run(run) => {
                let end = teller.pace.instant(run.end);
                systems.begin(run, teller.pace.instant(step.at), end);
            }
        }
    }
}

/// Turns steps into events and gathers them into batches.
struct Teller {
    ledger: Ledger,
    pace: Pace,
    masker: Arc<Masker>,
    metrics: Arc<Metrics>,
    batch: Batch,
    next_poll: Duration,
    told: u64,
}

impl Teller {
    /// Waits for virtual time `at`, sending what is gathered before it waits; false = it is over.
    async fn reach(&mut self, at: Duration, events: &mpsc::Sender<Batch>, stop: &CancellationToken) -> bool {
        let due = self.pace.due(at);
        let early = due.is_some_and(|due| due > tokio::time::Instant::now());
        if !self.batch.events.is_empty() && (early || self.batch.events.len() >= BATCH) {
            let mut batch = std::mem::take(&mut self.batch);
            batch.positions = self.ledger.positions();
            self.metrics.sources.last_success.with_label_values(&[SOURCE]).set(Timestamp::now().seconds());
            let sent = tokio::select! {
                sent = events.send(batch) => sent.is_ok(),
                () = stop.cancelled() => false,
            };
            if !sent {
                return false;
            }
        }
        if let (true, Some(due)) = (early, due) {
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = stop.cancelled() => return false,
            }
        }
        !stop.is_cancelled()
    }

    fn publish(&mut self, publish: Publish, at: Duration) {
        if publish.stream.is_empty() && !CORE.iter().any(|head| publish.subject.starts_with(head)) {
            return;
        }
        let stored = self.pace.instant(at);
        let place = self.ledger.store(&publish, stored);
        let headers: Vec<(&str, &str)> = publish.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let raw = Raw {
            stream: place.stream,
            incarnation: place.incarnation,
            stream_seq: place.seq,
            subject: &publish.subject,
            headers: &headers,
            body: Bytes::from(publish.body),
            stored,
            received: stored.max(Timestamp::now()),
        };
        let message = message(raw, &self.masker);
        let sources = &self.metrics.sources;
        if let Some(reason) = &message.undecodable {
            sources.undecodable.with_label_values(&[SOURCE, reason]).inc();
        }
        if message.payload.masked > 0 {
            sources.masked.with_label_values(&[SOURCE]).inc_by(u64::from(message.payload.masked));
        }
        self.told += 1;
        self.batch.events.push(Event::Message(Box::new(message)));
    }

    fn settle(&mut self, settle: &Settle, at: Duration) {
        let at = self.pace.instant(at);
        let Some(stream_seq) = self.ledger.settle(settle, at) else { return };
        let kind = match settle.kind {
            SettleKind::Ack => SettlementKind::Ack,
            SettleKind::Nak => SettlementKind::Nak { delay: None },
            SettleKind::Term => SettlementKind::Term { reason: None },
            SettleKind::Progress => SettlementKind::Progress,
        };
        self.batch.events.push(Event::Settlement(Settlement {
            stream: settle.stream.into(),
            consumer: settle.consumer.into(),
            stream_seq,
            deliveries: u64::from(settle.attempt),
            stored: self.pace.instant(settle.published),
            at,
            kind,
            known: None,
        }));
    }

    fn poll(&mut self, at: Duration) {
        let at = self.pace.instant(at);
        self.batch.events.push(Event::Streams(self.ledger.streams(at)));
        self.batch.events.extend(self.ledger.consumers(at).into_iter().map(Event::Consumers));
    }
}

#[cfg(test)]
mod tests;
