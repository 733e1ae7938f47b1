//! The sink's own task: reads on, keeps requests under way, moves the position over what is settled.
//! Takes: the journal's records, answers, what connections say. Gives: batches to deliver, a position.
//! Never: sends itself, or moves the position past a span the backend may have lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::deliver::Post;
use super::desk::{Desk, Done, LINGER};
use super::ledger::Ledger;
use super::link::LinkEvent;
use super::pass::{Origin, Pass};
use super::signal::Meter;
use crate::config;
use crate::model::Seq;

/// Least time between two writes of the position.
const PERSIST: Duration = Duration::from_secs(1);
/// Longest time between two looks at everything: how old the lag on `/metrics` may be.
const IDLE: Duration = Duration::from_secs(1);

/// The sink at work.
#[derive(Debug)]
pub(super) struct Pump {
    desk: Desk,
    origin: Origin,
    config: config::Otlp,
    main: Pass,
    again: Option<Pass>,
    passes: u64,
    persisted: Seq,
    persist_at: Instant,
}

impl Pump {
    /// Goes on after `position`.
    pub(super) fn new(post: Arc<Post>, origin: Origin, config: config::Otlp, meter: Meter, position: Seq) -> Self {
        let desk = Desk {
            ledger: Ledger::new(meter.clone(), position),
            tasks: JoinSet::new(),
            // Twice as many as may be under way: some are held because of an unknown outcome.
            most: 2 * config.in_flight as usize,
            rest_until: None,
            halted: false,
            post,
            meter,
        };
        Self {
            main: Pass::new(0, position, &origin, &config),
            again: None,
            passes: 0,
            persisted: position,
            persist_at: Instant::now(),
            desk,
            origin,
            config,
        }
    }

