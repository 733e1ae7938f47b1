//! What consumers answer, and what the server says of them.

use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{AckKind, Context, Message, stream};
use fleetscope::model::{AdvisoryKind, Event, Settlement, SettlementKind, Timestamp};
use futures::StreamExt as _;

use super::rig::{BOUND, Source, config, fleet, make, make_stream, on_each_server, publish};
use crate::servers::nats::NatsServer;

on_each_server! {
    the_tap_sees_every_answer => answers;
    the_server_gives_up_and_says_so => gives_up;
    polls_tell_of_streams_and_consumers => polls;
    reads_work_queues_without_touching_them => work_queue;
    asks_an_idle_work_queue_ten_times_a_second => idle_queue;
    leaves_out_answers_of_streams_it_does_not_read => unread;
    bounds_the_names_that_anybody_may_write => long_names;
}

/// A consumer of the fleet.
pub(super) struct Worker {
    messages: pull::Stream,
}

impl Worker {
    pub(super) async fn start(fleet: &Context, stream: &str, name: &str) -> Self {
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            ack_wait: Duration::from_secs(1),
            max_deliver: 3,
            ..Default::default()
        };
        let stream = fleet.get_stream(stream).await.expect("it is there");
        let consumer: PullConsumer = stream.create_consumer(config).await.expect("a consumer");
        Self { messages: consumer.messages().await.expect("messages") }
    }

    pub(super) async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(BOUND, self.messages.next()).await;
        next.expect("in time").expect("more").expect("a message")
    }
}

pub(super) fn settlement(event: Event) -> Option<Settlement> {
    match event {
        Event::Settlement(settlement) => Some(settlement),
        _ => None,
    }
}

async fn answers(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "PLANNING_EVENTS", "planning.>").await;
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.next("a listing", |e| matches!(e, Event::Consumers(r) if r.tapped).then_some(())).await;
    let mut worker = Worker::start(&fleet, "PLANNING_EVENTS", "orchestrator").await;
    publish(&fleet, "planning.story.created", "{}").await;
    let delay = Duration::from_millis(20);
    worker.next().await.ack_with(AckKind::Nak(Some(delay))).await.expect("sent");
    let message = worker.next().await;
    message.ack_with(AckKind::Progress).await.expect("sent");
    message.ack().await.expect("sent");
    publish(&fleet, "planning.story.created", "{}").await;
    worker.next().await.ack_with(AckKind::Term).await.expect("sent");
    let seen = source.gather("four answers", 4, settlement).await;
    let kinds: Vec<_> = seen.iter().map(|s| (s.stream_seq, s.deliveries, s.kind.clone())).collect();
    let nak = SettlementKind::Nak { delay: Some(20_000_000) };
    assert_eq!(
        kinds,
        [
            (1, 1, nak),
            (1, 2, SettlementKind::Progress),
            (1, 2, SettlementKind::Ack),
            (2, 1, SettlementKind::Term { reason: None })
        ]
    );
    for s in &seen {
        assert_eq!((&*s.stream, &*s.consumer), ("PLANNING_EVENTS", "orchestrator"));
        assert!(s.stored > Timestamp::ZERO && s.at.since(s.stored) < BOUND);
    }
    assert!(seen[2].at.since(seen[2].stored) >= delay, "stored to settled, over all deliveries");
    source.stop().await;
}

async fn idle_queue(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    let retention = stream::RetentionPolicy::WorkQueue;
    let subjects = vec!["agent.work.>".to_owned()];
    make(&fleet, stream::Config { name: "AGENT_WORK".to_owned(), subjects, retention, ..Default::default() }).await;
    let watcher = async_nats::connect(server.url()).await.expect("a connection");
    let mut asked = watcher.subscribe("$JS.API.STREAM.MSG.GET.AGENT_WORK").await.expect("subscribed");
    watcher.flush().await.expect("flushed");
    let mut source = Source::start(config(&server.url()), Vec::new());
    let mut times = Vec::new();
    for _ in 0..10 {
        tokio::time::timeout(BOUND, asked.next()).await.expect("in time").expect("more");
        times.push(std::time::Instant::now());
    }
    // Ten times a second from the second look on; at the pace of the first, eight looks would take 400 ms.
    assert!(times[9] - times[1] > Duration::from_millis(600), "eight looks in {:?}", times[9] - times[1]);
    // A look every five seconds would take forty.
    assert!(times[9] - times[1] < Duration::from_secs(15), "eight looks in {:?}", times[9] - times[1]);
    // It is read nevertheless, and before a worker that takes its time is done with it.
    let mut worker = Worker::start(&fleet, "AGENT_WORK", "worker").await;
    publish(&fleet, "agent.work.a", "{}").await;
    let message = worker.next().await;
    assert_eq!(source.messages(1).await[0].stream_seq, 1);
    message.double_ack().await.expect("acked");
    assert_eq!(source.missed("AGENT_WORK"), 0);
    source.stop().await;
}

