//! What is sent: spans, or log records of the same entries.
//! Takes: nothing. Gives: what differs between the two, and the families each is counted in.
//! Never: decides how anything is sent; that is alike for both.

use std::fmt;

use prometheus::{GaugeVec, HistogramVec, IntCounterVec};

use crate::metrics::Metrics;
use crate::model::{Seq, SpanId};

/// What the sink sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Every span of every record, to a trace backend.
    Spans,
    /// One log record per entry of the history, to a log backend.
    Logs {
        /// Whether the message's body goes along (`privacy.content = "full"`).
        payload: bool,
    },
}

impl Signal {
    const fn pick<T: Copy>(self, spans: T, logs: T) -> T {
        match self {
            Self::Spans => spans,
            Self::Logs { .. } => logs,
        }
    }

    /// The sink's name in the journal.
    pub(super) const fn sink(self) -> &'static str {
        self.pick("otlp", "logs")
    }

    /// The sink's name in `/status`.
    pub const fn part(self) -> &'static str {
        self.pick("sink/otlp", "sink/logs")
    }

    /// Its section of the configuration.
    pub(super) const fn section(self) -> &'static str {
        self.pick("otlp", "logs")
    }

    /// One of what is sent.
    pub(super) const fn item(self) -> &'static str {
        self.pick("span", "log record")
    }

    /// Several of them.
    pub(super) const fn items(self) -> &'static str {
        self.pick("spans", "log records")
    }

    /// Who takes them.
    pub(super) const fn backend(self) -> &'static str {
        self.pick("trace backend", "log backend")
    }

    /// OTLP's word for the service that takes them.
    pub(super) const fn service(self) -> &'static str {
        self.pick("trace", "logs")
    }

    /// Where they go over HTTP when the endpoint names no path.
    pub(super) const fn path(self) -> &'static str {
        self.pick("/v1/traces", "/v1/logs")
    }

    /// The method that takes them over gRPC.
    pub(super) const fn method(self) -> &'static str {
        self.pick(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        )
    }
}

/// What tells one span, or one log record, from the others: a span's id, or the place of a log record's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ItemId([u8; 8]);

impl From<SpanId> for ItemId {
    fn from(id: SpanId) -> Self {
        Self(id.0)
    }
}

impl From<Seq> for ItemId {
    fn from(seq: Seq) -> Self {
        Self(seq.to_be_bytes())
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SpanId(self.0).fmt(f)
    }
}

/// The families of one signal.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    pub(super) items: IntCounterVec,
    pub(super) open: GaugeVec,
    pub(super) resent: IntCounterVec,
    pub(super) requests: IntCounterVec,
    pub(super) request_duration: HistogramVec,
    pub(super) up: GaugeVec,
    pub(super) lag: GaugeVec,
}

impl Meter {
    /// Those of `signal`.
    pub(super) fn new(metrics: &Metrics, signal: Signal) -> Self {
        let (spans, logs) = (&metrics.otlp, &metrics.logs);
        Self {
            items: signal.pick(&spans.spans, &logs.records).clone(),
            open: signal.pick(&spans.open, &logs.open).clone(),
            resent: signal.pick(&spans.resent, &logs.resent).clone(),
            requests: signal.pick(&spans.requests, &logs.requests).clone(),
            request_duration: signal.pick(&spans.request_duration, &logs.request_duration).clone(),
            up: signal.pick(&spans.up, &logs.up).clone(),
            lag: signal.pick(&spans.lag, &logs.lag).clone(),
        }
    }
}
