//! OTLP over gRPC: OpenTelemetry's `TraceService`.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::receive::Receiver;
use super::token::Tokens;
use crate::inbox::Refusal;

/// Longest export that is read.
const MAX_EXPORT: usize = 16 << 20;
/// Exports under way on one connection.
const PER_CONNECTION: usize = 4;
/// Time an export may take, and a silent connection.
const TIMEOUT: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct Service(Arc<Receiver>);

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let answer = self.0.export(request.into_inner()).await;
        answer.map(Response::new).map_err(|refusal| match refusal {
            Refusal::Busy(why) => Status::unavailable(why),
            Refusal::Off(why) => Status::failed_precondition(why),
            Refusal::Unsupported(why) | Refusal::Malformed(why) => Status::invalid_argument(why),
        })
    }
}

/// Serves until stopped.
pub(super) async fn serve(
    listener: TcpListener,
    receiver: Arc<Receiver>,
    tokens: Arc<Tokens>,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let service = TraceServiceServer::new(Service(receiver))
        .max_decoding_message_size(MAX_EXPORT)
        .accept_compressed(CompressionEncoding::Gzip);
    let guarded = InterceptedService::new(service, move |request| tokens.check(request));
    Server::builder()
        .timeout(TIMEOUT)
        .concurrency_limit_per_connection(PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .add_service(guarded)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), stop)
        .await
}
