//! A backend for spans and log records that can be killed: real gRPC and HTTP servers, scripted answers, a memory of what it took.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use parking_lot::Mutex;
use prost::Message;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Status};

/// What the backend does with a request.
#[derive(Clone)]
pub(super) enum Act {
    /// Takes the spans and says so.
    Take,
    /// Takes the spans but never says so.
    TakeAndHang,
    /// Takes them, and says it did not take this many.
    Partial(i64, &'static str),
    /// Takes them and answers with this gRPC message or HTTP body.
    TakeAndSay(Vec<u8>),
    /// Refuses with a gRPC status.
    Refuse(Status),
    /// Refuses with an HTTP status, headers and body.
    Http(u16, Vec<(&'static str, String)>, &'static str),
}

type Rule = Box<dyn Fn(&ExportTraceServiceRequest, &HeaderMap) -> Act + Send + Sync>;

type LogRule = Box<dyn Fn(&ExportLogsServiceRequest, &HeaderMap) -> Act + Send + Sync>;

/// Id and bytes of a span, or of a log record, with those of its service.
type Item = (Vec<u8>, Vec<u8>);

/// A request of either signal.
trait Export: Message + Default {
    type Answer: Message;

    fn items(&self) -> Vec<Item>;

    fn rule(&self, memory: &Memory, headers: &HeaderMap) -> Act;

    fn answer(rejected: i64, message: &str) -> Self::Answer;
}

impl Export for ExportTraceServiceRequest {
    type Answer = ExportTraceServiceResponse;

    fn items(&self) -> Vec<Item> {
        spans_of(self)
    }

    fn rule(&self, memory: &Memory, headers: &HeaderMap) -> Act {
        memory.rule.lock().as_ref().map_or(Act::Take, |rule| rule(self, headers))
    }

    fn answer(rejected_spans: i64, message: &str) -> Self::Answer {
        let partial = ExportTracePartialSuccess { rejected_spans, error_message: message.to_owned() };
        ExportTraceServiceResponse { partial_success: Some(partial) }
    }
}

impl Export for ExportLogsServiceRequest {
    type Answer = ExportLogsServiceResponse;

    fn items(&self) -> Vec<Item> {
        logs_of(self)
    }

    fn rule(&self, memory: &Memory, headers: &HeaderMap) -> Act {
        memory.logs.lock().extend(logs(self).cloned());
        memory.log_rule.lock().as_ref().map_or(Act::Take, |rule| rule(self, headers))
    }

    fn answer(rejected_log_records: i64, message: &str) -> Self::Answer {
        let partial = ExportLogsPartialSuccess { rejected_log_records, error_message: message.to_owned() };
        ExportLogsServiceResponse { partial_success: Some(partial) }
    }
}

/// What the test looks at; outlives the server.
#[derive(Default)]
pub(super) struct Memory {
    /// Span id, or a log record's `fleet.seq` → the bytes of each copy taken.
    pub(super) spans: Mutex<BTreeMap<Vec<u8>, Vec<Vec<u8>>>>,
    /// Acts for the next requests with spans.
    pub(super) script: Mutex<VecDeque<Act>>,
    /// What to do when the script is empty.
    pub(super) rule: Mutex<Option<Rule>>,
    /// The same for requests with log records.
    pub(super) log_rule: Mutex<Option<LogRule>>,
    /// Every log record that came, taken or not.
    pub(super) logs: Mutex<Vec<LogRecord>>,
    /// Spans of each request, in order.
    pub(super) requests: Mutex<Vec<usize>>,
    /// Largest request, in bytes.
    pub(super) largest: Mutex<usize>,
}

impl Memory {
    fn act<R: Export>(&self, request: &R, headers: &HeaderMap) -> Act {
        let items = request.items();
        let spans = items.len();
        if spans > 0 {
            self.requests.lock().push(spans);
            let largest = &mut *self.largest.lock();
            *largest = (*largest).max(request.encoded_len());
        }
        let scripted = if spans > 0 { self.script.lock().pop_front() } else { None };
        let ruled = request.rule(self, headers);
        let act = scripted.unwrap_or(ruled);
        if matches!(act, Act::Take | Act::TakeAndHang | Act::TakeAndSay(_)) {
            let mut taken = self.spans.lock();
            for span in items {
                taken.entry(span.0).or_default().push(span.1);
            }
        }
        act
    }

    /// Forgets what it took, as a killed Tempo does.
    pub(super) fn forget(&self) {
        self.spans.lock().clear();
    }

    pub(super) fn count(&self) -> usize {
        self.spans.lock().len()
    }

    pub(super) fn script(&self, acts: impl IntoIterator<Item = Act>) {
        self.script.lock().extend(acts);
    }

    pub(super) fn rule(&self, rule: impl Fn(&ExportTraceServiceRequest, &HeaderMap) -> Act + Send + Sync + 'static) {
        *self.rule.lock() = Some(Box::new(rule));
    }
}

fn logs(request: &ExportLogsServiceRequest) -> impl Iterator<Item = &LogRecord> {
    request.resource_logs.iter().flat_map(|r| &r.scope_logs).flat_map(|s| &s.log_records)
}

/// A text, or a number in decimal, among the attributes of a log record.
pub(super) fn attribute(log: &LogRecord, key: &str) -> Option<String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    match log.attributes.iter().find(|a| a.key == key)?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(n) => Some(n.to_string()),
        _ => None,
    }
}

