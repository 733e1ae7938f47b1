//! The pages over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;

use super::{Known, Systems, alertmanager, dcgm, ray, vllm};

type Shared = State<Arc<Systems>>;

/// Listens on a free port of the loopback.
pub(super) async fn start(systems: Arc<Systems>) -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route(
            "/alertmanager/api/v2/alerts",
            get(|State(s): Shared| async move { Json(alertmanager::list(&s.0.lock())) }),
        )
        .route("/dcgm/metrics", get(|State(s): Shared| async move { dcgm::page(&s.0.lock()) }))
        .route("/vllm/metrics", get(|State(s): Shared| async move { vllm::page(&mut s.0.lock()) }))
        .route("/ray/api/version", get(|| async { Json(ray::version()) }))
        .route("/ray/api/jobs/", get(|State(s): Shared| async move { Json(ray::jobs(&s.0.lock())) }))
        .route("/ray/api/jobs/{id}", get(|s: Shared, id: Path<String>| async move { found(&s, &id, ray::one) }))
        .route("/ray/api/jobs/{id}/logs", get(|s: Shared, id: Path<String>| async move { found(&s, &id, ray::logs) }))
        .route("/ray/api/v0/actors", get(|State(s): Shared| async move { Json(ray::actors(&s.0.lock())) }))
        .route("/ray/api/v0/nodes", get(|State(s): Shared| async move { Json(ray::nodes(&s.0.lock())) }))
        .route("/ray/api/v0/tasks", get(|| async { Json(ray::tasks()) }))
        .merge(super::cluster::router())
        .with_state(systems);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

fn found(systems: &Systems, id: &str, look: fn(&Known, &str) -> Option<serde_json::Value>) -> Response {
    match look(&systems.0.lock(), id) {
        Some(value) => Json(value).into_response(),
        // As Ray says it.
        None => (StatusCode::NOT_FOUND, format!("Job {id} does not exist")).into_response(),
    }
}
