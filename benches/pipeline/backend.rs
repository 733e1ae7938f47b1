//! A trace backend that decodes, counts and forgets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tonic::{Request, Response, Status};

#[derive(Clone, Debug, Default)]
struct Counter {
    all: Arc<AtomicU64>,
    publish: Arc<AtomicU64>,
}

#[tonic::async_trait]
impl TraceService for Counter {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let scopes = request.get_ref().resource_spans.iter().flat_map(|r| &r.scope_spans);
        for span in scopes.flat_map(|s| &s.spans) {
            self.all.fetch_add(1, Ordering::Relaxed);
            if span.name.starts_with("publish ") {
                self.publish.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Runs until the process ends.
#[derive(Debug)]
pub(crate) struct Backend {
    counter: Counter,
    pub(crate) url: String,
}

impl Backend {
    pub(crate) async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let counter = Counter::default();
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let service = TraceServiceServer::new(counter.clone()).max_decoding_message_size(16 << 20);
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        Ok(Self { counter, url })
    }

    /// All spans received so far.
    pub(crate) fn spans(&self) -> u64 {
        self.counter.all.load(Ordering::Relaxed)
    }

    /// Publish spans received so far.
    pub(crate) fn published(&self) -> u64 {
        self.counter.publish.load(Ordering::Relaxed)
    }

    /// Waits until so many publish spans have come; an error when none comes for 30 s.
    pub(crate) async fn reached(&self, wanted: u64) -> Result<()> {
        let (mut last, mut idle) = (0, 0);
        loop {
            let now = self.published();
            if now >= wanted {
                return Ok(());
            }
            idle = if now == last { idle + 1 } else { 0 };
            anyhow::ensure!(idle < 30_000 / 5, "the backend has {now} of {wanted} spans and gets no more");
            last = now;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
