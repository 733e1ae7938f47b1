//! Messages of streams, and where reading begins.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::stream;
use fleetscope::config;
use fleetscope::model::{Event, Key, Message, Source as System};

use super::rig::{FLEET, Source, config, fleet, make, make_stream, on_each_server, publish};
use crate::servers::nats::NatsServer;

on_each_server! {
    reads_all_streams_of_the_fleet_in_order => all_streams;
    finds_a_stream_that_appears_later => later;
    goes_on_where_the_journal_stands => resume;
    begins_with_new_messages_only_where_asked => new_only;
    begins_with_the_last_hour_where_asked => since;
    counts_what_retention_took_but_not_what_was_deleted => missed;
    reads_large_and_binary_messages_with_headers => large;
    hears_core_subjects => core_subjects;
    publishes_nothing_but_api_requests_and_leaves_nothing => read_only;
    keeps_up_with_a_burst => burst;
}

async fn all_streams(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    for (stream, subject) in FLEET {
        make_stream(&fleet, stream, subject).await;
        publish(&fleet, &subject.replace('>', "a"), r#"{"story_id":"s-1"}"#).await;
    }
    let mut source = Source::start(config(&server.url()), Vec::new());
    for (_, subject) in FLEET {
        for n in 2..=5 {
            publish(&fleet, &subject.replace('>', "a"), format!(r#"{{"story_id":"s-{n}"}}"#)).await;
        }
    }
    let mut seen: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for message in source.messages(40).await {
        assert!(message.stored.nanos() > 0 && message.stored <= message.received);
        let story = message.facts.text(Key::StoryId).expect("a story").to_string();
        seen.entry(message.stream.to_string()).or_default().push((message.stream_seq, story));
    }
    let whole: Vec<_> = (1..=5).map(|n| (n, format!("s-{n}"))).collect();
    assert_eq!(seen.len(), 8);
    assert!(seen.values().all(|messages| *messages == whole), "{seen:?}");
    let (positions, rest) = source.stop().await;
    assert_eq!(positions.len(), 8);
    assert!(positions.iter().all(|p| p.seq == 5 && p.incarnation == 0 && p.created > 0), "{positions:?}");
    assert_eq!(messages_of(&rest), 0);
}

fn messages_of(events: &[Event]) -> usize {
    events.iter().filter(|e| matches!(e, Event::Message(_))).count()
}

fn sequences(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|m| m.stream_seq).collect()
}

async fn later(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    // The next poll is far away: the advisory must do it.
    let quiet = config::Nats { poll_interval: Duration::from_mins(10), ..config(&server.url()) };
    let mut source = Source::start(config::Nats { start: "new".to_owned(), ..quiet }, Vec::new());
    source.next("the first listing", |e| matches!(e, Event::Streams(r) if r.streams.is_empty()).then_some(())).await;
    make_stream(&fleet, "task_derivation", "task.derivation.>").await;
    publish(&fleet, "task.derivation.requested", "{}").await;
    let message = source.messages(1).await.remove(0);
    assert_eq!(
        (&*message.stream, message.stream_seq, &*message.subject),
        ("task_derivation", 1, "task.derivation.requested")
    );
    source.stop().await;
}

async fn resume(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "CONTEXT", "context.>").await;
    for _ in 0..3 {
        publish(&fleet, "context.events.updated", "{}").await;
    }
    let mut source = Source::start(config(&server.url()), Vec::new());
    assert_eq!(sequences(&source.messages(3).await), [1, 2, 3]);
    let (positions, _) = source.stop().await;
    publish(&fleet, "context.events.updated", "{}").await;
    publish(&fleet, "context.events.updated", "{}").await;
    let mut source = Source::start(config(&server.url()), positions);
    assert_eq!(sequences(&source.messages(2).await), [4, 5]);
    assert_eq!(source.missed("CONTEXT"), 0);
    source.stop().await;
}

async fn new_only(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "CONTEXT", "context.>").await;
    publish(&fleet, "context.events.updated", "{}").await;
    let new = config::Nats { start: "new".to_owned(), ..config(&server.url()) };
    let mut source = Source::start(new.clone(), Vec::new());
    // Positions are committed before the first message, so a restart now loses nothing either.
    crate::servers::until("a position", super::rig::BOUND, || {
        let batch = source.events.try_recv();
        if let Ok(batch) = batch {
            source.positions.extend(batch.positions);
        }
        std::future::ready((!source.positions.is_empty()).then_some(()))
    })
    .await;
    let (positions, _) = source.stop().await;
    publish(&fleet, "context.events.updated", "{}").await;
    let mut source = Source::start(new, positions);
    assert_eq!(sequences(&source.messages(1).await), [2]);
    source.stop().await;
}

