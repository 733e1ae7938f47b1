//! The fleet's graph: counts, new nodes, what is around a story.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::access::Role;
use super::listing::Listing;
use super::problem::Problem;
use super::query::{Named, pairs};
use super::when::{AtParams, When};
use crate::lookup::{LookupError, Question};
use crate::model::{GraphEdge, GraphNode, GraphPanel, LabelCount, Panel, Source, Timestamp, TypeCount};
use crate::sinks::feed::Invalid;

/// Longest id of a story that is asked for.
const MAX_STORY: usize = 200;

/// Nodes, and how many there are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GraphNodes {
    /// The newest nodes; those around the story, where one is named.
    #[serde(flatten)]
    nodes: Listing<GraphNode>,
    /// Nodes by label.
    labels: Vec<LabelCount>,
    /// Relationships by type.
    types: Vec<TypeCount>,
    /// `Neo4j Kernel 5.26.30 (community)`.
    version: String,
    /// All nodes.
    total_nodes: u64,
    /// All relationships.
    total_relationships: u64,
    /// Transactions a second.
    transactions_per_second: Option<f64>,
    /// When a count was last seen to change.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_change: Option<Timestamp>,
}

/// The newest nodes and all counts; with `story`, the nodes around it.
#[utoipa::path(get, path = "/api/graph/nodes", tag = "systems",
    params(("story" = Option<String>, Query, description = "Nodes around this story, asked for now"), AtParams),
    responses((status = 200, description = "Nodes and counts", body = GraphNodes),
        (status = 404, description = "No such story", body = Problem),
        (status = 503, description = "The server does not answer", body = Problem)))]
pub(super) async fn nodes(
    State(api): State<Api>,
    _: Role,
    when: When,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let panel = when.read(|state| match state.panels.get(&Source::Neo4j).map(AsRef::as_ref) {
        Some(Panel::Graph(panel)) => panel.clone(),
        _ => GraphPanel::default(),
    });
    let stale = when.stale(&api, Source::Neo4j, "source/neo4j");
    let items = match story(query.as_deref())? {
        Some(_) if when.past().is_some() => {
            let why = "what is around a story is asked for now; its past is not kept";
            return Err(Invalid::new("at", why, "`at` without `story`, or `story` without `at`").into());
        }
        Some(story) => serde_json::from_value(around(&api, story).await?["nodes"].take()).unwrap_or_default(),
        None => panel.recent,
    };
    let nodes = Listing::of_system(items, panel.at, stale).of(&when);
    Ok(Json(GraphNodes {
        nodes,
        labels: panel.labels,
        types: panel.types,
        version: panel.version.to_string(),
        total_nodes: panel.nodes,
        total_relationships: panel.relationships,
        transactions_per_second: panel.transactions_per_second,
        last_change: panel.last_change,
    })
    .into_response())
}

/// The relationships around a story.
#[utoipa::path(get, path = "/api/graph/edges", tag = "systems",
    params(("story" = String, Query, description = "The story")),
    responses((status = 200, description = "Relationships", body = Listing<GraphEdge>),
        (status = 404, description = "No such story", body = Problem),
        (status = 503, description = "The server does not answer", body = Problem)))]
pub(super) async fn edges(State(api): State<Api>, _: Role, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let missing = || Problem::from(Invalid::new("story", "is missing", "the id of a story"));
    let story = story(query.as_deref())?.ok_or_else(missing)?;
    let edges: Vec<GraphEdge> = serde_json::from_value(around(&api, story).await?["edges"].take()).unwrap_or_default();
    Ok(Listing::whole(edges, Timestamp::now()).into_response())
}

/// A node: its properties, its neighbours.
#[utoipa::path(get, path = "/api/graph/nodes/{id}", tag = "systems", params(("id" = String, Path)),
    responses((status = 200, description = "`node`, and its neighbours as `nodes` and `edges`", body = Object),
        (status = 404, body = Problem), (status = 503, description = "The server does not answer", body = Problem)))]
pub(super) async fn node(State(api): State<Api>, Named(id, _): Named) -> Response {
    answered(api.context.lookups.ask(Question::GraphNode { id }).await)
}

/// The one parameter there is.
fn story(query: Option<&str>) -> Result<Option<String>, Problem> {
    let mut story = None;
    for (name, value) in pairs(query)? {
        let wrong = |what: &str, allowed: &str| Problem::from(Invalid::new(&name, what, allowed));
        if name != "story" {
            return Err(wrong("is unknown", "story"));
        }
        if value.is_empty() || value.len() > MAX_STORY {
            return Err(wrong("is no story", "an id of at most 200 bytes"));
        }
        story = Some(value);
    }
    Ok(story)
}

async fn around(api: &Api, story: String) -> Result<serde_json::Value, Problem> {
    api.context.lookups.ask(Question::GraphAround { story }).await.map_err(|error| problem(&error))
}

/// The answer of a watched system, or why there is none.
pub(super) fn answered(answer: Result<serde_json::Value, LookupError>) -> Response {
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => problem(&error).into_response(),
    }
}

fn problem(error: &LookupError) -> Problem {
    let status = match error {
        LookupError::Off(_) | LookupError::Unknown(_) => StatusCode::NOT_FOUND,
        LookupError::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, error.to_string())
}
