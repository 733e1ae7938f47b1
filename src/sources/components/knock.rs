//! Knocking at a part of the fleet.
//! Takes: an address. Gives: whether somebody answers. Never: sends anything but a question about health.

use std::time::Duration;

use http::uri::PathAndQuery;
use tokio::net::TcpStream;
use tonic::client::Grpc;
use tonic::transport::Endpoint;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use crate::config::Probe;
use crate::sources::failure::{Failure, reason};
use crate::sources::http::Http;

/// Bytes of a health page.
const MAX_PAGE: usize = 1 << 20;
/// What the health service calls serving.
const SERVING: i32 = 1;

#[derive(Clone, PartialEq, prost::Message)]
struct HealthRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HealthResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It answers.
    Serving,
    /// It answers that it does not serve.
    NotServing,
}

/// Knocks once.
pub(super) async fn knock(probe: &Probe, timeout: Duration) -> Result<Found, Failure> {
    match probe {
        Probe::Tcp(address) => {
            let unreachable = |e: std::io::Error| Failure::new(reason::UNREACHABLE, format!("{address}: {e}"));
            TcpStream::connect(address).await.map(|_| Found::Serving).map_err(unreachable)
        }
        Probe::Http(url) => match Http::new(timeout, MAX_PAGE, None, None)?.text(url).await {
            // It said 200: what it says besides is its own affair.
            Err(failure) if ![reason::MALFORMED, reason::TOO_LARGE].contains(&failure.reason) => Err(failure),
            _ => Ok(Found::Serving),
        },
        Probe::Grpc(address) => grpc(address, timeout).await,
    }
}

async fn grpc(address: &str, timeout: Duration) -> Result<Found, Failure> {
    let wrong = |e: tonic::transport::Error| Failure::new(reason::UNREACHABLE, format!("{address}: {}", root(&e)));
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(wrong)?;
    let channel = endpoint.connect_timeout(timeout).timeout(timeout).connect().await.map_err(wrong)?;
    let mut grpc = Grpc::new(channel).max_decoding_message_size(MAX_PAGE);
    grpc.ready().await.map_err(wrong)?;
    let codec: ProstCodec<HealthRequest, HealthResponse> = ProstCodec::default();
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    match grpc.unary(Request::new(HealthRequest::default()), path, codec).await {
        Ok(answer) if answer.get_ref().status == SERVING => Ok(Found::Serving),
        Ok(_) => Ok(Found::NotServing),
        // The fleet's services have no health service; that a gRPC server says so is an answer.
        Err(status) if status.code() == Code::Unimplemented => Ok(Found::Serving),
        Err(status) => Err(Failure::new(reason::UNEXPECTED, format!("{address}: {}", status.message()))),
    }
}

fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
