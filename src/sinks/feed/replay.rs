//! History once more, at a pace of the client's choice.
//! Takes: a range, a filter, a pace, and what the client says meanwhile. Gives: frames marked as replay, with the spacing
//! that the events had. Never: mixes them with what happens now.

mod clock;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

pub(crate) use self::clock::{Clock, Pace};
use super::entry::{Detail, event_json};
use super::frame::{Frame, Joiner, Progress, Reason};
use super::parts::Parts;
use super::standing::Polls;
use super::subscription::Wanted;
use super::time::Time;
use crate::journal::JournalError;
use crate::model::{Cursor, Order, Query, Seq, Timestamp};

/// Entries read at a time; fewer with payloads, which are larger.
const PAGE: usize = 512;
const FULL_PAGE: usize = 64;
/// How often a client is told where its replay is, while nothing else tells it.
const TOLD: Duration = Duration::from_millis(500);

/// What to play, and how. The range is that of the filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) wanted: Wanted,
    pub(crate) pace: Pace,
    /// Longest time to wait between two events; none = as long as it was.
    pub(crate) longest_wait: Option<Duration>,
    /// Whether it waits to be stepped or resumed.
    pub(crate) paused: bool,
}

/// What a client may say about its replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Control {
    Pause,
    Resume,
    /// Gives so many events at once, and is paused.
    Step(u32),
    Pace(Pace),
    /// Goes on at this time, within the range.
    Seek(Timestamp),
}

/// An event to come.
#[derive(Debug)]
struct Due {
    at: Timestamp,
    seq: Seq,
    json: String,
}

#[derive(Debug)]
struct Read {
    due: Vec<Due>,
    next: Option<Cursor>,
}

/// One client's replay.
#[derive(Debug)]
pub(crate) struct Replay {
    parts: Arc<Parts>,
    plan: Plan,
    /// What was there when it began.
    until: Seq,
    /// Where to read on; none = from the beginning.
    cursor: Option<Cursor>,
    all_read: bool,
    from: Option<Timestamp>,
    waiting: VecDeque<Due>,
    reading: Option<JoinHandle<Result<Read, JournalError>>>,
    clock: Clock,
    steps: u32,
    at: Seq,
    time: Timestamp,
    out: VecDeque<Arc<Frame>>,
    told: Instant,
    is_over: bool,
}

impl Replay {
    pub(super) fn new(parts: Arc<Parts>, plan: Plan) -> Self {
        let until = parts.tail.head();
        let from = plan.wanted.filter.since;
        let clock = Clock::new(plan.pace);
        let mut replay = Self {
            parts,
            until,
            cursor: None,
            all_read: false,
            from,
            waiting: VecDeque::new(),
            reading: None,
            clock,
            steps: 0,
            at: 0,
            time: from.unwrap_or(Timestamp::ZERO),
            out: VecDeque::new(),
            told: Instant::now(),
            is_over: false,
            plan,
        };
        replay.tell();
        replay
    }

