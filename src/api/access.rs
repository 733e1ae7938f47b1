//! Who may do what: hosts, origins, rates, tokens and roles, before any route sees a request.

mod hosts;
mod rate;
mod tickets;
mod tokens;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};

pub(super) use tickets::{LIFE, Tickets};
pub(super) use tokens::Tokens;

use self::rate::Rates;
use super::Api;
use super::problem::Problem;
use crate::config::{Config, Content};

/// What a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Summaries, state and metrics.
    Viewer,
    /// Payloads too.
    Debug,
}

impl Role {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Debug => "debug",
        }
    }

    /// With `privacy.content = "full"` everyone may.
    pub(super) fn may_see_payloads(self, config: &Config) -> Result<(), Problem> {
        if self == Self::Debug || config.privacy.content == Content::Full {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "payload=full needs a token of role debug; yours has role viewer"))
    }
}

impl<S: Sync> FromRequestParts<S> for Role {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let role = parts.extensions.get::<Self>().copied();
        role.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "send a token: `Authorization: Bearer <token>`"))
    }
}

/// The address a request came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(Self(peer(&parts.extensions)))
    }
}

fn peer(extensions: &http::Extensions) -> IpAddr {
    let unknown = IpAddr::from([0, 0, 0, 0]);
    extensions.get::<ConnectInfo<SocketAddr>>().map_or(unknown, |info| info.0.ip().to_canonical())
}

/// The rules in force.
#[derive(Debug)]
pub(super) struct Access {
    /// `None` = no tokens: loopback only, role debug.
    pub(super) tokens: ArcSwapOption<Tokens>,
    pub(super) tickets: Tickets,
    rates: Rates,
}

impl Access {
    pub(super) fn new(config: &Config, tokens: Option<Tokens>) -> Self {
        Self {
            tokens: ArcSwapOption::from(tokens.map(Arc::new)),
            tickets: Tickets::default(),
            rates: Rates::new(config.http.max_requests_per_second),
        }
    }

    /// Whether callers have to show a token.
    pub(super) fn guarded(&self) -> bool {
        self.tokens.load().is_some()
    }

    /// The role of a request; an error for a token that is wrong, and for strangers where there are no tokens.
    fn role(&self, from: IpAddr, headers: &HeaderMap) -> Result<Option<Role>, Problem> {
        let tokens = self.tokens.load();
        let Some(tokens) = &*tokens else {
            if from.is_loopback() {
                return Ok(Some(Role::Debug));
            }
            let remedy = "without tokens only this machine may ask: set http.tokens_file";
            return Err(Problem::new(StatusCode::FORBIDDEN, remedy));
        };
        let Some(given) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
        let bearer = given.to_str().ok().and_then(|v| v.split_once(' '));
        let token = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        let role = token.and_then(|token| tokens.role(token));
        role.map(Some).ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "the token is not valid"))
    }
}

/// Paths whose answer holds nothing secret, or that let callers in by other means (`/ws`: the ticket).
fn is_open(path: &str, config: &Config) -> bool {
    match path {
        "/" | "/app.js" | "/style.css" | "/icon.svg" | "/ws" => true,
        "/metrics" | "/live" | "/ready" => config.http.open_metrics,
        _ => false,
    }
}

/// Passes a request on, with the caller's role, or answers why not.
pub(super) async fn check(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    match admit(&api, &request) {
        Ok(role) => {
            if let Some(role) = role {
                request.extensions_mut().insert(role);
            }
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn admit(api: &Api, request: &Request) -> Result<Option<Role>, Problem> {
    let (config, access) = (&api.context.config, &api.access);
    let from = peer(request.extensions());
    if !access.rates.allow(from) {
        let limit = config.http.max_requests_per_second;
        let detail = format!("more than {limit} requests a second from {from} (http.max_requests_per_second)");
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail));
    }
    if !access.guarded() {
        hosts::check_host(request)?;
    }
    hosts::check_origin(request.headers(), request.uri(), &config.http.allowed_origins)?;
    let role = access.role(from, request.headers())?;
    if role.is_none() && !is_open(request.uri().path(), config) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "send a token: `Authorization: Bearer <token>`"));
    }
    Ok(role)
}
