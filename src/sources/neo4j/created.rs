//! New nodes: by the time a property tells, for labels that have one; by the count that grew, for the others.
//! Never: looks through a label whose count stands still (but for once in a while), or lets one slow label fail all.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use neo4rs::query;
use serde::Deserialize;

use super::ask::Server;
use super::counts::Counted;
use super::queries;
use super::shape::{NodeRow, time};
use crate::config;
use crate::model::{GraphNode, LabelCount, Text, Timestamp};
use crate::privacy::Masker;
use crate::sources::failure::{Failure, reason};

/// Newest nodes of a label looked at when it is first met.
const FIRST: i64 = 20;
/// New nodes of a label taken in a poll.
const PAGE: i64 = 500;
/// Nodes shown.
const MAX_RECENT: usize = 200;
/// Nodes remembered, so that none is told twice.
const MAX_SEEN: usize = 20_000;
/// How far back is looked again: whoever set the time may have committed late.
const OVERLAP: Duration = Duration::from_secs(30);
/// Polls after which a label is looked at although its count stands still: as many may have gone as came.
const ANYWAY: u32 = 30;
/// How long a label that was too slow is only counted.
const SLOW: Duration = Duration::from_mins(10);

/// All labels.
#[derive(Debug)]
pub(super) struct Created {
    time_properties: Vec<String>,
    labels: BTreeMap<Text, Watch>,
    seen: Remembered,
    recent: Vec<GraphNode>,
    masker: Arc<Masker>,
}

/// A label.
#[derive(Debug, Default)]
struct Watch {
    met: bool,
    count: u64,
    created: u64,
    by: Option<Property>,
    marks: VecDeque<(Instant, String)>,
    /// The last page was full: more is to come.
    more: bool,
    rests: u32,
    slow: Option<Instant>,
}

/// The property that tells the time.
#[derive(Clone, Debug)]
struct Property {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Text,
    Number,
    Time,
}

#[derive(Deserialize)]
struct PropertyRow {
    name: String,
    kind: Kind,
}

/// The last so many ids.
#[derive(Debug, Default)]
struct Remembered {
    order: VecDeque<String>,
    held: HashSet<String>,
}

impl Remembered {
    /// Whether it is new.
    fn add(&mut self, id: String) -> bool {
        if !self.held.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_SEEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.held.remove(&oldest);
        }
        true
    }
}

impl Created {
    pub(super) fn new(config: &config::Neo4j, masker: Arc<Masker>) -> Self {
        let time_properties = config.time_properties.clone();
        Self { time_properties, labels: BTreeMap::new(), seen: Remembered::default(), recent: Vec::new(), masker }
    }

    /// Looks at every label that changed. Gives the nodes to tell of.
    pub(super) async fn look(&mut self, server: &mut Server, counted: &Counted) -> Result<Vec<NodeRow>, Failure> {
        let mut told = Vec::new();
        self.labels.retain(|label, _| counted.labels.contains_key(label));
        for (label, count) in &counted.labels {
            let mut watch = self.labels.remove(label).unwrap_or_default();
            let looked = self.label(server, label, *count, &mut watch).await;
            let looked = match looked {
                Err(failure) if failure.reason == reason::TIMEOUT => {
                    watch.slow = Some(Instant::now());
                    watch.grow(*count);
                    Ok(Vec::new())
                }
                other => other,
            };
            self.labels.insert(label.clone(), watch);
            told.extend(looked?);
        }
        for row in &told {
            self.recent.push(row.node(&self.masker));
        }
        self.recent.sort_by_key(|node| std::cmp::Reverse(node.created_at));
        self.recent.truncate(MAX_RECENT);
        Ok(told)
    }

    async fn label(
        &mut self,
        server: &mut Server,
        label: &str,
        count: u64,
        watch: &mut Watch,
    ) -> Result<Vec<NodeRow>, Failure> {
        watch.rests += 1;
        let moved = !watch.met || watch.count != count || watch.more || watch.rests >= ANYWAY;
        if !moved || watch.slow.is_some_and(|since| since.elapsed() < SLOW) {
            watch.grow(count);
            return Ok(Vec::new());
        }
        watch.rests = 0;
        if watch.by.is_none() {
            watch.by = self.property(server, label).await?;
        }
        let Some(by) = watch.by.clone() else {
            watch.grow(count);
            return Ok(Vec::new());
        };
        let rows = match watch.mark() {
            Some(mark) => self.since(server, label, &by, mark, watch).await?,
            None => self.begin(server, label, &by, count, watch).await?,
        };
        (watch.met, watch.count, watch.slow) = (true, count, None);
        Ok(rows)
    }

