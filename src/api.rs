//! HTTP: history, state, live feed, metrics, and the built-in page.
//! Takes: the journal, the board, the tail. Gives: REST, WebSocket, SSE, OpenAPI. Never: changes the fleet.

mod access;
mod alerts;
mod cache;
mod compare;
mod components;
mod connection;
mod counts;
mod debug;
mod errors;
mod events;
mod export;
mod files;
mod fleet;
mod gpu;
mod graph;
mod health;
mod ingest;
mod kubernetes;
mod listing;
mod live;
mod llm;
mod mcp;
mod outer;
mod page;
mod plain;
mod problem;
mod query;
mod raw;
mod ray;
mod registry;
mod reports;
mod searches;
mod stories;
mod stream;
mod timeline;
mod told;
mod when;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::Extension;
use axum::middleware::{from_fn, from_fn_with_state};
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio_util::sync::CancellationToken;
use tower_http::limit::RequestBodyLimitLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::access::Access;
use self::connection::Gate;
use self::plain::TlsOnly;
use crate::board::Board;
use crate::config::Config;
use crate::inbox::Inboxes;
use crate::journal::Journal;
use crate::lookup::Lookups;
use crate::metrics::Metrics;
use crate::model::{Record, Timestamp, TraceId};
use crate::past::Past;
use crate::sinks::feed::{Feed, Frame, Kind, Parts, Seats};
use crate::status::Status;
use crate::tail::Tail;

/// Makes OTLP JSON of the spans of records that belong to one of the traces.
pub type TraceFn = dyn Fn(&[Arc<Record>], &[TraceId]) -> serde_json::Value + Send + Sync;

/// Time open requests get when the daemon stops.
const GRACE: Duration = Duration::from_secs(5);
/// Time a client has for its request line and headers.
const HEADERS: Duration = Duration::from_secs(10);
/// How much later than a client of the feed that takes nothing any other is cut off. The feed sees it first, and counts.
const LATER: Duration = Duration::from_secs(5);
/// Headers and bodies: nothing here takes more.
const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 32 << 10;
const MAX_BODY: usize = 64 << 10;

/// What the API reads from.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the part of that name")]
pub struct Context {
    pub config: Arc<Config>,
    pub journal: Arc<dyn Journal>,
    pub board: Arc<Board>,
    pub tail: Arc<Tail>,
    pub status: Arc<Status>,
    pub metrics: Arc<Metrics>,
    pub lookups: Arc<Lookups>,
    pub inboxes: Arc<Inboxes>,
    pub past: Arc<Past>,
    pub stop: CancellationToken,
    pub trace: Arc<TraceFn>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("listen", &self.config.http.listen).finish_non_exhaustive()
    }
}

/// What every route gets.
#[derive(Clone)]
struct Api(Arc<Inner>);

struct Inner {
    context: Context,
    parts: Arc<Parts>,
    feed: Feed,
    access: Arc<Access>,
    seats: Arc<Seats>,
    exports: export::Exports,
    reports: reports::Reports,
    scrape: health::Scrape,
    started: Timestamp,
}

impl std::ops::Deref for Api {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// Times a frame that was handed to a client's socket.
    fn sent(&self, frame: &Frame) {
        if let Kind::Events { stored: Some(stored), .. } = frame.kind {
            let latency = Timestamp::now().since(stored).as_secs_f64();
            self.context.metrics.feed.latency.with_label_values::<&str>(&[]).observe(latency);
        }
    }
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Fleetscope",
    description = "History, state and live feed of an agent fleet. Lists answer {items, next, as_of}; errors are \
                   application/problem+json. Where tokens are on, send `Authorization: Bearer <token>`."
))]
struct Document;

fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(events::list))
        .routes(routes!(events::one))
        .routes(routes!(raw::raw))
        .routes(routes!(errors::errors))
        .routes(routes!(debug::config))
        .routes(routes!(counts::facets))
        .routes(routes!(counts::histogram))
        .routes(routes!(searches::list))
        .routes(routes!(searches::one, searches::save, searches::delete))
        .merge(export::routes())
        .routes(routes!(stories::list))
        .routes(routes!(stories::one))
        .routes(routes!(stories::trace))
        .routes(routes!(timeline::timeline))
        .routes(routes!(compare::compare))
        .routes(routes!(reports::story))
        .routes(routes!(reports::fleet))
        .routes(routes!(fleet::councils))
        .routes(routes!(fleet::agents))
        .routes(routes!(fleet::agent))
        .routes(routes!(fleet::deliberations))
        .routes(routes!(fleet::all_consumers))
        .routes(routes!(fleet::streams))
        .routes(routes!(components::components))
        .routes(routes!(gpu::gpus))
        .routes(routes!(alerts::alerts))
        .routes(routes!(ray::jobs))
        .routes(routes!(ray::job))
        .routes(routes!(ray::logs))
        .routes(routes!(ray::cluster))
        .routes(routes!(llm::metrics))
        .routes(routes!(llm::requests))
        .routes(routes!(kubernetes::pods))
        .routes(routes!(kubernetes::log))
        .routes(routes!(kubernetes::workloads))
        .routes(routes!(kubernetes::ray_jobs))
        .routes(routes!(kubernetes::ray_clusters))
        .routes(routes!(cache::keys))
        .routes(routes!(cache::key))
        .routes(routes!(cache::activity))
        .routes(routes!(graph::nodes))
        .routes(routes!(graph::edges))
        .routes(routes!(graph::node))
        .routes(routes!(live::ticket))
        .routes(routes!(live::ws))
        .routes(routes!(stream::feed))
        .routes(routes!(stream::replay))
        .routes(routes!(mcp::mcp))
        .routes(routes!(health::metrics))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::status))
        .routes(routes!(outer::document))
        .routes(routes!(page::index))
        .routes(routes!(page::docs))
        .routes(routes!(page::script))
        .routes(routes!(page::drawer))
        .routes(routes!(page::style))
        .routes(routes!(page::icon))
}

/// The OpenAPI document, made from the routes themselves.
pub fn openapi() -> String {
    let document = routes().merge(ingest::routes()).into_openapi();
    document.to_pretty_json().expect("the document is plain data")
}

fn router(api: &Api) -> Router {
    let (router, _) = routes().split_for_parts();
    // Asked from within by who was let in already, so without access and rates; each answer in time all the same.
    let within = router.clone().layer(from_fn_with_state(api.clone(), outer::deadline)).with_state(api.clone());
    let (pushed, _) = ingest::routes().split_for_parts();
    router
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(Extension(mcp::Inside::new(within)))
        .merge(pushed)
        .fallback(outer::unknown)
        .method_not_allowed_fallback(outer::wrong_method)
        .layer(from_fn_with_state(api.clone(), outer::deadline))
        .layer(from_fn_with_state(api.clone(), access::check))
        .layer(from_fn_with_state(api.clone(), outer::count))
        .layer(from_fn(outer::headers))
        .with_state(api.clone())
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from_digit(u32::from(n), 16).expect("below 16");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Serves until `context.stop`, then lets open requests finish within a deadline.
pub async fn serve(context: Context, listener: std::net::TcpListener) -> anyhow::Result<()> {
    let http = context.config.http.clone();
    let read = http.clone();
    let read = tokio::task::spawn_blocking(move || files::read(&read)).await?;
    let (tokens, tls) = (read.tokens.transpose()?, read.tls.transpose()?.map(RustlsConfig::from_config));
    let access = Arc::new(Access::new(&context.config, tokens));
    let (journal, board) = (Arc::clone(&context.journal), Arc::clone(&context.board));
    let parts = Parts::new(journal, board, Arc::clone(&context.tail), Arc::clone(&context.metrics));
    let (feed, hub) = Feed::start(Arc::clone(&parts), http.feed_stall_timeout, context.stop.clone());
    let follow = tokio::spawn(files::follow(
        http.clone(),
        read.seen,
        Arc::clone(&access),
        tls.clone(),
        Arc::clone(&context.status),
        context.stop.clone(),
    ));
    let stop = context.stop.clone();
    let seats = Seats::new(http.max_feed_clients, Arc::clone(&context.metrics));
    let (exports, reports) = (export::Exports::default(), reports::Reports::default());
    let (scrape, started) = (health::Scrape::default(), Timestamp::now());
    let api = Api(Arc::new(Inner { context, parts, feed, access, seats, exports, reports, scrape, started }));
    let service = router(&api).into_make_service_with_connect_info::<SocketAddr>();

    let handle = Handle::new();
    let waiter = tokio::spawn({
        let handle = handle.clone();
        async move {
            stop.cancelled().await;
            handle.graceful_shutdown(Some(GRACE));
        }
    });
    let gate = Gate::new(http.max_feed_clients, http.feed_stall_timeout + LATER);
    let mut server = axum_server::from_tcp(listener).context("the listener cannot be used")?.handle(handle);
    // HTTP/1 only, but not by the server's own switch: that one turns upgrades off too.
    *server.http_builder() = Builder::new(TokioExecutor::new()).http1_only();
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES);
    let server = server.first_request_timeout(HEADERS);
    let ended = match tls {
        Some(config) => server.acceptor(RustlsAcceptor::new(config).acceptor(TlsOnly(gate))).serve(service).await,
        None => server.acceptor(gate).serve(service).await,
    };
    for task in [&hub, &follow, &waiter] {
        task.abort();
    }
    ended.context("the HTTP server ended")
}
