//! The daemon's events as log records: beside the spans, over a restart, and not at all unless asked for.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fleetscope::model::{TraceKey, publish_span_id};

use crate::servers::nats::binaries;
use crate::support::backend::{Backend, Mood};
use crate::support::daemon::{Daemon, sum};
use crate::support::stories::{Published, STREAM, publish, serve};
use crate::support::until;

/// How long anything may take on a busy machine.
const BOUND: Duration = Duration::from_mins(1);

/// Trace and publish span of every message, computed from what was published alone.
fn ids(published: &Published) -> HashSet<Vec<u8>> {
    let id = |(seq, story): &(u64, String)| {
        let key = TraceKey::story(story);
        [&key.trace_id().0[..], &publish_span_id(&key, STREAM, 0, *seq).0[..]].concat()
    };
    published.iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_becomes_a_log_record_with_the_ids_of_its_span_over_a_restart() {
    let Some(binary) = binaries().into_iter().next() else { return };
    let (server, js) = serve(&binary).await;
    let (backend, folder) = (Backend::start().await, tempfile::tempdir().expect("a folder"));
    let variables = [
        ("FLEETSCOPE_NATS__URL", server.url()),
        ("FLEETSCOPE_OTLP__ENDPOINT", backend.url()),
        ("FLEETSCOPE_OTLP__SETTLE", "500ms".to_owned()),
        ("FLEETSCOPE_LOGS__ENDPOINT", backend.url()),
        ("FLEETSCOPE_LOGS__SETTLE", "500ms".to_owned()),
    ];
    let daemon = Daemon::start(folder.path(), &variables);
    daemon.ready().await;
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = tokio::spawn(publish(js, Arc::clone(&stop)));
    until("log records arrive", BOUND, || async { backend.kept(|kept| kept.logs.len() > 100) }).await;
    // What the backend refuses while the daemon dies has to come from the journal afterwards.
    backend.mood(Mood::Failing);
    until("a request is refused", BOUND, || async {
        daemon.sample("fleetscope_logs_requests_total{outcome=\"retried\"}").await > Some(0.0)
    })
    .await;
    daemon.kill();

    backend.mood(Mood::Good);
    let daemon = Daemon::start(folder.path(), &variables);
    daemon.ready().await;
    stop.store(true, Ordering::Relaxed);
    let wanted = ids(&publisher.await.expect("the publisher ends"));
    until("every event is there as a span and as a log record", BOUND, || async {
        backend.kept(|kept| wanted.iter().all(|id| kept.spans.contains_key(id) && kept.logs.contains(id)))
    })
    .await;
    assert!(backend.kept(|kept| kept.logs == wanted), "log records of nothing that was published");
    until("all is settled", BOUND, || async {
        daemon.sample("fleetscope_log_records_open").await == Some(0.0)
            && daemon.sample("fleetscope_logs_lag_records").await == Some(0.0)
    })
    .await;
    let page = daemon.get("/metrics").await.expect("a page");
    let count = |outcome: &str| sum(&page, &format!("fleetscope_log_records_total{{outcome=\"{outcome}\"}}"));
    let accounted = count("exported") + count("dead_lettered") + count("skipped");
    let created = count("created");
    assert!(created > 0.0 && (created - accounted).abs() < 0.5, "created {created}, accounted for {accounted}");
    assert!(count("dead_lettered") < 0.5 && count("skipped") < 0.5);
    assert!(daemon.stop().await.success(), "the daemon ends in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_record_is_sent_unless_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(folder.path(), &[("FLEETSCOPE_LOG__FILTER", "error")]);
    let told = until("the sink tells how it is", BOUND, || async {
        let status = daemon.json("/status").await?;
        Some(status["parts"]["sink/logs"].as_object()?.clone())
    })
    .await;
    assert_eq!((&told["health"], &told["detail"]), (&"off".into(), &"logs.endpoint is not set".into()), "{told:?}");
}
