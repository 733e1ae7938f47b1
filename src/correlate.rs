//! Correlation: what belongs together, and what follows from it.
//! Takes: events in the journal's order. Gives: records (resolved ids, spans, links), measures, changes of state.
//! Never: does I/O, waits, reads a clock, or uses randomness: same events in the same order, same output, byte for byte.

mod agent;
mod bounded;
mod council;
mod deliberation;
mod delivery;
mod drift;
mod early;
mod effects;
mod expire;
mod fold;
mod llm;
mod memory;
mod observe;
mod phase;
mod ray;
mod resolve;
mod ring;
mod role;
mod snapshot;
mod story;
mod summary;
#[cfg(test)]
mod tests;
mod trace;
mod work;

use std::time::Duration;

use crate::model::{
    Body, Change, Event, Known, Measure, Message, Record, Resolved, Seq, Settlement, StoryView, Timestamp,
};

pub use self::drift::{Breach, RULES, Rule};
pub use self::llm::{LlmSettings, Price};

use self::early::Waiting;
use self::fold::Fold;
use self::memory::Memory;
use self::ring::Entry;

/// What correlation can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A deliberating agent that says nothing for this long is silent.
    pub silent_after: Duration,
    /// An agent whose last answer is this old is idle again.
    pub idle_after: Duration,
    /// A deliberation with answers missing after this long has timed out.
    pub timeout: Duration,
    /// The same for derivations.
    pub derive_timeout: Duration,
    /// What is still open after this is sent as far as it is known.
    pub open_span_max: Duration,
    /// Estimated bytes of a trace after which the story goes on in a linked one.
    pub trace_bytes: u64,
    /// Most stories followed at a time.
    pub max_stories: usize,
    /// Requests to language models.
    pub llm: LlmSettings,
}

/// What comes of an event.
#[derive(Debug, Default)]
pub struct Output {
    /// To be journaled, `seq` already set.
    pub records: Vec<Record>,
    /// To be counted.
    pub measures: Vec<Measure>,
    /// Stories that left the live state.
    pub closed: Vec<StoryView>,
}

/// The state of the fleet, folded from all records so far.
#[derive(Debug)]
pub struct Correlator {
    settings: Settings,
    next_seq: Seq,
    memory: Memory,
    /// How many settlements wait for their message.
    early: Waiting,
    rules: drift::Rules,
    names: resolve::Names,
}

