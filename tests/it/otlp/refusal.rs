//! A backend that answers, but not with a yes.

use std::collections::BTreeSet;
use std::time::Duration;

use fleetscope::config;
use fleetscope::journal::Journal;
use fleetscope::status::Health;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::backend::{Act, Backend, Serve, spans_of};
use super::rig::{Rig, config_of, span, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_retryable_code_is_retried() {
    let backend = Backend::start(Serve::Grpc);
    let codes = [
        Code::Cancelled,
        Code::DeadlineExceeded,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unavailable,
        Code::DataLoss,
        Code::ResourceExhausted,
    ];
    for code in codes {
        backend.memory.script([Act::Refuse(Status::new(code, "RATE_LIMITED or so")), Act::Take]);
    }
    let config = config::Otlp { in_flight: 1, batch_spans: 16, ..config_of(&backend) };
    let mut rig = Rig::started(config);
    rig.traffic(200);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!((rig.requests("retried"), rig.spans("dead_lettered")), (codes.len() as u64, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_info_is_honoured() {
    let backend = Backend::start(Serve::Grpc);
    let asked = Duration::from_millis(700);
    let details = ErrorDetails::with_retry_info(Some(asked));
    let limited = Status::with_error_details(Code::ResourceExhausted, "batch size limit, says nobody", details);
    backend.memory.script([Act::Refuse(limited)]);
    let mut rig = Rig::started(config_of(&backend));
    let began = std::time::Instant::now();
    rig.traffic(10);
    until("the spans arrive", || backend.memory.count() > 0).await;
    assert!(began.elapsed() >= asked, "sent again after {:?}", began.elapsed());
    rig.quiet().await;
    assert_eq!(rig.requests("bisected"), 0);
    rig.judge(&backend, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_span_of_2048_is_the_only_dead_letter() {
    let backend = Backend::start(Serve::Grpc);
    let config = config::Otlp { batch_spans: 2048, ..config_of(&backend) };
    let mut rig = Rig::new(config);
    rig.traffic(2048);
    let ids: Vec<Vec<u8>> = rig.expected().into_keys().collect();
    let bad = ids[ids.len() / 2].clone();
    let culprit = bad.clone();
    backend.memory.rule(move |request, _| {
        if spans_of(request).iter().any(|(id, _)| *id == culprit) {
            Act::Refuse(Status::invalid_argument("trace ids must be 128 bit"))
        } else {
            Act::Take
        }
    });
    rig.start();
    rig.quiet().await;
    rig.judge(&backend, std::slice::from_ref(&bad));
    assert_eq!((rig.spans("dead_lettered"), rig.requests("rejected")), (1, 1));
    let letters = rig.journal.dead_letters(10).expect("in memory");
    assert_eq!(letters.len(), 1);
    assert!(letters[0].reason.contains("128 bit"));
    let id = fleetscope::model::SpanId(bad.as_slice().try_into().expect("eight bytes"));
    assert_eq!(*letters[0].span_id, *id.to_string());
    // A handful of copies at most: the halves that were taken are not sent again.
    assert!(backend.memory.spans.lock().values().all(|copies| copies.len() == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_over_the_backends_size_is_halved() {
    let backend = Backend::start(Serve::Grpc);
    backend.memory.rule(|request, _| {
        if spans_of(request).len() > 5 {
            Act::Refuse(Status::resource_exhausted("grpc: received message larger than max (9 vs. 5)"))
        } else {
            Act::Take
        }
    });
    let mut rig = Rig::started(config_of(&backend));
    rig.traffic(60);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!(rig.spans("dead_lettered"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partial_success_is_counted_and_not_retried() {
    let backend = Backend::start(Serve::Grpc);
    backend.memory.script([Act::Partial(3, "three were too old")]);
    let mut rig = Rig::started(config_of(&backend));
    rig.traffic(50);
    rig.quiet().await;
    assert_eq!((rig.spans("dead_lettered"), rig.requests("partial")), (3, 1));
    assert_eq!(rig.spans("exported"), rig.spans("created") - 3);
    let letters = rig.journal.dead_letters(10).expect("in memory");
    assert!(letters[0].reason.contains("nobody knows which") && letters[0].reason.contains("too old"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warning_is_a_success() {
    let backend = Backend::start(Serve::Grpc);
    backend.memory.script([Act::TakeAndSay(b"be careful".to_vec())]);
    let mut rig = Rig::started(config_of(&backend));
    rig.traffic(50);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!((rig.spans("dead_lettered"), rig.resent()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enormous_answer_is_not_read_and_the_spans_are_not_sent_again() {
    let backend = Backend::start(Serve::Grpc);
    backend.memory.script([Act::TakeAndSay(vec![b'x'; 10 << 20])]);
    let mut rig = Rig::started(config_of(&backend));
    rig.traffic(20);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!((rig.requests("ok") > 0, rig.requests("retried")), (true, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_refuses_everything_gets_no_span_thrown_away() {
    let backend = Backend::start(Serve::Grpc);
    backend.memory.rule(|_, _| Act::Refuse(Status::invalid_argument("this is no OTLP")));
    let mut rig = Rig::started(config_of(&backend));
    rig.traffic(40);
    until("the sink says what is wrong", || {
        rig.health().is_some_and(|(health, detail)| health == Health::Down && detail.contains("without spans"))
    })
    .await;
    rig.stop().await;
    rig.adds_up();
    assert_eq!((rig.spans("dead_lettered"), rig.position()), (0, 1));
    assert!(rig.journal.dead_letters(1).expect("in memory").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_culprits_of_a_resent_window_are_counted_once() {
    let mut backend = Backend::start(Serve::Grpc);
    let mut rig = Rig::new(config::Otlp { settle: Duration::from_secs(1), ..config_of(&backend) });
    rig.traffic(40);
    let bad: BTreeSet<Vec<u8>> = rig.expected().into_keys().take(2).collect();
    let culprits = bad.clone();
    backend.memory.rule(move |request, _| {
        if spans_of(request).iter().any(|(id, _)| culprits.contains(id)) {
            Act::Refuse(Status::invalid_argument("no"))
        } else {
            Act::Take
        }
    });
    rig.start();
    until("both are dead letters", || rig.spans("dead_lettered") == 2).await;
    backend.kill();
    backend.restart();
    rig.traffic(5);
    rig.quiet().await;
    let bad: Vec<Vec<u8>> = bad.into_iter().collect();
    rig.judge(&backend, &bad);
    assert_eq!(rig.spans("dead_lettered"), 2);
    assert_eq!(rig.journal.dead_letters(10).expect("in memory").len(), 2);
}

/// Takes requests without spans, and no others.
fn broken(backend: &Backend, answer: Act) {
    backend.memory.rule(move |request, _| if spans_of(request).is_empty() { Act::Take } else { answer.clone() });
}

async fn nothing_is_thrown_away(backend: Backend, answer: Act) {
    broken(&backend, answer);
    let mut rig = Rig::started(config_of(&backend));
    // Three spans: few enough that each is soon refused alone, and then again.
    rig.traffic(3);
    until("the sink says that no span is taken", || {
        rig.health().is_some_and(|(health, detail)| health == Health::Down && detail.contains("one by one"))
    })
    .await;
    until("single spans are sent again and again", || {
        backend.memory.requests.lock().iter().filter(|spans| **spans == 1).count() > 3
    })
    .await;
    rig.adds_up();
    assert_eq!((rig.spans("dead_lettered"), rig.spans("exported"), rig.requests("rejected")), (0, 0, 0));
    assert!(rig.journal.dead_letters(1).expect("in memory").is_empty());
    assert!(rig.position() <= 1, "only the first record has no spans");
    backend.memory.rule(|_, _| Act::Take);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!(rig.spans("dead_lettered"), 0);
    assert!(matches!(rig.health(), Some((Health::Up, _))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_whose_own_fault_it_is_gets_no_span_thrown_away() {
    for code in [Code::Internal, Code::Unknown] {
        nothing_is_thrown_away(Backend::start(Serve::Grpc), Act::Refuse(Status::new(code, "disk I/O error"))).await;
    }
    nothing_is_thrown_away(Backend::start(Serve::Http), Act::Http(500, Vec::new(), "disk I/O error")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_refused_alone_is_a_dead_letter_once_others_are_taken() {
    let backend = Backend::start(Serve::Grpc);
    let bad = id_of("bad");
    let culprit = bad.clone();
    backend.memory.rule(move |request, _| {
        if spans_of(request).iter().any(|(id, _)| *id == culprit) {
            Act::Refuse(Status::internal("cannot be stored"))
        } else {
            Act::Take
        }
    });
    let mut rig = Rig::started(hasty(&backend));
    rig.append([(fleetscope::model::Body::Tick, vec![span("bad", &[])])]);
    until("the span is refused again and again", || rig.requests("retried") > 2).await;
    assert_eq!((rig.spans("dead_lettered"), rig.position()), (0, 0));
    rig.append([(fleetscope::model::Body::Tick, vec![span("good", &[])])]);
    rig.quiet().await;
    rig.judge(&backend, &[bad]);
    assert_eq!((rig.spans("dead_lettered"), rig.requests("rejected")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_span_behind_all_others_is_found_without_new_traffic() {
    let backend = Backend::start(Serve::Grpc);
    let bad = id_of("last");
    let culprit = bad.clone();
    backend.memory.rule(move |request, _| {
        if spans_of(request).iter().any(|(id, _)| *id == culprit) {
            Act::Refuse(Status::internal("cannot be stored"))
        } else {
            Act::Take
        }
    });
    let mut rig = Rig::started(hasty(&backend));
    rig.append([(fleetscope::model::Body::Tick, ["a", "b", "c", "last"].map(|n| span(n, &[])).to_vec())]);
    rig.quiet().await;
    rig.judge(&backend, &[bad]);
    assert_eq!(rig.spans("dead_lettered"), 1);
    assert!(rig.metrics.otlp.resent.with_label_values(&["control"]).get() > 0, "a span that was taken was tried again");
}

/// Gives spans up soon that a backend at fault itself refuses.
fn hasty(backend: &Backend) -> config::Otlp {
    config::Otlp { patience: Duration::from_millis(300), ..config_of(backend) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_bad_spans_keep_no_good_one_from_being_sent() {
    let backend = Backend::start(Serve::Grpc);
    let bad: Vec<String> = (0..5).map(|n| format!("bad-{n}")).collect();
    let culprits: BTreeSet<Vec<u8>> = bad.iter().map(|name| id_of(name)).collect();
    backend.memory.rule(move |request, _| {
        if spans_of(request).iter().any(|(id, _)| culprits.contains(id)) {
            Act::Refuse(Status::invalid_argument("no"))
        } else {
            Act::Take
        }
    });
    let mut rig = Rig::started(config::Otlp { in_flight: 1, batch_spans: 1, ..config_of(&backend) });
    for name in &bad {
        rig.append([(fleetscope::model::Body::Tick, vec![span(name, &[])])]);
    }
    until("all of them are in doubt", || rig.requests("retried") > 8).await;
    assert_eq!(rig.spans("dead_lettered"), 0);
    rig.append([(fleetscope::model::Body::Tick, vec![span("good", &[])])]);
    rig.quiet().await;
    rig.judge(&backend, &bad.iter().map(|name| id_of(name)).collect::<Vec<_>>());
    assert_eq!(rig.spans("dead_lettered"), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_half_of_which_is_broken_gets_no_span_thrown_away() {
    let backend = Backend::start(Serve::Grpc);
    // One span of three is refused six times, four of them alone: as a partition does that comes back.
    let asked = parking_lot::Mutex::new(std::collections::HashMap::<Vec<u8>, u32>::new());
    backend.memory.rule(move |request, _| {
        let mut asked = asked.lock();
        let mut refuse = false;
        for (id, _) in spans_of(request).into_iter().filter(|(id, _)| id[0] % 3 == 0) {
            let times = asked.entry(id).or_default();
            *times += 1;
            refuse |= *times <= 6;
        }
        if refuse { Act::Refuse(Status::internal("partition 3 is away")) } else { Act::Take }
    });
    let mut rig =
        Rig::started(config::Otlp { batch_spans: 4, patience: Duration::from_secs(2), ..config_of(&backend) });
    rig.traffic(40);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!((rig.spans("dead_lettered"), rig.requests("rejected")), (0, 0));
}

fn id_of(what: &str) -> Vec<u8> {
    span(what, &[]).span_id.0.to_vec()
}