/// `fleet.seq` and bytes (with the service's) of every log record of a request.
pub(super) fn logs_of(request: &ExportLogsServiceRequest) -> Vec<Item> {
    let mut found = Vec::new();
    for group in &request.resource_logs {
        for log in group.scope_logs.iter().flat_map(|s| &s.log_records) {
            let mut bytes = group.resource.as_ref().map(Message::encode_to_vec).unwrap_or_default();
            bytes.extend(log.encode_to_vec());
            found.push((attribute(log, "fleet.seq").expect("each has its place").into_bytes(), bytes));
        }
    }
    found
}

/// Id and bytes (with the service's) of every span of a request.
pub(super) fn spans_of(request: &ExportTraceServiceRequest) -> Vec<Item> {
    let mut found = Vec::new();
    for group in &request.resource_spans {
        for span in group.scope_spans.iter().flat_map(|s| &s.spans) {
            let mut bytes = group.resource.as_ref().map(Message::encode_to_vec).unwrap_or_default();
            bytes.extend(span.encode_to_vec());
            found.push((span.span_id.clone(), bytes));
        }
    }
    found
}

#[derive(Clone)]
struct Service(Arc<Memory>);

async fn for_ever() {
    tokio::time::sleep(Duration::from_hours(1)).await;
}

impl Service {
    async fn respond<R: Export>(&self, request: Request<R>) -> Result<tonic::Response<R::Answer>, Status> {
        let headers = request.metadata().clone().into_headers();
        // As Tempo answers: a populated, empty partial success.
        let answer = |rejected, message: &str| Ok(tonic::Response::new(R::answer(rejected, message)));
        match self.0.act(request.get_ref(), &headers) {
            Act::Take => answer(0, ""),
            Act::Partial(rejected, message) => answer(rejected, message),
            Act::TakeAndSay(bytes) => answer(0, &String::from_utf8_lossy(&bytes)),
            Act::TakeAndHang => {
                for_ever().await;
                Err(Status::internal("unreachable"))
            }
            Act::Refuse(status) => Err(status),
            Act::Http(..) => Err(Status::internal("a script for HTTP")),
        }
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        self.respond(request).await
    }
}

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, Status> {
        self.respond(request).await
    }
}

async fn http<R: Export>(
    axum::extract::State(memory): axum::extract::State<Arc<Memory>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let Ok(request) = R::decode(body) else {
        return Response::builder().status(400).body(Body::from("no protobuf")).expect("a response");
    };
    match memory.act(&request, &headers) {
        Act::Take => Response::new(Body::empty()),
        Act::Partial(rejected, message) => Response::new(Body::from(R::answer(rejected, message).encode_to_vec())),
        Act::TakeAndSay(bytes) => Response::new(Body::from(bytes)),
        Act::TakeAndHang => {
            for_ever().await;
            Response::new(Body::empty())
        }
        Act::Http(status, headers, text) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(text)).expect("a response")
        }
        Act::Refuse(_) => Response::builder().status(500).body(Body::from("a script for gRPC")).expect("a response"),
    }
}

#[derive(Clone)]
pub(super) enum Serve {
    Grpc,
    GrpcTls(Identity),
    Http,
}

/// A server in a runtime of its own: killing it drops every connection at once, as `kill -9` does.
pub(super) struct Backend {
    runtime: Option<tokio::runtime::Runtime>,
    serve: Serve,
    pub(super) memory: Arc<Memory>,
    pub(super) at: SocketAddr,
}

impl Backend {
    pub(super) fn start(serve: Serve) -> Self {
        let at = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut backend = Self { runtime: None, serve, memory: Arc::default(), at };
        backend.restart();
        backend
    }

    /// A port nobody listens on, for a backend that comes later.
    pub(super) fn later(serve: Serve) -> Self {
        let mut backend = Self::start(serve);
        backend.kill();
        backend
    }

    pub(super) fn serve(&self) -> &Serve {
        &self.serve
    }

    pub(super) fn restart(&mut self) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        // The port of a killed server is free as soon as its sockets are closed.
        let bound = (0..200).find_map(|_| {
            let bound = std::net::TcpListener::bind(self.at).ok();
            if bound.is_none() {
                std::thread::sleep(Duration::from_millis(10));
            }
            bound
        });
        let listener = bound.expect("the port is free within 2 s");
        self.at = listener.local_addr().expect("bound");
        listener.set_nonblocking(true).expect("a socket");
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).expect("within a runtime");
        drop(entered);
        let memory = Arc::clone(&self.memory);
        match self.serve.clone() {
            Serve::Http => {
                let app = axum::Router::new()
                    .route("/v1/traces", axum::routing::post(http::<ExportTraceServiceRequest>))
                    .route("/v1/logs", axum::routing::post(http::<ExportLogsServiceRequest>))
                    .with_state(memory);
                let app = app.layer(axum::extract::DefaultBodyLimit::max(16 << 20));
                runtime.spawn(async move { axum::serve(listener, app).await });
            }
            grpc => {
                let service = TraceServiceServer::new(Service(Arc::clone(&memory))).max_decoding_message_size(16 << 20);
                let service = service.max_encoding_message_size(64 << 20);
                let logs = LogsServiceServer::new(Service(memory)).max_decoding_message_size(16 << 20);
                let mut server = Server::builder();
                if let Serve::GrpcTls(identity) = grpc {
                    server = server.tls_config(ServerTlsConfig::new().identity(identity)).expect("an identity");
                }
                let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
                runtime.spawn(async move {
                    server.add_service(service).add_service(logs).serve_with_incoming(incoming).await
                });
            }
        }
        self.runtime = Some(runtime);
    }

    pub(super) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for it is not allowed on a thread that runs async code.
            let ended = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(2)));
            ended.join().expect("no panic");
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
