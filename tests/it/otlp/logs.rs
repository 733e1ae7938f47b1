//! Log records are sent as spans are: the same oracle, the same faults.

use std::collections::BTreeSet;
use std::time::Duration;

use fleetscope::config;
use fleetscope::journal::Journal as _;
use fleetscope::model::spans_of;
use fleetscope::sinks::otlp::{self, Signal};
use fleetscope::status::Health;
use tonic::Status;

use super::backend::{Act, Backend, Serve, attribute, logs_of};
use super::rig::{Rig, config_of, message, message_without_trace, until};

/// A settle time that no test reaches by accident.
const LONG: Duration = Duration::from_secs(2);

pub(super) fn started(config: config::Otlp) -> Rig {
    let mut rig = Rig::of_logs(config);
    rig.start();
    rig
}

async fn arrive_with_the_ids_of_the_spans(serve: Serve) {
    let backend = Backend::start(serve);
    let mut rig = started(config_of(&backend));
    rig.traffic(300);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    // Of five records three are entries; the others have spans, and no log record.
    assert_eq!((backend.memory.count(), rig.spans("created"), rig.spans("exported")), (180, 180, 180));
    assert_eq!((rig.spans("dead_lettered"), rig.spans("skipped"), rig.resent()), (0, 0, 0));
    assert!(matches!(rig.health(), Some((Health::Up, _))));

    let mut published = BTreeSet::new();
    for record in &rig.records {
        spans_of(record, &mut |span| {
            if &*span.name == "publish planning.story.created" {
                published.insert((span.trace_id.0.to_vec(), span.span_id.0.to_vec()));
            }
        });
    }
    let logs = backend.memory.logs.lock();
    let told: BTreeSet<_> = logs.iter().map(|log| (log.trace_id.clone(), log.span_id.clone())).collect();
    assert_eq!(told, published);
    assert!(logs.iter().all(|log| attribute(log, "fleet.story.id").as_deref() == Some("US-1")));
    assert!(logs.iter().all(|log| log.event_name == "planning.story.created"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_records_arrive_over_grpc_with_the_ids_of_the_spans() {
    arrive_with_the_ids_of_the_spans(Serve::Grpc).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_records_arrive_over_http_with_the_ids_of_the_spans() {
    arrive_with_the_ids_of_the_spans(Serve::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_record_needs_no_trace() {
    let backend = Backend::start(Serve::Grpc);
    let mut rig = started(config_of(&backend));
    rig.append([(message_without_trace(1), Vec::new())]);
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert_eq!((rig.spans("exported"), rig.spans("skipped")), (1, 0));
    let logs = backend.memory.logs.lock();
    assert!(logs[0].trace_id.is_empty() && logs[0].span_id.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_backend_that_is_away_or_fails_loses_nothing() {
    let mut backend = Backend::later(Serve::Grpc);
    let mut rig = started(config_of(&backend));
    rig.traffic(200);
    until("the sink says so", || matches!(rig.health(), Some((Health::Down, _)))).await;
    rig.adds_up();
    backend.memory.script((0..3).map(|_| Act::Refuse(Status::unavailable("out for lunch"))));
    backend.restart();
    rig.quiet().await;
    rig.judge(&backend, &[]);
    assert!(rig.requests("retried") >= 3);
    assert_eq!(rig.spans("dead_lettered"), 0);
}

async fn one_that_is_refused_is_a_dead_letter(serve: Serve, refusal: fn() -> Act) {
    let backend = Backend::start(serve);
    let mut rig = Rig::of_logs(config_of(&backend));
    rig.traffic(100);
    let bad = b"48".to_vec();
    let culprit = bad.clone();
    *backend.memory.log_rule.lock() =
        Some(Box::new(
            move |request, _| {
                if logs_of(request).iter().any(|(id, _)| *id == culprit) { refusal() } else { Act::Take }
            },
        ));
    rig.start();
    rig.quiet().await;
    rig.judge(&backend, &[bad]);
    assert_eq!((rig.spans("dead_lettered"), rig.requests("rejected")), (1, 1));
    assert!(rig.requests("bisected") > 0);
    let letters = rig.journal.dead_letters(10).expect("in memory");
    assert_eq!(letters.iter().map(|l| (l.seq, &*l.span_id)).collect::<Vec<_>>(), [(48, "")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_log_record_is_found_over_grpc() {
    one_that_is_refused_is_a_dead_letter(Serve::Grpc, || Act::Refuse(Status::invalid_argument("too old"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_log_record_is_found_over_http() {
    one_that_is_refused_is_a_dead_letter(Serve::Http, || Act::Http(400, Vec::new(), "too old")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_records_a_backend_says_it_did_not_take_are_counted() {
    for serve in [Serve::Grpc, Serve::Http] {
        let backend = Backend::start(serve);
        backend.memory.script([Act::Partial(2, "two were too old")]);
        let mut rig = started(config_of(&backend));
        rig.traffic(50);
        rig.quiet().await;
        assert_eq!((rig.spans("dead_lettered"), rig.requests("partial")), (2, 1));
        assert_eq!(rig.spans("exported"), rig.spans("created") - 2);
        let letters = rig.journal.dead_letters(10).expect("in memory");
        assert!(letters[0].reason.contains("log records of records"), "{}", letters[0].reason);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_sink_of_log_records_goes_on_where_it_had_settled() {
    let backend = Backend::start(Serve::Grpc);
    let mut rig = started(config::Otlp { settle: LONG, ..config_of(&backend) });
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
async fn spans_and_log_records_of_one_journal_have_positions_of_their_own() {
    let (backend, away) = (Backend::start(Serve::Grpc), Backend::later(Serve::Grpc));
    let mut logs = started(config_of(&backend));
    let mut spans = Rig::new(config_of(&away));
    spans.journal = std::sync::Arc::clone(&logs.journal);
    spans.tail = std::sync::Arc::clone(&logs.tail);
    spans.start();
    logs.append((1..=20).map(|n| (message(n), Vec::new())));
    logs.quiet().await;
    logs.judge(&backend, &[]);
    assert_eq!((logs.position(), spans.position()), (20, 0));
    assert_eq!((logs.spans("exported"), spans.spans("exported")), (20, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_endpoint_no_log_record_is_sent() {
    let mut rig = started(config::Logs::default().as_otlp());
    until(
        "the sink says it is off",
        || matches!(rig.health(), Some((Health::Off, detail)) if detail == "logs.endpoint is not set"),
    )
    .await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_log_backend_names_its_section() {
    let backend = Backend::start(Serve::Grpc);
    let signal = Signal::Logs { payload: false };
    let config = config_of(&backend);
    assert!(otlp::probe(signal, &config).await.expect("taken").contains("takes log records"));
    *backend.memory.log_rule.lock() = Some(Box::new(|_, _| Act::Refuse(Status::permission_denied("no"))));
    assert!(otlp::probe(signal, &config).await.expect_err("not let in").contains("logs.headers_file"));
    *backend.memory.log_rule.lock() = Some(Box::new(|_, _| Act::Refuse(Status::unimplemented("no"))));
    let wrong = otlp::probe(signal, &config).await.expect_err("no such service");
    assert!(wrong.contains("no OTLP logs service") && wrong.contains("logs.endpoint"), "{wrong}");
}
