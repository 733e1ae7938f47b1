//! The daemon's own traces and logs: they arrive, apart from the fleet's spans; the exporter does not report itself; and
//! a collector that is dead harms nothing.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use parking_lot::Mutex;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::servers::nats::binaries;
use crate::support::daemon::Daemon;
use crate::support::stories::{publish, serve};
use crate::support::{free_port, until};

const BOUND: Duration = Duration::from_secs(20);
/// A stop that waits for a dead collector: 2 s to send what is left, 2 s for threads that hang, and a busy machine.
const LAST_WORDS: Duration = Duration::from_secs(8);
/// Roots of what the exporter says of its own doing.
const EXPORTER: [&str; 8] =
    ["h2", "hyper", "hyper_util", "tonic", "tower", "rustls", "opentelemetry", "opentelemetry_sdk"];

/// A span or a log line as it came.
#[derive(Debug)]
struct Told {
    service: String,
    scope: String,
    /// The name of a span, the text of a line.
    what: String,
    trace: Vec<u8>,
}

/// A collector of traces and logs.
#[derive(Clone, Debug, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Told>>>,
    lines: Arc<Mutex<Vec<Told>>>,
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|v| v.value) {
        Some(Value::StringValue(text)) => text,
        other => format!("{other:?}"),
    }
}

fn service(resource: Option<Resource>) -> String {
    let named = resource.and_then(|r| r.attributes.into_iter().find(|a| a.key == "service.name"));
    text(named.and_then(|a| a.value))
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for group in request.into_inner().resource_spans {
            let service = service(group.resource);
            for scoped in group.scope_spans {
                let scope = scoped.scope.map(|s| s.name).unwrap_or_default();
                let told = scoped.spans.into_iter().map(|span| Told {
                    service: service.clone(),
                    scope: scope.clone(),
                    what: span.name,
                    trace: span.trace_id,
                });
                self.spans.lock().extend(told);
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        for group in request.into_inner().resource_logs {
            let service = service(group.resource);
            for scoped in group.scope_logs {
                let scope = scoped.scope.map(|s| s.name).unwrap_or_default();
                let told = scoped.log_records.into_iter().map(|line| Told {
                    service: service.clone(),
                    scope: scope.clone(),
                    what: text(line.body),
                    trace: line.trace_id,
                });
                self.lines.lock().extend(told);
            }
        }
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

impl Collector {
    /// Starts one, for as long as the test's runtime lives; gives its endpoint.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .add_service(LogsServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (collector, url)
    }

    fn has_span(&self, service: &str, name: &str) -> bool {
        self.spans.lock().iter().any(|s| s.service == service && s.what == name)
    }

    fn has_line(&self, text: &str) -> bool {
        self.lines.lock().iter().any(|l| l.service == "fleetscope" && l.what == text)
    }
}

/// Own telemetry at once, not after the SDK's default of seconds; and all that is logged, not what people read.
fn eager(url: &str, filter: &str) -> Vec<(&'static str, String)> {
    vec![
        ("FLEETSCOPE_TELEMETRY__ENDPOINT", url.to_owned()),
        ("FLEETSCOPE_LOG__FILTER", filter.to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
        ("OTEL_BLRP_SCHEDULE_DELAY", "50".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_telemetry_arrives_apart_from_the_fleets() {
    let Some(binary) = binaries().into_iter().next() else { return };
    let (server, js) = serve(&binary).await;
    let (collector, url) = Collector::start().await;
    let mut variables = eager(&url, "info");
    // One collector for both: they must be told apart by what they say of themselves.
    variables.extend([
        ("FLEETSCOPE_NATS__URL", server.url()),
        ("FLEETSCOPE_OTLP__ENDPOINT", url),
        ("FLEETSCOPE_OTLP__SETTLE", "1s".to_owned()),
    ]);
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::saying(std::process::Stdio::null(), folder.path(), &variables);
    daemon.ready().await;
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = tokio::spawn(publish(js, Arc::clone(&stop)));
    until("the fleet's spans and the daemon's own arrive", BOUND, || async {
        daemon.get("/api/events?limit=1").await.expect("it answers");
        let fleets = collector.spans.lock().iter().filter(|s| s.service != "fleetscope").count();
        fleets > 100 && collector.has_span("fleetscope", "GET /api/events") && collector.has_line("listening")
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    publisher.await.expect("the publisher ends");
    assert!(daemon.stop().await.success());
    assert!(collector.has_line("stopped"), "the last words are sent too");

    let spans = collector.spans.lock();
    let (own, fleets): (Vec<_>, Vec<_>) = spans.iter().partition(|s| s.service == "fleetscope");
    let traces: HashSet<_> = fleets.iter().map(|s| &s.trace).collect();
    assert!(own.iter().all(|s| !traces.contains(&s.trace)), "own spans are in traces of the fleet");
    assert!(own.iter().all(|s| s.what.starts_with("GET ")), "spans of the fleet under the daemon's name: {own:?}");
    assert!(fleets.iter().all(|s| !s.what.starts_with("GET ")), "own spans under names of the fleet");
    let lines = collector.lines.lock();
    assert!(lines.iter().all(|l| l.service == "fleetscope"), "the fleet's messages are no log lines: {lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exporter_does_not_report_itself() {
    let (collector, url) = Collector::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::saying(std::process::Stdio::null(), folder.path(), &eager(&url, "trace"));
    daemon.ready().await;
    until("what it logs arrives", BOUND, || std::future::ready(collector.has_line("listening"))).await;
    for _ in 0..3 {
        // Each round is an export after the one before: were exports reported, there would be lines of them by now.
        let before = collector.spans.lock().len();
        daemon.get("/status").await.expect("it answers");
        until("an export", BOUND, || std::future::ready(collector.spans.lock().len() > before)).await;
    }
    assert!(daemon.stop().await.success());
    let own = |told: &Told| EXPORTER.contains(&told.scope.split("::").next().unwrap_or_default());
    let lines = collector.lines.lock();
    let reported: Vec<_> = lines.iter().filter(|l| own(l)).collect();
    assert!(reported.is_empty(), "{} of {} lines, such as {:?}", reported.len(), lines.len(), reported[0]);
    let spans = collector.spans.lock();
    assert!(spans.iter().all(|s| s.what.starts_with("GET /")), "{spans:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_collector_harms_nothing() {
    let Some(binary) = binaries().into_iter().next() else { return };
    let (server, js) = serve(&binary).await;
    // One that takes connections and never answers, and none at all.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent_port = silent.local_addr().expect("bound").port();
    for port in [silent_port, free_port()] {
        let mut variables = eager(&format!("http://127.0.0.1:{port}"), "info");
        variables.push(("FLEETSCOPE_NATS__URL", server.url()));
        let folder = tempfile::tempdir().expect("a folder");
        let daemon = Daemon::saying(std::process::Stdio::null(), folder.path(), &variables);
        daemon.ready().await;
        let stop = Arc::new(AtomicBool::new(false));
        let publisher = tokio::spawn(publish(js.clone(), Arc::clone(&stop)));
        until("events are journaled", BOUND, || async {
            daemon.sample("fleetscope_events_total{outcome=\"journaled\"").await > Some(500.0)
        })
        .await;
        stop.store(true, Ordering::Relaxed);
        publisher.await.expect("the publisher ends");
        let asked = Instant::now();
        assert!(daemon.stop().await.success());
        assert!(asked.elapsed() < LAST_WORDS, "it took {:?} to stop", asked.elapsed());
    }
}
