//! The built-in page: embedded files, with what a browser needs to trust and cache them.

mod docs;

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

/// Nothing inline, nothing from elsewhere, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn file(headers: &HeaderMap, content: &'static str, body: impl Into<Bytes>) -> Response {
    let body = body.into();
    let hash = Sha256::digest(&body);
    let tag = format!("\"{}\"", super::hex(&hash[..8]));
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let unchanged = known.flat_map(|v| v.split(',')).any(|v| v.trim().trim_start_matches("W/") == tag);
    let mut response = if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { Response::new(body.into()) };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    out.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        out.insert(header::ETAG, tag);
    }
    response
}

/// The live page.
#[utoipa::path(get, path = "/", tag = "page", responses((status = 200, description = "HTML", content_type = "text/html")))]
pub(super) async fn index(headers: HeaderMap) -> Response {
    file(&headers, "text/html; charset=utf-8", include_str!("page/index.html"))
}

/// All routes, for people: a list made from the OpenAPI document.
#[utoipa::path(get, path = "/docs", tag = "page", responses((status = 200, description = "HTML", content_type = "text/html")))]
pub(super) async fn docs(headers: HeaderMap) -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(docs::page);
    file(&headers, "text/html; charset=utf-8", PAGE.as_str())
}

/// Its script.
#[utoipa::path(get, path = "/app.js", tag = "page",
    responses((status = 200, description = "Script", content_type = "text/javascript")))]
pub(super) async fn script(headers: HeaderMap) -> Response {
    file(&headers, "text/javascript; charset=utf-8", include_str!("page/app.js"))
}

/// What its drawer shows: loaded when something is opened.
#[utoipa::path(get, path = "/drawer.js", tag = "page",
    responses((status = 200, description = "Script", content_type = "text/javascript")))]
pub(super) async fn drawer(headers: HeaderMap) -> Response {
    file(&headers, "text/javascript; charset=utf-8", include_str!("page/drawer.js"))
}

/// Its style.
#[utoipa::path(get, path = "/style.css", tag = "page",
    responses((status = 200, description = "Style", content_type = "text/css")))]
pub(super) async fn style(headers: HeaderMap) -> Response {
    file(&headers, "text/css; charset=utf-8", include_str!("page/style.css"))
}

/// Its icon.
#[utoipa::path(get, path = "/icon.svg", tag = "page",
    responses((status = 200, description = "Icon", content_type = "image/svg+xml")))]
pub(super) async fn icon(headers: HeaderMap) -> Response {
    file(&headers, "image/svg+xml", include_str!("page/icon.svg"))
}
