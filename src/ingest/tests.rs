//! The ledger of events balances, over a restart too.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::correlate::Settings;
use crate::journal::Journal;
use crate::journal::embedded::Embedded;
use crate::metrics::Metrics;
use crate::model::{Batch, Event, Facts, Form, Message, Payload, Settlement, SettlementKind, Source, Timestamp};
use crate::tail::Tail;

use super::{Context, run};

/// The events are of a fixed time: retention must not reach them.
const EVER: Duration = Duration::from_hours(24 * 36_500);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_771_060_000_000 + seconds * 1_000)
}

fn message(stream_seq: u64) -> Event {
    Event::Message(Box::new(Message {
        source: Source::Nats,
        stream: "PLANNING_EVENTS".into(),
        incarnation: 0,
        stream_seq,
        subject: "planning.story.created".into(),
        event_type: "planning.story.created".into(),
        stored: at(1),
        received: at(1),
        size: 2,
        form: Form::Bare,
        producer: None,
        producer_inferred: false,
        message_id: None,
        traceparent: None,
        claimed: None,
        facts: Facts::default(),
        undecodable: None,
        payload: Payload::default(),
        observed: None,
    }))
}

fn ack(stream_seq: u64) -> Event {
    Event::Settlement(Settlement {
        stream: "PLANNING_EVENTS".into(),
        consumer: "context".into(),
        stream_seq,
        deliveries: 1,
        stored: Timestamp::ZERO,
        at: at(2),
        kind: SettlementKind::Ack,
        known: None,
    })
}

/// One life with these events; gives what the ledger says at its end.
fn life(folder: &Path, all: Vec<Event>) -> impl Fn(&str) -> u64 + use<> {
    let journal: Arc<dyn Journal> = Arc::new(Embedded::open(folder, EVER, 1 << 30).expect("opens"));
    let metrics = Arc::new(Metrics::new());
    let (sender, events) = mpsc::channel(4);
    sender.try_send(Batch { events: all, positions: Vec::new() }).expect("room");
    drop(sender);
    let settings = Settings {
        silent_after: Duration::from_secs(30),
        idle_after: Duration::from_mins(1),
        timeout: Duration::from_mins(5),
        derive_timeout: Duration::from_mins(2),
        open_span_max: Duration::from_mins(5),
        trace_bytes: 4 << 20,
        max_stories: 100,
        llm: crate::correlate::LlmSettings::default(),
    };
    run(Context {
        tail: Arc::new(Tail::new(journal.stats().expect("readable").last_seq)),
        journal,
        settings,
        board: Arc::default(),
        metrics: Arc::clone(&metrics),
        status: Arc::default(),
        events,
        abort: CancellationToken::new(),
    })
    .expect("ends well");
    move |term| match term {
        "waiting" => metrics.sources.waiting.with_label_values(&["nats"]).get() as u64,
        outcome => metrics.sources.events.with_label_values(&["nats", outcome]).get(),
    }
}

#[test]
fn what_was_received_is_accounted_for_over_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let terms = ["received", "journaled", "unmatched", "waiting"];
    let first = life(folder.path(), vec![message(1), ack(1), ack(7), ack(8)]);
    assert_eq!(terms.map(&first), [4, 2, 0, 2]);
    let second = life(folder.path(), vec![message(7)]);
    assert_eq!(terms.map(&second), [3, 2, 0, 1], "what waited before is received anew");
    let third = life(folder.path(), vec![Event::Tick(at(60))]);
    assert_eq!(terms.map(&third), [1, 0, 1, 0]);
}
