//! What the server says by itself of streams and consumers.
//! Takes: advisories, and ack metrics while the tap is shut. Gives: advisories and settlements.
//! Never: listens to the audit of API calls, which repeats every answer.

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use futures::StreamExt as _;
use futures::stream::select_all;
use serde::Deserialize;

use crate::model::{Advisory, AdvisoryKind, Batch, Event, Settlement, SettlementKind, Text, Timestamp, shorten};

use super::discover::Streams;
use super::signals::Denied;
use super::{OWN_PREFIX, Shared, outlet, tap};

const PREFIX: &str = "$JS.EVENT.ADVISORY.";
/// Always listened to.
pub(super) const SUBJECTS: [&str; 5] = [
    "$JS.EVENT.ADVISORY.STREAM.>",
    "$JS.EVENT.ADVISORY.CONSUMER.CREATED.>",
    "$JS.EVENT.ADVISORY.CONSUMER.DELETED.>",
    "$JS.EVENT.ADVISORY.CONSUMER.PAUSE.>",
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
];
/// Listened to where the tap is not permitted or not wanted: the tap sees the same, sooner and in full.
const INSTEAD_OF_TAP: [&str; 3] = [
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.>",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
    "$JS.EVENT.METRIC.CONSUMER.ACK.>",
];

/// The fields of advisories and metrics that we use.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    stream: Option<String>,
    consumer: Option<String>,
    stream_seq: u64,
    deliveries: u64,
    reason: Option<String>,
}

/// Listens until stopped.
pub(super) async fn run(shared: Arc<Shared>, streams: Arc<Streams>) {
    tokio::join!(advisories(&shared, &streams), settlements(&shared, &streams));
}

async fn subscribe(shared: &Shared, subjects: &[&str]) -> Vec<Subscriber> {
    let mut all = Vec::new();
    for subject in subjects {
        match shared.api.subscribe(subject).await {
            Ok(subscriber) => all.push(subscriber),
            Err(error) => shared.failed(error.reason()),
        }
    }
    all
}

async fn advisories(shared: &Shared, streams: &Streams) {
    let mut messages = select_all(subscribe(shared, &SUBJECTS).await).ready_chunks(64);
    loop {
        let chunk = tokio::select! {
            () = shared.stop.cancelled() => return,
            chunk = messages.next() => match chunk { Some(chunk) => chunk, None => return },
        };
        let at = Timestamp::now();
        let mut events = Vec::new();
        for message in &chunk {
            match read(&message.subject, said(&message.payload), at, &|name| shared.name(name)) {
                Some(Event::Settlement(s)) if !tap::is_of_read_stream(shared, streams, &s.stream) => {}
                Some(Event::Advisory(advisory)) => {
                    if advisory.consumer.is_none() {
                        streams.look.notify_one();
                    }
                    events.push(Event::Advisory(advisory));
                }
                Some(event) => events.push(event),
                None => {}
            }
        }
        if !events.is_empty() {
            let Ok(room) = outlet::room(&shared.events, &shared.stop).await else { return };
            room.send(Batch { events, positions: Vec::new() });
        }
    }
}

/// Naks, terminations and acks as advisories and metrics say them, while the tap says nothing.
async fn settlements(shared: &Shared, streams: &Streams) {
    if shared.config.ack_tap {
        let denied = Denied::Subscribe(tap::SUBJECT.to_owned());
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.api.signals().refused(&denied) => {}
        }
    }
    let subscribers = subscribe(shared, &INSTEAD_OF_TAP).await;
    tap::pump(shared, subscribers, |message: &Message, at| {
        if tap::is_open(shared) {
            return None;
        }
        let settlement = settlement(&message.subject, said(&message.payload), at, &|name| shared.name(name))?;
        if !tap::is_of_read_stream(shared, streams, &settlement.stream) {
            return None;
        }
        Some(Settlement { kind: tap::masked(shared, settlement.kind), ..settlement })
    })
    .await;
}

fn said(body: &[u8]) -> Said {
    serde_json::from_slice(body).unwrap_or_default()
}

