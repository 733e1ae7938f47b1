//! What a server would know of its streams and consumers.

use std::collections::BTreeMap;

use crate::model::{ConsumerInfo, ConsumersReport, Position, StreamInfo, StreamsReport, Text, Timestamp};
use crate::sources::simulator::catalogue::{
    ACK_WAIT, DURABLES, DurableSpec, MAX_ACK_PENDING, STREAMS, SUCCESSOR_STREAMS, StreamSpec,
};
use crate::sources::simulator::step::{Publish, Settle, SettleKind};

/// Most open messages remembered per consumer; beyond, the oldest count as settled.
const MAX_OPEN: usize = 10_000;

/// Streams and consumers as the simulation leaves them.
#[derive(Debug)]
pub(super) struct Ledger {
    streams: Vec<Stream>,
    consumers: Vec<Consumer>,
    /// What core messages are counted from.
    core: u64,
}

/// Where a message came to lie.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) stream: Text,
    pub(super) incarnation: u32,
    pub(super) seq: u64,
}

#[derive(Debug)]
struct Stream {
    spec: StreamSpec,
    name: Text,
    key: Text,
    base: u64,
    last: u64,
    last_time: Option<Timestamp>,
    bytes: u64,
    created: Timestamp,
    incarnation: u32,
}

#[derive(Debug)]
struct Consumer {
    spec: &'static DurableSpec,
    created: Timestamp,
    /// Given or waiting to be given, not settled: sequence → when stored, whether refused before.
    open: BTreeMap<u64, (Timestamp, bool)>,
    /// Last sequence on its subject.
    last: u64,
    delivered_at: Option<Timestamp>,
    floor: u64,
    floor_at: Option<Timestamp>,
}

impl Ledger {
    /// Streams go on where `positions` say; new ones begin at `start`.
    pub(super) fn new(successors: bool, positions: &[Position], start: Timestamp) -> Self {
        let specs = STREAMS.iter().chain(SUCCESSOR_STREAMS.iter().filter(|_| successors));
        let streams = specs.map(|spec| Stream::new(*spec, positions, start)).collect();
        let consumers = DURABLES.iter().map(|spec| Consumer::new(spec, start)).collect();
        Self { streams, consumers, core: u64::try_from(start.nanos()).unwrap_or(0) }
    }

    pub(super) fn store(&mut self, publish: &Publish, stored: Timestamp) -> Place {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.spec.name == publish.stream) else {
            return Place { stream: publish.stream.into(), incarnation: 0, seq: self.core + publish.number };
        };
        let seq = stream.base + publish.number;
        stream.last = seq;
        stream.last_time = Some(stored);
        stream.bytes += publish.body.len() as u64 + publish.subject.len() as u64 + 22;
        for consumer in &mut self.consumers {
            if consumer.spec.stream == publish.stream && consumer.spec.filter == publish.subject {
                consumer.give(seq, stored);
            }
        }
        Place { stream: stream.name.clone(), incarnation: stream.incarnation, seq }
    }

    /// The sequence the answer is about.
    pub(super) fn settle(&mut self, settle: &Settle, at: Timestamp) -> Option<u64> {
        let stream = self.streams.iter().find(|stream| stream.spec.name == settle.stream)?;
        let seq = stream.base + settle.number;
        let consumer = self.consumers.iter_mut().find(|consumer| consumer.spec.name == settle.consumer)?;
        consumer.settle(seq, settle.kind, at);
        Some(seq)
    }

    pub(super) fn positions(&self) -> Vec<Position> {
        let told = self.streams.iter().filter(|stream| stream.last > stream.base);
        told.map(|stream| Position {
            key: stream.key.clone(),
            seq: stream.last,
            created: stream.created.nanos(),
            incarnation: stream.incarnation,
        })
        .collect()
    }

    pub(super) fn streams(&self, at: Timestamp) -> StreamsReport {
        StreamsReport { at, streams: self.streams.iter().map(Stream::info).collect() }
    }

    pub(super) fn consumers(&self, at: Timestamp) -> Vec<ConsumersReport> {
        self.streams
            .iter()
            .map(|stream| ConsumersReport {
                stream: stream.name.clone(),
                at,
                consumers: self
                    .consumers
                    .iter()
                    .filter(|consumer| consumer.spec.stream == stream.spec.name)
                    .map(|consumer| consumer.info(at))
                    .collect(),
                tapped: true,
            })
            .collect()
    }
}

