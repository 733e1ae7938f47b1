//! `/mcp`: the same questions, asked by machines over the Model Context Protocol (docs/MCP.md).
//! Takes: a message of a client that showed a token as for any other route. Gives: the answer, as JSON.
//! Never: keeps a session: each request is whole, and what it may see is what its token may see.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Request};
use axum::response::Response;
use axum::{Router, http::Uri};
use futures::future::BoxFuture;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tower::ServiceExt as _;
use url::Url;

use super::access::Grant;
use super::{MAX_BODY, problem::Problem};
use crate::mcp::{Answer, Ask, Bounds, Refused, Server};

/// Longest answer of a route that is read.
const MAX_ANSWER: usize = 16 << 20;

/// The routes, asked from within, and how many may ask at a time.
#[derive(Clone, Debug)]
pub(super) struct Inside {
    routes: Router,
    bounds: Bounds,
}

impl Inside {
    pub(super) fn new(routes: Router) -> Self {
        Self { routes, bounds: Bounds::default() }
    }
}

/// The Model Context Protocol, streamable HTTP without sessions: JSON-RPC in, JSON out. Tools that read, for assistants.
#[utoipa::path(post, path = "/mcp", tag = "machines",
    request_body(content = Object, description = "A JSON-RPC message; `Accept` must name JSON and text/event-stream"),
    responses((status = 200, description = "The JSON-RPC answer"),
              (status = 202, description = "A notification was taken"),
              (status = 401, description = "The token is missing or wrong", body = Problem),
              (status = 406, description = "`Accept` does not name both"),
              (status = 413, description = "The message is too long")))]
pub(super) async fn mcp(Extension(inside): Extension<Inside>, grant: Grant, request: Request) -> Response {
    // Hosts and origins were checked before any route: see `access`.
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BODY);
    let Inside { routes, bounds } = inside;
    let server = move || Ok(Server::new(Routes { routes: routes.clone(), grant }, bounds.clone()));
    let service = StreamableHttpService::new(server, Arc::new(NeverSessionManager::default()), config);
    service.handle(request).await.map(Body::new)
}

/// The routes, as one caller may ask them.
#[derive(Clone, Debug)]
struct Routes {
    routes: Router,
    grant: Grant,
}

impl Ask for Routes {
    fn get<'a>(&'a self, path: &'a [&'a str], query: &'a [(&'static str, String)]) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let mut request = Request::new(Body::empty());
            *request.uri_mut() = uri(path, query)?;
            request.extensions_mut().insert(self.grant);
            let Ok(response) = self.routes.clone().oneshot(request).await;
            let good = response.status().is_success();
            let body = to_bytes(response.into_body(), MAX_ANSWER).await;
            let body = body.map_err(|_| Refused::new("the answer is too long; ask for less"))?;
            if good {
                serde_json::from_slice(&body).map_err(|_| Refused::new("the answer is no JSON"))
            } else {
                Err(Refused::read(&body).unwrap_or_else(|| Refused::new("there is no answer")))
            }
        })
    }
}

fn uri(path: &[&str], query: &[(&'static str, String)]) -> Result<Uri, Refused> {
    let mut url = Url::parse("http://localhost/").expect("an address");
    url.path_segments_mut().expect("it has a path").clear().extend(path);
    url.query_pairs_mut().extend_pairs(query);
    let text = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    text.parse().map_err(|_| Refused::new("the arguments are too long"))
}