    /// Works until stopped; then finishes what it can before `drain` is over.
    pub(super) async fn run(mut self, mut events: mpsc::Receiver<LinkEvent>, drain: Duration) {
        let stop = self.desk.post.stop.clone();
        let mut head = self.origin.tail.watch();
        let mut deadline: Option<Instant> = None;
        loop {
            head.mark_unchanged();
            self.fill(if deadline.is_some() { Duration::ZERO } else { LINGER }).await;
            self.settle().await;
            if let Some(deadline) = deadline
                && (self.is_drained() || Instant::now() >= deadline)
            {
                break;
            }
            let wake = deadline.into_iter().chain([self.next_wake()]).min().unwrap_or_else(Instant::now);
            tokio::select! {
                Some(done) = self.desk.tasks.join_next(), if !self.desk.tasks.is_empty() => match done {
                    Ok(done) => self.done(done),
                    // Its batch stays unsettled: the position waits, and the next start sends it again.
                    Err(e) => tracing::error!(error = %e, "a delivery ended early"),
                },
                Some(event) = events.recv() => self.doubt(event == LinkEvent::Refused),
                Ok(()) = head.changed(), if self.desk.has_room() => {}
                () = stop.cancelled(), if deadline.is_none() => deadline = Some(Instant::now() + drain),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
        self.desk.tasks.shutdown().await;
        self.settle().await;
        self.persist().await;
    }

    fn is_drained(&self) -> bool {
        let read = self.main.since().is_none() && self.main.cursor() >= self.origin.tail.head();
        self.desk.tasks.is_empty() && (self.desk.halted || self.desk.post.pulse.is_down() || read)
    }

    fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let unwritten = (self.main.track.position() > self.persisted).then(|| self.persist_at + PERSIST);
        let again = self.again.as_ref();
        let settles = match again {
            Some(again) => again.track.next(),
            None => self.main.track.next(),
        };
        let mut times = vec![Some(now + IDLE), unwritten, self.desk.rest_until, settles];
        if self.desk.has_room() && !self.desk.halted {
            times.push(self.main.since().map(|t| t + LINGER));
            times.push(again.and_then(|a| a.not_before));
            times.push(again.and_then(Pass::since).map(|t| t + LINGER));
        }
        times.into_iter().flatten().min().unwrap_or(now)
    }

    /// Starts deliveries while there is room: first what was sent before, then what is new.
    async fn fill(&mut self, linger: Duration) {
        let now = Instant::now();
        if self.desk.rest_until.is_some_and(|t| now >= t) {
            self.desk.rest_until = None;
        }
        if let Some(again) = &mut self.again
            && again.not_before.is_none_or(|t| now >= t)
        {
            again.not_before = None;
            self.desk.draw(again, linger).await;
        }
        self.desk.draw(&mut self.main, linger).await;
        let lag = self.origin.tail.head().saturating_sub(self.main.cursor());
        self.desk.meter.lag.with_label_values::<&str>(&[]).set(lag as f64);
    }

    fn done(&mut self, (pass, number, upto, delivered): Done) {
        let mut dead = 0;
        for (seq, id) in &delivered.dead {
            if self.desk.ledger.dead(*seq, *id) {
                dead += 1;
                if pass != self.main.id {
                    self.main.track.lose(*seq);
                }
            }
        }
        let Some(taken) = delivered.taken else {
            self.desk.halted = true;
            return;
        };
        if pass == self.main.id {
            self.main.track.taken(number, taken, dead, delivered.rejected);
            if delivered.epoch < self.desk.post.link.epoch() {
                // Taken by a backend that may be gone by now.
                self.cover(upto, false);
            }
        } else if let Some(again) = self.again.as_mut().filter(|a| a.id == pass) {
            again.heard = true;
            again.track.taken(number, taken, 0, 0);
        }
    }

    /// The backend may have restarted (`sure`: nobody listened where it was) and lost what is not settled.
    fn doubt(&mut self, sure: bool) {
        if let Some(mark) = self.main.track.doubtful() {
            self.cover(mark, sure);
        }
    }

    /// Sees to it that everything unsettled up to `mark` is sent again: at once when the backend surely restarted, else
    /// when the settle time is over, so that a backend that did not restart recognises the copies.
    ///
    /// A span is sent again only once because of mere suspicion: a proxy that closes connections all the time must not
    /// keep the position from moving.
    fn cover(&mut self, mark: Seq, sure: bool) {
        let now = Instant::now();
        let ready = if sure { None } else { Some(now + self.config.settle) };
        match &mut self.again {
            Some(again) if !(sure && again.heard) => {
                again.end = again.end.max(Some(mark));
                if sure {
                    again.not_before = None;
                }
            }
            _ => {
                self.passes += 1;
                let position = self.main.track.position();
                let mut again = Pass::new(self.passes, position, &self.origin, &self.config);
                again.end = self.again.as_ref().and_then(|a| a.end).max(Some(mark));
                again.not_before = ready;
                let (backend, items) = (self.origin.signal.backend(), self.origin.signal.items());
                tracing::info!(after = position, upto = again.end, sure, "the {backend} may have lost {items}");
                self.again = Some(again);
            }
        }
    }

    /// Moves the position over what has settled and writes it, at most once a second.
    async fn settle(&mut self) {
        let now = Instant::now();
        let mut barrier = Seq::MAX;
        if let Some(again) = &mut self.again {
            again.track.settle(now, Seq::MAX);
            barrier = again.track.position();
            if again.is_read() && again.end.is_some_and(|end| barrier >= end) {
                self.again = None;
                barrier = Seq::MAX;
            }
        }
        let settled = self.main.track.settle(now, barrier);
        self.desk.ledger.settled(settled);
        self.desk.ledger.forget(self.main.track.position());
        if self.main.track.position() > self.persisted && now >= self.persist_at + PERSIST {
            self.persist().await;
        }
    }

    async fn persist(&mut self) {
        let position = self.main.track.position();
        self.persist_at = Instant::now();
        if position <= self.persisted {
            return;
        }
        let (journal, sink) = (Arc::clone(&self.origin.journal), self.origin.signal.sink());
        match tokio::task::spawn_blocking(move || journal.set_sink_position(sink, position)).await {
            Ok(Ok(())) => self.persisted = position,
            Ok(Err(e)) => tracing::warn!(error = %e, reason = e.reason(), "the sink's position cannot be written"),
            Err(e) => tracing::warn!(error = %e, "the sink's position was not written"),
        }
    }
}
