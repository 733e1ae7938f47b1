//! Events → history: correlate, commit, then tell.
//! Takes: batches of all sources through one bounded channel. Gives: committed records to the tail, measures to the
//! metric families, changes of state to the board.
//! Never: tells anyone of a record before it is durable; gives up a batch because the disk is full.

mod commit;
mod intake;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::correlate::{Correlator, Output, Settings};
use crate::journal::{Journal, JournalError};
use crate::metrics::Metrics;
use crate::model::{Batch, Event, Position, Timestamp};
use crate::past;
use crate::sinks::measure::Recorder;
use crate::status::Status;
use crate::tail::Tail;

use commit::Committer;
use intake::Intake;

/// Batches that may wait between sources and ingest. A source's batch holds at most 2,000 events or 1 MiB of bodies, and
/// a decoded event takes about four times its body, so this bounds the wait at some 8 MiB; a full channel makes sources
/// wait, and JetStream keeps what they have not read.
pub const QUEUE: usize = 2;

/// Events correlated before a commit: enough to make a synced commit cheap per event, few enough for a commit within
/// tens of milliseconds.
const MAX_EVENTS: usize = 2_000;

/// How often state is told to the board.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// What ingest works with.
#[derive(Debug)]
pub struct Context {
    /// Where records go.
    pub journal: Arc<dyn Journal>,
    /// What correlation is told.
    pub settings: Settings,
    /// Readers of committed records.
    pub tail: Arc<Tail>,
    /// Readers of state.
    pub board: Arc<Board>,
    /// Families.
    pub metrics: Arc<Metrics>,
    /// Health.
    pub status: Arc<Status>,
    /// All sources' batches.
    pub events: mpsc::Receiver<Batch>,
    /// Ends the retrying of a commit that cannot succeed, at shutdown.
    pub abort: CancellationToken,
}

/// Rebuilds the state from the journal, then takes batches until all senders are gone. Blocks: give it a thread.
pub fn run(context: Context) -> Result<(), JournalError> {
    let Context { journal, settings, tail, board, metrics, status, mut events, abort } = context;
    let mut recorder = Recorder::new(Arc::clone(&metrics));
    let past::Restored { mut correlator, replayed, .. } = past::newest(&*journal, settings)?;
    recorder.resumed(correlator.waiting());
    let mut intake = Intake::new(journal.positions()?);
    let mut committer = Committer::new(journal, tail, metrics, status, abort, replayed);
    let mut told = Instant::now();
    let mut out = Output::default();
    tell(&mut correlator, &board, &mut recorder);
    while let Some(batch) = events.blocking_recv() {
        let mut positions: Vec<Position> = Vec::new();
        let mut taken = 0;
        let mut next = Some(batch);
        while let Some(batch) = next {
            taken += batch.events.len();
            for event in batch.events {
                take(event, &mut intake, &mut correlator, &mut recorder, &board, &mut committer, &mut out);
            }
            positions.extend(batch.positions);
            next = if taken < MAX_EVENTS { events.try_recv().ok() } else { None };
        }
        if !committer.commit(&mut out, &positions, &correlator) {
            return Ok(());
        }
        for measure in out.measures.drain(..) {
            recorder.record(&measure);
        }
        recorder.waiting(correlator.waiting());
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            tell(&mut correlator, &board, &mut recorder);
        }
    }
    tell(&mut correlator, &board, &mut recorder);
    committer.finish(&correlator);
    Ok(())
}

/// One event through correlation.
fn take(
    event: Event,
    intake: &mut Intake,
    correlator: &mut Correlator,
    recorder: &mut Recorder,
    board: &Board,
    committer: &mut Committer,
    out: &mut Output,
) {
    let mut event = event;
    match &mut event {
        Event::Message(message) => {
            recorder.ledger(message.source.key(), "received");
            if !intake.is_new(message) {
                recorder.ledger(message.source.key(), "duplicate");
                return;
            }
        }
        Event::Settlement(settlement) => {
            recorder.ledger("nats", "received");
            if correlator.lacks(settlement) {
                settlement.known = committer.find(settlement, intake.incarnation(&settlement.stream));
            }
        }
        Event::Consumers(report) => {
            recorder.consumers(report);
            board.consumers(report.clone());
        }
        Event::Streams(report) => {
            recorder.streams(report);
            board.streams(report.clone());
        }
        Event::Advisory(_) => {
            recorder.ledger("nats", "received");
            recorder.ledger("nats", "observed");
        }
        Event::Panel(panel) => {
            recorder.panel(panel);
            board.panel(Arc::clone(panel));
        }
        Event::Tick(_) => {}
    }
    correlator.apply(event, out);
}

fn tell(correlator: &mut Correlator, board: &Board, recorder: &mut Recorder) {
    let now = Timestamp::now();
    let changes = correlator.changes(now);
    recorder.changes(&changes);
    board.apply(changes, now);
}
