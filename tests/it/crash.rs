//! kill -9 at random points under load: nothing published is lost or doubled, every span reaches the backend, and
//! nothing else does. An oracle that knows only what was published judges.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream;
use fleetscope::model::{Body, Record, TraceKey, publish_span_id, spans_of};
use futures::StreamExt;
use tempfile::TempDir;

use crate::servers::nats::{NatsServer, binaries};
use crate::support::backend::{Backend, Mood};
use crate::support::daemon::{Daemon, sum};
use crate::support::stories::{Published, STREAM, all_records, judge_history, publish, serve};
use crate::support::until;

/// The issue's number. Each life is short, so the whole takes about a minute.
const KILLS: u64 = 100;

/// A server with a stream of stories, a backend, and a folder for the journal.
struct World {
    server: NatsServer,
    js: jetstream::Context,
    backend: Backend,
    folder: TempDir,
}

impl World {
    async fn start(binary: &Path) -> Self {
        let (server, js) = serve(binary).await;
        Self { server, js, backend: Backend::start().await, folder: tempfile::tempdir().expect("a folder") }
    }

    /// What the daemon is told.
    fn variables(&self, settle: &str) -> Vec<(&'static str, String)> {
        vec![
            ("FLEETSCOPE_NATS__URL", self.server.url()),
            ("FLEETSCOPE_OTLP__ENDPOINT", self.backend.url()),
            ("FLEETSCOPE_OTLP__SETTLE", settle.to_owned()),
        ]
    }
}