/// A snapshot that cannot be read: the correlator then starts from the records alone.
#[derive(Debug, thiserror::Error)]
#[error("the correlator's snapshot cannot be read")]
pub struct SnapshotError(#[source] postcard::Error);

impl Correlator {
    /// An empty state; the first record gets `next_seq`.
    pub fn new(settings: Settings, next_seq: Seq) -> Self {
        let memory = Memory::new(&settings);
        let early = Waiting::default();
        Self { settings, next_seq, memory, early, rules: drift::Rules::default(), names: resolve::Names::default() }
    }

    /// The state as of a snapshot; `next_seq` = one after the record it was taken after.
    pub fn restore(settings: Settings, next_seq: Seq, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        let mut memory = snapshot::read(snapshot).map_err(SnapshotError)?;
        memory.set_limits(&settings);
        let early = Waiting::of(&memory);
        Ok(Self { settings, next_seq, memory, early, rules: drift::Rules::default(), names: resolve::Names::default() })
    }

    /// Folds a record read back from the journal into the state; nothing comes of it.
    ///
    /// What was never recorded is not there afterwards: naks counted since a delivery's last record, and settlements
    /// whose message had not been read. Gives how many stories left the live state.
    pub fn replay(&mut self, record: &Record) -> usize {
        self.next_seq = record.seq;
        let closed = match &record.body {
            Body::Message(message, _) => {
                if message.observed.is_some() {
                    self.memory.is_news(message);
                }
                let closed = self.fold_message(message).closed.len();
                if message.observed.is_none() {
                    self.forget_early(&message.stream, message.stream_seq, message.stored);
                }
                closed
            }
            Body::Delivery(delivery) => {
                self.memory.replay_delivery(delivery);
                0
            }
            Body::Tick => {
                let mut fold = Fold::new(&mut self.memory, &self.settings, record.seq, record.at);
                fold.expire(record.at);
                fold.closed.len()
            }
        };
        self.next_seq = record.seq + 1;
        closed
    }

    /// Folds an event into the state and appends what comes of it.
    pub fn apply(&mut self, event: Event, out: &mut Output) {
        match event {
            Event::Message(message) => self.take(message, out),
            Event::Settlement(settlement) => self.settle(settlement, out),
            Event::Consumers(report) => self.poll(&report, out),
            Event::Tick(at) => self.tick(at, out),
            Event::Streams(report) => self.memory.keep_streams(&report),
            // They change what is shown, which ingest tells the board.
            Event::Advisory(_) | Event::Panel(_) => {}
        }
    }

    /// Whether a settlement's message is no longer in memory, so that its caller should look it up and set `known`.
    pub fn lacks(&self, settlement: &Settlement) -> bool {
        self.memory.lacks(settlement)
    }

    /// The sequence the next record gets.
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// Sets the sequence of the next record: after a replay that skipped what expired.
    pub fn continue_at(&mut self, seq: Seq) {
        self.next_seq = seq;
    }

    /// The state as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        snapshot::write(&self.memory)
    }

    /// What changed since the last call, as of `now`.
    pub fn changes(&mut self, now: Timestamp) -> Vec<Change> {
        self.changed(now)
    }

    fn take_seq(&mut self) -> Seq {
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }

    fn take(&mut self, message: Box<Message>, out: &mut Output) {
        if message.observed.is_some() && !self.memory.is_news(&message) {
            out.measures.push(Measure::Repeated { source: message.source });
            return;
        }
        out.measures.push(Measure::Event {
            source: message.source,
            stream: message.stream.clone(),
            event_type: message.event_type.clone(),
            producer: message.producer.clone().unwrap_or_else(|| "unknown".into()),
            size: message.size,
        });
        self.enter(message, out);
    }

    /// What a step found out beside its own record: entries of their own, which no source sent.
    fn tell_joined(&mut self, joined: Vec<Message>, out: &mut Output) {
        for message in joined {
            self.memory.is_news(&message);
            self.enter(Box::new(message), out);
        }
    }

    /// An entry of the history.
    fn enter(&mut self, mut message: Box<Message>, out: &mut Output) {
        let observed = message.observed.is_some();
        if observed {
            message.stream_seq = self.next_seq;
        }
        let folded = self.fold_message(&message);
        out.measures.extend(
            folded
                .resolved
                .violations
                .iter()
                .map(|rule| Measure::Violation { event_type: message.event_type.clone(), rule: rule.clone() }),
        );
        out.measures.extend(folded.measures);
        out.closed.extend(folded.closed);
        let (stream, stream_seq) = (message.stream.clone(), message.stream_seq);
        let seq = self.take_seq();
        let at = message.stored;
        let body = Body::Message(message, Box::new(folded.resolved));
        out.records.push(Record { seq, at, body, spans: folded.spans, links: folded.links });
        // Entries of watched systems are of no stream, whatever a stream may be called.
        if !observed {
            self.settle_early(&stream, stream_seq, out);
        }
    }

    /// Folds a message into the state: the same for one that comes in and one read back.
    fn fold_message(&mut self, message: &Message) -> Folded {
        let mut ids = match &message.observed {
            None => resolve::ids(message, &self.memory.owners, &mut self.names),
            Some(observed) => observe::ids(observed, &self.memory.owners),
        };
        observe::said(message, &self.memory, &mut ids);
        self.memory.share(&mut ids);
        let violations = self.rules.violations(message);
        let severity = message.observed.as_ref().map_or_else(|| summary::severity(message), |o| o.severity);
        let ring = self.memory.rings.get(&message.stream).filter(|_| message.observed.is_none());
        let repeated =
            ring.is_some_and(|ring| ring.incarnation == message.incarnation && ring.get(message.stream_seq).is_some());
        let mut fold = Fold::new(&mut self.memory, &self.settings, self.next_seq, message.stored);
        fold.message = Some(message);
        if message.received != Timestamp::ZERO {
            fold.seen = message.received;
        }
        let (trace, part) = match (&ids.story, repeated) {
            (Some(story), _) => {
                let (key, part) = fold.enter_story(story, &ids);
                (Some(key), part)
            }
            (None, _) => match resolve::other_trace(message, &ids) {
                Some(key) => {
                    let part = fold.enter_trace(&key);
                    (Some(key), part)
                }
                None => (None, 0),
            },
        };
        let current = trace.as_ref().map(|key| key.continuation(part));
        if !repeated {
            fold.happens(message, &ids, current.as_ref(), severity);
            fold.observed_happens(message, &ids, current.as_ref());
            if let Some(story) = &ids.story {
                fold.own_later(message, story);
            }
        }
        let Fold { spans, links, measures, closed, .. } = fold;
        if !message.stream.is_empty() && message.observed.is_none() {
            let known = Known {
                seq: self.next_seq,
                incarnation: message.incarnation,
                stored: message.stored,
                event_type: message.event_type.clone(),
                trace: current,
                story: ids.story.clone(),
            };
            let one = message.subject == message.event_type;
            let subject = if one { message.event_type.clone() } else { message.subject.clone() };
            self.memory.remember(&message.stream, Entry { stream_seq: message.stream_seq, subject, known });
        }
        let summary = message
            .observed
            .as_ref()
            .map_or_else(|| summary::summary(message, &ids), |observed| observed.summary.clone());
        let resolved = Resolved { ids, trace, part, severity, summary, violations };
        Folded { resolved, spans, links, measures, closed }
    }
}

/// What came of folding a message.
struct Folded {
    resolved: Resolved,
    spans: Vec<crate::model::Span>,
    links: Vec<crate::model::Link>,
    measures: Vec<Measure>,
    closed: Vec<StoryView>,
}
