//! What Neo4j holds and answers: the fleet's graph, for the queries that are asked of it.
//! Takes: runs as they begin and end, a query. Gives: rows. Never: a write, or an answer to a query it does not know.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Job;
use crate::model::Timestamp;
use crate::sources::simulator::step::Ending;

/// Nodes held; the oldest go.
const MAX_NODES: usize = 2_000;
/// The number of the node everything belongs to, which stays.
const PROJECT: u64 = 0;

/// The graph.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: BTreeMap<u64, Node>,
    edges: BTreeMap<u64, Edge>,
    /// Nodes by label and key.
    held: BTreeMap<(&'static str, String), u64>,
    numbers: u64,
    transactions: u64,
}

#[derive(Debug)]
struct Node {
    label: &'static str,
    key: String,
    /// The property that tells its time.
    time: &'static str,
    properties: Vec<(&'static str, String)>,
    maker: Option<&'static str>,
}

#[derive(Debug)]
struct Edge {
    kind: &'static str,
    source: u64,
    target: u64,
}

/// The answer to a query.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) fields: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Graph {
    /// An agent begins: planning has written its story and its task by then.
    pub(super) fn begin(&mut self, job: &Job) {
        let (run, at) = (&job.run, job.begin);
        let project = self.add("Project", "PROJ-1", at, &[("name", "Simulated fleet")], Some("po-001"));
        let title = format!("Story {}", &run.story);
        let said = [("title", title.as_str()), ("state", "IN_PROGRESS"), ("created_by", "po-001")];
        let story = self.add("Story", &run.story, at, &said, None);
        self.join("BELONGS_TO", story, project);
        // What a backlog review asks is in no graph.
        if !run.task.starts_with("ceremony-") {
            let said = [("story_id", run.story.as_str()), ("role", run.role), ("status", "in_progress")];
            let task = self.add("Task", &run.task, at, &said, Some("task-derivation"));
            self.join("HAS_TASK", story, task);
        }
    }

    /// An agent ended: what it answered is kept.
    pub(super) fn end(&mut self, job: &Job) {
        let run = &job.run;
        let story = self.held.get(&("Story", run.story.clone())).copied();
        let Some(story) = story.filter(|_| run.ending == Ending::Answered) else { return };
        let tokens = run.tokens.to_string();
        let said = [
            ("story_id", run.story.as_str()),
            ("task_id", run.task.as_str()),
            ("agent_id", run.agent.as_str()),
            ("role", run.role),
            ("tokens", tokens.as_str()),
        ];
        let answer = self.add("AgentDeliberation", &format!("deliberation-{}", job.number), job.end, &said, None);
        self.join("FOR_STORY", answer, story);
    }

