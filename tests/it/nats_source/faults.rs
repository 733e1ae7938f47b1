//! What goes wrong, and that reading goes on.

use std::path::Path;

use async_nats::jetstream::Context;
use fleetscope::config;
use fleetscope::model::{Event, Message};
use fleetscope::status::Health;

use super::rig::{Source, config, fleet, make_stream, on_each_server, publish};
use crate::servers::nats::NatsServer;
use crate::servers::proxy::Proxy;

on_each_server! {
    waits_for_a_server_that_is_away => away;
    survives_a_killed_server_without_losing_or_repeating => killed;
    reads_everything_once_through_kills_under_load => kills_under_load;
    survives_a_server_that_forgot_everything => wiped;
    sees_that_a_stream_was_made_anew => recreated;
    sees_that_a_stream_went_back => went_back;
    sees_that_a_lost_tail_was_overtaken => overtaken;
    mends_a_half_open_connection => half_open;
    makes_a_deleted_consumer_again => consumer_deleted;
    waits_for_a_stalled_ingest_without_losing_anything => stalled;
    says_that_jetstream_is_off => jetstream_off;
}

fn identities(messages: &[Message]) -> Vec<(u32, u64)> {
    messages.iter().map(|m| (m.incarnation, m.stream_seq)).collect()
}

/// A server with the stream `CONTEXT`, which holds so many messages, and a client of the fleet.
async fn with_context(binary: &Path, messages: usize) -> (NatsServer, Context) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "CONTEXT", "context.>").await;
    publish_times(&fleet, messages).await;
    (server, fleet)
}

async fn publish_times(fleet: &Context, times: usize) {
    for _ in 0..times {
        publish(fleet, "context.a", "{}").await;
    }
}

/// Keeps the store as it is now.
fn kill_and_save(server: &mut NatsServer) {
    server.kill();
    server.save();
    server.restart();
}

/// Puts back the store as it was then.
fn kill_and_restore(server: &mut NatsServer) {
    server.kill();
    server.restore();
    server.restart();
}

async fn away(binary: &Path) {
    let (mut server, _fleet) = with_context(binary, 1).await;
    server.kill();
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.until_health(Health::Down).await;
    server.restart();
    assert_eq!(identities(&source.messages(1).await), [(0, 1)]);
    source.next("a listing", |e| matches!(e, Event::Streams(_)).then_some(())).await;
    source.until_health(Health::Up).await;
    server.kill();
    source.until_health(Health::Down).await;
    // Stops although the server is away.
    source.stop().await;
}

async fn killed(binary: &Path) {
    let (mut server, fleet) = with_context(binary, 1).await;
    let mut source = Source::start(config(&server.url()), Vec::new());
    assert_eq!(identities(&source.messages(1).await), [(0, 1)]);
    for n in 2..=3 {
        server.kill();
        server.restart();
        retry_publish(&fleet).await;
        assert_eq!(identities(&source.messages(1).await), [(0, n)]);
    }
    source.until_reconnects(2).await;
    assert_eq!(source.errors("stream_recreated") + source.errors("stream_went_back"), 0);
    source.stop().await;
}

/// The fleet's client may not have noticed yet that the server is back.
async fn retry_publish(fleet: &Context) {
    crate::servers::until("published", super::rig::BOUND, || async {
        if fleet.client().connection_state() != async_nats::connection::State::Connected {
            return None;
        }
        fleet.publish("context.a", "{}".into()).await.ok()?.await.ok()
    })
    .await;
}

async fn wiped(binary: &Path) {
    let (mut server, _first) = with_context(binary, 3).await;
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.messages(3).await;
    server.kill();
    server.wipe();
    server.restart();
    let again = fleet(&server.url()).await;
    make_stream(&again, "CONTEXT", "context.>").await;
    publish(&again, "context.a", "{}").await;
    assert_eq!(identities(&source.messages(1).await), [(1, 1)]);
    assert_eq!(source.errors("stream_recreated"), 1);
    let (positions, _) = source.stop().await;
    assert_eq!((positions[0].seq, positions[0].incarnation), (1, 1));
}

async fn recreated(binary: &Path) {
    let (server, fleet) = with_context(binary, 1).await;
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.messages(1).await;
    for life in 1..=2 {
        fleet.delete_stream("CONTEXT").await.expect("deleted");
        make_stream(&fleet, "CONTEXT", "context.>").await;
        publish_times(&fleet, life as usize).await;
        let expected: Vec<_> = (1..=life).map(|n| (life as u32, n)).collect();
        assert_eq!(identities(&source.messages(life as usize).await), expected);
    }
    // Deleted for good is no error; back later is found.
    fleet.delete_stream("CONTEXT").await.expect("deleted");
    source.next("a listing without it", |e| matches!(e, Event::Streams(r) if r.streams.is_empty()).then_some(())).await;
    make_stream(&fleet, "CONTEXT", "context.>").await;
    publish(&fleet, "context.a", "{}").await;
    assert_eq!(identities(&source.messages(1).await), [(3, 1)]);
    source.stop().await;
}