async fn unread(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "PLANNING_EVENTS", "planning.>").await;
    make_stream(&fleet, "AUDIT", "audit.>").await;
    let without = fleetscope::config::Nats { streams_exclude: vec!["AUDIT".to_owned()], ..config(&server.url()) };
    let mut source = Source::start(without, Vec::new());
    source.next("a listing", |e| matches!(e, Event::Consumers(r) if r.tapped).then_some(())).await;
    let mut auditor = Worker::start(&fleet, "AUDIT", "auditor").await;
    let mut worker = Worker::start(&fleet, "PLANNING_EVENTS", "orchestrator").await;
    for subject in ["audit.a", "audit.a", "planning.a"] {
        publish(&fleet, subject, "{}").await;
    }
    for _ in 0..2 {
        auditor.next().await.double_ack().await.expect("acked");
    }
    worker.next().await.ack().await.expect("sent");
    let seen = source.next("an answer", settlement).await;
    assert_eq!(&*seen.stream, "PLANNING_EVENTS");
    assert_eq!(source.metrics.sources.ignored.with_label_values(&["nats", "unread_stream"]).get(), 2);
    source.stop().await;
}

async fn long_names(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "PLANNING_EVENTS", "planning.>").await;
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.next("a listing", |e| matches!(e, Event::Consumers(r) if r.tapped).then_some(())).await;
    let (client, long) = (fleet.client(), "ñ".repeat(2_000));
    let body = format!(r#"{{"stream":"PLANNING_EVENTS","consumer":"{long}","stream_seq":1,"deliveries":3}}"#);
    for kind in ["DELETED", "MAX_DELIVERIES"] {
        let subject = format!("$JS.EVENT.ADVISORY.CONSUMER.{kind}.PLANNING_EVENTS.c");
        client.publish(subject, body.clone().into()).await.expect("sent");
    }
    client.publish(format!("$JS.ACK.PLANNING_EVENTS.{long}.1.1.1.1.0"), "+ACK".into()).await.expect("sent");
    let name = |event: Event| match event {
        Event::Advisory(advisory) => advisory.consumer,
        Event::Settlement(settlement) => Some(settlement.consumer),
        _ => None,
    };
    let names = source.gather("what was written", 3, name).await;
    assert!(names.iter().all(|name| name.chars().count() == 256 && name.ends_with('…')), "{names:?}");
    assert_eq!(source.errors("long_name"), 3);
    source.stop().await;
}

async fn gives_up(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "PLANNING_EVENTS", "planning.>").await;
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.next("a listing", |e| matches!(e, Event::Consumers(_)).then_some(())).await;
    let mut worker = Worker::start(&fleet, "PLANNING_EVENTS", "orchestrator").await;
    let advisory = |event| match event {
        Event::Advisory(advisory) => Some(advisory),
        _ => None,
    };
    let made = source.next("an advisory", advisory).await;
    assert_eq!((made.kind, made.consumer.as_deref()), (AdvisoryKind::ConsumerCreated, Some("orchestrator")));
    publish(&fleet, "planning.story.created", "{}").await;
    for _ in 0..3 {
        worker.next().await.ack_with(AckKind::Nak(None)).await.expect("sent");
    }
    let last = source.next("the end", |e| settlement(e).filter(|s| s.kind == SettlementKind::MaxDeliveries)).await;
    assert_eq!((last.stream_seq, last.deliveries, &*last.consumer), (1, 3, "orchestrator"));
    fleet.get_stream("PLANNING_EVENTS").await.expect("there").delete_consumer("orchestrator").await.expect("deleted");
    let gone = source.next("an advisory", advisory).await;
    assert_eq!(gone.kind, AdvisoryKind::ConsumerDeleted);
    source.stop().await;
}