/// An advisory; `None` where it is about one of our own consumers or cannot be read. `name` bounds a name.
fn read(subject: &str, said: Said, at: Timestamp, name: &dyn Fn(&str) -> Text) -> Option<Event> {
    if said.consumer.as_deref().is_some_and(|c| c.starts_with(OWN_PREFIX)) {
        return None;
    }
    let kind = match subject.strip_prefix(PREFIX)? {
        s if s.starts_with("CONSUMER.MAX_DELIVERIES.") => {
            return settled(&said, at, SettlementKind::MaxDeliveries, name).map(Event::Settlement);
        }
        s if s.starts_with("CONSUMER.CREATED.") => AdvisoryKind::ConsumerCreated,
        s if s.starts_with("CONSUMER.DELETED.") => AdvisoryKind::ConsumerDeleted,
        s if s.starts_with("CONSUMER.PAUSE.") => AdvisoryKind::ConsumerPaused,
        s if s.starts_with("STREAM.CREATED.") => AdvisoryKind::StreamCreated,
        s if s.starts_with("STREAM.UPDATED.") => AdvisoryKind::StreamUpdated,
        s if s.starts_with("STREAM.DELETED.") => AdvisoryKind::StreamDeleted,
        _ => AdvisoryKind::Other,
    };
    let name = |said: Option<String>| said.as_deref().map(name);
    Some(Event::Advisory(Advisory { kind, stream: name(said.stream), consumer: name(said.consumer), at }))
}

/// A settlement as an advisory or a metric says it. When the message was stored is not said.
fn settlement(subject: &str, mut said: Said, at: Timestamp, name: &dyn Fn(&str) -> Text) -> Option<Settlement> {
    let kind = if subject.contains(".METRIC.") {
        SettlementKind::Ack
    } else if subject.contains(".MSG_NAKED.") {
        SettlementKind::Nak { delay: None }
    } else {
        SettlementKind::Term { reason: said.reason.take().map(|r| shorten(&r, 200).into()) }
    };
    settled(&said, at, kind, name)
}

fn settled(said: &Said, at: Timestamp, kind: SettlementKind, name: &dyn Fn(&str) -> Text) -> Option<Settlement> {
    let consumer = said.consumer.as_deref().filter(|c| !c.starts_with(OWN_PREFIX))?;
    Some(Settlement {
        stream: name(said.stream.as_deref()?),
        consumer: name(consumer),
        stream_seq: said.stream_seq,
        deliveries: said.deliveries,
        stored: Timestamp::ZERO,
        at,
        kind,
        known: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// What a real server said, in the order it was heard.
    fn captured() -> Vec<(String, Vec<u8>)> {
        let lines = include_str!("../../../tests/fixtures/nats/advisories.jsonl").lines();
        let parse = |line| serde_json::from_str::<Value>(line).expect("JSON");
        let pair =
            |v: Value| (v["subject"].as_str().expect("a subject").to_owned(), v["data"].to_string().into_bytes());
        lines.map(|line| pair(parse(line))).collect()
    }

    #[test]
    fn captured_advisories_are_read() {
        let mut kinds = Vec::new();
        for (subject, body) in captured() {
            if subject.contains(".METRIC.") || subject.contains(".MSG_") {
                continue;
            }
            match read(&subject, said(&body), Timestamp::ZERO, &|name| name.into()) {
                Some(Event::Advisory(a)) => kinds.push((a.kind.name(), a.stream.is_some(), a.consumer.is_some())),
                Some(Event::Settlement(s)) => {
                    assert_eq!((s.kind, s.deliveries), (SettlementKind::MaxDeliveries, 2));
                    assert!(matches!(s.stream_seq, 3 | 6));
                }
                other => panic!("{subject}: {other:?}"),
            }
        }
        kinds.dedup();
        let expected = [
            ("stream_created", true, false),
            ("consumer_created", true, true),
            ("consumer_paused", true, true),
            ("stream_updated", true, false),
            ("consumer_deleted", true, true),
            ("stream_deleted", true, false),
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn captured_settlements_are_read() {
        let settled = captured().into_iter().filter(|(s, _)| s.contains(".METRIC.") || s.contains(".MSG_"));
        let seen: Vec<_> = settled
            .map(|(subject, body)| {
                settlement(&subject, said(&body), Timestamp::ZERO, &|name| name.into()).expect("a settlement")
            })
            .map(|s| (s.stream_seq, s.kind))
            .collect();
        let (nak, term) = (SettlementKind::Nak { delay: None }, |reason| SettlementKind::Term { reason });
        let why = Some("poison message: bad schema".into());
        let expected = [
            (1, SettlementKind::Ack),
            (1, SettlementKind::Ack),
            (2, nak.clone()),
            (3, nak),
            (4, term(why)),
            (5, term(None)),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn own_consumers_and_nonsense_are_passed_by() {
        let own = br#"{"stream":"S","consumer":"fleetscope-01"}"#;
        let read = |subject: &str, body: &[u8]| read(subject, said(body), Timestamp::ZERO, &|name| name.into());
        assert!(read("$JS.EVENT.ADVISORY.CONSUMER.CREATED.S.fleetscope-01", own).is_none());
        assert!(read("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.c", b"nonsense").is_none());
        let metric = "$JS.EVENT.METRIC.CONSUMER.ACK.S.c";
        assert!(settlement(metric, said(b"[]"), Timestamp::ZERO, &|name| name.into()).is_none());
        assert!(read("other", b"{}").is_none());
    }
}
