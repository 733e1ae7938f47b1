//! What other systems send: `POST /ingest/…`, each with a token of its own, and OTLP's `POST /v1/traces`.
//! Takes: a body within bounds, plain or packed. Gives: the answer of the source that knows what it means.
//! Never: reads a body before its token.

use std::io::Read as _;
use std::path::Path;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::problem::Problem;
use super::query::{Plain, pairs};
use crate::inbox::{Parcel, Receipt, Refusal};
use crate::model::Source;

/// Longest body as it comes, and unpacked. Exporters send some hundred KiB; Ray at most 1,000 events of some kilobytes.
const MAX_SENT: usize = 8 << 20;
const MAX_UNPACKED: usize = 16 << 20;

/// What is pushed with a token of its own begins with this path.
const PREFIX: &str = "/ingest/";

/// Whether a path is pushed to, and so has a token of its own.
pub(super) fn is_pushed(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Its routes.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(ray)).routes(routes!(alertmanager)).routes(routes!(traces))
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
    let token = config.ingest_token_file.as_deref().filter(|_| config.ingest);
    pushed(&api, Source::Ray, token, "nothing is pushed here: ray.ingest is not set", request).await
}

/// Alerts, as Alertmanager's webhook sends them. The token stands in `Authorization: Bearer` (`http_config` of the
/// receiver), or in the query: `?token=`.
#[utoipa::path(post, path = "/ingest/alertmanager", tag = "ingest",
    params(("token" = Option<String>, Query, description = "Where it is in no header")),
    request_body(content = Object, description = "The body of a webhook, version 4"),
    responses((status = 200, description = "Taken; `malformed` counts alerts that could not be read"),
              (status = 400, description = "It is no such body", body = Problem),
              (status = 401, description = "The token is missing or wrong", body = Problem),
              (status = 404, description = "Off: alerts.ingest is not set", body = Problem),
              (status = 503, description = "What came before is not taken yet", body = Problem)))]
pub(super) async fn alertmanager(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let config = &api.context.config.alerts;
    let token = config.ingest_token_file.as_deref().filter(|_| config.ingest);
    pushed(&api, Source::Alert, token, "no alerts are taken here: alerts.ingest is not set", request).await
}

/// Spans of language model servers, as OpenTelemetry's exporters send them (OTLP over HTTP).
#[utoipa::path(post, path = "/v1/traces", tag = "ingest",
    request_body(content_type = "application/x-protobuf", description = "ExportTraceServiceRequest, protobuf or JSON; gzip allowed"),
    responses((status = 200, description = "Taken; `partial_success` counts spans that were not"),
              (status = 400, description = "The body is not what its type says", body = Problem),
              (status = 404, description = "vllm.otlp is not set", body = Problem),
              (status = 413, description = "The body is too long", body = Problem),
              (status = 415, description = "The type or the encoding is not read", body = Problem),
              (status = 503, description = "Too much at a time: send it again", body = Problem)))]
pub(super) async fn traces(
    State(api): State<Api>,
    _: Plain,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let off = "no spans are taken here: set vllm.otlp = true";
    take(&api, Source::Vllm, off, &headers, body).await
}

/// Takes what was pushed with the token in this file; none = nothing is taken.
async fn pushed(
    api: &Api,
    source: Source,
    token: Option<&Path>,
    off: &str,
    request: Request,
) -> Result<Response, Problem> {
    let token = token.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, off))?;
    check(token, &shown(&request)?).await?;
    let (parts, body) = request.into_parts();
    take(api, source, off, &parts.headers, body).await
}

/// Takes a body for a source.
async fn take(api: &Api, source: Source, off: &str, headers: &HeaderMap, body: Body) -> Result<Response, Problem> {
    if !api.context.inboxes.has(source) {
        return Err(Problem::new(StatusCode::NOT_FOUND, off));
    }
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().trim().to_ascii_lowercase();
    let content_type = text(header::CONTENT_TYPE);
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_owned();
    let packed = match &*text(header::CONTENT_ENCODING) {
        "" | "identity" => false,
        "gzip" => true,
        _ => return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body plain, or packed with gzip")),
    };
    let sent = read(body).await?;
    let body = if packed {
        let unpacked = tokio::task::spawn_blocking(move || unpack(&sent)).await;
        unpacked.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the body could not be unpacked"))??
    } else {
        sent
    };
    let taken = api.context.inboxes.give(source, Parcel { content_type, body }, off).await;
    taken.map(answer).map_err(|refusal| refused(&refusal))
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    let read = Limited::new(body, MAX_SENT).collect().await;
    read.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() {
            return too_long(MAX_SENT, "");
        }
        Problem::new(StatusCode::BAD_REQUEST, "the body broke off")
    })
}

fn too_long(most: usize, how: &str) -> Problem {
    let detail = format!("the body is longer than {} MiB{how}: send less at a time", most >> 20);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn unpack(sent: &[u8]) -> Result<Bytes, Problem> {
    let mut body = Vec::new();
    let mut unpacking = flate2::read::MultiGzDecoder::new(sent).take(MAX_UNPACKED as u64 + 1);
    unpacking
        .read_to_end(&mut body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("the body is not packed with gzip: {error}")))?;
    if body.len() > MAX_UNPACKED { Err(too_long(MAX_UNPACKED, " unpacked")) } else { Ok(body.into()) }
}

fn answer(receipt: Receipt) -> Response {
    let mut response = receipt.body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(receipt.content_type));
    response
}

fn refused(refusal: &Refusal) -> Problem {
    let status = match refusal {
        Refusal::Off(_) => StatusCode::NOT_FOUND,
        Refusal::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
        Refusal::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, refusal.to_string())
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
