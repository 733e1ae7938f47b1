//! The live edge: follows the tail once for all clients, and puts each group's frames into its members' queues.
//! Clients with the same filter and payload form a group; a frame is encoded once and shared.

mod deal;
mod group;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

pub(crate) use self::deal::{Encoded, deliveries, entries};
use self::group::{Group, Member};
use super::entry::Detail;
use super::frame::Frame;
use super::parts::Parts;
use super::queue::Queue;
use super::standing::Polls;
use super::state;
use super::subscription::{Topic, Wanted};
use crate::board::Changes;
use crate::model::{Delivery, Record, Seq, Text};
use crate::tail::Next;

/// Least time between two rounds when busy: what came meanwhile goes into one frame.
const ROUND: Duration = Duration::from_millis(16);
/// Least time between two deliveries frames: so an event's deliveries are told at most ten times a second.
const DELIVERIES: Duration = Duration::from_millis(100);
/// How often consumers are compared and stuck clients looked for.
const SECOND: Duration = Duration::from_secs(1);
/// Most records dealt in one go; between two the hub answers joins.
const MAX_RECORDS: usize = 2000;
/// What an entry takes as JSON, besides its payload.
const ENTRY: usize = 1 << 10;
/// What may wait for all clients together, and for one at most (as much as the tail holds) and at least.
const TOTAL_BUDGET: usize = 64 << 20;
const MAX_BUDGET: usize = 8 << 20;
const MIN_BUDGET: usize = 64 << 10;
/// Least bytes dealt in one go.
const MIN_DEALT: usize = 256 << 10;

/// A client that wants to go live.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) wanted: Wanted,
    pub(crate) topics: Vec<Topic>,
    pub(crate) queue: Arc<Queue>,
    /// Told the record after which the queue is complete.
    pub(crate) reply: oneshot::Sender<Seq>,
}

/// The task that feeds all clients.
#[derive(Debug)]
pub(crate) struct Hub {
    parts: Arc<Parts>,
    /// A client that takes nothing for this long is sent away.
    patience: Duration,
    joins: mpsc::Receiver<Join>,
    position: watch::Sender<Seq>,
    groups: HashMap<String, Group>,
    polls: Polls,
    told: HashMap<Text, usize>,
    changes: watch::Receiver<Changes>,
    version: u64,
    /// Deliveries not told yet, the last of each message and consumer, in the order first seen.
    pending: Vec<Arc<Record>>,
}

