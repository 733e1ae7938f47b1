//! Random histories: every kind of record, every field now set and now not, from few values so that filters hit.

use std::sync::Arc;

use crate::model::{
    Body, Clause, Column, Delivery, DeliveryState, Facts, Filter, Form, Glob, Ids, Key, Known, Link, LinkKind, Message,
    Payload, Position, Record, Resolved, Seq, Severity, Source, Span, SpanKind, SpanStatus, Test, Text, Timestamp,
    TraceKey, Value,
};

const WORDS: [&str; 8] = ["Timeout", "refused", "näh", "graph", "plan", "TOKEN", "ok", "x"];
const TYPES: [&str; 5] =
    ["planning.story.created", "planning.story.transitioned", "agent.response.completed", "Agent.Failed", "odd"];

pub(crate) struct History {
    rng: fastrand::Rng,
    records: Vec<Arc<Record>>,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), records: Vec::new() }
    }

    pub(crate) fn records(&self) -> &[Arc<Record>] {
        &self.records
    }

    /// The next `count` records.
    pub(crate) fn more(&mut self, count: usize) -> Vec<Arc<Record>> {
        let first = self.records.len();
        for _ in 0..count {
            let record = self.record();
            self.records.push(Arc::new(record));
        }
        self.records[first..].to_vec()
    }

    fn record(&mut self) -> Record {
        let seq = self.records.len() as Seq + 1;
        // Roughly in order, as several streams read at once are.
        let at = Timestamp::from_nanos(1_000_000 * seq as i64 + self.rng.i64(-50_000_000..50_000_000));
        let body = match self.rng.u8(..10) {
            0 | 1 => self.delivery(at).unwrap_or(Body::Tick),
            2 => Body::Tick,
            _ => self.message(seq, at),
        };
        let spans = (0..self.rng.usize(..12).saturating_sub(9)).map(|n| self.span(n)).collect();
        let links = (0..self.rng.usize(..20).saturating_sub(17)).map(|_| self.link()).collect();
        Record { seq, at, body, spans, links }
    }

    fn message(&mut self, seq: Seq, at: Timestamp) -> Body {
        let ids = Ids {
            story: self.maybe("s-", 5),
            task: self.maybe("t-", 12),
            ceremony: self.maybe("BRC-", 3),
            plan: self.maybe("PL-", 4),
            deliberation: self.maybe("d-", 6),
            agent: self.maybe("agent-", 4),
            role: self.rng.choice(["DEV", "dev", "QA", ""]).filter(|r| !r.is_empty()).map(Text::from),
            project: None,
            epic: None,
        };
        let stream = self.rng.choice(["AGENT_RESPONSES", "PLANNING_EVENTS", ""]).unwrap_or_default();
        let mut facts = Facts::default();
        if let Some(task) = &ids.task {
            facts.insert(Key::TaskId, Value::Text(task));
        }
        let message = Message {
            source: *self.rng.choice(&Source::ALL[..3]).unwrap_or(&Source::Nats),
            stream: stream.into(),
            incarnation: u32::from(seq > 100),
            stream_seq: seq * 3,
            subject: format!("subject.{}", self.word()).into(),
            event_type: (*self.rng.choice(&TYPES).unwrap_or(&"odd")).into(),
            stored: at,
            received: at,
            size: 10,
            form: Form::Bare,
            producer: self.maybe("service-", 3),
            producer_inferred: self.rng.bool(),
            message_id: self.maybe("m", 1000),
            traceparent: None,
            claimed: self.rng.bool().then_some(at),
            facts,
            undecodable: None,
            payload: Payload { bytes: self.text().into_bytes().into(), truncated: false, masked: 0 },
            observed: None,
        };
        let trace = match (&ids.story, &ids.ceremony) {
            (Some(story), _) => Some(TraceKey::story(story)),
            (None, Some(ceremony)) => Some(TraceKey::of("ceremony", ceremony)),
            _ => None,
        };
        let resolved = Resolved {
            trace,
            part: self.rng.u32(..20).saturating_sub(17),
            severity: *self
                .rng
                .choice(&[Severity::Info, Severity::Warning, Severity::Error])
                .unwrap_or(&Severity::Info),
            summary: self.word().into(),
            violations: Vec::new(),
            ids,
        };
        Body::Message(Box::new(message), Box::new(resolved))
    }

    /// A delivery of some message before.
    fn delivery(&mut self, at: Timestamp) -> Option<Body> {
        let record = self.rng.choice(&self.records)?.clone();
        let (message, resolved) = record.entry()?;
        let event = Known {
            seq: record.seq,
            incarnation: message.incarnation,
            stored: message.stored,
            event_type: message.event_type.clone(),
            trace: resolved.trace.as_ref().map(|t| t.continuation(resolved.part)),
            story: resolved.ids.story.clone(),
        };
        Some(Body::Delivery(Box::new(Delivery {
            event,
            stream: message.stream.clone(),
            stream_seq: message.stream_seq,
            consumer: format!("consumer-{}", self.rng.u8(..3)).into(),
            state: *self.rng.choice(&[DeliveryState::Acked, DeliveryState::Nacked]).unwrap_or(&DeliveryState::Acked),
            attempts: self.rng.u64(1..9),
            first: at,
            last: at,
            naks: 0,
            reason: None,
            polled: false,
        })))
    }

    fn span(&mut self, n: usize) -> Span {
        let key = TraceKey::story(&format!("s-{}", self.rng.u8(..5))).continuation(self.rng.u32(..3));
        Span {
            trace_id: key.trace_id(),
            span_id: key.span_id(&format!("task:{n}")),
            parent: Some(key.root()),
            name: "task".into(),
            kind: SpanKind::Internal,
            start: Timestamp::ZERO,
            end: Timestamp::ZERO,
            service: "planning-service".into(),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            status: SpanStatus::Unset,
        }
    }

    fn link(&mut self) -> Link {
        let story = format!("s-{}", self.rng.u8(..5)).into();
        let (kind, id) = match self.rng.u8(..4) {
            0 => (LinkKind::Task, format!("t-{}", self.rng.u8(..12))),
            1 => (LinkKind::Plan, format!("PL-{}", self.rng.u8(..4))),
            2 => (LinkKind::Ceremony, format!("BRC-{}", self.rng.u8(..3))),
            _ => (LinkKind::Deliberation, format!("d-{}", self.rng.u8(..6))),
        };
        Link { story, kind, id: id.into() }
    }

    fn maybe(&mut self, prefix: &str, values: u32) -> Option<Text> {
        self.rng.bool().then(|| format!("{prefix}{}", self.rng.u32(..values)).into())
    }

    fn word(&mut self) -> String {
        (*self.rng.choice(&WORDS).unwrap_or(&"ok")).to_owned()
    }

    fn text(&mut self) -> String {
        let words = self.rng.usize(..6);
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    /// A filter that fits something now and then.
    pub(crate) fn filter(&mut self) -> Filter {
        let mut filter = Filter::default();
        let last = self.records.len() as i64 * 1_000_000;
        for _ in 0..self.rng.u8(..4) {
            match self.rng.u8(..16) {
                13..=15 => {
                    let clause = self.clause();
                    filter.and.push(clause);
                }
                0 | 1 => filter.story.extend(self.maybe("s-", 6).map(|s| s.to_string())),
                2 => filter.task.extend(self.maybe("t-", 13).map(|s| s.to_string())),
                3 => filter.ceremony.extend(self.maybe("BRC-", 4).map(|s| s.to_string())),
                4 => filter.plan.extend(self.maybe("PL-", 4).map(|s| s.to_string())),
                5 => filter.role.push(self.rng.choice(["Dev", "qa", "NONE"]).unwrap_or_default().to_owned()),
                6 => filter.agent.extend(self.maybe("agent-", 5).map(|s| s.to_string())),
                7 => {
                    let glob = self.rng.choice(["planning.*", "*.completed", "agent.failed", "*", "no.*"]);
                    filter.types.push(Glob::new(glob.unwrap_or_default()));
                }
                8 => filter.producer.extend(self.maybe("service-", 4).map(|s| s.to_string())),
                9 => filter.source.extend(self.rng.choice(&Source::ALL[..4])),
                10 => filter.severity = self.rng.choice([Severity::Info, Severity::Warning, Severity::Error]),
                11 => {
                    let q = self.rng.choice(["timeout", "NÄH", "näh", "ok x", "graphsub", "t.p", "", "Token plan"]);
                    filter.q = q.map(str::to_owned);
                }
                _ => {
                    filter.since = self.rng.bool().then(|| Timestamp::from_nanos(self.rng.i64(0..=last)));
                    filter.until = self.rng.bool().then(|| Timestamp::from_nanos(self.rng.i64(0..=last)));
                }
            }
        }
        filter
    }

    /// A term of the filter language.
    fn clause(&mut self) -> Clause {
        let count = self.rng.usize(1..3);
        let mut some = |from: &[&str]| -> Vec<String> {
            (0..count).filter_map(|_| self.rng.choice(from)).map(|v| (*v).to_owned()).collect()
        };
        let test = match some(&["0", "1", "2", "3", "4", "5", "6", "7"])[0].as_str() {
            "0" | "1" => Test::Is(Column::Story, some(&["s-0", "s-1", "s-4", "s-9"])),
            "2" => Test::Is(Column::Role, some(&["Dev", "qa", "NONE"])),
            "3" => Test::Is(Column::Producer, some(&["service-0", "service-2", "service-9"])),
            "4" => Test::Type(
                some(&["planning.*", "*.completed", "odd", "*", "no.*"]).into_iter().map(Glob::new).collect(),
            ),
            "5" => Test::Text(some(&["timeout", "näh", "ok x", "graphsub", "x", "Token plan"])),
            "6" => Test::Severity(*self.rng.choice(&[Severity::Warning, Severity::Error]).unwrap_or(&Severity::Info)),
            _ => Test::Source(self.rng.choose_multiple(Source::ALL[..4].iter().copied(), count)),
        };
        Clause { not: self.rng.u8(..3) == 0, test }
    }

    /// The history without its records before `first`, the links they brought among them.
    pub(crate) fn forget_before(&self, first: Seq) -> Self {
        let records = self.records.iter().filter(|r| r.seq >= first).cloned().collect();
        Self { rng: self.rng.clone(), records }
    }

    pub(crate) fn rng(&mut self) -> &mut fastrand::Rng {
        &mut self.rng
    }
}

pub(crate) fn position(key: &str, seq: u64) -> Position {
    Position { key: key.into(), seq, created: 7, incarnation: 0 }
}
