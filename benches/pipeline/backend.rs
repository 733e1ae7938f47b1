//! A trace backend that counts and forgets. It looks at each span's name and builds nothing: the benchmark shares its
//! cores with it, and what a real backend does with spans is not what is measured. One that watches also knows which
//! spans it has, and it can go away and come back.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Result;
use bytes::{Buf, BufMut, Bytes};
use futures::FutureExt;
use futures::future::BoxFuture;
use hashbrown::HashSet;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

#[derive(Clone, Debug, Default)]
struct Counter {
    all: Arc<AtomicU64>,
    publish: Arc<AtomicU64>,
    watched: Option<Arc<Watched>>,
}

/// What is known of publish spans beside their number: spans come again after a kill and after an outage.
#[derive(Debug, Default)]
struct Watched {
    ids: Mutex<HashSet<u64>>,
    /// When the newest message among them was stored, in nanoseconds since 1970.
    newest: AtomicU64,
}

impl Counter {
    /// Counts the spans of an `ExportTraceServiceRequest`: `resource_spans` 1, `scope_spans` 2, `spans` 2, `name` 5.
    fn count(&self, request: &[u8]) {
        for span in fields(request, 1).flat_map(|r| fields(r, 2)).flat_map(|s| fields(s, 2)) {
            self.all.fetch_add(1, Ordering::Relaxed);
            if !fields(span, 5).any(|name| name.starts_with(b"publish ")) {
                continue;
            }
            let new = self.watched.as_ref().is_none_or(|watched| watched.take(span));
            self.publish.fetch_add(u64::from(new), Ordering::Relaxed);
        }
    }
}

impl Watched {
    /// Whether this publish span is new: `span_id` 2, `start_time_unix_nano` 7.
    fn take(&self, span: &[u8]) -> bool {
        self.newest.fetch_max(fixed64(span, 7).unwrap_or(0), Ordering::Relaxed);
        let id = fields(span, 2).next().and_then(|id| id.try_into().ok()).map_or(0, u64::from_le_bytes);
        self.ids.lock().insert(id)
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

/// The first fixed64 field of this number in a protobuf message.
fn fixed64(mut message: &[u8], number: u64) -> Option<u64> {
    while !message.is_empty() {
        let tag = varint(&mut message);
        match tag & 7 {
            0 => drop(varint(&mut message)),
            1 if tag >> 3 == number => return Some(message.get_u64_le()),
            1 => message.advance(8),
            5 => message.advance(4),
            _ => {
                let length = varint(&mut message) as usize;
                message.advance(length);
            }
        }
    }
    None
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

/// Runs until the process ends, or it is told to go [down](Backend::down).
#[derive(Debug)]
pub(crate) struct Backend {
    counter: Counter,
    address: SocketAddr,
    pub(crate) url: String,
    serving: Option<(CancellationToken, JoinHandle<()>)>,
}

/// How long connections may take to end before they are cut.
const PARTING: Duration = Duration::from_secs(2);

impl Backend {
    /// One that only counts.
    pub(crate) async fn start() -> Result<Self> {
        Self::with(Counter::default()).await
    }

    /// One that counts each publish span once, however often it comes, and knows the newest.
    pub(crate) async fn watching() -> Result<Self> {
        Self::with(Counter { watched: Some(Arc::default()), ..Counter::default() }).await
    }

    async fn with(counter: Counter) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = Some(serve(&counter, listener));
        Ok(Self { counter, address, url: format!("http://{address}"), serving })
    }

    /// Ends its connections and refuses new ones.
    pub(crate) async fn down(&mut self) {
        let Some((stop, mut task)) = self.serving.take() else { return };
        stop.cancel();
        if tokio::time::timeout(PARTING, &mut task).await.is_err() {
            task.abort();
            drop(task.await);
        }
    }

    /// Listens again, where it did before.
    pub(crate) async fn up(&mut self) -> Result<()> {
        self.serving = Some(serve(&self.counter, TcpListener::bind(self.address).await?));
        Ok(())
    }

    /// All spans received so far.
    pub(crate) fn spans(&self) -> u64 {
        self.counter.all.load(Ordering::Relaxed)
    }

    /// Publish spans received so far; one that watches counts none twice.
    pub(crate) fn published(&self) -> u64 {
        self.counter.publish.load(Ordering::Relaxed)
    }

    /// When the newest message was stored whose publish span it has: nanoseconds since 1970, 0 where it does not watch.
    pub(crate) fn newest(&self) -> u64 {
        self.counter.watched.as_ref().map_or(0, |watched| watched.newest.load(Ordering::Relaxed))
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

fn serve(counter: &Counter, listener: TcpListener) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = tonic::transport::Server::builder().add_service(Service(counter.clone()));
    let told = stop.clone();
    let serving = async move { drop(server.serve_with_incoming_shutdown(incoming, told.cancelled()).await) };
    (stop, tokio::spawn(serving))
}
