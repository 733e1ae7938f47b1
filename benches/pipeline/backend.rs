//! A trace backend that decodes, counts and forgets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tonic::{Request, Response, Status};

#[derive(Clone, Debug, Default)]
struct Counter(Arc<AtomicU64>);

#[tonic::async_trait]
impl TraceService for Counter {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let spans =
            request.get_ref().resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum::<usize>();
        self.0.fetch_add(spans as u64, Ordering::Relaxed);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Runs until the process ends.
#[derive(Debug)]
pub(crate) struct Backend {
    spans: Arc<AtomicU64>,
    pub(crate) url: String,
}

impl Backend {
    pub(crate) async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let counter = Counter::default();
        let spans = Arc::clone(&counter.0);
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let service = TraceServiceServer::new(counter).max_decoding_message_size(16 << 20);
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        Ok(Self { spans, url })
    }

    /// Spans received so far.
    pub(crate) fn spans(&self) -> u64 {
        self.spans.load(Ordering::Relaxed)
    }

    /// Waits until so many have come; an error when none comes for 30 s.
    pub(crate) async fn reached(&self, wanted: u64) -> Result<()> {
        let (mut last, mut idle) = (0, 0);
        loop {
            let now = self.spans();
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