    /// Whether all was given. A later seek begins anew.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over && self.out.is_empty()
    }

    /// Does what the client says.
    pub(crate) fn control(&mut self, control: Control) {
        match control {
            Control::Pause => self.pause(),
            Control::Resume => {
                self.plan.paused = false;
                self.steps = 0;
                self.clock.stop();
            }
            Control::Step(count) => {
                self.pause();
                self.steps = self.steps.saturating_add(count);
            }
            Control::Pace(pace) => {
                self.plan.pace = pace;
                self.clock = Clock::new(pace);
            }
            Control::Seek(to) => self.seek(to),
        }
        self.tell();
    }

    fn pause(&mut self) {
        self.plan.paused = true;
        self.clock.stop();
    }

    fn seek(&mut self, to: Timestamp) {
        let filter = &self.plan.wanted.filter;
        let to = filter.until.map_or(to, |until| to.min(until));
        let to = filter.since.map_or(to, |since| to.max(since));
        self.from = Some(to);
        self.time = to;
        self.at = 0;
        (self.cursor, self.all_read) = (None, false);
        self.waiting.clear();
        self.reading = None;
        self.out.clear();
        self.clock.stop();
        self.is_over = false;
    }

    /// The next frame; never, while it is paused or over. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Arc<Frame> {
        loop {
            if let Some(frame) = self.out.pop_front() {
                return frame;
            }
            if self.waiting.is_empty() && !self.is_over {
                if self.all_read {
                    self.end();
                } else {
                    self.read().await;
                }
                continue;
            }
            if self.is_over || (self.plan.paused && self.steps == 0) {
                return std::future::pending().await;
            }
            self.play().await;
        }
    }

    /// Gives what is due, or waits for it.
    async fn play(&mut self) {
        let Some(first) = self.waiting.front() else { return };
        let count = if self.steps > 0 {
            let count = self.waiting.len().min(self.steps as usize);
            self.steps -= count as u32;
            count
        } else {
            let due = self.clock.due(first.at, self.plan.longest_wait);
            let now = Instant::now();
            if due > now {
                let told = self.told + TOLD;
                sleep_until(due.min(told)).await;
                if Instant::now() >= told {
                    self.time = self.clock.time().max(self.time);
                    self.tell();
                }
                return;
            }
            let time = self.clock.time();
            self.waiting.iter().take_while(|event| event.at <= time).count().max(1)
        };
        let mut joiner = Joiner::replayed(self.at + 1);
        for event in self.waiting.drain(..count) {
            joiner.push(&event.json, event.seq, None);
            (self.at, self.time) = (event.seq, self.time.max(event.at));
        }
        self.out.extend(joiner.finish(self.at).into_iter().map(Arc::new));
        if self.plan.paused || self.told.elapsed() >= TOLD {
            self.tell();
        }
    }

    fn end(&mut self) {
        self.is_over = true;
        self.time = self.plan.wanted.filter.until.unwrap_or(self.time);
        self.tell();
    }

    fn tell(&mut self) {
        let state = match (self.is_over, self.plan.paused) {
            (true, _) => "done",
            (false, true) => "paused",
            (false, false) => "playing",
        };
        let progress = Progress { time: Time(self.time), speed: self.plan.pace.speed(), state };
        self.out.push_back(Arc::new(Frame::replaying(self.at, self.until, &progress)));
        self.told = Instant::now();
    }

    /// Reads on, off the async workers.
    async fn read(&mut self) {
        let reading = self.reading.get_or_insert_with(|| {
            let (parts, wanted) = (Arc::clone(&self.parts), self.plan.wanted.clone());
            let (from, cursor, until) = (self.from, self.cursor, self.until);
            tokio::spawn(async move { parts.blocking(move |p| page(p, wanted, from, cursor, until)).await })
        });
        let result = reading.await;
        self.reading = None;
        match result {
            Ok(Ok(read)) => {
                self.waiting.extend(read.due);
                (self.cursor, self.all_read) = (read.next, read.next.is_none());
                return;
            }
            Ok(Err(error)) => tracing::warn!(error = %error, at = self.at, "history for a replay cannot be read"),
            Err(error) => tracing::warn!(error = %error, at = self.at, "reading history for a replay broke off"),
        }
        let from = self.at + 1;
        self.out.push_back(Arc::new(Frame::gap(from, self.until.max(from), Reason::Unreadable)));
        self.end();
    }
}

fn page(
    parts: &Parts,
    wanted: Wanted,
    from: Option<Timestamp>,
    cursor: Option<Cursor>,
    until: Seq,
) -> Result<Read, JournalError> {
    let limit = if wanted.detail == Detail::Full { FULL_PAGE } else { PAGE };
    let mut filter = wanted.filter;
    filter.since = from;
    let page = parts.journal.search(&Query { filter, order: Order::Asc, limit, cursor })?;
    let beyond = page.items.last().is_some_and(|record| record.seq >= until);
    let polls = Polls::of(&parts.board);
    let mut due = Vec::with_capacity(page.items.len());
    for record in page.items.iter().take_while(|record| record.seq <= until) {
        let Some((message, _)) = record.entry() else { continue };
        let seen = parts.journal.deliveries(record.seq)?;
        let json = event_json(record, &seen, &polls, wanted.detail);
        due.push(Due { at: message.stored, seq: record.seq, json });
    }
    Ok(Read { due, next: page.next.filter(|_| !beyond) })
}
