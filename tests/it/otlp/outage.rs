//! A backend that goes away, comes back, or never says what it did.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fleetscope::config;
use fleetscope::status::Health;

use super::backend::{Act, Backend, Serve};
use super::logs;
use super::rig::{Rig, config_of, until};

/// A settle time that no test reaches by accident.
const LONG: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_backend_forgot_is_sent_again() {
    a_killed_backend(Rig::started).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_records_a_killed_backend_forgot_are_sent_again() {
    a_killed_backend(logs::started).await;
}

async fn a_killed_backend(started: fn(config::Otlp) -> Rig) {
    let mut backend = Backend::start(Serve::Grpc);
    let mut rig = started(config::Otlp { settle: LONG, ..config_of(&backend) });
    rig.traffic(300);
    let all = rig.expected().len();
    until("everything is taken", || backend.memory.count() == all).await;
    backend.kill();
    backend.memory.forget();
    rig.traffic(10);
    until("the sink sees that it is gone", || matches!(rig.health(), Some((Health::Down, _)))).await;
    assert_eq!(rig.spans("exported"), 0, "nothing of it was settled");
    backend.restart();
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert!(rig.resent() >= all as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_while_nothing_is_sent_is_noticed() {
    let mut backend = Backend::start(Serve::Grpc);
    let mut rig = Rig::started(config::Otlp { settle: LONG, ..config_of(&backend) });
    rig.traffic(100);
    let all = rig.expected().len();
    until("everything is taken", || backend.memory.count() == all).await;
    backend.kill();
    backend.memory.forget();
    backend.restart();
    rig.quiet().await;
    rig.judge(&backend, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settled_spans_are_not_sent_again() {
    let mut backend = Backend::start(Serve::Grpc);
    let mut rig = Rig::started(config_of(&backend));
    rig.traffic(100);
    rig.quiet().await;
    backend.kill();
    backend.memory.forget();
    backend.restart();
    rig.traffic(5);
    rig.quiet().await;
    assert!(backend.memory.count() <= 6, "{} spans", backend.memory.count());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_is_left_after_the_deadline() {
    let backend = Backend::start(Serve::Grpc);
    backend.memory.script((0..4).map(|_| Act::TakeAndHang));
    let config = config::Otlp { timeout: Duration::from_millis(300), ..config_of(&backend) };
    let mut rig = Rig::started(config);
    rig.traffic(300);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!(rig.requests("retried"), 4);
    assert!(rig.resent() > 0, "what hung was sent again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_comes_late_gets_everything() {
    let mut backend = Backend::later(Serve::Grpc);
    let mut rig = Rig::started(config_of(&backend));
    for _ in 0..20 {
        rig.traffic(1000);
    }
    until("the sink says so", || matches!(rig.health(), Some((Health::Down, _)))).await;
    // Bounded: no more is read than may be under way.
    assert!(rig.open() <= f64::from(64 * (2 * 4 + 2)), "open: {}", rig.open());
    until("the lag is told", || rig.metrics.otlp.lag.with_label_values::<&str>(&[]).get() > 18_000.0).await;
    rig.adds_up();
    backend.restart();
    rig.quiet().await;
    rig.judge(&backend, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_sink_goes_on_where_it_had_settled() {
    let backend = Backend::start(Serve::Grpc);
    let mut rig = Rig::started(config::Otlp { settle: LONG, ..config_of(&backend) });
    rig.traffic(300);
    until("something is taken", || backend.memory.count() > 20).await;
    rig.kill().await;
    assert!(rig.position() < 300);
    rig.start_anew();
    rig.traffic(50);
    rig.quiet().await;
    rig.judge(&backend, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_finishes_what_is_under_way() {
    let backend = Backend::start(Serve::Grpc);
    let mut rig = Rig::started(config::Otlp { settle: Duration::ZERO, ..config_of(&backend) });
    rig.traffic(2000);
    rig.stop().await;
    rig.adds_up();
    rig.judge(&backend, &[]);
    assert_eq!(rig.position(), 2000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_backend_that_is_away() {
    let backend = Backend::later(Serve::Grpc);
    let mut rig = Rig::started(config_of(&backend));
    rig.traffic(500);
    until("the sink says so", || matches!(rig.health(), Some((Health::Down, _)))).await;
    rig.stop().await;
    rig.adds_up();
    assert_eq!(rig.position(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_expired_unsent_are_counted() {
    let mut backend = Backend::later(Serve::Grpc);
    let mut rig = Rig::new(config_of(&backend));
    rig.traffic(100);
    rig.journal.purge(41);
    rig.records.drain(..40);
    rig.journal.failures.store(2, Ordering::SeqCst);
    rig.start_anew();
    backend.restart();
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!(rig.spans("skipped"), 40);
}
