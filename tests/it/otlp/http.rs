//! OTLP over HTTP.

use std::time::{Duration, Instant};

use fleetscope::config;
use fleetscope::sinks::otlp::{self, Signal};
use fleetscope::status::Health;

use super::backend::{Act, Backend, Serve, spans_of};
use super::rig::{Rig, config_of, until};

fn say(status: u16) -> Act {
    Act::Http(status, Vec::new(), "no")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_retryable_status_is_retried() {
    let backend = Backend::start(Serve::Http);
    for status in [429, 502, 503, 504] {
        backend.memory.script([say(status), Act::Take]);
    }
    let config = config::Otlp { in_flight: 1, batch_spans: 16, ..config_of(&backend) };
    let mut rig = Rig::started(config);
    rig.traffic(200);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!((rig.requests("retried"), rig.spans("dead_lettered")), (4, 0));
    assert!(otlp::probe(Signal::Spans, &rig.config).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_honoured() {
    let backend = Backend::start(Serve::Http);
    backend.memory.script([Act::Http(503, vec![("retry-after", "1".to_owned())], "busy")]);
    let mut rig = Rig::started(config_of(&backend));
    let began = Instant::now();
    rig.traffic(10);
    until("the spans arrive", || backend.memory.count() > 0).await;
    assert!(began.elapsed() >= Duration::from_secs(1), "sent again after {:?}", began.elapsed());
    rig.quiet().await;
    rig.judge(&backend, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_span_is_found_by_halving() {
    let backend = Backend::start(Serve::Http);
    let mut rig = Rig::new(config_of(&backend));
    rig.traffic(100);
    let bad = rig.expected().into_keys().nth(7).expect("spans");
    let culprit = bad.clone();
    backend.memory.rule(
        move |request, _| {
            if spans_of(request).iter().any(|(id, _)| *id == culprit) { say(400) } else { Act::Take }
        },
    );
    rig.start();
    rig.quiet().await;
    rig.judge(&backend, &[bad]);
    assert_eq!(rig.spans("dead_lettered"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_and_enormous_answers_take_nothing_back() {
    let backend = Backend::start(Serve::Http);
    backend.memory.script([Act::TakeAndSay(b"<html>fine".to_vec()), Act::TakeAndSay(vec![0; 10 << 20])]);
    let mut rig = Rig::started(config::Otlp { batch_spans: 20, ..config_of(&backend) });
    rig.traffic(100);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!((rig.requests("retried"), rig.spans("dead_lettered")), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partial_success_is_counted() {
    let backend = Backend::start(Serve::Http);
    backend.memory.script([Act::Partial(2, "too old")]);
    let mut rig = Rig::started(config_of(&backend));
    rig.traffic(30);
    rig.quiet().await;
    assert_eq!(rig.spans("dead_lettered"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_not_followed() {
    let elsewhere = Backend::start(Serve::Http);
    let backend = Backend::start(Serve::Http);
    let target = format!("http://{}/v1/traces", elsewhere.at);
    backend.memory.rule(move |_, _| Act::Http(307, vec![("location", target.clone())], ""));
    let mut rig = Rig::started(config_of(&backend));
    rig.traffic(10);
    until("the sink says so", || matches!(rig.health(), Some((Health::Down, _)))).await;
    rig.stop().await;
    rig.adds_up();
    assert_eq!((elsewhere.memory.count(), rig.spans("dead_lettered")), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_of_the_endpoint_is_kept() {
    let backend = Backend::start(Serve::Http);
    let mut config = config_of(&backend);
    let url = config.endpoint.as_mut().expect("set");
    url.set_path("/otlp/v1/traces");
    let wrong = otlp::probe(Signal::Spans, &config).await.expect_err("no such route");
    assert!(wrong.contains("404") && wrong.contains("otlp.endpoint"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_secret_in_the_endpoint_is_told_to_nobody() {
    let backend = Backend::start(Serve::Http);
    backend.memory.rule(|_, _| Act::Http(404, Vec::new(), "no route POST /v1/traces?key=s3cr3t"));
    let mut config = config_of(&backend);
    let url = config.endpoint.as_mut().expect("set");
    url.set_username("tenant").expect("it has a host");
    url.set_query(Some("key=s3cr3t"));
    let mut rig = Rig::started(config);
    until("the sink says where it sends", || rig.health().is_some_and(|(_, detail)| detail.contains("localhost")))
        .await;
    rig.traffic(5);
    let told = || rig.health().map(|(_, detail)| detail).unwrap_or_default();
    until("the sink says what is wrong", || told().contains("404")).await;
    let probed = otlp::probe(Signal::Spans, &rig.config).await.expect_err("no such route");
    for text in [told(), probed] {
        assert!(text.contains("?[masked]") && !text.contains("s3cr3t") && !text.contains("tenant"), "{text}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_backend_forgot_is_sent_again() {
    let mut backend = Backend::start(Serve::Http);
    let mut rig = Rig::started(config::Otlp { settle: Duration::from_secs(2), ..config_of(&backend) });
    rig.traffic(200);
    let all = rig.expected().len();
    until("everything is taken", || backend.memory.count() == all).await;
    backend.kill();
    backend.memory.forget();
    backend.restart();
    rig.quiet().await;
    rig.judge(&backend, &[]);
}