/// A consumer of the fleet: acks everything, naks some first.
async fn consume(js: jetstream::Context, stop: Arc<AtomicBool>) {
    let stream = js.get_stream(STREAM).await.expect("there");
    let config = jetstream::consumer::pull::Config { durable_name: Some("context".into()), ..Default::default() };
    let consumer = stream.create_consumer(config).await.expect("created");
    while !stop.load(Ordering::Relaxed) {
        let batch = consumer.fetch().max_messages(100).expires(Duration::from_millis(300)).messages().await;
        let Ok(mut batch) = batch else { continue };
        while let Some(Ok(message)) = batch.next().await {
            let info = message.info().expect("a JetStream message").clone();
            let answer = if info.stream_sequence % 17 == 0 && info.delivered == 1 {
                jetstream::AckKind::Nak(None)
            } else {
                jetstream::AckKind::Ack
            };
            let _ = message.ack_with(answer).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_over_a_hundred_kills() {
    let Some(binary) = binaries().into_iter().next() else { return };
    let mut world = World::start(&binary).await;
    let variables = world.variables("1s");

    let stop = Arc::new(AtomicBool::new(false));
    let publisher = tokio::spawn(publish(world.js.clone(), Arc::clone(&stop)));
    let consumer = tokio::spawn(consume(world.js.clone(), Arc::clone(&stop)));
    let mut random = fastrand::Rng::with_seed(7);
    let mut lives_that_journaled = 0;
    for kill in 0..KILLS {
        let daemon = Daemon::start(world.folder.path(), &variables);
        // One life of four gets to work before the random time begins; the others may die at any moment of their start.
        if kill % 4 == 0 && has_journaled(&daemon).await {
            lives_that_journaled += 1;
        }
        // The moment is random on purpose; what is waited for is nothing, so no condition could be named.
        tokio::time::sleep(Duration::from_millis(random.u64(0..400))).await;
        match kill % 10 {
            3 => world.backend.mood(Mood::Failing),
            5 => world.backend.mood(Mood::Hanging),
            7 => world.backend.restart().await,
            _ => world.backend.mood(Mood::Good),
        }
        daemon.kill();
    }
    assert!(lives_that_journaled >= 20, "only {lives_that_journaled} lives came to journal anything");
    world.backend.mood(Mood::Good);
    stop.store(true, Ordering::Relaxed);
    let mut told = publisher.await.expect("the publisher ends");
    consumer.await.expect("the consumer ends");

    let daemon = Daemon::start(world.folder.path(), &variables);
    daemon.ready().await;
    told.push(watch_one_delivery(&daemon, &world.js).await);
    let wanted = expected_spans(&told);
    until("the backend has every span of every event", Duration::from_mins(1), || async {
        world.backend.kept(|kept| wanted.iter().all(|id| kept.spans.contains_key(id)))
    })
    .await;
    until("all spans are settled", Duration::from_mins(1), || async {
        daemon.sample("fleetscope_spans_open").await == Some(0.0)
            && daemon.sample("fleetscope_otlp_lag_records").await == Some(0.0)
    })
    .await;
    balances(&daemon).await;
    assert!(daemon.stop().await.success(), "the daemon ends in order");

    let records = all_records(world.folder.path());
    judge_history(&records, &told);
    judge_spans(&records, &world.backend);
}

/// Whether this life commits something of what is being published, within a bound.
async fn has_journaled(daemon: &Daemon) -> bool {
    for _ in 0..250 {
        if daemon.sample("fleetscope_events_total{outcome=\"journaled\"").await > Some(0.0) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// Publishes and settles one message under the eyes of the last life, whatever the tap saw of the lives before.
async fn watch_one_delivery(daemon: &Daemon, js: &jetstream::Context) -> (u64, String) {
    let stream = js.get_stream(STREAM).await.expect("there");
    let consumer: jetstream::consumer::PullConsumer = stream.get_consumer("context").await.expect("there");
    until("the source is up", Duration::from_secs(20), || async {
        daemon.sample("fleetscope_source_up{source=\"nats\"}").await == Some(1.0)
    })
    .await;
    let body = r#"{"story_id":"s-last","from_state":"DRAFT","to_state":"PO_REVIEW"}"#;
    let sent = js.publish("planning.story.transitioned", body.into()).await.expect("sent");
    let seq = sent.await.expect("stored").sequence;
    until("a delivery is seen", Duration::from_secs(20), || async {
        if let Ok(mut batch) = consumer.fetch().max_messages(100).expires(Duration::from_millis(200)).messages().await {
            while let Some(Ok(message)) = batch.next().await {
                let _ = message.double_ack().await;
            }
        }
        daemon.sample("fleet_deliveries_total{").await > Some(0.0)
    })
    .await;
    (seq, "s-last".to_owned())
}

/// The publish spans the oracle expects, computed from what was published alone.
fn expected_spans(published: &Published) -> HashSet<Vec<u8>> {
    let id = |(seq, story): &(u64, String)| {
        let key = TraceKey::story(story);
        [&key.trace_id().0[..], &publish_span_id(&key, STREAM, 0, *seq).0[..]].concat()
    };
    published.iter().map(id).collect()
}

async fn balances(daemon: &Daemon) {
    let sample = |name: &'static str| async move { daemon.sample(name).await.expect("a sample") };
    let page = daemon.get("/metrics").await.expect("a page");
    let events = |outcome: &str| sum(&page, &format!("fleetscope_events_total{{outcome=\"{outcome}\""));
    let accounted: f64 = ["journaled", "folded", "unmatched", "observed", "duplicate"].map(events).iter().sum();
    let (received, waiting) = (events("received"), sum(&page, "fleetscope_events_waiting{"));
    let right = accounted + waiting;
    assert!(received > 0.0 && (received - right).abs() < 0.5, "received {received}, accounted for {right}");
    let created = sample("fleetscope_spans_total{outcome=\"created\"}").await;
    let settled = sample("fleetscope_spans_total{outcome=\"exported\"}").await
        + sample("fleetscope_spans_total{outcome=\"dead_lettered\"}").await
        + sample("fleetscope_spans_total{outcome=\"skipped\"}").await
        + sample("fleetscope_spans_open").await;
    assert!((created - settled).abs() < 0.5, "created {created}, accounted for {settled}");
}

fn judge_spans(records: &[Arc<Record>], backend: &Backend) {
    let mut told = HashSet::new();
    for record in records {
        spans_of(record, &mut |span| {
            told.insert([&span.trace_id.0[..], &span.span_id.0[..]].concat());
        });
    }
    assert!(records.iter().any(|r| matches!(r.body, Body::Delivery(_))), "deliveries are part of the history");
    backend.kept(|kept| {
        assert!(kept.changed.is_empty(), "the same span came with other bytes: {:?}", &kept.changed[..1]);
        let missing = told.iter().filter(|id| !kept.spans.contains_key(*id)).count();
        assert_eq!(missing, 0, "spans of the history that the backend never got");
        let foreign = kept.spans.keys().filter(|id| !told.contains(*id)).count();
        assert_eq!(foreign, 0, "spans at the backend that are not in the history");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_dies_after_its_ok_gets_the_spans_again() {
    let Some(binary) = binaries().into_iter().next() else { return };
    let mut world = World::start(&binary).await;
    world.backend.mood(Mood::Forgetful);
    let variables = world.variables("15s");
    let daemon = Daemon::start(world.folder.path(), &variables);
    daemon.ready().await;
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = tokio::spawn(publish(world.js.clone(), Arc::clone(&stop)));
    until("spans are accepted and forgotten", Duration::from_secs(20), || async {
        daemon.sample("fleetscope_otlp_requests_total{outcome=\"ok\"}").await > Some(2.0)
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    let told = publisher.await.expect("the publisher ends");
    until("all is read", Duration::from_secs(20), || async {
        daemon.sample("fleetscope_otlp_lag_records").await == Some(0.0)
    })
    .await;
    world.backend.mood(Mood::Good);
    world.backend.restart().await;
    let wanted = expected_spans(&told);
    until("what was forgotten comes again", Duration::from_mins(1), || async {
        world.backend.kept(|kept| wanted.iter().all(|id| kept.spans.contains_key(id)))
    })
    .await;
}
