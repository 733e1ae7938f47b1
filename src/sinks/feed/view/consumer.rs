//! Consumers and streams as JSON, with a verdict on a consumer's health.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{ConsumerInfo, ConsumersReport, StreamInfo, Text, Timestamp};
use crate::sinks::feed::time::Time;

/// An ack floor that stands still for longer than this (and twice the ack wait) while acks are owed is stuck.
const PATIENCE_SECONDS: f64 = 60.0;

/// A durable consumer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsumerJson<'a> {
    /// Stream.
    stream: &'a str,
    /// Its name.
    consumer: &'a str,
    /// Subjects it wants; empty = all.
    #[schema(value_type = Vec<String>)]
    filters: &'a [Text],
    /// `push` or `pull`.
    mode: &'static str,
    /// `none`, `all` or `explicit`.
    ack_policy: &'a str,
    /// How long the server waits for an ack.
    ack_wait_seconds: f64,
    /// Delivery limit; -1 = none.
    max_deliver: i64,
    /// Messages not delivered yet.
    pending: u64,
    /// Delivered, not acked.
    ack_pending: u64,
    /// Most that may wait for an ack.
    max_ack_pending: i64,
    /// Being redelivered.
    redelivered: u64,
    /// Pull requests waiting.
    waiting: u64,
    /// Last stream sequence delivered.
    delivered_seq: u64,
    /// All up to here are settled.
    ack_floor_seq: u64,
    /// When the ack floor last moved.
    #[schema(value_type = Option<String>, format = DateTime)]
    ack_floor_at: Option<Time>,
    /// How long ago that was.
    ack_floor_age_seconds: Option<f64>,
    /// When something was last delivered.
    #[schema(value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Time>,
    /// Whether an operator paused it.
    paused: bool,
    /// `ok`, `behind` (messages wait), `unattended` (they wait and nobody asks), `redelivering`, `stuck` or `paused`.
    health: &'static str,
    /// Whether latencies come from the ack tap; otherwise they are only as exact as the poll.
    tapped: bool,
    /// When it was polled.
    #[schema(value_type = String, format = DateTime)]
    as_of: Time,
}

/// The consumers of a report as of its poll.
pub(crate) fn consumers(report: &ConsumersReport) -> impl Iterator<Item = ConsumerJson<'_>> {
    report.consumers.iter().map(|consumer| consumer_json(consumer, report))
}

fn consumer_json<'a>(c: &'a ConsumerInfo, report: &'a ConsumersReport) -> ConsumerJson<'a> {
    let age = c.ack_floor_at.map(|at| report.at.since(at).as_secs_f64());
    ConsumerJson {
        stream: &report.stream,
        consumer: &c.name,
        filters: &c.filters,
        mode: if c.push { "push" } else { "pull" },
        ack_policy: &c.ack_policy,
        ack_wait_seconds: c.ack_wait_seconds,
        max_deliver: c.max_deliver,
        pending: c.pending,
        ack_pending: c.ack_pending,
        max_ack_pending: c.max_ack_pending,
        redelivered: c.redelivered,
        waiting: c.waiting,
        delivered_seq: c.delivered_seq,
        ack_floor_seq: c.ack_floor_seq,
        ack_floor_at: c.ack_floor_at.map(Time),
        ack_floor_age_seconds: age,
        delivered_at: c.delivered_at.map(Time),
        paused: c.paused,
        health: health(c, report.at),
        tapped: report.tapped,
        as_of: Time(report.at),
    }
}

/// One word for people; the worst that applies.
pub(crate) fn health(c: &ConsumerInfo, now: Timestamp) -> &'static str {
    // A floor that never moved is as old as the first delivery that nobody acked.
    let floor = c.ack_floor_at.or(c.delivered_at);
    let still = floor.is_some_and(|at| now.since(at).as_secs_f64() > PATIENCE_SECONDS.max(2.0 * c.ack_wait_seconds));
    if c.paused {
        "paused"
    } else if c.ack_pending > 0 && still {
        "stuck"
    } else if c.pending > 0 && !c.push && c.waiting == 0 && c.ack_pending == 0 {
        "unattended"
    } else if c.redelivered > 0 {
        "redelivering"
    } else if c.pending > 0 {
        "behind"
    } else {
        "ok"
    }
}

/// A stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamJson<'a> {
    /// Its name.
    stream: &'a str,
    /// Subjects it stores.
    #[schema(value_type = Vec<String>)]
    subjects: &'a [Text],
    /// `limits`, `interest` or `workqueue`.
    retention: &'a str,
    /// Messages held.
    messages: u64,
    /// Bytes held.
    bytes: u64,
    /// First sequence held.
    first_seq: u64,
    /// Last sequence stored.
    last_seq: u64,
    /// How far Fleetscope has read.
    read_seq: u64,
    /// Stored and not yet read.
    lag: u64,
    /// When the last message was stored.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_time: Option<Time>,
    /// When the stream was made.
    #[schema(value_type = String, format = DateTime)]
    created: Time,
    /// Longest age of a message; 0 = no limit.
    max_age_seconds: f64,
    /// Most messages; -1 = no limit.
    max_messages: i64,
    /// Most bytes; -1 = no limit.
    max_bytes: i64,
    /// Why it is not read, where it is not.
    unread_because: Option<&'a str>,
}

impl<'a> From<&'a StreamInfo> for StreamJson<'a> {
    fn from(stream: &'a StreamInfo) -> Self {
        Self {
            stream: &stream.name,
            subjects: &stream.subjects,
            retention: &stream.retention,
            messages: stream.messages,
            bytes: stream.bytes,
            first_seq: stream.first_seq,
            last_seq: stream.last_seq,
            read_seq: stream.read_seq,
            lag: if stream.unread_because.is_some() { 0 } else { stream.last_seq.saturating_sub(stream.read_seq) },
            last_time: stream.last_time.map(Time),
            created: Time(stream.created),
            max_age_seconds: stream.max_age_seconds,
            max_messages: stream.max_messages,
            max_bytes: stream.max_bytes,
            unread_because: stream.unread_because.as_deref(),
        }
    }
}
