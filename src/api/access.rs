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
use tokio::sync::watch;

pub(super) use tickets::{LIFE, Tickets};
pub(super) use tokens::Tokens;

use self::rate::Rates;
use super::Api;
use super::ingest::is_pushed;
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

    /// Raw messages, stack traces, configurations.
    pub(super) fn may_debug(self) -> Result<(), Problem> {
        if self == Self::Debug {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "debug mode needs a token of role debug; yours has role viewer"))
    }

    /// What is saved is seen by all.
    pub(super) fn may_save(self) -> Result<(), Problem> {
        if self == Self::Debug {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "saved searches are changed with a token of role debug; yours has role viewer",
        ))
    }
}

impl<S: Sync> FromRequestParts<S> for Role {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Grant::from_request_parts(parts, state).await.map(|grant| grant.role)
    }
}

/// A role, and the token it comes from: it ends when the token is taken out of its file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) role: Role,
    /// The token's hash; `None` where there are no tokens.
    token: Option<[u8; 32]>,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.role)
    }
}

impl<S: Sync> FromRequestParts<S> for Grant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let grant = parts.extensions.get::<Self>().copied();
        grant.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "send a token: `Authorization: Bearer <token>`"))
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
    tokens: ArcSwapOption<Tokens>,
    pub(super) tickets: Tickets,
    changes: watch::Sender<()>,
    rates: Rates,
}

impl Access {
    pub(super) fn new(config: &Config, tokens: Option<Tokens>) -> Self {
        Self {
            tokens: ArcSwapOption::from(tokens.map(Arc::new)),
            tickets: Tickets::default(),
            changes: watch::Sender::new(()),
            rates: Rates::new(config.http.max_requests_per_second),
        }
    }

    /// Puts other tokens in force.
    pub(super) fn replace(&self, tokens: Tokens) {
        self.tokens.store(Some(Arc::new(tokens)));
        self.changes.send_replace(());
    }

    /// Waits until a grant taken before is no longer given.
    pub(super) fn watch(&self) -> Watch {
        Watch(self.changes.subscribe())
    }

    /// Whether a grant given before still stands.
    pub(super) fn stands(&self, grant: Grant) -> bool {
        self.tokens.load().as_ref().map_or(grant.token.is_none(), |tokens| tokens.holds(grant))
    }

    /// What a ticket stands for, if the token it was given for is still in force. The ticket is used up.
    pub(super) fn redeem(&self, ticket: &str) -> Option<Grant> {
        self.tickets.redeem(ticket).filter(|grant| self.stands(*grant))
    }

    /// Whether callers have to show a token.
    pub(super) fn guarded(&self) -> bool {
        self.tokens.load().is_some()
    }

    /// What a request is granted; an error for a token that is wrong, and for strangers where there are no tokens.
    fn grant(&self, from: IpAddr, headers: &HeaderMap) -> Result<Option<Grant>, Problem> {
        let tokens = self.tokens.load();
        let Some(tokens) = &*tokens else {
            if from.is_loopback() {
                return Ok(Some(Grant { role: Role::Debug, token: None }));
            }
            let remedy = "without tokens only this machine may ask: set http.tokens_file";
            return Err(Problem::new(StatusCode::FORBIDDEN, remedy));
        };
        let Some(given) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
        let bearer = given.to_str().ok().and_then(|v| v.split_once(' '));
        let token = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        let grant = token.and_then(|token| tokens.grant(token));
        grant.map(Some).ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "the token is not valid"))
    }
}

/// Sees tokens change. Made before a grant is checked, it misses nothing.
#[derive(Clone, Debug)]
pub(super) struct Watch(watch::Receiver<()>);

impl Watch {
    /// Waits until `grant` no longer stands; for ever while there is none.
    pub(super) async fn revoked(&mut self, access: &Access, grant: Option<Grant>) {
        loop {
            if self.0.changed().await.is_err() {
                return std::future::pending().await;
            }
            if grant.is_some_and(|grant| !access.stands(grant)) {
                return;
            }
        }
    }
}

/// Paths whose answer holds nothing secret, or that let callers in by other means (`/ws`: the ticket).
fn is_open(path: &str, config: &Config) -> bool {
    match path {
        "/" | "/docs" | "/app.js" | "/drawer.js" | "/style.css" | "/icon.svg" | "/ws" => true,
        "/metrics" | "/live" | "/ready" => config.http.open_metrics,
        _ => false,
    }
}

/// Passes a request on, with what the caller is granted, or answers why not.
pub(super) async fn check(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    match admit(&api, &request) {
        Ok(grant) => {
            if let Some(grant) = grant {
                request.extensions_mut().insert(grant);
            }
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn admit(api: &Api, request: &Request) -> Result<Option<Grant>, Problem> {
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
    if is_pushed(request.uri().path()) {
        return Ok(None);
    }
    let grant = access.grant(from, request.headers())?;
    if grant.is_none() && !is_open(request.uri().path(), config) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "send a token: `Authorization: Bearer <token>`"));
    }
    Ok(grant)
}
