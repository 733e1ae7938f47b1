//! Ends of streams that go, or seem to have gone, before they are read.

use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::Context;
use fleetscope::config;
use fleetscope::model::{Message, Position};

use super::rig::{BOUND, Source, config, fleet, make_stream, on_each_server, publish};
use crate::servers::nats::NatsServer;
use crate::servers::proxy::Proxy;

on_each_server! {
    reads_what_its_consumer_does_not_know_of_yet => lagging;
    counts_what_went_between_its_look_and_its_consumer => purged;
    counts_what_a_new_stream_lost_between_look_and_consumer => purged_new;
    passes_over_a_tail_that_was_deleted => deleted;
    passes_over_a_deleted_tail_without_permission_to_ask => not_permitted;
    passes_over_what_is_older_than_wanted => older;
}

fn sequences(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|m| m.stream_seq).collect()
}

/// A stream of five messages of which two were read; gives the position.
async fn two_of_five(server: &NatsServer) -> (Context, Vec<Position>) {
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "CONTEXT", "context.>").await;
    for _ in 0..2 {
        publish(&fleet, "context.a", "{}").await;
    }
    let mut source = Source::start(config(&server.url()), Vec::new());
    source.messages(2).await;
    let (positions, _) = source.stop().await;
    for _ in 0..3 {
        publish(&fleet, "context.a", "{}").await;
    }
    (fleet, positions)
}

async fn lagging(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let (_fleet, positions) = two_of_five(&server).await;
    let proxy = Proxy::start(server.port()).await;
    // As a replica says that has not got the messages yet.
    proxy.swap("\"num_pending\":3", "\"num_pending\":0");
    let mut source = Source::start(config(&proxy.url()), positions);
    assert_eq!(sequences(&source.until_read("CONTEXT", 5).await), [3, 4, 5]);
    assert_eq!((source.missed("CONTEXT"), source.errors("stuck")), (0, 0));
    source.stop().await;
}

async fn purged(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let (fleet, positions) = two_of_five(&server).await;
    let proxy = Proxy::start(server.port()).await;
    proxy.hold("CONSUMER.CREATE.");
    let mut source = Source::start(config(&proxy.url()), positions);
    proxy.held(BOUND).await;
    fleet.get_stream("CONTEXT").await.expect("there").purge().await.expect("purged");
    proxy.release();
    assert!(source.until_read("CONTEXT", 5).await.is_empty());
    until_missed(&source, 3).await;
    publish(&fleet, "context.a", "{}").await;
    assert_eq!(sequences(&source.messages(1).await), [6]);
    assert_eq!((source.missed("CONTEXT"), source.errors("stuck")), (3, 0));
    source.stop().await;
}

async fn until_missed(source: &Source, count: u64) {
    let look = || std::future::ready((source.missed("CONTEXT") == count).then_some(()));
    crate::servers::until("counted as missed", BOUND, look).await;
}

async fn purged_new(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    make_stream(&fleet, "CONTEXT", "context.>").await;
    for _ in 0..3 {
        publish(&fleet, "context.a", "{}").await;
    }
    let proxy = Proxy::start(server.port()).await;
    proxy.hold("CONSUMER.CREATE.");
    let mut source = Source::start(config(&proxy.url()), Vec::new());
    proxy.held(BOUND).await;
    fleet.get_stream("CONTEXT").await.expect("there").purge().await.expect("purged");
    publish(&fleet, "context.a", "{}").await;
    proxy.release();
    assert_eq!(sequences(&source.messages(1).await), [4]);
    until_missed(&source, 3).await;
    source.stop().await;
}

async fn delete_tail(fleet: &Context) {
    let stream = fleet.get_stream("CONTEXT").await.expect("there");
    for seq in [4, 5] {
        stream.delete_message(seq).await.expect("deleted");
    }
}

async fn deleted(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let (fleet, positions) = two_of_five(&server).await;
    delete_tail(&fleet).await;
    let mut source = Source::start(config(&server.url()), positions);
    assert_eq!(sequences(&source.until_read("CONTEXT", 5).await), [3]);
    publish(&fleet, "context.a", "{}").await;
    assert_eq!(sequences(&source.messages(1).await), [6]);
    assert_eq!((source.missed("CONTEXT"), source.errors("stuck")), (0, 0));
    source.stop().await;
}

async fn not_permitted(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let (fleet, positions) = two_of_five(&server).await;
    delete_tail(&fleet).await;
    server.reconfigure(
        "authorization { users: [ {user: admin, password: admin}, {user: observer, password: old, \
         permissions: { publish: { deny: \"$JS.API.STREAM.MSG.GET.>\" } }} ] }",
    );
    let file = server.dir().join("password");
    std::fs::write(&file, "old").expect("written");
    let observer =
        config::Nats { user: Some("observer".to_owned()), password_file: Some(file), ..config(&server.url()) };
    let mut source = Source::start(observer, positions);
    assert_eq!(sequences(&source.until_read("CONTEXT", 5).await), [3]);
    assert_eq!((source.missed("CONTEXT"), source.errors("stuck")), (0, 0));
    source.stop().await;
}

async fn older(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let (fleet, positions) = two_of_five(&server).await;
    // Read once, so that all of it is older than a millisecond.
    let mut source = Source::start(config(&server.url()), positions);
    source.until_read("CONTEXT", 5).await;
    source.stop().await;
    let recent =
        config::Nats { start: "1ms".to_owned(), poll_interval: Duration::from_mins(10), ..config(&server.url()) };
    let mut source = Source::start(recent, Vec::new());
    assert!(source.until_read("CONTEXT", 5).await.is_empty());
    publish(&fleet, "context.a", "{}").await;
    assert_eq!(sequences(&source.messages(1).await), [6]);
    assert_eq!((source.missed("CONTEXT"), source.errors("stuck")), (0, 0));
    source.stop().await;
}
