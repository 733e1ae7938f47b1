//! What systems push: `POST /ingest/…`, each with a token of its own.
//! Takes: a body. Gives: how much of it was new. Never: reads a body before its token, or waits for a source.

use std::path::Path;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::problem::Problem;
use super::query::pairs;
use crate::inbox::Refused;
use crate::model::Source;

/// Most bytes of a body: Ray sends at most 1,000 events at a time, of some kilobytes each.
pub(super) const MAX_BODY: usize = 8 << 20;
/// What is pushed begins with this path.
const PREFIX: &str = "/ingest/";

/// Whether a path is pushed to, and so has a token of its own.
pub(super) fn is_pushed(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Its routes.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(ray))
}

/// What was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Taken {
    /// Events that were not known yet.
    new: usize,
}

/// Ray's own events, as its aggregator agents push them. The token stands in `Authorization: Bearer`, or, since Ray can
/// set no header of its own, in the query: `?token=`.
#[utoipa::path(post, path = "/ingest/ray", tag = "ingest",
    params(("token" = Option<String>, Query, description = "Where it is in no header")),
    request_body(content = Object, description = "A JSON array of Ray events"),
    responses((status = 200, description = "Taken", body = Taken),
              (status = 401, description = "The token is missing or wrong", body = Problem),
              (status = 404, description = "Off: ray.ingest is not set", body = Problem),
              (status = 503, description = "What came before is not taken yet", body = Problem)))]
pub(super) async fn ray(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let config = &api.context.config.ray;
    let file = config.ingest_token_file.as_deref().filter(|_| config.ingest);
    let off = || Problem::new(StatusCode::NOT_FOUND, "nothing is pushed here: ray.ingest is not set");
    check(file.ok_or_else(off)?, &shown(&request)?).await?;
    take(&api, Source::Ray, request.into_body()).await
}

async fn take(api: &Api, source: Source, body: Body) -> Result<Response, Problem> {
    let body = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| {
        let detail = format!("the body is cut short, or larger than {} MiB", MAX_BODY >> 20);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })?;
    let inboxes = std::sync::Arc::clone(&api.context.inboxes);
    // Megabytes of JSON are no work for a thread that serves others.
    let taken = tokio::task::spawn_blocking(move || inboxes.push(source, body)).await;
    let taken = taken.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the body could not be taken"))?;
    let new = taken.map_err(|refused| {
        let status = match refused {
            Refused::Off(_) => StatusCode::NOT_FOUND,
            Refused::Malformed(_) => StatusCode::BAD_REQUEST,
            Refused::Full => StatusCode::SERVICE_UNAVAILABLE,
        };
        Problem::new(status, refused.to_string())
    })?;
    Ok(Json(Taken { new }).into_response())
}

/// Refuses who does not show the token. The file is read each time, so that a rotated one is found.
async fn check(file: &Path, shown: &str) -> Result<(), Problem> {
    let held = tokio::fs::read_to_string(file).await.unwrap_or_default();
    let held = held.trim();
    if held.is_empty() {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "no token is set: its file is empty or cannot be read"));
    }
    // Of hashes compared, the time taken tells nothing of the token.
    if Sha256::digest(held.as_bytes()) == Sha256::digest(shown.as_bytes()) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNAUTHORIZED, "send the token: `Authorization: Bearer <token>`, or ?token="))
}

/// The token a request shows; empty for none.
fn shown(request: &Request) -> Result<String, Problem> {
    bearer(request.headers()).map_or_else(|| in_query(request), Ok)
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn in_query(request: &Request) -> Result<String, Problem> {
    let found = pairs(request.uri().query())?.into_iter().find(|(name, _)| name == "token");
    Ok(found.map(|(_, token)| token).unwrap_or_default())
}
