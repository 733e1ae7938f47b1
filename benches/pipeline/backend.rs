//! A trace backend that counts and forgets. It looks at each span's name and builds nothing: the benchmark shares its
//! cores with it, and what a real backend does with spans is not what is measured.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Result;
use bytes::{Buf, BufMut, Bytes};
use futures::FutureExt;
use futures::future::BoxFuture;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

#[derive(Clone, Debug, Default)]
struct Counter {
    all: Arc<AtomicU64>,
    publish: Arc<AtomicU64>,
}

impl Counter {
    /// Counts the spans of an `ExportTraceServiceRequest`: `resource_spans` 1, `scope_spans` 2, `spans` 2, `name` 5.
    fn count(&self, request: &[u8]) {
        for spans in fields(request, 1).flat_map(|r| fields(r, 2)).flat_map(|s| fields(s, 2)) {
            self.all.fetch_add(1, Ordering::Relaxed);
            if fields(spans, 5).any(|name| name.starts_with(b"publish ")) {
                self.publish.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// The length-delimited fields of this number in a protobuf message.
fn fields(mut message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        while !message.is_empty() {
            let tag = varint(&mut message);
            match tag & 7 {
                0 => drop(varint(&mut message)),
                1 => message.advance(8),
                5 => message.advance(4),
                _ => {
                    let length = varint(&mut message) as usize;
                    let (field, rest) = message.split_at(length);
                    message = rest;
                    if tag >> 3 == number {
                        return Some(field);
                    }
                }
            }
        }
        None
    })
}

fn varint(from: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = from.get_u8();
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

/// Requests and answers as they are on the wire.
#[derive(Clone, Copy, Debug, Default)]
struct Raw;

impl Codec for Raw {
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

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

impl UnaryService<Bytes> for Counter {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        self.count(request.get_ref());
        // An empty answer says that all was taken.
        ready(Ok(Response::new(Bytes::new())))
    }
}

#[derive(Clone, Debug)]
struct Service(Counter);

impl NamedService for Service {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl tower::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let counter = self.0.clone();
        let mut grpc = Grpc::new(Raw).max_decoding_message_size(16 << 20);
        async move { Ok(grpc.unary(counter, request).await) }.boxed()
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
        let service = Service(counter.clone());
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