impl Stream {
    fn new(spec: StreamSpec, positions: &[Position], start: Timestamp) -> Self {
        let key: Text = format!("nats/{}", spec.name).into();
        let before = positions.iter().find(|position| position.key == key);
        let base = before.map_or(0, |position| position.seq);
        Self {
            spec,
            name: spec.name.into(),
            key,
            base,
            last: base,
            last_time: None,
            bytes: 0,
            created: before.map_or(start, |position| Timestamp::from_nanos(position.created)),
            incarnation: before.map_or(0, |position| position.incarnation),
        }
    }

    fn info(&self) -> StreamInfo {
        let told = self.last - self.base;
        let messages = told.min(u64::try_from(self.spec.max_messages).unwrap_or(u64::MAX));
        StreamInfo {
            name: self.name.clone(),
            subjects: self.spec.subjects.iter().map(|subject| (*subject).into()).collect(),
            retention: "limits".into(),
            messages,
            bytes: self.bytes.checked_div(told).unwrap_or(0) * messages,
            first_seq: self.last + 1 - messages,
            last_seq: self.last,
            last_time: self.last_time,
            created: self.created,
            max_age_seconds: self.spec.max_age.as_secs_f64(),
            max_messages: self.spec.max_messages,
            max_bytes: -1,
            read_seq: self.last,
            unread_because: None,
        }
    }
}

impl Consumer {
    fn new(spec: &'static DurableSpec, created: Timestamp) -> Self {
        let open = BTreeMap::new();
        Self { spec, created, open, last: 0, delivered_at: None, floor: 0, floor_at: None }
    }

    fn give(&mut self, seq: u64, stored: Timestamp) {
        self.last = seq;
        if !self.spec.stale {
            self.delivered_at = Some(stored);
        }
        self.open.insert(seq, (stored, false));
        if self.open.len() > MAX_OPEN {
            self.open.pop_first();
        }
    }

    fn settle(&mut self, seq: u64, kind: SettleKind, at: Timestamp) {
        self.delivered_at = self.delivered_at.max(Some(at));
        match kind {
            SettleKind::Progress => return,
            SettleKind::Nak => {
                if let Some((_, refused)) = self.open.get_mut(&seq) {
                    *refused = true;
                }
                return;
            }
            SettleKind::Ack | SettleKind::Term => {
                self.open.remove(&seq);
            }
        }
        let floor = self.open.first_key_value().map_or(self.last, |(first, _)| first - 1);
        if floor > self.floor {
            self.floor = floor;
            self.floor_at = Some(at);
        }
    }

    fn info(&self, at: Timestamp) -> ConsumerInfo {
        let given = if self.spec.stale { 0 } else { self.spec.batch.min(self.open.len()) };
        let redelivered =
            self.open.values().take(given).filter(|(stored, refused)| *refused || at.since(*stored) > ACK_WAIT).count();
        let delivered =
            if self.spec.stale { 0 } else { self.open.keys().nth(given).map_or(self.last, |next| next - 1) };
        ConsumerInfo {
            stream: self.spec.stream.into(),
            name: self.spec.name.into(),
            filters: vec![self.spec.filter.into()],
            push: false,
            ack_policy: "explicit".into(),
            ack_wait_seconds: ACK_WAIT.as_secs_f64(),
            max_deliver: -1,
            max_ack_pending: MAX_ACK_PENDING,
            sampled: false,
            pending: (self.open.len() - given) as u64,
            ack_pending: given as u64,
            redelivered: redelivered as u64,
            waiting: u64::from(!self.spec.stale),
            delivered_seq: delivered,
            ack_floor_seq: self.floor.min(delivered),
            delivered_at: self.delivered_at,
            ack_floor_at: self.floor_at,
            created: self.created,
            paused: false,
        }
    }
}
