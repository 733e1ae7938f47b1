//! The words the parts use to speak to each other.
//! Takes: nothing of ours. Gives: ids, times, events, records, spans, measures, views, filters.
//! Never: does I/O, or imports another module of this crate.

mod delivery;
mod event;
mod exact;
mod facts;
mod filter;
mod ids;
mod key;
mod llm;
mod log_of;
mod measure;
mod message;
mod observed;
mod panel;
mod record;
mod report;
mod span;
mod span_of;
mod tally;
mod text;
mod time;
mod view;

pub use delivery::{Delivery, DeliveryState, Known, Settlement, SettlementKind};
pub use event::{Advisory, AdvisoryKind, Batch, Event, Position};
pub use facts::{Facts, Texts, Value};
pub use filter::{
    Clause, Column, Cursor, Filter, FilterError, Glob, MAX_FILTER, MAX_TERMS, MAX_VALUE, MAX_VALUES, Order, Page,
    Query, Test, WORDS,
};
pub use ids::{Ids, SpanId, TraceId, TraceKey, clean_id, span_id};
pub use key::Key;
pub use llm::{Join, LlmParameters, LlmRequest, LlmSpan, LlmStatus, LlmTimes, LlmView, Spend};
pub use log_of::{LogRecord, log_of};
pub use measure::{Measure, Outcome};
pub use message::{Form, Message, Payload, Source};
pub use observed::{Joined, Observed, RayEnd, What};
pub use panel::{
    Alert, AlertsPanel, CacheEvent, CacheEvents, CacheKey, CacheMonitor, CachePanel, CacheScan, CacheTotals,
    ClusterPanel, Component, ComponentsPanel, Crash, Gpu, GpuPanel, GraphEdge, GraphNode, GraphPanel, LabelCount,
    LlmModel, LlmPanel, NotAvailable, OrchestratorPanel, OrchestratorStats, Panel, Pod, PodsOf, PrefixCount, RayActor,
    RayClusterObject, RayIds, RayJob, RayJobObject, RayNode, RayPanel, RayTasks, RegisteredAgent, RegisteredCouncil,
    Replica, Spread, TopKeys, TypeCount, Workload,
};
pub use record::{Body, Link, LinkKind, Record, Resolved, Seq, Severity};
pub use report::{ConsumerInfo, ConsumersReport, StreamInfo, StreamsReport, subject_matches};
pub use span::{Attribute, AttributeValue, Span, SpanEvent, SpanKind, SpanLink, SpanStatus};
pub use span_of::{process_span_id, publish_span_id, spans_of};
pub use tally::{Bucket, Facet, FacetCounts, Facets, FacetsQuery, Histogram, HistogramQuery, Reach};
pub use text::{Text, printable, shorten};
pub use time::{Timestamp, TimestampError};
pub use view::{
    AgentState, AgentView, Change, CouncilView, DeliberationView, StoryPhase, StoryView, TaskOutcome, TaskView,
};
