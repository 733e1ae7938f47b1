//! Clients that want the same.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::deal::Encoded;
use crate::model::Seq;
use crate::sinks::feed::frame::{Frame, Joiner};
use crate::sinks::feed::queue::Queue;
use crate::sinks::feed::subscription::{Topic, Wanted};

/// Two subscriptions with the same key get the same frames.
pub(super) fn key(wanted: &Wanted) -> String {
    format!("{wanted:?}")
}

/// One client of a group.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) queue: Arc<Queue>,
    pub(super) topics: Vec<Topic>,
}

/// The clients of one filter and payload.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) wanted: Wanted,
    pub(super) members: Vec<Member>,
    window: Instant,
    sent: u32,
}

impl Group {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self { wanted, members: Vec::new(), window: Instant::now(), sent: 0 }
    }

    /// The frames of the records `from` to `to`.
    pub(super) fn frames(&mut self, from: Seq, to: Seq, records: &mut Encoded<'_>) -> Vec<Frame> {
        if self.window.elapsed() > Duration::from_secs(1) {
            self.window = Instant::now();
            self.sent = 0;
        }
        let mut joiner = Joiner::new(from);
        let mut omitted: Option<(u64, Seq, Seq)> = None;
        for n in 0..records.len() {
            let record = records.record(n);
            if !self.wanted.filter.matches(record) {
                continue;
            }
            if self.wanted.rate.is_some_and(|rate| self.sent >= rate) {
                let (count, first, _) = omitted.unwrap_or((0, record.seq, 0));
                omitted = Some((count + 1, first, record.seq));
                continue;
            }
            self.sent += 1;
            let (seq, at) = (record.seq, record.at);
            joiner.push(records.json(n, self.wanted.detail), seq, Some(at));
        }
        let mut frames = joiner.finish(to);
        frames.extend(omitted.map(|(count, from, to)| Frame::omitted(count, from, to)));
        frames
    }

    /// Puts frames into all queues. Gives the number of events dropped for slow clients.
    pub(super) fn put(&self, frames: Vec<Frame>, budget: usize) -> u64 {
        let mut dropped = 0;
        for frame in frames {
            let frame = Arc::new(frame);
            for member in &self.members {
                dropped += member.queue.put(&frame, budget);
            }
        }
        dropped
    }
}
