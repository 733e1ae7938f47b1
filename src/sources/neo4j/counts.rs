//! How many nodes and relationships there are, by label and type, from the count store: no node is touched.

use std::collections::BTreeMap;
use std::time::Instant;

use neo4rs::query;
use serde::Deserialize;

use super::ask::Server;
use super::queries;
use crate::model::{Text, Timestamp, TypeCount, printable, shorten};
use crate::sources::failure::{Failure, reason};

/// Longest name of a label or type shown.
const MAX_NAME: usize = 120;

/// All counts of a poll.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counted {
    pub(super) nodes: u64,
    pub(super) relationships: u64,
    pub(super) labels: BTreeMap<Text, u64>,
    pub(super) types: Vec<TypeCount>,
}

/// What is remembered from poll to poll.
#[derive(Debug)]
pub(super) struct Counts {
    max_labels: usize,
    /// Whether all counts come in one call; tried until refused.
    at_once: bool,
    last: Option<Counted>,
    changed: Option<Timestamp>,
    transactions: Option<(Instant, u64)>,
}

#[derive(Deserialize)]
struct Component {
    version: String,
    edition: String,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}

#[derive(Deserialize)]
struct Data {
    data: Sections,
}

#[derive(Deserialize)]
struct Sections {
    #[serde(default)]
    nodes: Vec<Line>,
    #[serde(default)]
    relationships: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    count: u64,
    label: Option<String>,
    relationship_type: Option<String>,
    start_label: Option<String>,
    end_label: Option<String>,
}

/// Version and edition in one line.
pub(super) async fn version(server: &mut Server) -> Result<String, Failure> {
    let rows: Vec<Component> = server.rows(query(queries::COMPONENTS)).await?;
    let text = rows.first().map_or_else(|| "Neo4j".to_owned(), |row| format!("{} ({})", row.version, row.edition));
    Ok(shorten(&printable(&text), MAX_NAME))
}

impl Counts {
    pub(super) fn new(max_labels: usize) -> Self {
        Self { max_labels, at_once: true, last: None, changed: None, transactions: None }
    }

    /// Counts all.
    pub(super) async fn count(&mut self, server: &mut Server) -> Result<Counted, Failure> {
        let counted = if self.at_once {
            match server.rows::<Data>(query(queries::GRAPH_COUNTS)).await {
                Ok(rows) => self.sort(rows),
                Err(failure) if matches!(failure.reason, reason::NOT_FOUND | reason::FORBIDDEN) => {
                    self.at_once = false;
                    self.one_by_one(server).await?
                }
                Err(failure) => return Err(failure),
            }
        } else {
            self.one_by_one(server).await?
        };
        if self.last.as_ref().is_some_and(|last| *last != counted) {
            self.changed = Some(Timestamp::now());
        }
        self.last = Some(counted.clone());
        Ok(counted)
    }

    fn sort(&self, rows: Vec<Data>) -> Counted {
        let (mut all, mut types) = (Counted::default(), BTreeMap::new());
        for sections in rows.into_iter().map(|row| row.data) {
            for line in sections.nodes {
                match line.label {
                    None => all.nodes = line.count,
                    Some(label) => add(&mut all.labels, &label, line.count, self.max_labels),
                }
            }
            // Each type is there with every label it begins or ends at too.
            for line in sections.relationships.into_iter().filter(|l| l.start_label.is_none() && l.end_label.is_none())
            {
                match line.relationship_type {
                    None => all.relationships = line.count,
                    Some(kind) => add(&mut types, &kind, line.count, self.max_labels),
                }
            }
        }
        all.types = types.into_iter().map(|(kind, count)| TypeCount { kind, count }).collect();
        all
    }

    async fn one_by_one(&self, server: &mut Server) -> Result<Counted, Failure> {
        let mut types = BTreeMap::new();
        let mut all = Counted {
            nodes: one(server, queries::NODES).await?,
            relationships: one(server, queries::RELATIONSHIPS).await?,
            ..Counted::default()
        };
        for Name { name } in server.rows(query(queries::LABELS)).await?.into_iter().take(self.max_labels) {
            if let Some(text) = queries::count_label(&name) {
                let count = one(server, &text).await?;
                add(&mut all.labels, &name, count, self.max_labels);
            }
        }
        for Name { name } in server.rows(query(queries::TYPES)).await?.into_iter().take(self.max_labels) {
            if let Some(text) = queries::count_type(&name) {
                let count = one(server, &text).await?;
                add(&mut types, &name, count, self.max_labels);
            }
        }
        all.types = types.into_iter().map(|(kind, count)| TypeCount { kind, count }).collect();
        Ok(all)
    }

    /// Transactions a second since the poll before; `None` where the server does not tell, or was restarted.
    pub(super) async fn transactions(&mut self, server: &mut Server) -> Option<f64> {
        #[derive(Deserialize)]
        struct Row {
            id: String,
        }
        let rows: Vec<Row> = server.rows(query(queries::TRANSACTIONS)).await.ok()?;
        let number = rows.iter().filter_map(|row| row.id.rsplit('-').next()?.parse::<u64>().ok()).max()?;
        let (at, before) = self.transactions.replace((Instant::now(), number))?;
        Some(number.checked_sub(before)? as f64 / at.elapsed().as_secs_f64().max(0.001))
    }

    /// When something was last seen to change; before that, when the newest node was made.
    pub(super) fn last_change(&self, newest: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        self.changed.max(newest.map(|at| at.min(now)))
    }
}

async fn one(server: &mut Server, text: &str) -> Result<u64, Failure> {
    let rows: Vec<Count> = server.rows(query(text)).await?;
    Ok(rows.first().map_or(0, |row| row.count))
}

/// Beyond the bound, what is left is counted together.
fn add(counts: &mut BTreeMap<Text, u64>, name: &str, count: u64, most: usize) {
    if count == 0 {
        return;
    }
    let name = Text::from(shorten(&printable(name), MAX_NAME));
    let name = if counts.len() < most || counts.contains_key(&name) { name } else { "other".into() };
    *counts.entry(name).or_default() += count;
}
