//! The fleet's graph in Neo4j: how much of what there is, what is new, what is around a story.
//! Takes: a fixed list of reading queries. Gives: the panel, and entries for new nodes and changed counts.
//! Never: writes, waits for a query beyond its deadline, or sends a refused password again soon.

mod ask;
mod counts;
mod created;
mod lookup;
mod queries;
mod shape;
mod tell;

use std::sync::Arc;

use self::ask::Server;
use self::counts::Counts;
use self::created::Created;
use super::failure::Failure;
use super::watch::{self, Pace, Poll, Seen, Watcher};
use crate::config;
use crate::model::{Event, GraphPanel, Panel, Timestamp};
use crate::privacy::Masker;

pub use lookup::answerer;

/// Asks until stopped.
pub async fn run(config: config::Neo4j, watcher: Watcher) {
    // Each query has a deadline of its own; the poll has one in case they add up.
    let pace = Pace { every: config.poll_interval, deadline: config.timeout * 4 };
    let masker = Arc::clone(&watcher.masker);
    watch::run(Neo4j::new(&config, masker), pace, &watcher).await;
}

/// Asks once, and says what is there.
pub async fn probe(config: config::Neo4j, masker: Arc<Masker>) -> Result<String, String> {
    let deadline = config.timeout * 4;
    let mut neo4j = Neo4j::new(&config, masker);
    match tokio::time::timeout(deadline, neo4j.poll()).await {
        Ok(answer) => answer.map(|seen| seen.detail).map_err(|failure| failure.to_string()),
        Err(_) => Err(format!("no answer within {deadline:?}")),
    }
}

struct Neo4j {
    server: Server,
    counts: Counts,
    created: Created,
    told: tell::Told,
    masker: Arc<Masker>,
}

impl Neo4j {
    fn new(config: &config::Neo4j, masker: Arc<Masker>) -> Self {
        Self {
            counts: Counts::new(config.max_labels as usize),
            created: Created::new(config, Arc::clone(&masker)),
            told: tell::Told::default(),
            server: Server::new(config),
            masker,
        }
    }
}

impl Poll for Neo4j {
    const NAME: &'static str = "neo4j";

    async fn poll(&mut self) -> Result<Seen, Failure> {
        let version = counts::version(&mut self.server).await?;
        let counted = self.counts.count(&mut self.server).await?;
        let new = self.created.look(&mut self.server, &counted).await?;
        let now = Timestamp::now();
        let panel = GraphPanel {
            at: now,
            version: version.as_str().into(),
            nodes: counted.nodes,
            relationships: counted.relationships,
            labels: self.created.labels(&counted),
            types: counted.types.clone(),
            transactions_per_second: self.counts.transactions(&mut self.server).await,
            last_change: self.counts.last_change(self.created.newest(), now),
            recent: self.created.recent(),
        };
        let mut events = self.told.entries(&panel, &new, &self.masker);
        let detail = format!("{version}: {} nodes, {} relationships", counted.nodes, counted.relationships);
        events.push(Event::Panel(Arc::new(Panel::Graph(panel))));
        Ok(Seen { events, detail, next: None })
    }
}
