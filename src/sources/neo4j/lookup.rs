//! A node, or what is around a story, for somebody who asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use neo4rs::query;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::ask::Server;
use super::queries;
use super::shape::{EdgeRow, NodeRow};
use crate::config;
use crate::lookup::{Answerer, LookupError, Question};
use crate::model::{GraphEdge, GraphNode};
use crate::privacy::Masker;
use crate::sources::failure::Failure;

/// Nodes of an answer.
const MAX_NODES: usize = 500;
/// What a story shares with many others: it is shown, and not followed.
const SHARED: &[&str] = &["Project", "Epic", "User", "Actor", "Topic"];

/// The one that answers for Neo4j, on a connection of its own, one question at a time.
pub fn answerer(config: &config::Neo4j, masker: Arc<Masker>) -> Arc<dyn Answerer> {
    Arc::new(Asked { server: Mutex::new(Server::new(config)), masker })
}

#[derive(Debug)]
struct Asked {
    server: Mutex<Server>,
    masker: Arc<Masker>,
}

/// What was found.
#[derive(Default)]
struct Around {
    nodes: Vec<NodeRow>,
    edges: Vec<EdgeRow>,
}

impl Around {
    fn add(&mut self, edges: Vec<EdgeRow>) {
        for edge in edges {
            if self.edges.iter().all(|held| held.id != edge.id) {
                self.edges.push(edge);
            }
        }
    }

    /// Ids at the ends of edges that were not looked at yet.
    fn unknown(&self) -> Vec<String> {
        let known: BTreeSet<&str> = self.nodes.iter().map(|node| node.id.as_str()).collect();
        let ends = self.edges.iter().flat_map(|edge| [&edge.source, &edge.target]);
        let ends: BTreeSet<&String> = ends.filter(|id| !known.contains(id.as_str())).collect();
        ends.into_iter().take(MAX_NODES.saturating_sub(self.nodes.len())).cloned().collect()
    }

    /// As it is shown: no edge without its ends.
    fn shown(&self, masker: &Masker) -> (Vec<GraphNode>, Vec<GraphEdge>) {
        let known: BTreeSet<&str> = self.nodes.iter().map(|node| node.id.as_str()).collect();
        let whole = |e: &&EdgeRow| known.contains(e.source.as_str()) && known.contains(e.target.as_str());
        let edges = self.edges.iter().filter(whole).map(|edge| edge.edge(masker)).collect();
        (self.nodes.iter().map(|node| node.node(masker)).collect(), edges)
    }
}

impl Asked {
    async fn around(&self, text: &str, name: &str, id: String, steps: usize) -> Result<Around, Failure> {
        let mut server = self.server.lock().await;
        let mut found = Around { nodes: server.rows(query(text).param(name, id)).await?, edges: Vec::new() };
        let mut begin: Vec<String> = found.nodes.iter().map(|node| node.id.clone()).collect();
        for _ in 0..steps {
            if begin.is_empty() {
                break;
            }
            found.add(server.rows(query(queries::EDGES).param("ids", begin)).await?);
            let next: Vec<NodeRow> = server.rows(query(queries::BY_ID).param("ids", found.unknown())).await?;
            let own = |node: &&NodeRow| !node.labels.iter().any(|label| SHARED.contains(&label.as_str()));
            begin = next.iter().filter(own).map(|node| node.id.clone()).collect();
            found.nodes.extend(next);
        }
        Ok(found)
    }
}

impl Answerer for Asked {
    fn answer(&self, question: Question) -> BoxFuture<'_, Result<Value, LookupError>> {
        Box::pin(async move {
            let (is_node, asked) = match question {
                Question::GraphNode { id } => (true, self.around(queries::NODE, "id", id, 1).await),
                Question::GraphAround { story } => (false, self.around(queries::STORY, "story", story, 2).await),
                other => return Err(LookupError::Unknown(format!("{other:?} is no question for Neo4j"))),
            };
            let found = asked.map_err(|failure| LookupError::Failed(failure.to_string()))?;
            let (nodes, edges) = found.shown(&self.masker);
            match (nodes.first(), is_node) {
                (None, true) => Err(LookupError::Unknown("the graph has no such node".to_owned())),
                (None, false) => Err(LookupError::Unknown("the graph has no node of this story".to_owned())),
                (Some(node), true) => Ok(json!({"node": node, "nodes": nodes[1..], "edges": edges})),
                (Some(_), false) => Ok(json!({"nodes": nodes, "edges": edges})),
            }
        })
    }
}
