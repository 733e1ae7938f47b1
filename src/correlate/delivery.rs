//! Deliveries: what each consumer answered to each message, folded.
//! Takes: settlements of the ack tap, polls of consumers. Gives: few delivery records, one measure a settlement.
//! Never: gives a record for each nak of a loop: only where the attempts reach a power of two, and at the end.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Body, ConsumersReport, Delivery, DeliveryState, Known, Measure, Record, Settlement, SettlementKind, StreamsReport,
    Text, Timestamp,
};

use super::memory::Memory;
use super::ring::{Entry, Ring};
use super::trace::SPAN_BYTES;
use super::{Correlator, Output};

/// Streams and consumers followed.
pub(super) const MAX_STREAMS: usize = 256;
const MAX_FLOORS: usize = 8_192;
/// Records one poll of a stream's consumers makes at most.
const MAX_POLLED: usize = 64;

/// A message at a consumer: a mark of stream and consumer, life of the stream, sequence.
pub(super) type DeliveryKey = (u64, u32, u64);

/// Where a delivery stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Attempt {
    state: DeliveryState,
    attempts: u64,
    /// Attempts when it was last recorded.
    recorded: u64,
    naks: u64,
    first: Timestamp,
    last: Timestamp,
}

/// FNV-1a: the same mark in every build.
fn mark(stream: &str, consumer: &str) -> u64 {
    let bytes = stream.bytes().chain([0]).chain(consumer.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

const fn state_of(kind: &SettlementKind) -> DeliveryState {
    match kind {
        SettlementKind::Ack => DeliveryState::Acked,
        SettlementKind::Nak { .. } => DeliveryState::Nacked,
        SettlementKind::Term { .. } => DeliveryState::Terminated,
        SettlementKind::Progress => DeliveryState::InProgress,
        SettlementKind::MaxDeliveries => DeliveryState::MaxDeliveries,
    }
}

const fn label(kind: &SettlementKind) -> &'static str {
    match kind {
        SettlementKind::Ack => "ack",
        SettlementKind::Nak { .. } => "nak",
        SettlementKind::Term { .. } => "term",
        SettlementKind::Progress => "progress",
        SettlementKind::MaxDeliveries => "max_deliveries",
    }
}

/// Where the message of a settlement is.
enum Place {
    Found(Known),
    /// Not read yet.
    Ahead,
    /// Read long ago, or never.
    Gone,
}

fn place(memory: &Memory, settlement: &Settlement) -> Place {
    if let Some(known) = &settlement.known {
        return Place::Found(known.clone());
    }
    let Some(ring) = memory.rings.get(&settlement.stream) else { return Place::Ahead };
    match ring.get(settlement.stream_seq) {
        Some(entry) if same(entry.known.stored, settlement) => Place::Found(entry.known.clone()),
        // The stream was made anew and its next life has not been read yet.
        Some(_) => Place::Ahead,
        None if settlement.stream_seq > ring.last => Place::Ahead,
        None => Place::Gone,
    }
}

/// Whether both speak of the same message: a sequence is used again when a stream is made anew.
pub(super) fn same(stored: Timestamp, settlement: &Settlement) -> bool {
    let apart = stored.nanos().abs_diff(settlement.stored.nanos());
    settlement.stored == Timestamp::ZERO || apart < 1_000_000
}

fn recorded_next(attempt: &Attempt, state: DeliveryState, attempts: u64) -> bool {
    if attempt.state.is_final() {
        return false;
    }
    let next = attempt.recorded.saturating_add(1).checked_next_power_of_two();
    state.is_final() || next.is_some_and(|next| attempts >= next)
}

impl Memory {
    /// Remembers a message for the settlements to come.
    pub(super) fn remember(&mut self, stream: &Text, entry: Entry) {
        if let Some(ring) = self.rings.get_mut(stream) {
            ring.push(entry);
        } else if self.rings.len() < MAX_STREAMS {
            let mut ring = Ring::default();
            ring.push(entry);
            self.rings.insert(stream.clone(), ring);
        }
    }

    /// Folds a delivery record read back.
    pub(super) fn replay_delivery(&mut self, delivery: &Delivery) {
        let key = (mark(&delivery.stream, &delivery.consumer), delivery.event.incarnation, delivery.stream_seq);
        let attempt = Attempt {
            state: delivery.state,
            attempts: delivery.attempts,
            recorded: delivery.attempts,
            naks: delivery.naks,
            first: delivery.first,
            last: delivery.last,
        };
        match self.attempts.get_mut(&key) {
            Some(held) => *held = attempt,
            None => {
                self.attempts.insert(key, attempt);
            }
        }
        self.weigh(delivery);
        if delivery.polled {
            let floor = self.floors.entry((delivery.stream.clone(), delivery.consumer.clone())).or_default();
            *floor = (*floor).max(delivery.stream_seq);
        }
    }

    /// Frees what is held of streams that are gone. No record has to say so: a state made from records frees the same
    /// at the first listing, and until then finds no more than the journal has.
    pub(super) fn keep_streams(&mut self, report: &StreamsReport) {
        let there: BTreeSet<&str> = report.streams.iter().map(|stream| &*stream.name).collect();
        self.rings.retain(|stream, _| there.contains(&**stream));
        self.floors.retain(|(stream, _), _| there.contains(&**stream));
    }

    /// Frees the floors of a stream's consumers that are gone.
    fn keep_consumers(&mut self, report: &ConsumersReport) {
        let there: BTreeSet<&str> = report.consumers.iter().map(|consumer| &*consumer.name).collect();
        let held = self.floors.range((report.stream.clone(), "".into())..);
        let of_stream = held.map(|(key, _)| key).take_while(|(stream, _)| *stream == report.stream);
        let gone: Vec<_> = of_stream.filter(|(_, consumer)| !there.contains(&**consumer)).cloned().collect();
        for key in gone {
            self.floors.remove(&key);
        }
    }

    /// A final delivery becomes a span of its story.
    fn weigh(&mut self, delivery: &Delivery) {
        if delivery.state.is_final()
            && let Some(story) = delivery.event.story.as_ref().and_then(|s| self.stories.get_mut(s))
        {
            story.trace.bytes += SPAN_BYTES;
        }
    }

    /// Whether a settlement needs its message looked up.
    pub(super) fn lacks(&self, settlement: &Settlement) -> bool {
        if !matches!(place(self, settlement), Place::Gone) {
            return settlement.known.is_none() && !self.rings.contains_key(&settlement.stream);
        }
        let Some(ring) = self.rings.get(&settlement.stream) else { return true };
        let key = (mark(&settlement.stream, &settlement.consumer), ring.incarnation, settlement.stream_seq);
        // A settlement that is folded anyway needs no message: a nak loop must not read the journal 1,650 times a second.
        self.attempts
            .get(&key)
            .is_none_or(|held| recorded_next(held, state_of(&settlement.kind), settlement.deliveries))
    }
}

impl Correlator {
    /// A settlement: measured, and recorded where it changes more than a count.
    pub(super) fn settle(&mut self, settlement: Settlement, out: &mut Output) {
        match place(&self.memory, &settlement) {
            Place::Found(known) => self.fold_settlement(&settlement, known, false, out),
            Place::Ahead => self.keep_early(settlement, out),
            Place::Gone => self.fold_gone(&settlement, out),
        }
    }

    /// The message is out of memory and nobody looked it up: known deliveries count on, others are unmatched.
    fn fold_gone(&mut self, settlement: &Settlement, out: &mut Output) {
        let incarnation = self.memory.rings.get(&settlement.stream).map_or(0, |r| r.incarnation);
        let key = (mark(&settlement.stream, &settlement.consumer), incarnation, settlement.stream_seq);
        let state = state_of(&settlement.kind);
        let held = self.memory.attempts.get_mut(&key).filter(|a| !recorded_next(a, state, settlement.deliveries));
        let matched = held.is_some();
        if let Some(held) = held {
            count(held, settlement);
        }
        out.measures.push(measure(settlement, None, matched, !matched));
    }

    fn fold_settlement(&mut self, settlement: &Settlement, known: Known, polled: bool, out: &mut Output) {
        let key = (mark(&settlement.stream, &settlement.consumer), known.incarnation, settlement.stream_seq);
        let state = state_of(&settlement.kind);
        let latency = matches!(settlement.kind, SettlementKind::Ack).then(|| settlement.at.since(known.stored));
        let record = if let Some(held) = self.memory.attempts.get_mut(&key) {
            let record = recorded_next(held, state, settlement.deliveries);
            count(held, settlement);
            record
        } else {
            let (attempts, recorded, naks) = (0, 0, 0);
            let (first, last) = (settlement.at, settlement.at);
            let mut new = Attempt { state: DeliveryState::Delivered, attempts, recorded, naks, first, last };
            count(&mut new, settlement);
            if let Some((_, gone)) = self.memory.attempts.insert(key, new)
                && !gone.state.is_final()
            {
                out.measures.push(Measure::Evicted { what: "delivery" });
            }
            true
        };
        out.measures.push(measure(settlement, latency, !record, false));
        let (true, Some(held)) = (record, self.memory.attempts.get_mut(&key)) else { return };
        held.recorded = held.attempts;
        let reason = match &settlement.kind {
            SettlementKind::Term { reason } => reason.clone(),
            _ => None,
        };
        let delivery = Delivery {
            event: known,
            stream: settlement.stream.clone(),
            stream_seq: settlement.stream_seq,
            consumer: settlement.consumer.clone(),
            state: held.state,
            attempts: held.attempts,
            first: held.first,
            last: held.last,
            naks: held.naks,
            reason,
            polled,
        };
        self.memory.weigh(&delivery);
        let seq = self.take_seq();
        let body = Body::Delivery(Box::new(delivery));
        out.records.push(Record { seq, at: settlement.at, body, spans: Vec::new(), links: Vec::new() });
    }

    /// A poll of consumers: where no tap is open, an ack floor that moved says what was acked, at the poll's resolution.
    pub(super) fn poll(&mut self, report: &ConsumersReport, out: &mut Output) {
        self.memory.keep_consumers(report);
        let mut made = 0;
        for consumer in &report.consumers {
            let key = (report.stream.clone(), consumer.name.clone());
            let floor = consumer.ack_floor_seq;
            if self.memory.floors.len() >= MAX_FLOORS && !self.memory.floors.contains_key(&key) {
                continue;
            }
            let before = self.memory.floors.insert(key, floor);
            let Some(before) = before.filter(|before| *before < floor && !report.tapped) else { continue };
            if consumer.ack_policy.as_ref() == "none" {
                continue;
            }
            let Some(ring) = self.memory.rings.get(&report.stream) else { continue };
            let moved: Vec<(u64, Known)> = ring
                .between(before, floor)
                .filter(|entry| consumer.wants(&entry.subject))
                .map(|entry| (entry.stream_seq, entry.known.clone()))
                .collect();
            for (stream_seq, known) in moved {
                let settlement = Settlement {
                    stream: report.stream.clone(),
                    consumer: consumer.name.clone(),
                    stream_seq,
                    deliveries: 1,
                    stored: known.stored,
                    at: report.at,
                    kind: SettlementKind::Ack,
                    known: None,
                };
                out.measures.push(Measure::Polled);
                if made < MAX_POLLED {
                    let records = out.records.len();
                    self.fold_settlement(&settlement, known, true, out);
                    made += out.records.len() - records;
                } else {
                    out.measures.push(measure(&settlement, Some(report.at.since(known.stored)), true, false));
                }
            }
        }
    }
}

/// Counts a settlement in its delivery.
fn count(held: &mut Attempt, settlement: &Settlement) {
    if held.state.is_final() {
        return;
    }
    let deliveries = settlement.deliveries.max(1);
    let state = state_of(&settlement.kind);
    // The tap and an advisory may tell of one and the same nak.
    let repeated = held.state == state && deliveries <= held.attempts;
    if state == DeliveryState::Nacked && deliveries >= held.attempts && !repeated {
        held.naks = held.naks.saturating_add(1);
    }
    held.attempts = held.attempts.max(deliveries);
    held.last = held.last.max(settlement.at);
    held.state = state;
}

pub(super) fn measure(settlement: &Settlement, latency: Option<Duration>, folded: bool, unmatched: bool) -> Measure {
    Measure::Settlement {
        stream: settlement.stream.clone(),
        consumer: settlement.consumer.clone(),
        outcome: label(&settlement.kind),
        redelivered: settlement.deliveries > 1,
        latency,
        folded,
        unmatched,
    }
}
