//! How the daemon is: `/live`, `/ready`, `/status`, and `/metrics`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::Api;
use super::access::Role;
use super::problem::Problem;
use crate::config::{Config, Shown};
use crate::metrics::Metrics;
use crate::model::Timestamp;
use crate::sinks::feed::Time;
use crate::status::PartStatus;

/// Whether the process answers.
#[utoipa::path(get, path = "/live", tag = "health", responses((status = 200, description = "It does")))]
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// A part that is not ready.
#[derive(Debug, Serialize, ToSchema)]
struct Waiting {
    part: String,
    /// `starting` or `down`.
    #[schema(value_type = String)]
    health: crate::status::Health,
    /// Why.
    detail: String,
}

/// What `/ready` waits for.
#[derive(Debug, Serialize, ToSchema)]
struct Ready {
    ready: bool,
    not_ready: Vec<Waiting>,
}

/// Whether all required parts are up.
#[utoipa::path(get, path = "/ready", tag = "health",
    responses((status = 200, description = "All are", body = Ready),
              (status = 503, description = "These are not", body = Ready)))]
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let waiting = |(part, status): (String, PartStatus)| Waiting { part, health: status.health, detail: status.detail };
    let not_ready: Vec<_> = api.context.status.not_ready().into_iter().map(waiting).collect();
    let ready = not_ready.is_empty();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Ready { ready, not_ready })).into_response()
}

/// How everything is.
#[derive(Debug, Serialize, ToSchema)]
struct StatusJson {
    version: &'static str,
    #[schema(value_type = String, format = DateTime)]
    started: Time,
    uptime_seconds: u64,
    ready: bool,
    /// Your role.
    role: &'static str,
    #[schema(value_type = Object)]
    parts: BTreeMap<String, PartStatus>,
    journal: JournalJson,
    positions: Vec<PositionJson>,
    feed: FeedJson,
    /// The configuration in force, with secrets masked; only for role debug.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
}

#[derive(Debug, Serialize, ToSchema)]
struct JournalJson {
    first_seq: u64,
    last_seq: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest: Option<Time>,
    bytes: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct PositionJson {
    /// What is read: `nats/<stream>`.
    source: String,
    seq: u64,
    incarnation: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct FeedJson {
    clients: usize,
    max_clients: u32,
}

/// Version, health of each part, journal, positions, feed clients; to role debug the configuration in force too.
#[utoipa::path(get, path = "/status", tag = "health", responses((status = 200, description = "How it is", body = StatusJson)))]
pub(super) async fn status(State(api): State<Api>, role: Role) -> Result<Response, Problem> {
    let read = |p: &crate::sinks::feed::Parts| Ok((p.journal.stats()?, p.journal.positions()?));
    let (stats, positions) = api.parts.blocking(read).await?;
    let position =
        |p: crate::model::Position| PositionJson { source: p.key.to_string(), seq: p.seq, incarnation: p.incarnation };
    let body = StatusJson {
        version: env!("CARGO_PKG_VERSION"),
        started: Time(api.started),
        uptime_seconds: Timestamp::now().since(api.started).as_secs(),
        ready: api.context.status.not_ready().is_empty(),
        role: role.name(),
        parts: api.context.status.parts(),
        journal: JournalJson {
            first_seq: stats.first_seq,
            last_seq: stats.last_seq,
            oldest: stats.oldest.map(Time),
            bytes: stats.bytes,
        },
        positions: positions.into_iter().map(position).collect(),
        config: (role == Role::Debug).then(|| config(&api.context.config)),
        feed: FeedJson { clients: api.seats.clients(), max_clients: api.context.config.http.max_feed_clients },
    };
    Ok(Json(body).into_response())
}

/// The configuration as JSON: the values are those of the file, an unset one is null.
fn config(config: &Config) -> Value {
    let section = |(name, keys): Shown| {
        let values = keys.into_iter().map(|(key, toml)| (key.to_owned(), toml.as_deref().map_or(Value::Null, json)));
        (name.to_owned(), Value::Object(values.collect()))
    };
    Value::Object(config.shown().into_iter().map(section).collect())
}

/// A TOML value as JSON; all that settings are written as.
pub(super) fn json(toml: &str) -> Value {
    match toml.parse() {
        Ok(toml_edit::Value::Integer(n)) => (*n.value()).into(),
        Ok(toml_edit::Value::Boolean(on)) => (*on.value()).into(),
        Ok(toml_edit::Value::Array(list)) => list.iter().filter_map(toml_edit::Value::as_str).collect(),
        Ok(value) => value.as_str().unwrap_or(toml).into(),
        Err(_) => toml.into(),
    }
}

/// Builds the page one at a time; who waited while one was built gets that one.
#[derive(Debug, Default)]
pub(super) struct Scrape(Mutex<Option<(Instant, Bytes)>>);

impl Scrape {
    async fn page(&self, metrics: &Arc<Metrics>) -> Result<Bytes, tokio::task::JoinError> {
        let asked = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((_, page)) = last.as_ref().filter(|(built, _)| *built >= asked) {
            return Ok(page.clone());
        }
        let metrics = Arc::clone(metrics);
        let page = Bytes::from(tokio::task::spawn_blocking(move || metrics.page()).await?);
        *last = Some((Instant::now(), page.clone()));
        Ok(page)
    }
}

/// Metrics in Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "All families", content_type = "text/plain")))]
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let page = api.scrape.page(&api.context.metrics).await;
    let page = page.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be built"))?;
    let mut response = Response::new(page.into());
    let content = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content);
    Ok(response)
}
