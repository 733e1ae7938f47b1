//! The OTLP sink against real gRPC and HTTP servers that misbehave.
//!
//! Oracle, after each fault: every span arrived, nothing else did, copies are alike, and the ledger adds up.

mod backend;
mod http;
mod logs;
mod outage;
mod refusal;
mod rig;

use std::time::Duration;

use fleetscope::config;
use fleetscope::sinks::otlp::{self, Signal};
use fleetscope::status::Health;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tonic::transport::Identity;

use self::backend::{Act, Backend, Serve};
use self::rig::{Rig, config_of, message_without_trace, span, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_arrive_once_and_the_position_follows() {
    let backend = Backend::start(Serve::Grpc);
    let mut rig = Rig::started(config_of(&backend));
    rig.traffic(500);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert!(backend.memory.spans.lock().values().all(|copies| copies.len() == 1));
    assert_eq!((rig.spans("dead_lettered"), rig.spans("skipped"), rig.resent()), (0, 0, 0));
    assert!(backend.memory.requests.lock().iter().all(|spans| *spans <= 64));
    assert!(matches!(rig.health(), Some((Health::Up, _))));
    rig.traffic(1);
    rig.stop().await;
    rig.judge(&backend, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_trace_is_skipped_and_what_is_invalid_never_leaves() {
    let backend = Backend::start(Serve::Grpc);
    let mut rig = Rig::started(config_of(&backend));
    let mut bad = span("bad", &[]);
    bad.span_id = fleetscope::model::SpanId([0; 8]);
    rig.append([(message_without_trace(1), Vec::new()), (fleetscope::model::Body::Tick, vec![bad, span("good", &[])])]);
    rig.quiet().await;
    assert_eq!(backend.memory.count(), 1);
    let counts = ["created", "exported", "dead_lettered", "skipped"].map(|o| rig.spans(o));
    assert_eq!(counts, [3, 1, 1, 1]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_stay_within_their_bytes() {
    let backend = Backend::start(Serve::Grpc);
    let config = config::Otlp { batch_bytes: config::ByteSize(64 << 10), ..config_of(&backend) };
    let mut rig = Rig::started(config);
    let large = fleetscope::model::Attribute::text("fleet.note", "x".repeat(20_000));
    rig.append((0..40).map(|n| {
        let spans = vec![span(&format!("large:{n}"), std::slice::from_ref(&large))];
        (fleetscope::model::Body::Tick, spans)
    }));
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert!(*backend.memory.largest.lock() <= 64 << 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_follow_their_file_and_a_missing_key_loses_nothing() {
    let backend = Backend::start(Serve::Grpc);
    backend.memory.rule(|_, headers| match headers.get("authorization").map(axum::http::HeaderValue::as_bytes) {
        Some(b"Bearer new") => Act::Take,
        _ => Act::Refuse(tonic::Status::unauthenticated("who are you?")),
    });
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("headers");
    std::fs::write(&file, "authorization: Bearer old\n").expect("written");
    let mut rig = Rig::started(config::Otlp { headers_file: Some(file.clone()), ..config_of(&backend) });
    rig.traffic(50);
    until("the sink says it is not let in", || {
        rig.health().is_some_and(|(health, detail)| health == Health::Down && detail.contains("headers_file"))
    })
    .await;
    assert_eq!((rig.spans("dead_lettered"), backend.memory.count()), (0, 0));
    assert!(rig.position() <= 1, "only the first record has no spans");
    rig.adds_up();
    std::fs::write(&file, "authorization: Bearer new \n").expect("written");
    rig.quiet().await;
    rig.judge(&backend, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_trusts_the_configured_authority_only() {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().expect("a key");
    let ca = params.self_signed(&ca_key).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let names = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let cert = names.signed_by(&key, &Issuer::from_params(&params, &ca_key)).expect("signed");
    let dir = tempfile::tempdir().expect("a directory");
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, ca.pem()).expect("written");

    let backend = Backend::start(Serve::GrpcTls(Identity::from_pem(cert.pem(), key.serialize_pem())));
    let stranger = config_of(&backend);
    let refused = otlp::probe(Signal::Spans, &stranger).await.expect_err("an unknown authority");
    assert!(refused.contains("certificate"), "{refused}");
    let config = config::Otlp { tls_ca_file: Some(ca_file), ..stranger };
    assert!(otlp::probe(Signal::Spans, &config).await.expect("trusted").contains("takes spans"));
    let mut rig = Rig::started(config);
    rig.traffic(20);
    rig.quiet().await;
    rig.judge(&backend, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_endpoint_the_sink_is_off() {
    let mut rig = Rig::started(config::Otlp::default());
    until("the sink says it is off", || matches!(rig.health(), Some((Health::Off, _)))).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_says_what_is_wrong() {
    let mut backend = Backend::start(Serve::Grpc);
    let config = config::Otlp { timeout: Duration::from_millis(500), ..config_of(&backend) };
    backend.kill();
    assert!(otlp::probe(Signal::Spans, &config).await.expect_err("nobody there").contains("not available"));
    backend.restart();
    backend.memory.rule(|_, _| Act::Refuse(tonic::Status::permission_denied("no")));
    assert!(otlp::probe(Signal::Spans, &config).await.expect_err("not let in").contains("headers_file"));
    let web = config::Otlp { protocol: config::OtlpProtocol::Http, ..config };
    assert!(otlp::probe(Signal::Spans, &web).await.is_err(), "a gRPC server is no HTTP backend");
}
