//! The fleet's Valkey: keys, activity.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::graph::answered;
use super::listing::Listing;
use super::problem::Problem;
use super::query::{Named, Plain};
use super::when::{AtParams, PastJson, When};
use crate::lookup::Question;
use crate::model::{
    CacheEvents, CacheKey, CacheMonitor, CachePanel, CacheScan, CacheTotals, NotAvailable, Panel, PrefixCount, Source,
    Timestamp, TopKeys,
};

/// Keys: how many of each pattern, and some of each.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CacheKeys {
    /// Some keys of each pattern.
    #[serde(flatten)]
    sample: Listing<CacheKey>,
    /// Keys by pattern, as of the last complete round.
    prefixes: Vec<PrefixCount>,
    /// How far the counting is.
    scan: CacheScan,
    /// Keys of all databases.
    keys: u64,
}

/// What the server does.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CacheActivity {
    /// The state is as of this time.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// Why it may be out of date.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_because: Option<String>,
    /// `valkey 8.0.1`.
    version: String,
    /// `master` or `replica`.
    role: String,
    /// Seconds since the server started.
    uptime_seconds: u64,
    /// Clients connected.
    clients: u64,
    /// Memory in use, in bytes.
    memory_bytes: u64,
    /// Memory it may use; null = no limit.
    memory_limit_bytes: Option<u64>,
    /// What happens at the limit.
    policy: String,
    /// Commands a second.
    ops_per_second: Option<f64>,
    /// Share of reads that found their key, 0 to 1.
    hit_ratio: Option<f64>,
    /// What counts up.
    totals: CacheTotals,
    /// Calls of each command.
    commands: std::collections::BTreeMap<String, u64>,
    /// Keyspace events.
    events: CacheEvents,
    /// Keys by use.
    top: TopKeys,
    /// What MONITOR told.
    monitor: CacheMonitor,
    /// What an answer about the past stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    past: Option<PastJson>,
}

/// What was last seen, and why that may be out of date.
fn shown(api: &Api, when: &When) -> (CachePanel, Option<String>) {
    let panel = when.read(|state| match state.panels.get(&Source::Valkey).map(AsRef::as_ref) {
        Some(Panel::Cache(panel)) => (**panel).clone(),
        _ => nothing(),
    });
    (panel, when.stale(api, Source::Valkey, "source/valkey"))
}

/// Before the first answer nothing is known, which is not the same as nothing being there.
fn nothing() -> CachePanel {
    let mut panel = CachePanel::default();
    let reason = Some(NotAvailable::new("not_asked", "the server has not answered yet; see stale_because"));
    panel.scan.not_available.clone_from(&reason);
    panel.events.not_available.clone_from(&reason);
    panel.top.not_available.clone_from(&reason);
    panel.monitor.not_available = reason;
    panel
}

/// Keys: counts by pattern, and some of each with type, time to live and size.
#[utoipa::path(get, path = "/api/cache/keys", tag = "systems", params(AtParams),
    responses((status = 200, description = "Counts and samples", body = CacheKeys)))]
pub(super) async fn keys(State(api): State<Api>, when: When, _: Plain) -> Response {
    let (panel, stale_because) = shown(&api, &when);
    let sample = Listing::of_system(panel.sample, panel.at, stale_because).of(&when);
    Json(CacheKeys { sample, prefixes: panel.prefixes, scan: panel.scan, keys: panel.keys }).into_response()
}

/// A key: type, time to live, size. Its value is not read.
#[utoipa::path(get, path = "/api/cache/keys/{key}", tag = "systems", params(("key" = String, Path)),
    responses((status = 200, description = "The key", body = CacheKey), (status = 404, body = Problem),
        (status = 503, description = "The server does not answer", body = Problem)))]
pub(super) async fn key(State(api): State<Api>, Named(key, _): Named) -> Response {
    if key.len() > 1024 {
        return Problem::new(StatusCode::BAD_REQUEST, "a key asked for may have 1024 bytes").into_response();
    }
    answered(api.context.lookups.ask(Question::CacheKey { key }).await)
}

/// Speed, hit ratio, memory, events, and keys by use, as far as the server tells.
#[utoipa::path(get, path = "/api/cache/activity", tag = "systems", params(AtParams),
    responses((status = 200, description = "What the server does", body = CacheActivity)))]
pub(super) async fn activity(State(api): State<Api>, when: When, _: Plain) -> Response {
    let (panel, stale_because) = shown(&api, &when);
    Json(CacheActivity {
        as_of: panel.at,
        stale_because,
        version: panel.version.to_string(),
        role: panel.role.to_string(),
        uptime_seconds: panel.uptime_seconds,
        clients: panel.clients,
        memory_bytes: panel.memory_bytes,
        memory_limit_bytes: panel.memory_limit_bytes,
        policy: panel.policy.to_string(),
        ops_per_second: panel.ops_per_second,
        hit_ratio: panel.hit_ratio,
        totals: panel.totals,
        commands: panel.commands.iter().map(|(name, calls)| (name.to_string(), *calls)).collect(),
        events: panel.events,
        top: panel.top,
        monitor: panel.monitor,
        past: when.past(),
    })
    .into_response()
}
