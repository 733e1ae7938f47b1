//! A backend that can fail in every way, and remembers each span and each log record it was given.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use parking_lot::Mutex;
use prost::Message as _;
use tokio::runtime::{Builder, Runtime};
use tonic::{Request, Response, Status};

/// What the backend does with the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    /// Takes it.
    Good,
    /// UNAVAILABLE.
    Failing,
    /// Never answers.
    Hanging,
    /// Takes it, and forgets it: as a backend that dies right after its OK.
    Forgetful,
}

/// What was received: span → hash of its bytes, and how many different bytes came under one id.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) spans: HashMap<Vec<u8>, u64>,
    pub(crate) changed: Vec<String>,
    pub(crate) names: HashMap<String, u64>,
    /// Trace and span id of each log record.
    pub(crate) logs: HashSet<Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
struct Judge {
    mood: Arc<AtomicU8>,
    kept: Arc<Mutex<Kept>>,
}

impl Judge {
    /// Whether what comes is to be kept, as the mood has it.
    async fn keeps(&self) -> Result<bool, Status> {
        match self.mood.load(Ordering::Relaxed) {
            m if m == Mood::Failing as u8 => return Err(Status::unavailable("out for lunch")),
            m if m == Mood::Hanging as u8 => std::future::pending::<()>().await,
            m if m == Mood::Forgetful as u8 => return Ok(false),
            _ => {}
        }
        Ok(true)
    }
}

#[tonic::async_trait]
impl LogsService for Judge {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        if self.keeps().await? {
            let scopes = request.into_inner().resource_logs.into_iter().flat_map(|r| r.scope_logs);
            let ids = scopes.flat_map(|s| s.log_records).map(|log| [log.trace_id, log.span_id].concat());
            self.kept.lock().logs.extend(ids);
        }
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl TraceService for Judge {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        if !self.keeps().await? {
            return Ok(Response::new(ExportTraceServiceResponse::default()));
        }
        let mut kept = self.kept.lock();
        for resource in request.into_inner().resource_spans {
            let service = resource.resource.map(|r| r.encode_to_vec()).unwrap_or_default();
            for span in resource.scope_spans.into_iter().flat_map(|s| s.spans) {
                let mut hasher = DefaultHasher::new();
                (&service, span.encode_to_vec()).hash(&mut hasher);
                let hash = hasher.finish();
                let id = [span.trace_id.clone(), span.span_id.clone()].concat();
                if kept.spans.insert(id, hash).is_some_and(|before| before != hash) {
                    kept.changed.push(format!("{} {:?}", span.name, span.span_id));
                }
                *kept.names.entry(span.name).or_default() += 1;
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A backend on one port that can be stopped and started again. It has a runtime of its own, so that a restart ends its
/// connections as the end of a process would.
#[derive(Debug)]
pub(crate) struct Backend {
    judge: Judge,
    port: u16,
    runtime: Option<Runtime>,
}

impl Backend {
    pub(crate) async fn start() -> Self {
        let mut backend = Self { judge: Judge::default(), port: super::free_port(), runtime: None };
        backend.restart().await;
        backend
    }

    /// The endpoint to configure.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it does from now on.
    pub(crate) fn mood(&self, mood: Mood) {
        self.judge.mood.store(mood as u8, Ordering::Relaxed);
    }

    /// Closes all connections and listens again on the same port.
    pub(crate) async fn restart(&mut self) {
        self.stop();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (judge, port) = (self.judge.clone(), self.port);
        let listening = runtime.spawn(async move {
            loop {
                match tokio::net::TcpListener::bind(("127.0.0.1", port)).await {
                    Ok(listener) => break listener,
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        });
        let listener = listening.await.expect("the port comes free");
        runtime.spawn(async move {
            let incoming = tonic::transport::server::TcpIncoming::from(listener);
            let logs = LogsServiceServer::new(judge.clone()).max_decoding_message_size(16 << 20);
            let service = TraceServiceServer::new(judge).max_decoding_message_size(16 << 20);
            tonic::transport::Server::builder()
                .add_service(service)
                .add_service(logs)
                .serve_with_incoming(incoming)
                .await
        });
        self.runtime = Some(runtime);
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Looks at what was received.
    pub(crate) fn kept<T>(&self, look: impl FnOnce(&Kept) -> T) -> T {
        look(&self.judge.kept.lock())
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop();
    }
}