impl Hub {
    pub(crate) fn new(
        parts: Arc<Parts>,
        patience: Duration,
        joins: mpsc::Receiver<Join>,
        position: watch::Sender<Seq>,
    ) -> Self {
        let changes = parts.board.watch();
        let version = changes.borrow().version;
        let polls = Polls::of(&parts.board);
        let (groups, told) = (HashMap::new(), HashMap::new());
        Self { parts, patience, joins, position, groups, polls, told, changes, version, pending: Vec::new() }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut head = self.parts.tail.watch();
        let mut second = tokio::time::interval(SECOND);
        let (mut dirty, mut round_at, mut deliveries_at) = (true, Instant::now(), Instant::now());
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(join) = self.joins.recv() => self.join(join),
                moved = head.changed(), if !dirty => match moved {
                    Ok(()) => dirty = true,
                    Err(_) => break,
                },
                () = sleep_until(round_at), if dirty => {
                    dirty = self.round().await;
                    round_at = Instant::now() + ROUND;
                }
                () = sleep_until(deliveries_at), if !self.pending.is_empty() => {
                    self.tell_deliveries();
                    deliveries_at = Instant::now() + DELIVERIES;
                }
                Ok(()) = self.changes.changed() => self.tell_changes(),
                _ = second.tick() => self.look_after(),
            }
        }
        for member in self.groups.values().flat_map(|g| &g.members) {
            member.queue.close();
        }
    }

    fn join(&mut self, join: Join) {
        let group = self.groups.entry(group::key(&join.wanted)).or_insert_with(|| Group::new(join.wanted));
        group.members.push(Member { queue: join.queue, topics: join.topics });
        if join.reply.send(*self.position.borrow()).is_err() {
            group.members.pop();
        }
    }

    /// Deals what is new. Gives whether there is more.
    async fn round(&mut self) -> bool {
        let position = *self.position.borrow();
        if self.groups.is_empty() {
            self.pending.clear();
            self.position.send_replace(self.parts.tail.head());
            return false;
        }
        match self.parts.tail.after(position) {
            Next::UpToDate => false,
            Next::Batches(batches) => {
                let new = batches.iter().flat_map(|b| &b.records).filter(|r| r.seq > position);
                let records = self.portion(new);
                self.deal(position, &records).await;
                true
            }
            Next::Behind(first) => {
                let bytes = self.dealt();
                let read = self.parts.blocking(move |p| p.journal.read(position + 1, MAX_RECORDS, bytes)).await;
                match read {
                    Ok(mut records) => {
                        records.retain(|r| r.seq > position);
                        if records.is_empty() {
                            self.position.send_replace(first - 1);
                        }
                        self.deal(position, &records).await;
                    }
                    Err(error) => {
                        tracing::warn!(error = %error, from = position + 1, to = first - 1, "live feed skips records");
                        self.to_all(&Frame::gap(position + 1, first - 1, super::frame::Reason::Unreadable));
                        self.position.send_replace(first - 1);
                    }
                }
                true
            }
        }
    }

    async fn deal(&mut self, position: Seq, records: &[Arc<Record>]) {
        let Some(last) = records.last() else { return };
        let from = records.first().map_or(position + 1, |r| r.seq);
        if from > position + 1 {
            self.to_all(&Frame::gap(position + 1, from - 1, super::frame::Reason::Purged));
        }
        let budget = self.budget();
        let mut cache = deal::Encoded::new(records, &self.polls);
        for (n, group) in self.groups.values_mut().enumerate() {
            let frames = group.frames(from, last.seq, &mut cache);
            self.parts.dropped(group.put(frames, budget));
            if n % 32 == 31 {
                tokio::task::yield_now().await;
            }
        }
        for record in records {
            let Some(delivery) = record.delivery() else { continue };
            let same = |d: &Delivery| d.event.seq == delivery.event.seq && d.consumer == delivery.consumer;
            // Within one interval few deliveries repeat, and those that do are near the end.
            let recent = self.pending.len().saturating_sub(64);
            match self.pending[recent..].iter_mut().find(|r| r.delivery().is_some_and(same)) {
                Some(old) => *old = Arc::clone(record),
                None => self.pending.push(Arc::clone(record)),
            }
        }
        if self.pending.len() > MAX_RECORDS {
            self.tell_deliveries();
        }
        self.position.send_replace(last.seq);
    }

    fn tell_deliveries(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let deliveries: Vec<_> = pending.iter().filter_map(|r| r.delivery()).collect();
        let entries = deal::entries(&self.parts.tail, &deliveries);
        let budget = self.budget();
        for group in self.groups.values_mut() {
            let frames = deal::deliveries(&group.wanted.filter, &deliveries, &entries);
            self.parts.dropped(group.put(frames, budget));
        }
    }

    fn tell_changes(&mut self) {
        let changes = self.changes.borrow_and_update().clone();
        let missed = changes.version > self.version + 1;
        self.version = changes.version;
        if self.groups.is_empty() {
            return;
        }
        let frames: Vec<_> = if missed {
            let whole = |t: Topic| state::whole(&self.parts.board, t).into_iter().map(move |f| (t, f));
            Topic::ALL.into_iter().flat_map(whole).collect()
        } else {
            state::changed(&changes.items, self.parts.board.read(|s| s.as_of))
        };
        self.tell_state(frames);
    }

    fn tell_state(&self, frames: Vec<(Topic, Frame)>) {
        let budget = self.budget();
        for (topic, frame) in frames {
            let frame = Arc::new(frame);
            for member in self.groups.values().flat_map(|g| &g.members).filter(|m| m.topics.contains(&topic)) {
                self.parts.dropped(member.queue.put(&frame, budget));
            }
        }
    }

    /// New polls, stuck and departed clients.
    fn look_after(&mut self) {
        self.polls = Polls::of(&self.parts.board);
        let reports: Vec<_> = self.parts.board.read(|s| s.consumers.values().cloned().collect());
        for report in reports {
            let now = Arc::as_ptr(&report) as usize;
            if self.told.insert(report.stream.clone(), now) != Some(now) {
                self.tell_state(state::polled(&report));
            }
        }
        for group in self.groups.values_mut() {
            group.members.retain(|member| {
                if member.queue.is_stuck(self.patience) {
                    self.parts.metrics.feed.evicted.with_label_values(&["stalled"]).inc();
                    member.queue.close();
                }
                !member.queue.is_closed()
            });
        }
        self.groups.retain(|_, group| !group.members.is_empty());
        let waiting: usize = self.groups.values().flat_map(|g| &g.members).map(|m| m.queue.bytes()).sum();
        self.parts.metrics.feed.queued.with_label_values::<&str>(&[]).set(waiting as f64);
    }

    fn to_all(&self, frame: &Frame) {
        let frame = Arc::new(frame.clone());
        for member in self.groups.values().flat_map(|g| &g.members) {
            member.queue.put(&frame, self.budget());
        }
    }

    /// The first of these records, so few that a client which takes what it is given has room for them: a burst comes to
    /// it in portions, and is a gap only to one that does not take them.
    fn portion<'a>(&self, records: impl Iterator<Item = &'a Arc<Record>>) -> Vec<Arc<Record>> {
        let full = self.groups.values().any(|group| group.wanted.detail == Detail::Full);
        let payload = |r: &Record| r.entry().filter(|_| full).map_or(0, |(message, _)| message.payload.bytes.len());
        let (mut room, mut dealt) = (self.dealt(), Vec::new());
        for record in records.take(MAX_RECORDS) {
            if room == 0 {
                break;
            }
            room = room.saturating_sub(ENTRY + payload(record));
            dealt.push(Arc::clone(record));
        }
        dealt
    }

    /// Bytes dealt in one go: half of what may wait, for what was dealt before may not be sent yet.
    fn dealt(&self) -> usize {
        (self.budget() / 2).max(MIN_DEALT)
    }

    fn budget(&self) -> usize {
        let members: usize = self.groups.values().map(|g| g.members.len()).sum();
        (TOTAL_BUDGET / members.max(1)).clamp(MIN_BUDGET, MAX_BUDGET)
    }
}
