//! Derived state: councils, agents, deliberations; and the consumers and streams as polled.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::listing::Listing;
use super::problem::Problem;
use super::query::{Named, Plain};
use super::registry::Registry;
use super::when::{AtParams, When};
use crate::model::Timestamp;
use crate::sinks::feed::{AgentJson, ConsumerJson, CouncilJson, DeliberationJson, StreamJson, consumers};

/// Councils: the agents of each role.
#[utoipa::path(get, path = "/api/councils", tag = "fleet", params(AtParams),
    responses((status = 200, description = "All councils", body = Listing<CouncilJson<'_>>)))]
pub(super) async fn councils(when: When, _: Plain) -> Response {
    when.read(|state| {
        let registry = Registry::of(state);
        let views = registry.councils(state);
        let items = views.iter().map(|c| registry.mark_council(CouncilJson::from(&**c), &c.council)).collect();
        Listing::whole(items, state.as_of).of(&when).into_response()
    })
}

/// Agents, with their last ten tasks.
#[utoipa::path(get, path = "/api/agents", tag = "fleet", params(AtParams),
    responses((status = 200, description = "All agents", body = Listing<AgentJson<'_>>)))]
pub(super) async fn agents(when: When, _: Plain) -> Response {
    when.read(|state| {
        let registry = Registry::of(state);
        let views = registry.agents(state);
        let items = views.iter().map(|a| registry.mark_agent(AgentJson::from(&**a), &a.agent_id)).collect();
        Listing::whole(items, state.as_of).of(&when).into_response()
    })
}

/// One agent.
#[utoipa::path(get, path = "/api/agents/{id}", tag = "fleet",
    params(("id" = String, Path, description = "Agent"), AtParams),
    responses((status = 200, description = "The agent", body = AgentJson<'_>),
              (status = 404, description = "Never heard of", body = Problem)))]
pub(super) async fn agent(when: When, Named(id, _): Named) -> Result<Response, Problem> {
    when.read(|state| {
        let registry = Registry::of(state);
        let agent = registry.agent(state, &id).ok_or_else(|| Problem::not_found("this agent"))?;
        Ok(when.answer(registry.mark_agent(AgentJson::from(&*agent), &id)))
    })
}

/// Deliberations under way, latest first.
#[utoipa::path(get, path = "/api/deliberations", tag = "fleet", params(AtParams),
    responses((status = 200, description = "All that are followed", body = Listing<DeliberationJson<'_>>)))]
pub(super) async fn deliberations(when: When, _: Plain) -> Response {
    when.read(|state| {
        let mut views: Vec<_> = state.deliberations.values().map(AsRef::as_ref).collect();
        views
            .sort_unstable_by(|a, b| b.started.cmp(&a.started).then_with(|| a.deliberation_id.cmp(&b.deliberation_id)));
        let items = views.into_iter().map(DeliberationJson::from).collect();
        Listing::whole(items, state.as_of).of(&when).into_response()
    })
}

/// Durable consumers and how they keep up.
#[utoipa::path(get, path = "/api/consumers", tag = "fleet",
    responses((status = 200, description = "All consumers of all streams", body = Listing<ConsumerJson<'_>>)))]
pub(super) async fn all_consumers(State(api): State<Api>, _: Plain) -> Response {
    api.context.board.read(|state| {
        let as_of = state.consumers.values().map(|r| r.at).max().unwrap_or(Timestamp::ZERO);
        let items = state.consumers.values().flat_map(|report| consumers(report)).collect();
        Listing::whole(items, as_of).into_response()
    })
}

/// Streams, and how far each was read.
#[utoipa::path(get, path = "/api/streams", tag = "fleet",
    responses((status = 200, description = "All streams", body = Listing<StreamJson<'_>>)))]
pub(super) async fn streams(State(api): State<Api>, _: Plain) -> Response {
    api.context.board.read(|state| {
        let report = state.streams.as_deref();
        let items = report.map_or_else(Vec::new, |r| r.streams.iter().map(StreamJson::from).collect());
        Listing::whole(items, report.map_or(Timestamp::ZERO, |r| r.at)).into_response()
    })
}
