//! OTLP over gRPC: pre-encoded requests through a codec that passes bytes on.
//! Takes: bytes. Gives: what the answer means. Never: decodes a request, or sends one twice.

use std::path::Path;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::HeaderMap;
use http::uri::PathAndQuery;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;
use url::Url;

use super::answer::{self, Answer};
use super::dial::Dial;
use super::link::Link;
use super::signal::Signal;
use super::transport::{KEEP_ALIVE, KEEP_ALIVE_TIMEOUT, MAX_ANSWER, TransportError, failed};

/// Port of OTLP/gRPC.
const PORT: u16 = 4317;

/// A channel to the backend. One HTTP/2 connection, reopened as needed.
#[derive(Clone, Debug)]
pub(super) struct Grpc {
    channel: Channel,
    signal: Signal,
}

impl Grpc {
    /// Prepares the channel; it connects with the first request.
    pub(super) fn new(
        signal: Signal,
        endpoint: &Url,
        ca: Option<&Path>,
        link: Option<Link>,
    ) -> Result<Self, TransportError> {
        let dial = Dial::new(endpoint, PORT, ca, &[b"h2"], link)?;
        let broken = |e: tonic::transport::Error| TransportError::Endpoint(e.into());
        let authority = endpoint.authority();
        let origin = format!("{}://{authority}", endpoint.scheme()).parse::<http::Uri>();
        let origin = origin.map_err(|e| TransportError::Endpoint(e.into()))?;
        // `dial` does TLS itself, so tonic is given an address that does not ask it to.
        let channel = Endpoint::from_shared(format!("http://{authority}"))
            .map_err(broken)?
            .origin(origin)
            .user_agent(concat!("fleetscope/", env!("CARGO_PKG_VERSION")))
            .map_err(broken)?
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .connect_with_connector_lazy(dial);
        Ok(Self { channel, signal })
    }

    /// Sends one request.
    pub(super) async fn send(&self, body: Bytes, headers: &HeaderMap, timeout: Duration) -> Answer {
        let mut client = tonic::client::Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER);
        if let Err(e) = client.ready().await {
            return failed(&e);
        }
        let mut request = Request::new(body);
        *request.metadata_mut() = MetadataMap::from_headers(headers.clone());
        request.set_timeout(timeout);
        match client.unary(request, PathAndQuery::from_static(self.signal.method()), PassThrough).await {
            Ok(response) => answer::accepted(self.signal, response.get_ref()),
            Err(status) => refusal(self.signal, &status),
        }
    }
}

/// What a status means. One with a cause is of our own making: the transport failed.
fn refusal(signal: Signal, status: &Status) -> Answer {
    if status.code() == Code::OutOfRange && status.message().contains("decoded message length too large") {
        let message = "the answer is larger than 4 MiB and was not read".to_owned();
        return Answer::Accepted { rejected: 0, message };
    }
    if std::error::Error::source(status).is_some() {
        return failed(status);
    }
    let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
    answer::grpc(signal, status.code(), status.message(), retry)
}

/// A codec that neither encodes nor decodes.
#[derive(Clone, Copy, Debug, Default)]
struct PassThrough;

impl Codec for PassThrough {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for PassThrough {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for PassThrough {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
