//! Committing, retrying while the disk refuses, and telling the readers afterwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::correlate::{Correlator, Output};
use crate::journal::{Commit, Journal};
use crate::metrics::Metrics;
use crate::model::{Known, Position, Record, Settlement};
use crate::status::{Health, Status};
use crate::tail::{Committed, Tail};

/// A snapshot is due after so many records, which bounds what a start has to replay (about a second's work).
const SNAPSHOT_RECORDS: u64 = 200_000;
/// Or after this long.
const SNAPSHOT_EVERY: Duration = Duration::from_mins(1);
/// Pause between tries while the disk refuses.
const RETRY: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Committer {
    journal: Arc<dyn Journal>,
    tail: Arc<Tail>,
    metrics: Arc<Metrics>,
    status: Arc<Status>,
    abort: CancellationToken,
    since_snapshot: u64,
    snapshot_at: Instant,
    refused: bool,
}

impl Committer {
    pub(super) fn new(
        journal: Arc<dyn Journal>,
        tail: Arc<Tail>,
        metrics: Arc<Metrics>,
        status: Arc<Status>,
        abort: CancellationToken,
        replayed: u64,
    ) -> Self {
        metrics.journal.writable.with_label_values::<&str>(&[]).set(1.0);
        status.report("journal", Health::Up, "taking records");
        // What the start had to replay is still without a snapshot: short lives must not add up.
        Self {
            journal,
            tail,
            metrics,
            status,
            abort,
            since_snapshot: replayed,
            snapshot_at: Instant::now(),
            refused: false,
        }
    }

    /// Commits what correlation made, then tells the readers. Waits while the disk refuses. False = told to stop.
    pub(super) fn commit(&mut self, out: &mut Output, positions: &[Position], correlator: &Correlator) -> bool {
        let records: Vec<Arc<Record>> = out.records.drain(..).map(Arc::new).collect();
        if records.is_empty() && out.closed.is_empty() && positions.is_empty() {
            return true;
        }
        self.since_snapshot += records.len() as u64;
        let due = self.since_snapshot >= SNAPSHOT_RECORDS
            || (self.since_snapshot > 0 && self.snapshot_at.elapsed() >= SNAPSHOT_EVERY);
        let snapshot = due.then(|| correlator.snapshot());
        let commit = Commit { records: &records, positions, closed: &out.closed, snapshot: snapshot.as_deref() };
        if !self.append(&commit) {
            return false;
        }
        if due {
            self.since_snapshot = 0;
            self.snapshot_at = Instant::now();
        }
        out.closed.clear();
        self.tail.push(Arc::new(Committed { records }));
        true
    }

    /// Commits a last snapshot, so that the next start has nothing to replay.
    pub(super) fn finish(&mut self, correlator: &Correlator) {
        // What waits for its message stands in no record.
        if self.since_snapshot == 0 && correlator.waiting() == 0 {
            return;
        }
        let snapshot = correlator.snapshot();
        let commit = Commit { snapshot: Some(&snapshot), ..Commit::default() };
        if let Err(error) = self.journal.append(&commit) {
            tracing::warn!(error = &error as &dyn std::error::Error, "no snapshot at the end; the next start replays");
        }
    }

    fn append(&mut self, commit: &Commit<'_>) -> bool {
        loop {
            let began = Instant::now();
            match self.journal.append(commit) {
                Ok(()) => {
                    let family = self.metrics.journal.append.with_label_values::<&str>(&[]);
                    family.observe(began.elapsed().as_secs_f64());
                    if std::mem::take(&mut self.refused) {
                        self.metrics.journal.writable.with_label_values::<&str>(&[]).set(1.0);
                        self.status.report("journal", Health::Up, "taking records again");
                    }
                    return true;
                }
                Err(error) => {
                    self.metrics.journal.errors.with_label_values(&[error.reason()]).inc();
                    self.metrics.journal.writable.with_label_values::<&str>(&[]).set(0.0);
                    if !std::mem::replace(&mut self.refused, true) {
                        tracing::error!(error = &error as &dyn std::error::Error, "journal refuses records; waiting");
                    }
                    self.status.report("journal", Health::Down, format!("{error}; nothing is taken until it can be"));
                    if self.abort.is_cancelled() {
                        let (error, records) = (&error as &dyn std::error::Error, commit.records.len());
                        tracing::warn!(error, records, "not journaled at the end; NATS keeps what it streamed");
                        return false;
                    }
                    std::thread::sleep(RETRY);
                }
            }
        }
    }

    /// The entry of a message that is no longer in memory.
    pub(super) fn find(&self, settlement: &Settlement, incarnation: u32) -> Option<Known> {
        match self.journal.find(&settlement.stream, incarnation, settlement.stream_seq) {
            Ok(known) => known,
            Err(error) => {
                self.metrics.journal.errors.with_label_values(&[error.reason()]).inc();
                None
            }
        }
    }
}