async fn since(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "CONTEXT", "context.>").await;
    publish(&fleet, "context.events.updated", "{}").await;
    let mut source = Source::start(config::Nats { start: "1h".to_owned(), ..config(&server.url()) }, Vec::new());
    assert_eq!(sequences(&source.messages(1).await), [1], "an hour ago the stream did not exist");
    source.stop().await;
    let short = config::Nats { start: "1ms".to_owned(), ..config(&server.url()) };
    let mut source = Source::start(short, Vec::new());
    source.next("a listing", |e| matches!(e, Event::Streams(_)).then_some(())).await;
    publish(&fleet, "context.events.updated", "{}").await;
    let seen = sequences(&source.messages(1).await);
    assert_eq!(seen, [2]);
    source.stop().await;
    // Of a work queue that was emptied nothing was missed: nobody asked for what is older.
    let retention = stream::RetentionPolicy::WorkQueue;
    let subjects = vec!["jobs".to_owned()];
    make(&fleet, stream::Config { name: "JOBS".to_owned(), subjects, retention, ..Default::default() }).await;
    for _ in 0..3 {
        publish(&fleet, "jobs", "{}").await;
    }
    fleet.get_stream("JOBS").await.expect("there").purge().await.expect("purged");
    let short = config::Nats { start: "1ms".to_owned(), ..config(&server.url()) };
    let mut source = Source::start(short, Vec::new());
    source.next("a poll", |e| matches!(e, Event::Consumers(_)).then_some(())).await;
    publish(&fleet, "jobs", "{}").await;
    assert_eq!(sequences(&source.messages(1).await), [4]);
    assert_eq!(source.missed("JOBS"), 0);
    source.stop().await;
}

async fn missed(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    let limited = stream::Config {
        name: "AGENT_RESPONSES".to_owned(),
        subjects: vec!["agent.response.>".to_owned()],
        max_messages: 5,
        ..Default::default()
    };
    make(&fleet, limited).await;
    make_stream(&fleet, "CONTEXT", "context.>").await;
    for subject in ["agent.response.failed", "context.a"] {
        publish(&fleet, subject, "{}").await;
    }
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.messages(2).await;
    let (positions, _) = source.stop().await;
    for _ in 0..11 {
        publish(&fleet, "agent.response.failed", "{}").await;
        publish(&fleet, "context.a", "{}").await;
    }
    let context = fleet.get_stream("CONTEXT").await.expect("it is there");
    for seq in [4, 5, 6, 12] {
        context.delete_message(seq).await.expect("deleted");
    }
    let mut source = Source::start(config(&server.url()), positions);
    let seen = source.messages(12).await;
    let of = |stream: &str| seen.iter().filter(|m| &*m.stream == stream).map(|m| m.stream_seq).collect::<Vec<_>>();
    assert_eq!(of("AGENT_RESPONSES"), [8, 9, 10, 11, 12]);
    assert_eq!(of("CONTEXT"), [2, 3, 7, 8, 9, 10, 11]);
    assert_eq!((source.missed("AGENT_RESPONSES"), source.missed("CONTEXT")), (6, 0));
    source.stop().await;
}

