//! The sink between a journal in memory and a scripted backend, and the oracle that judges both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fleetscope::config;
use fleetscope::journal::{Commit, Journal};
use fleetscope::metrics::Metrics;
use fleetscope::model::{
    Attribute, Body, Delivery, DeliveryState, Facts, Form, Ids, Known, Message, Payload, Record, Resolved, Seq, Source,
    Span, SpanKind, SpanStatus, Text, Timestamp, TraceKey, log_of, spans_of,
};
use fleetscope::sinks::otlp::{self, Signal};
use fleetscope::status::{Health, Status};
use fleetscope::tail::{Committed, Tail};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, Serve, logs_of as logs_in, spans_of as spans_in};
use crate::support;
use crate::support::memory::Memory;

/// Settle time of the tests.
pub(super) const SETTLE: Duration = Duration::from_millis(300);

/// Waits until `holds`, for 20 s at most.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    support::until(what, Duration::from_secs(20), || std::future::ready(holds())).await;
}

pub(super) struct Rig {
    pub(super) journal: Arc<Memory>,
    pub(super) tail: Arc<Tail>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) status: Arc<Status>,
    pub(super) signal: Signal,
    pub(super) config: config::Otlp,
    pub(super) records: Vec<Arc<Record>>,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

pub(super) fn config_of(backend: &Backend) -> config::Otlp {
    let (scheme, protocol) = match backend.serve() {
        Serve::Grpc => ("http", config::OtlpProtocol::Grpc),
        Serve::GrpcTls(_) => ("https", config::OtlpProtocol::Grpc),
        Serve::Http => ("http", config::OtlpProtocol::Http),
    };
    config::Otlp {
        endpoint: Some(format!("{scheme}://localhost:{}", backend.at.port()).parse().expect("a URL")),
        protocol,
        settle: SETTLE,
        batch_spans: 64,
        timeout: Duration::from_secs(5),
        ..config::Otlp::default()
    }
}

impl Rig {
    pub(super) fn new(config: config::Otlp) -> Self {
        Self {
            journal: Arc::default(),
            tail: Arc::new(Tail::new(0)),
            metrics: Arc::default(),
            status: Arc::default(),
            signal: Signal::Spans,
            config,
            records: Vec::new(),
            stop: CancellationToken::new(),
            task: None,
        }
    }

    /// One that sends log records.
    pub(super) fn of_logs(config: config::Otlp) -> Self {
        Self { signal: Signal::Logs { payload: false }, ..Self::new(config) }
    }

    pub(super) fn started(config: config::Otlp) -> Self {
        let mut rig = Self::new(config);
        rig.start();
        rig
    }

    pub(super) fn start(&mut self) {
        self.stop = CancellationToken::new();
        self.task = Some(tokio::spawn(otlp::run(otlp::Context {
            signal: self.signal,
            config: self.config.clone(),
            journal: Arc::clone(&self.journal) as Arc<dyn Journal>,
            tail: Arc::clone(&self.tail),
            metrics: Arc::clone(&self.metrics),
            status: Arc::clone(&self.status),
            stop: self.stop.clone(),
        })));
    }

