//! What the server says of streams and consumers when asked.

use std::sync::Arc;

use crate::metrics::Metrics;
use crate::model::{Batch, ConsumerInfo, ConsumersReport, Event, StreamInfo, StreamsReport, Text, Timestamp};
use crate::status::Health;

use super::begin;
use super::discover::{self, MAX_STREAMS, Streams};
use super::tap;
use super::{OWN_PREFIX, PART, SOURCE, Shared, wire};
use super::{outlet, read};

/// Reports one listing, then the consumers of each stream that is read.
pub(super) async fn report(shared: &Arc<Shared>, streams: &Streams, listed: &[wire::Stream]) {
    let at = Timestamp::now();
    let infos: Vec<StreamInfo> = listed.iter().map(|info| stream(shared, streams, info)).collect();
    let reading = infos.iter().filter(|s| s.unread_because.is_none()).count();
    lag(&shared.metrics, streams, &infos, at);
    let tapped = tap::is_open(shared);
    if !send(shared, Event::Streams(StreamsReport { at, streams: infos })).await {
        return;
    }
    let mut trouble = None;
    for info in listed.iter().filter(|info| discover::is_wanted(&shared.config, &info.config.name)) {
        match shared.api.consumers(&info.config.name).await {
            Ok(consumers) => {
                let own = |c: &&wire::Consumer| !c.name.starts_with(OWN_PREFIX);
                let report = ConsumersReport {
                    stream: info.config.name.as_str().into(),
                    at: Timestamp::now(),
                    consumers: consumers.iter().filter(own).map(|c| consumer(&info.config.name, c)).collect(),
                    tapped,
                };
                if !send(shared, Event::Consumers(report)).await {
                    return;
                }
            }
            Err(error) if error.is_missing() => {}
            Err(error) => {
                shared.failed(error.reason());
                trouble = Some(error.to_string());
            }
        }
    }
    if !shared.api.signals().line.borrow().up {
        return;
    }
    shared.metrics.sources.up.with_label_values(&[SOURCE]).set(1.0);
    shared.metrics.sources.last_success.with_label_values(&[SOURCE]).set(Timestamp::now().seconds());
    let acks = match (shared.config.ack_tap, tapped) {
        (false, _) => "acknowledgements not listened to",
        (true, true) => "acknowledgements seen",
        (true, false) => "acknowledgements not permitted: latencies come from polls",
    };
    let version = shared.api.version();
    let trouble = trouble.map(|t| format!("; {t}")).unwrap_or_default();
    shared.status.report(
        PART,
        Health::Up,
        format!("nats-server {version}; reading {reading} of {} streams; {acks}{trouble}", listed.len()),
    );
}

async fn send(shared: &Shared, event: Event) -> bool {
    let room = outlet::room(&shared.events, &shared.stop).await;
    room.map(|room| room.send(Batch { events: vec![event], positions: Vec::new() })).is_ok()
}

/// The age of what is read, over all streams that have more.
fn lag(metrics: &Metrics, streams: &Streams, infos: &[StreamInfo], at: Timestamp) {
    let mut worst = 0.0_f64;
    for info in infos.iter().filter(|info| info.last_seq > info.read_seq) {
        let Some(stream) = streams.get(&info.name) else { continue };
        let last = *stream.last_read.lock();
        if let Some((_, stored)) = last {
            worst = worst.max(at.since(stored).as_secs_f64());
        }
    }
    metrics.sources.lag.with_label_values(&[SOURCE]).set(worst);
}

fn stream(shared: &Shared, streams: &Streams, info: &wire::Stream) -> StreamInfo {
    let known = streams.get(&info.config.name);
    let unread_because: Option<Text> = if !discover::is_wanted(&shared.config, &info.config.name) {
        Some("left out by nats.streams or nats.streams_exclude".into())
    } else if known.is_none() {
        Some(format!("more than {MAX_STREAMS} streams").into())
    } else if let Some(trouble) = known.as_ref().and_then(|s| s.trouble.lock().clone()) {
        Some(trouble)
    } else if read::reads_by_consumer(info) {
        None
    } else {
        Some(format!("{} retention: read without a consumer, best effort", info.config.retention).into())
    };
    let read_seq = known.and_then(|s| s.position.lock().as_ref().map(|p| p.seq)).unwrap_or(0);
    StreamInfo {
        name: info.config.name.as_str().into(),
        subjects: info.config.subjects.iter().map(|s| s.as_str().into()).collect(),
        retention: info.config.retention.as_str().into(),
        messages: info.state.messages,
        bytes: info.state.bytes,
        first_seq: info.state.first_seq,
        last_seq: info.state.last_seq,
        last_time: time(&info.state.last_ts),
        created: begin::created(info),
        max_age_seconds: seconds(info.config.max_age),
        max_messages: info.config.max_msgs,
        max_bytes: info.config.max_bytes,
        read_seq,
        unread_because,
    }
}

fn consumer(stream: &str, info: &wire::Consumer) -> ConsumerInfo {
    let config = &info.config;
    let filters = std::iter::once(&config.filter_subject).filter(|f| !f.is_empty()).chain(&config.filter_subjects);
    ConsumerInfo {
        stream: stream.into(),
        name: info.name.as_str().into(),
        filters: filters.map(|f| f.as_str().into()).collect(),
        push: config.deliver_subject.as_deref().is_some_and(|s| !s.is_empty()),
        ack_policy: config.ack_policy.as_str().into(),
        ack_wait_seconds: seconds(config.ack_wait),
        max_deliver: config.max_deliver,
        max_ack_pending: config.max_ack_pending,
        sampled: !matches!(config.sample_freq.trim_end_matches('%'), "" | "0"),
        pending: info.num_pending,
        ack_pending: info.num_ack_pending,
        redelivered: info.num_redelivered,
        waiting: info.num_waiting,
        delivered_seq: info.delivered.stream_seq,
        ack_floor_seq: info.ack_floor.stream_seq,
        delivered_at: info.delivered.last_active.as_deref().and_then(time),
        ack_floor_at: info.ack_floor.last_active.as_deref().and_then(time),
        created: Timestamp::parse(&info.created).unwrap_or_default(),
        paused: info.paused,
    }
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

/// A Go time; its zero (the year 1) means "never".
fn time(text: &str) -> Option<Timestamp> {
    if text.starts_with("0001-") {
        return None;
    }
    Timestamp::parse(text).ok()
}