    /// A node, made where it is not there yet.
    fn add(
        &mut self,
        label: &'static str,
        key: &str,
        at: Timestamp,
        said: &[(&'static str, &str)],
        maker: Option<&'static str>,
    ) -> u64 {
        if let Some(number) = self.held.get(&(label, key.to_owned())) {
            return *number;
        }
        let number = self.numbers;
        self.numbers += 1;
        self.transactions += 1;
        let time = if label == "AgentDeliberation" { "deliberated_at" } else { "created_at" };
        let mut properties = vec![("id", key.to_owned()), (time, at.to_string())];
        properties.extend(said.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.nodes.insert(number, Node { label, key: key.to_owned(), time, properties, maker });
        self.held.insert((label, key.to_owned()), number);
        self.let_go();
        number
    }

    fn join(&mut self, kind: &'static str, source: u64, target: u64) {
        if self.edges.values().rev().any(|edge| (edge.kind, edge.source, edge.target) == (kind, source, target)) {
            return;
        }
        self.edges.insert(self.numbers, Edge { kind, source, target });
        self.numbers += 1;
    }

    fn let_go(&mut self) {
        if self.nodes.len() <= MAX_NODES {
            return;
        }
        let Some(oldest) = self.nodes.keys().copied().find(|number| *number != PROJECT) else { return };
        if let Some(node) = self.nodes.remove(&oldest) {
            self.held.remove(&(node.label, node.key));
        }
        self.edges.retain(|_, edge| edge.source != oldest && edge.target != oldest);
    }

    fn of(&self, label: &str) -> impl DoubleEndedIterator<Item = (&u64, &Node)> {
        self.nodes.iter().filter(move |(_, node)| node.label == label)
    }

    /// Rows of nodes, as they are told wherever a query asks for nodes; with their time where it asks for that.
    fn rows<'a>(nodes: impl Iterator<Item = (&'a u64, &'a Node)>, timed: bool) -> Found {
        let mut fields = vec!["id", "labels", "properties", "maker"];
        fields.extend(timed.then_some("at"));
        let row = |(number, node): (&u64, &Node)| {
            let properties: Vec<Value> = node.properties.iter().map(|(name, value)| json!([name, value])).collect();
            let mut row = vec![json!(id(*number)), json!([node.label]), json!(properties), json!(node.maker)];
            row.extend(timed.then(|| json!(node.at())));
            row
        };
        Found { rows: nodes.map(row).collect(), fields }
    }

    fn edges_of(&self, ids: &[&str]) -> Found {
        let has = |number: u64| ids.contains(&id(number).as_str());
        let found = self.edges.iter().filter(|(_, edge)| has(edge.source) || has(edge.target)).take(500);
        let row = |(number, edge): (&u64, &Edge)| {
            let (own, ends) = (format!("5:simulated:{number}"), [id(edge.source), id(edge.target)]);
            vec![json!(own), json!(edge.kind), json!(ends[0]), json!(ends[1]), json!([])]
        };
        Found { fields: vec!["id", "kind", "source", "target", "properties"], rows: found.map(row).collect() }
    }

    /// As the count store has them.
    fn counts(&self) -> Value {
        let (mut labels, mut kinds) = (BTreeMap::<_, u64>::new(), BTreeMap::<_, u64>::new());
        self.nodes.values().for_each(|node| *labels.entry(node.label).or_default() += 1);
        self.edges.values().for_each(|edge| *kinds.entry(edge.kind).or_default() += 1);
        let mut nodes = vec![json!({ "count": self.nodes.len() })];
        nodes.extend(labels.iter().map(|(label, count)| json!({ "label": label, "count": count })));
        let mut between = vec![json!({ "count": self.edges.len() })];
        between.extend(kinds.iter().map(|(kind, count)| json!({ "relationshipType": kind, "count": count })));
        json!({ "nodes": nodes, "relationships": between, "indexes": [], "constraints": [] })
    }

    /// Which of the properties asked for the nodes of a label have.
    fn properties(&self, label: &str, names: &[&str]) -> Found {
        let count = |name: &&&str| self.of(label).filter(|(_, node)| node.get(name).is_some()).count();
        let rows = names.iter().filter(|name| count(name) > 0);
        let rows = rows.map(|name| vec![json!(name), json!("text"), json!(count(&name))]).collect();
        Found { fields: vec!["name", "kind", "count"], rows }
    }
}

impl Node {
    fn get(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(held, _)| *held == name).map(|(_, value)| value.as_str())
    }

    fn at(&self) -> &str {
        self.get(self.time).unwrap_or_default()
    }
}

fn id(number: u64) -> String {
    format!("4:simulated:{number}")
}

/// Answers a query; `None` = it is not known here.
pub(super) fn answer(graph: &mut Graph, query: &str, parameters: &Value) -> Option<Found> {
    graph.transactions += 1;
    let one = |field, value| Some(Found { fields: vec![field], rows: vec![vec![value]] });
    let texts = |name: &str| -> Vec<&str> {
        parameters[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let limit = parameters["limit"].as_u64().map_or(usize::MAX, |limit| limit as usize);
    let (graph, has) = (&*graph, |part: &str| query.contains(part));
    match quoted(query) {
        _ if query.starts_with("RETURN 1") => one("1", json!(1)),
        _ if has("dbms.components") => {
            let row = vec![json!("Neo4j Kernel 5.26.0"), json!("community")];
            Some(Found { fields: vec!["version", "edition"], rows: vec![row] })
        }
        _ if has("db.stats.retrieve") => one("data", graph.counts()),
        _ if query.starts_with("SHOW TRANSACTIONS") => {
            one("id", json!(format!("neo4j-transaction-{}", graph.transactions)))
        }
        _ if has("n.id = $story") => {
            let wanted = parameters["story"].as_str().unwrap_or_default();
            Some(Graph::rows(graph.of("Story").filter(|(_, node)| node.key == wanted), false))
        }
        _ if has("elementId(n) = $id") => {
            let wanted = parameters["id"].as_str().unwrap_or_default();
            Some(Graph::rows(graph.nodes.iter().filter(|(number, _)| id(**number) == wanted), false))
        }
        _ if has("elementId(n) IN $ids CALL") => Some(graph.edges_of(&texts("ids"))),
        _ if has("elementId(n) IN $ids RETURN") => {
            let ids = texts("ids");
            Some(Graph::rows(graph.nodes.iter().filter(|(n, _)| ids.contains(&id(**n).as_str())), false))
        }
        Some(label) if has("UNWIND [p IN $names") => Some(graph.properties(label, &texts("names"))),
        Some(label) if has("ORDER BY t DESC LIMIT $limit") => {
            Some(Graph::rows(graph.of(label).rev().take(limit), true))
        }
        Some(label) if has(">= $since") => {
            let since = parameters["since"].as_str().unwrap_or_default();
            Some(Graph::rows(graph.of(label).filter(|(_, node)| node.at() >= since).take(limit), true))
        }
        _ => None,
    }
}

/// The label a query is about, between backticks.
fn quoted(query: &str) -> Option<&str> {
    query.strip_prefix("MATCH (n:`")?.split_once("`)").map(|(label, _)| label)
}