    /// A fresh process on the same journal.
    pub(super) fn start_anew(&mut self) {
        self.metrics = Arc::default();
        self.tail = Arc::new(Tail::new(self.records.last().map_or(0, |r| r.seq)));
        self.start();
    }

    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        let task = self.task.take().expect("started");
        let ended = tokio::time::timeout(Duration::from_secs(8), task).await;
        ended.expect("the drain is bounded").expect("no panic").expect("no error");
    }

    /// The sink dies without a chance to finish.
    pub(super) async fn kill(&mut self) {
        let task = self.task.take().expect("started");
        task.abort();
        assert!(task.await.expect_err("aborted").is_cancelled());
    }

    pub(super) fn append(&mut self, bodies: impl IntoIterator<Item = (Body, Vec<Span>)>) {
        let first = self.records.last().map_or(1, |r| r.seq + 1);
        let at = Timestamp::from_millis(1_770_000_000_000);
        let records: Vec<Arc<Record>> = (first..)
            .zip(bodies)
            .map(|(seq, (body, spans))| Arc::new(Record { seq, at, body, spans, links: Vec::new() }))
            .collect();
        self.journal.append(&Commit { records: &records, ..Commit::default() }).expect("in memory");
        self.records.extend(records.iter().cloned());
        self.tail.push(Arc::new(Committed { records }));
    }

    /// A mix of what a fleet says: messages of several services, deliveries, ticks with and without spans.
    pub(super) fn traffic(&mut self, records: u64) {
        let base = self.records.len() as u64 + 1;
        self.append((base..base + records).map(|n| match n % 5 {
            0 => (delivery(n), Vec::new()),
            1 => (Body::Tick, Vec::new()),
            2 => (message(n), vec![span(&format!("task:T-{n}"), &[])]),
            _ => (message(n), Vec::new()),
        }));
    }

    fn of<T>(&self, spans: T, logs: T) -> T {
        if self.signal == Signal::Spans { spans } else { logs }
    }

    /// Spans, or log records.
    pub(super) fn spans(&self, outcome: &str) -> u64 {
        let items = self.of(&self.metrics.otlp.spans, &self.metrics.logs.records);
        items.with_label_values(&[outcome]).get()
    }

    pub(super) fn resent(&self) -> u64 {
        let resent = self.of(&self.metrics.otlp.resent, &self.metrics.logs.resent);
        let resent = |reason| resent.with_label_values(&[reason]).get();
        resent("backend_restart") + resent("unknown_outcome")
    }

    pub(super) fn requests(&self, outcome: &str) -> u64 {
        self.of(&self.metrics.otlp.requests, &self.metrics.logs.requests).with_label_values(&[outcome]).get()
    }

    pub(super) fn health(&self) -> Option<(Health, String)> {
        self.status.parts().get(self.signal.part()).map(|p| (p.health, p.detail.clone()))
    }

    pub(super) fn position(&self) -> Seq {
        self.journal.sink_position(self.of("otlp", "logs")).expect("in memory")
    }

    /// Until everything is settled and the position is written; then the ledger must add up.
    pub(super) async fn quiet(&self) {
        let last = self.records.last().map_or(0, |r| r.seq);
        until("the position reaches the head", || self.position() == last).await;
        self.adds_up();
        assert!(self.open() < 0.5, "open: {}", self.open());
    }

    pub(super) fn open(&self) -> f64 {
        self.of(&self.metrics.otlp.open, &self.metrics.logs.open).with_label_values::<&str>(&[]).get()
    }

    pub(super) fn adds_up(&self) {
        let done = self.spans("exported") + self.spans("dead_lettered") + self.spans("skipped");
        assert_eq!(self.spans("created"), done + self.open() as u64);
    }

    /// Id → bytes of every span, or log record, that must arrive.
    pub(super) fn expected(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut expected = BTreeMap::new();
        if let Signal::Logs { payload } = self.signal {
            for log in self.records.iter().filter_map(|record| log_of(record, payload)) {
                let request = ExportLogsServiceRequest::decode(otlp::encode::log::request(&log)).expect("own output");
                expected.extend(logs_in(&request));
            }
            return expected;
        }
        for record in &self.records {
            spans_of(record, &mut |span| {
                let request = otlp::encode::request([span]);
                let request = ExportTraceServiceRequest::decode(request).expect("own output");
                expected.extend(spans_in(&request));
            });
        }
        expected
    }

    /// Every expected span arrived, nothing else did, and copies are alike.
    pub(super) fn judge(&self, backend: &Backend, missing: &[Vec<u8>]) {
        let mut expected = self.expected();
        expected.retain(|id, _| !missing.contains(id));
        let taken = backend.memory.spans.lock();
        assert!(taken.keys().eq(expected.keys()), "took {} spans, expected {}", taken.len(), expected.len());
        for (id, copies) in taken.iter() {
            assert!(copies.iter().all(|copy| *copy == expected[id]), "a copy of {id:02x?} differs");
        }
    }
}

/// So that a text is told by its type where several would do.
fn text(text: &str) -> Text {
    text.into()
}

pub(super) fn key() -> TraceKey {
    TraceKey::story("US-1")
}

pub(super) fn span(what: &str, attributes: &[Attribute]) -> Span {
    Span {
        trace_id: key().trace_id(),
        span_id: key().span_id(what),
        parent: Some(key().root()),
        name: text(what),
        kind: SpanKind::Internal,
        start: Timestamp::from_millis(1_770_000_000_000),
        end: Timestamp::from_millis(1_770_000_001_000),
        service: text("orchestrator"),
        attributes: attributes.to_vec(),
        events: Vec::new(),
        links: Vec::new(),
        status: SpanStatus::Error(text("late")),
    }
}

fn message_in(n: u64, trace: Option<TraceKey>) -> Body {
    let message = Message {
        source: Source::Nats,
        stream: text("PLANNING_EVENTS"),
        incarnation: 0,
        stream_seq: n,
        subject: text("planning.story.created"),
        event_type: text("planning.story.created"),
        stored: Timestamp::from_millis(1_770_000_000_000 + n as i64),
        received: Timestamp::from_millis(1_770_000_000_001 + n as i64),
        size: 512,
        form: Form::Bare,
        producer: Some(text(["planning", "workflow", "context"][(n % 3) as usize])),
        producer_inferred: n.is_multiple_of(2),
        message_id: None,
        traceparent: None,
        claimed: None,
        facts: Facts::default(),
        undecodable: None,
        payload: Payload::default(),
        observed: None,
    };
    let ids = Ids { story: Some(text("US-1")), ..Ids::default() };
    Body::Message(Box::new(message), Box::new(Resolved { ids, trace, ..Resolved::default() }))
}

pub(super) fn message(n: u64) -> Body {
    message_in(n, Some(key()))
}

pub(super) fn message_without_trace(n: u64) -> Body {
    message_in(n, None)
}

fn delivery(n: u64) -> Body {
    let stored = Timestamp::from_millis(1_770_000_000_000 + n as i64);
    Body::Delivery(Box::new(Delivery {
        event: Known {
            seq: n,
            incarnation: 0,
            stored,
            event_type: text("planning.story.created"),
            trace: Some(key()),
            story: Some(text("US-1")),
        },
        stream: text("PLANNING_EVENTS"),
        stream_seq: n,
        consumer: text("context"),
        state: DeliveryState::Acked,
        attempts: 1,
        first: stored,
        last: stored,
        naks: 0,
        reason: None,
        polled: false,
    }))
}