async fn went_back(binary: &Path) {
    let (mut server, fleet) = with_context(binary, 1).await;
    kill_and_save(&mut server);
    for _ in 0..3 {
        retry_publish(&fleet).await;
    }
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.messages(4).await;
    kill_and_restore(&mut server);
    // What was restored was read before: only what is stored from now on is new.
    retry_publish(&fleet).await;
    assert_eq!(identities(&source.messages(1).await), [(1, 2)]);
    assert!(source.errors("stream_went_back") > 0);
    let (positions, _) = source.stop().await;
    assert_eq!((positions[0].seq, positions[0].incarnation), (2, 1));
    // The same with the process away: it cannot tell what is new, so all of it is read.
    kill_and_restore(&mut server);
    let mut source = Source::start(config(&server.url()), positions);
    assert_eq!(identities(&source.messages(1).await), [(2, 1)]);
    source.stop().await;
}

async fn overtaken(binary: &Path) {
    let (mut server, fleet) = with_context(binary, 1).await;
    kill_and_save(&mut server);
    retry_publish(&fleet).await;
    let proxy = Proxy::start(server.port()).await;
    let mut source = Source::start(config(&proxy.url()), Vec::new());
    assert_eq!(identities(&source.messages(2).await), [(0, 1), (0, 2)]);
    // The tail is lost, and others take its place before we are back.
    proxy.refuse(true);
    kill_and_restore(&mut server);
    for _ in 0..3 {
        retry_publish(&fleet).await;
    }
    proxy.refuse(false);
    assert_eq!(identities(&source.messages(3).await), [(1, 2), (1, 3), (1, 4)]);
    source.stop().await;
}

async fn half_open(binary: &Path) {
    let (server, fleet) = with_context(binary, 1).await;
    let proxy = Proxy::start(server.port()).await;
    let mut source = Source::start(config(&proxy.url()), Vec::new());
    source.messages(1).await;
    proxy.silence();
    publish(&fleet, "context.a", "{}").await;
    assert_eq!(identities(&source.messages(1).await), [(0, 2)]);
    source.until_reconnects(1).await;
    source.stop().await;
}

async fn consumer_deleted(binary: &Path) {
    let (server, fleet) = with_context(binary, 1).await;
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.messages(1).await;
    let stream = fleet.get_stream("CONTEXT").await.expect("it is there");
    let names: Vec<String> = futures::TryStreamExt::try_collect(stream.consumer_names()).await.expect("listed");
    assert_eq!(names.len(), 1);
    stream.delete_consumer(&names[0]).await.expect("deleted");
    publish(&fleet, "context.a", "{}").await;
    assert_eq!(identities(&source.messages(1).await), [(0, 2)]);
    source.stop().await;
}

async fn jetstream_off(binary: &Path) {
    let server = NatsServer::start_plain(binary);
    let listening = config::Nats { core_subjects: vec!["choreo.>".to_owned()], ..config(&server.url()) };
    let mut source = Source::start(listening, Vec::new());
    source.until_health(Health::Down).await;
    assert!(source.detail().contains("JetStream is not enabled"), "{}", source.detail());
    let client = async_nats::connect(server.url()).await.expect("a connection");
    client.publish("choreo.step", "{}".into()).await.expect("sent");
    assert_eq!(&*source.messages(1).await[0].subject, "choreo.step");
    source.stop().await;
}

async fn stalled(binary: &Path) {
    const COUNT: u64 = 5_000;
    let (server, fleet) = with_context(binary, 0).await;
    // Ingest that takes nothing: two batches fit, then everything has to wait.
    let mut source = Source::start_with_room(config(&server.url()), Vec::new(), 2);
    let body = "x".repeat(4_000);
    for _ in 0..COUNT {
        fleet.client().publish("context.a", body.clone().into()).await.expect("sent");
    }
    // A nak loop meanwhile: nobody may wait for us, and nothing final may be lost.
    let mut worker = super::settling::Worker::start(&fleet, "CONTEXT", "worker").await;
    for _ in 0..100 {
        worker.next().await.double_ack().await.expect("acked");
    }
    let (mut sequences, mut acks) = (Vec::new(), 0);
    source
        .gather("everything", COUNT as usize + 100, |event| match event {
            Event::Message(message) => {
                sequences.push(message.stream_seq);
                Some(())
            }
            Event::Settlement(_) => {
                acks += 1;
                Some(())
            }
            _ => None,
        })
        .await;
    assert_eq!((sequences, acks), ((1..=COUNT).collect::<Vec<_>>(), 100));
    assert_eq!(source.errors("slow_consumer") + source.errors("acks_dropped") + source.missed("CONTEXT"), 0);
    source.stop().await;
}

async fn kills_under_load(binary: &Path) {
    let (mut server, client) = with_context(binary, 0).await;
    let mut source = Source::start(config(&server.url()), Vec::new());
    let publishing = client.client();
    let publisher = tokio::spawn(async move {
        // Some are lost while the server is away: what counts is what it stored.
        loop {
            let _ = publishing.publish("context.a", "{}".into()).await;
            tokio::task::yield_now().await;
        }
    });
    let mut sequences = Vec::new();
    for round in 1..=3 {
        let target = sequences.len() + 2_000;
        while sequences.len() < target {
            sequences.extend(source.messages(1).await.iter().map(|m| (m.incarnation, m.stream_seq)));
        }
        if round < 3 {
            server.kill();
            server.restart();
        }
    }
    publisher.abort();
    let expected: Vec<_> = (1..=sequences.len() as u64).map(|n| (0, n)).collect();
    assert!(sequences == expected, "a hole or a repetition");
    source.stop().await;
}