async fn polls(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "PLANNING_EVENTS", "planning.>").await;
    make_stream(&fleet, "KV_settings", "$KV.settings.>").await;
    let mut worker = Worker::start(&fleet, "PLANNING_EVENTS", "orchestrator").await;
    for _ in 0..3 {
        publish(&fleet, "planning.story.created", "{}").await;
    }
    worker.next().await.double_ack().await.expect("acked");
    let mut source = Source::start(config(&server.url()), Vec::new());
    let consumer = source
        .next("the consumer", |e| match e {
            Event::Consumers(report) if report.consumers.first().is_some_and(|c| c.ack_floor_seq == 1) => {
                assert_eq!(report.consumers.len(), 1, "our own is left out");
                Some(report.consumers[0].clone())
            }
            _ => None,
        })
        .await;
    assert_eq!((&*consumer.name, &*consumer.ack_policy, consumer.max_deliver), ("orchestrator", "explicit", 3));
    assert!(consumer.delivered_seq >= 1 && !consumer.push && !consumer.sampled && consumer.created > Timestamp::ZERO);
    assert!((consumer.ack_wait_seconds - 1.0).abs() < 1e-9);
    let streams = source
        .next("all read", |e| match e {
            Event::Streams(r) if r.streams.iter().any(|s| s.read_seq == 3) => Some(r.streams),
            _ => None,
        })
        .await;
    let [kv, planning] = streams.as_slice() else { panic!("two streams: {streams:?}") };
    assert!(kv.unread_because.is_some() && kv.read_seq == 0);
    assert_eq!((planning.messages, planning.last_seq, &*planning.retention), (3, 3, "limits"));
    assert_eq!((planning.subjects.as_slice(), planning.unread_because.as_ref()), (&["planning.>".into()][..], None));
    assert!(planning.last_time.is_some_and(|t| t > planning.created));
    source.stop().await;
}

async fn work_queue(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    for (name, retention) in
        [("AGENT_WORK", stream::RetentionPolicy::WorkQueue), ("HEARD", stream::RetentionPolicy::Interest)]
    {
        let subjects = vec![format!("{}.>", name.to_lowercase())];
        make(&fleet, stream::Config { name: name.to_owned(), subjects, retention, ..Default::default() }).await;
    }
    let mut listener = Worker::start(&fleet, "HEARD", "listener").await;
    let mut source = Source::start(config(&server.url()), Vec::new());
    for n in 1..=3 {
        publish(&fleet, "agent_work.a", n.to_string()).await;
        publish(&fleet, "heard.a", n.to_string()).await;
    }
    let seen = source.messages(6).await;
    for stream in ["AGENT_WORK", "HEARD"] {
        let of: Vec<_> = seen.iter().filter(|m| &*m.stream == stream).map(|m| m.stream_seq).collect();
        assert_eq!(of, [1, 2, 3], "{stream}");
    }
    assert!(seen.iter().all(|m| m.payload.bytes == m.stream_seq.to_string() && m.stored > Timestamp::ZERO));
    // The workers get everything nevertheless, and theirs is the only consumer.
    let mut worker = Worker::start(&fleet, "AGENT_WORK", "worker").await;
    for _ in 0..3 {
        worker.next().await.double_ack().await.expect("acked");
        listener.next().await.double_ack().await.expect("acked");
    }
    let mut queue = fleet.get_stream("AGENT_WORK").await.expect("there");
    let state = queue.info().await.expect("info").state.clone();
    assert_eq!((state.consumer_count, state.messages), (1, 0));
    assert_eq!(source.missed("AGENT_WORK"), 0);
    let reported = source
        .next("the reason", |e| match e {
            Event::Streams(r) => r.streams.into_iter().find(|s| &*s.name == "AGENT_WORK"),
            _ => None,
        })
        .await;
    assert!(reported.unread_because.is_some_and(|why| why.contains("workqueue")));
    source.stop().await;
}