    /// The property of a label that tells the time: the first of those configured that some of its nodes have.
    async fn property(&self, server: &mut Server, label: &str) -> Result<Option<Property>, Failure> {
        let Some(text) = queries::properties(label) else { return Ok(None) };
        let rows: Vec<PropertyRow> = server.rows(query(&text).param("names", self.time_properties.clone())).await?;
        let first = self.time_properties.iter().find_map(|name| rows.iter().find(|row| row.name == *name));
        Ok(first.map(|row| Property { name: row.name.clone(), kind: row.kind }))
    }

    /// The first look: those that are there are told, but not counted as new.
    async fn begin(
        &mut self,
        server: &mut Server,
        label: &str,
        by: &Property,
        count: u64,
        watch: &mut Watch,
    ) -> Result<Vec<NodeRow>, Failure> {
        let Some(text) = queries::newest(label, &by.name) else { return Ok(Vec::new()) };
        let mut rows: Vec<NodeRow> = server.rows(query(&text).param("limit", FIRST)).await?;
        rows.reverse();
        if let Some(at) = rows.last().and_then(|row| row.at.clone()) {
            watch.marks.push_back((Instant::now(), at));
        }
        // A label that had no time property before, or no nodes, has grown meanwhile.
        watch.grow(count);
        rows.retain(|row| self.seen.add(format!("{label} {}", row.id)));
        Ok(rows)
    }

    async fn since(
        &mut self,
        server: &mut Server,
        label: &str,
        by: &Property,
        mark: String,
        watch: &mut Watch,
    ) -> Result<Vec<NodeRow>, Failure> {
        let Some(text) = queries::since(label, &by.name, by.kind == Kind::Time) else { return Ok(Vec::new()) };
        let asked = query(&text).param("limit", PAGE);
        let asked = match (by.kind, mark.parse::<i64>(), mark.parse::<f64>()) {
            (Kind::Number, Ok(number), _) => asked.param("since", number),
            (Kind::Number, _, Ok(number)) => asked.param("since", number),
            _ => asked.param("since", mark),
        };
        let mut rows: Vec<NodeRow> = server.rows(asked).await?;
        watch.more = rows.len() as i64 >= PAGE;
        if let Some(at) = rows.last().and_then(|row| row.at.clone()) {
            if watch.more {
                // What is older than the end of a full page was seen: without this the next page would be the same.
                watch.marks.clear();
            }
            watch.marks.push_back((Instant::now(), at));
        }
        rows.retain(|row| self.seen.add(format!("{label} {}", row.id)));
        watch.created += rows.len() as u64;
        Ok(rows)
    }

    /// Labels with their counts.
    pub(super) fn labels(&self, counted: &Counted) -> Vec<LabelCount> {
        let line = |(label, count): (&Text, &u64)| {
            let watch = self.labels.get(label);
            let by = watch.filter(|w| w.slow.is_none()).and_then(|w| w.by.as_ref());
            LabelCount {
                label: label.clone(),
                count: *count,
                created: watch.map_or(0, |watch| watch.created),
                new_nodes_by: if by.is_some() { "property".into() } else { "count".into() },
                time_property: by.map(|by| by.name.as_str().into()),
            }
        };
        counted.labels.iter().map(line).collect()
    }

    /// When the newest node was made.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.recent.first().and_then(|node| node.created_at)
    }

    /// The newest nodes, newest first.
    pub(super) fn recent(&self) -> Vec<GraphNode> {
        self.recent.clone()
    }
}

impl Watch {
    /// Takes a count as all that is known of new nodes.
    fn grow(&mut self, count: u64) {
        if self.met {
            self.created += count.saturating_sub(self.count);
        }
        (self.met, self.count) = (true, count);
    }

    /// Where to look from: what was the newest a while ago.
    fn mark(&mut self) -> Option<String> {
        while self.marks.len() > 1 && self.marks[1].0.elapsed() > OVERLAP {
            self.marks.pop_front();
        }
        self.marks.front().map(|(_, at)| at.clone())
    }
}

/// When a node was made, by the property its label is watched by.
pub(super) fn made(row: &NodeRow) -> Option<Timestamp> {
    row.at.as_deref().and_then(time)
}
