//! Settlements that came before their message: the tap is milliseconds ahead of the pull.
//! Takes: settlements whose message has not been read. Gives: them again with the message, or as unmatched.
//! Never: lets one stream crowd out another, or what is far ahead of the reading crowd out what is near.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Settlement, Text, Timestamp};

use super::delivery::{MAX_STREAMS, measure, same};
use super::memory::Memory;
use super::{Correlator, Output};

/// Settlements kept until their message is read, and how long.
const MAX_EARLY: usize = 10_000;
const EARLY_FOR: Duration = Duration::from_secs(10);

/// How many wait, by stream: counted from what waits, so no part of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    total: usize,
    streams: BTreeMap<Text, usize>,
}

impl Waiting {
    pub(super) fn of(memory: &Memory) -> Self {
        let mut all = Self::default();
        for ((stream, _), waiting) in &memory.early {
            all.add(stream, waiting.len());
        }
        all
    }

    pub(super) const fn total(&self) -> usize {
        self.total
    }

    fn add(&mut self, stream: &Text, count: usize) {
        self.total += count;
        *self.streams.entry(stream.clone()).or_default() += count;
    }

    fn remove(&mut self, stream: &Text, count: usize) {
        self.total -= count;
        if let Some(held) = self.streams.get_mut(stream) {
            *held -= count;
            if *held == 0 {
                self.streams.remove(stream);
            }
        }
    }

    /// The stream that has to give way to one more settlement of `coming`: the one that holds most.
    fn crowded(&self, coming: &Text) -> Text {
        let own = self.streams.get(coming).copied().unwrap_or(0);
        let most = self.streams.iter().max_by_key(|(_, held)| **held).filter(|(_, held)| **held > own);
        most.map_or(coming, |(stream, _)| stream).clone()
    }
}

impl Correlator {
    /// How many settlements wait for their message.
    pub fn waiting(&self) -> usize {
        self.early.total()
    }

    pub(super) fn keep_early(&mut self, settlement: Settlement, out: &mut Output) {
        let known = self.early.streams.contains_key(&settlement.stream);
        let full = !known && self.early.streams.len() >= MAX_STREAMS;
        if full && !self.make_place(&settlement.stream, out) {
            out.measures.push(measure(&settlement, None, false, true));
            return;
        }
        if self.early.total >= MAX_EARLY {
            let gone = self.make_room(&settlement);
            out.measures.push(measure(gone.as_ref().unwrap_or(&settlement), None, false, true));
            if gone.is_none() {
                return;
            }
        }
        self.early.add(&settlement.stream, 1);
        let key = (settlement.stream.clone(), settlement.stream_seq);
        self.memory.early.entry(key).or_default().push(settlement);
    }

    /// Gives up what waits for a stream nobody reads, so that one that is read has a place: anybody may make names up.
    /// `false` = there is none to give up, or the one that comes is not read either.
    fn make_place(&mut self, coming: &Text, out: &mut Output) -> bool {
        let is_read = |stream: &Text| self.memory.rings.contains_key(stream);
        let unread = self.early.streams.keys().find(|stream| !is_read(stream)).cloned();
        let Some(unread) = unread.filter(|_| is_read(coming)) else { return false };
        let all = (unread.clone(), 0)..=(unread.clone(), u64::MAX);
        let keys: Vec<_> = self.memory.early.range(all).map(|(key, _)| key.clone()).collect();
        for gone in keys.iter().filter_map(|key| self.memory.early.remove(key)) {
            self.early.remove(&unread, gone.len());
            out.measures.extend(gone.iter().map(|settlement| measure(settlement, None, false, true)));
        }
        true
    }

    /// Takes out what is farthest ahead in the stream that holds most; `None` = that is what comes.
    fn make_room(&mut self, coming: &Settlement) -> Option<Settlement> {
        let stream = self.early.crowded(&coming.stream);
        let all = (stream.clone(), 0)..=(stream.clone(), u64::MAX);
        let ((_, seq), waiting) = self.memory.early.range_mut(all).next_back()?;
        if stream == coming.stream && *seq <= coming.stream_seq {
            return None;
        }
        let (seq, gone) = (*seq, waiting.pop());
        if waiting.is_empty() {
            self.memory.early.remove(&(stream.clone(), seq));
        }
        self.early.remove(&stream, usize::from(gone.is_some()));
        gone
    }

    /// The message arrived: what was settled before.
    pub(super) fn settle_early(&mut self, stream: &Text, stream_seq: u64, out: &mut Output) {
        if self.early.total == 0 {
            return;
        }
        let Some(early) = self.memory.early.remove(&(stream.clone(), stream_seq)) else { return };
        self.early.remove(stream, early.len());
        for settlement in early {
            self.settle(settlement, out);
        }
    }

    /// A message read back: what waited for it was settled then, and was recorded or counted.
    pub(super) fn forget_early(&mut self, stream: &Text, stream_seq: u64, stored: Timestamp) {
        if self.early.total == 0 {
            return;
        }
        let key = (stream.clone(), stream_seq);
        let Some(waiting) = self.memory.early.get_mut(&key) else { return };
        let before = waiting.len();
        waiting.retain(|settlement| !same(stored, settlement));
        let gone = before - waiting.len();
        if waiting.is_empty() {
            self.memory.early.remove(&key);
        }
        self.early.remove(stream, gone);
    }

    /// Settlements whose message never came.
    pub(super) fn expire_early(&mut self, now: Timestamp, out: &mut Output) {
        if self.early.total == 0 {
            return;
        }
        let counts = &mut self.early;
        self.memory.early.retain(|(stream, _), waiting| {
            let before = waiting.len();
            waiting.retain(|settlement| {
                let keep = settlement.at.plus(EARLY_FOR) > now;
                if !keep {
                    out.measures.push(measure(settlement, None, false, true));
                }
                keep
            });
            counts.remove(stream, before - waiting.len());
            !waiting.is_empty()
        });
    }
}
