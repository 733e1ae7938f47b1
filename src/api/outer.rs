//! What holds for every request: its deadline, its count, the headers of its answer; and requests for nothing there is.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::time::timeout;
use tracing::Instrument as _;

use super::problem::Problem;
use super::{Api, openapi};

/// The OpenAPI document.
#[utoipa::path(get, path = "/openapi.json", tag = "health", responses((status = 200, description = "This document")))]
pub(super) async fn document() -> Response {
    super::listing::json_text(openapi())
}

pub(super) async fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing here; /openapi.json lists what there is")
}

pub(super) async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "not with this method: the header `allow` names the right one")
}

/// Answers in time, if only to say that it took too long. Streams and upgrades answer at once.
pub(super) async fn deadline(State(api): State<Api>, request: Request, next: Next) -> Response {
    let limit = api.context.config.http.request_timeout;
    timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let detail = "the request took longer than http.request_timeout; ask for less";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response()
    })
}

/// Counts and traces by route template, so that a path made up by a caller is no label.
pub(super) async fn count(State(api): State<Api>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", |r| r.as_str());
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{} {route}", known(request.method())),
        otel.kind = "server",
        http.response.status_code = tracing::field::Empty,
    );
    let response = next.run(request).instrument(span.clone()).await;
    let code = response.status();
    span.record("http.response.status_code", code.as_u16());
    api.context.metrics.feed.requests.with_label_values(&[route, code.as_str()]).inc();
    response
}

/// The method, if it is one of HTTP's own: anybody may make up another.
fn known(method: &Method) -> &'static str {
    let all = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ];
    let names = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    all.iter().position(|known| known == method).map_or("_OTHER", |at| names[at])
}

/// What keeps an answer from being misread, framed or kept.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let out = response.headers_mut();
    let always = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in always {
        out.insert(name, HeaderValue::from_static(value));
    }
    out.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    out.entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}