async fn large(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "AGENT_RESPONSES", "agent.response.>").await;
    let mut source = Source::start(config(&server.url()), Vec::new());
    for n in 0..12 {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("id-{n}"));
        let body = vec![0xff_u8; 900_000];
        let sent = fleet.publish_with_headers("agent.response.completed", headers, body.into()).await.expect("sent");
        sent.await.expect("stored");
    }
    let seen = source.messages(12).await;
    assert_eq!(sequences(&seen), (1..=12).collect::<Vec<_>>());
    assert!(seen.iter().all(|m| m.size == 900_000));
    assert_eq!(seen[3].message_id.as_deref(), Some("id-3"));
    source.stop().await;
}

async fn core_subjects(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    let listening = config::Nats { core_subjects: vec!["choreo.>".to_owned()], ..config(&server.url()) };
    let mut source = Source::start(listening, Vec::new());
    source.next("a listing", |e| matches!(e, Event::Streams(_)).then_some(())).await;
    let client = fleet.client();
    for _ in 0..2 {
        client.publish("choreo.step", "{}".into()).await.expect("sent");
    }
    let seen = source.messages(2).await;
    assert!(seen.iter().all(|m| m.source == System::Nats && m.stream.is_empty() && m.stored == m.received));
    assert!(seen[0].stream_seq < seen[1].stream_seq);
    source.stop().await;
}

async fn read_only(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "CONTEXT", "context.>").await;
    let mut streams =
        stream::Config { name: "jobs".to_owned(), subjects: vec!["jobs".to_owned()], ..Default::default() };
    streams.retention = stream::RetentionPolicy::WorkQueue;
    make(&fleet, streams).await;
    publish(&fleet, "context.a", "{}").await;
    publish(&fleet, "jobs", "{}").await;
    let watcher = async_nats::connect(server.url()).await.expect("a connection");
    let mut everything = watcher.subscribe(">").await.expect("subscribed");
    watcher.flush().await.expect("flushed");
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.messages(2).await;
    source.next("a poll", |e| matches!(e, Event::Consumers(_)).then_some(())).await;
    source.stop().await;
    // All of it went away with it, at once.
    let mut context = fleet.get_stream("CONTEXT").await.expect("it is there");
    assert_eq!(context.info().await.expect("info").state.consumer_count, 0);
    watcher.publish("the.end", "".into()).await.expect("sent");
    let mut requests = std::collections::BTreeSet::new();
    while let Some(message) = futures::StreamExt::next(&mut everything).await {
        let subject = message.subject.to_string();
        if message.reply.is_some_and(|reply| reply.starts_with("$JS.ACK.")) {
            continue; // the server's delivery
        }
        match subject.as_str() {
            "the.end" => break,
            s if s.starts_with("$JS.EVENT.") || s.starts_with("_INBOX.") => {}
            s => {
                let words = s.strip_prefix("$JS.API.").unwrap_or_else(|| panic!("{s} was published"));
                requests.insert(
                    words
                        .split('.')
                        .take_while(|w| w.chars().all(char::is_uppercase) && !is_stream(w))
                        .collect::<Vec<_>>()
                        .join("."),
                );
            }
        }
    }
    let expected = [
        "CONSUMER.CREATE",
        "CONSUMER.DELETE",
        "CONSUMER.LIST",
        "CONSUMER.MSG.NEXT",
        "STREAM.INFO",
        "STREAM.LIST",
        "STREAM.MSG.GET",
    ];
    assert_eq!(requests.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

fn is_stream(word: &str) -> bool {
    FLEET.iter().any(|(name, _)| *name == word)
}

async fn burst(binary: &Path) {
    const COUNT: u64 = 20_000;
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "WORKFLOW_EVENTS", "workflow.>").await;
    let client = fleet.client();
    for n in 0..COUNT {
        client.publish("workflow.state.changed", format!("{n}").into()).await.expect("sent");
    }
    client.flush().await.expect("flushed");
    let mut source = Source::start(config(&server.url()), Vec::new());
    let seen = source.messages(COUNT as usize).await;
    assert_eq!(sequences(&seen), (1..=COUNT).collect::<Vec<_>>());
    assert!(seen.iter().all(|m| m.payload.bytes == (m.stream_seq - 1).to_string()));
    assert_eq!(source.errors("slow_consumer"), 0);
    source.stop().await;
}
