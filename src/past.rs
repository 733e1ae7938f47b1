//! The state of the fleet as of a time.
//! Takes: a time. Gives: what the board showed then, made again from a snapshot of the journal and the records after it.
//! Never: makes two states at once, keeps more than a few, or goes on for who has gone.
//!
//! What was known at a time is every record before the first one that happened later ([`Journal::upto`]); what time alone
//! brings about (an answer that is overdue, an agent that fell silent) is as of the time itself. The settings are those
//! of now.

mod kept;
mod restore;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::board::{Board, State};
use crate::correlate::{Correlator, Output, Settings};
use crate::journal::{Journal, JournalError};
use crate::metrics::Metrics;
use crate::model::{Cursor, Event, Seq, Timestamp};

pub use self::restore::{Restored, newest};

use self::kept::Kept;

/// Those who may wait for their turn, and how long: a dashboard asks for a dozen things of one time.
const MAX_WAITING: usize = 32;
const PATIENCE: Duration = Duration::from_secs(10);
/// Time after which what is overdue has certainly been told: twice the interval of the clock that tells ingest.
const OVERDUE: Duration = Duration::from_secs(1);

/// Why there is no state of a time.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// It has not come yet.
    #[error("{asked} has not come yet: it is {now}")]
    Future {
        /// What was asked for.
        asked: Timestamp,
        /// What time it is.
        now: Timestamp,
    },
    /// Nothing of it is held, or not enough.
    #[error("the state of {asked} cannot be made: {}", reaching(.earliest.as_ref()))]
    Before {
        /// What was asked for.
        asked: Timestamp,
        /// The first time whose state can be made; `None` = there is none yet.
        earliest: Option<Timestamp>,
    },
    /// The snapshots it would be made from are of no use.
    #[error("the state of {asked} cannot be made: the snapshots before it are damaged or of another version")]
    Unreadable {
        /// What was asked for.
        asked: Timestamp,
    },
    /// Others are being served.
    #[error("other times are asked for as well, and one is made at a time; try again")]
    Busy,
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn reaching(earliest: Option<&Timestamp>) -> String {
    match earliest {
        Some(at) => format!("the journal can tell it from {at} on"),
        None => "the journal holds nothing that it could be made from".to_owned(),
    }
}

/// The state of a time.
#[derive(Debug)]
pub struct Then {
    /// What the board showed.
    pub state: State,
    /// The time asked for.
    pub asked: Timestamp,
    /// The last record that was known.
    pub seq: Seq,
    /// When that happened; `None` = it is no longer held.
    pub at: Option<Timestamp>,
    /// The record the snapshot was taken after from which the state was made; `None` = from all records.
    pub snapshot: Option<Seq>,
    /// Records replayed for it.
    pub replayed: u64,
    /// Where closed stories begin in [`Journal::stories`].
    pub closed: Cursor,
}

/// Makes states again.
#[derive(Debug)]
pub struct Past {
    work: Arc<Work>,
    turn: Arc<Semaphore>,
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Work {
    journal: Arc<dyn Journal>,
    settings: Settings,
    metrics: Arc<Metrics>,
    kept: Arc<Mutex<Kept>>,
}

/// Gives a place in the queue back.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Past {
    /// Of a journal. The settings are those correlation is told.
    pub fn new(journal: Arc<dyn Journal>, settings: Settings, metrics: Arc<Metrics>) -> Self {
        let work = Work { journal, settings, metrics, kept: Arc::default() };
        Self { work: Arc::new(work), turn: Arc::new(Semaphore::new(1)), waiting: AtomicUsize::new(0) }
    }

    /// The state as of a time. Given up when its future is dropped.
    pub async fn at(&self, asked: Timestamp) -> Result<Arc<Then>, PastError> {
        let now = Timestamp::now();
        if asked > now {
            return Err(PastError::Future { asked, now });
        }
        let waits = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(self.work.busy());
        }
        let turn = timeout(PATIENCE, Arc::clone(&self.turn).acquire_owned()).await;
        let turn = turn.map_err(|_| self.work.busy())?.expect("the semaphore is never closed");
        drop(waits);
        let stop = CancellationToken::new();
        let gone = stop.clone().drop_guard();
        let work = Arc::clone(&self.work);
        let made = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work.find(asked, &stop)
        });
        let made = made.await.unwrap_or_else(|failed| Err(JournalError::Engine(failed.into()).into()));
        let _ = gone.disarm();
        let then = made?;
        Kept::look_after(&self.work.kept);
        Ok(then)
    }
}

impl Work {
    fn busy(&self) -> PastError {
        self.count("busy");
        PastError::Busy
    }

    fn count(&self, outcome: &str) {
        self.metrics.past.requests.with_label_values(&[outcome]).inc();
    }

    /// One that is kept, or one that is made.
    fn find(&self, asked: Timestamp, stop: &CancellationToken) -> Result<Arc<Then>, PastError> {
        let reach = self.journal.reach()?;
        let seq = self.journal.upto(asked)?.filter(|seq| reach.is_some_and(|reach| *seq >= reach));
        let Some(seq) = seq else {
            self.count("out_of_range");
            let earliest = reach.map(|reach| self.first_time(reach)).transpose()?.flatten();
            return Err(PastError::Before { asked, earliest });
        };
        // What came in since then may belong before it: the record tells whether it still is the same.
        if let Some(then) = self.kept.lock().get(asked, seq) {
            self.count("kept");
            return Ok(then);
        }
        let began = Instant::now();
        let stopped = || stop.is_cancelled();
        let restored = restore::as_of(&*self.journal, self.settings.clone(), seq, &stopped)?;
        if stopped() {
            self.count("cancelled");
            return Err(PastError::Busy);
        }
        if restored.snapshot.is_none() && reach != Some(self.journal.stats()?.first_seq) {
            self.count("out_of_range");
            return Err(PastError::Unreadable { asked });
        }
        let then = Arc::new(self.then(asked, seq, restored)?);
        self.count("made");
        self.metrics.past.seconds.with_label_values::<&str>(&[]).observe(began.elapsed().as_secs_f64());
        self.kept.lock().put(Arc::clone(&then));
        Ok(then)
    }

    fn then(&self, asked: Timestamp, seq: Seq, restored: Restored) -> Result<Then, PastError> {
        let Restored { mut correlator, snapshot, replayed, closed } = restored;
        let closed = closed + pass(&mut correlator, asked.minus(OVERDUE));
        let closed = self.journal.closed_by(snapshot.unwrap_or(0), closed)?;
        let at = self.journal.get(seq)?.map(|record| record.at);
        Ok(Then { state: shown(&mut correlator, asked), asked, seq, at, snapshot, replayed, closed })
    }

    /// From when on the state of a record and of those after it is told.
    fn first_time(&self, reach: Seq) -> Result<Option<Timestamp>, JournalError> {
        let first = reach.max(self.journal.stats()?.first_seq);
        Ok(self.journal.get(first)?.map(|record| record.happened()))
    }
}

/// Lets time go by: what is overdue ends, although nothing was recorded of it while nobody was there.
fn pass(correlator: &mut Correlator, until: Timestamp) -> u64 {
    let mut closed = 0;
    loop {
        let mut out = Output::default();
        correlator.apply(Event::Tick(until), &mut out);
        closed += out.closed.len() as u64;
        if out.records.is_empty() {
            return closed;
        }
    }
}

/// What is on a board that is told all there is.
fn shown(correlator: &mut Correlator, at: Timestamp) -> State {
    let board = Board::default();
    board.apply(correlator.changes(at), at);
    State { as_of: at, ..board.into_state() }
}
