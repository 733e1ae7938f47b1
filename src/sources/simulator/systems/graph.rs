//! What Neo4j answers: the fleet's graph, for the queries that are asked of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Known;

/// The answer to a query.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) fields: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// Answers a query; `None` = it is not known here.
pub(super) fn answer(known: &Known, query: &str, _parameters: &Value) -> Option<Found> {
    let one = |field, value| Some(Found { fields: vec![field], rows: vec![vec![value]] });
    if query.starts_with("RETURN 1") {
        return one("1", json!(1));
    }
    if query.contains("dbms.components") {
        let row = vec![json!("Neo4j Kernel"), json!(["5.26.0"]), json!("community")];
        return Some(Found { fields: vec!["name", "versions", "edition"], rows: vec![row] });
    }
    if query.contains("db.stats.retrieve") {
        return one("data", counts(known));
    }
    None
}

/// As the count store has them.
fn counts(known: &Known) -> Value {
    let stories: BTreeSet<&str> = known.runs.iter().map(|job| job.run.story.as_str()).collect();
    let tasks: BTreeSet<&str> = known.runs.iter().map(|job| job.run.task.as_str()).collect();
    let answers = known.runs.iter().filter(|job| job.ended).count();
    let nodes = [("Story", stories.len()), ("Task", tasks.len()), ("AgentDeliberation", answers), ("Project", 1)];
    let relationships = [("HAS_TASK", tasks.len()), ("FOR_STORY", answers), ("BELONGS_TO", stories.len())];
    let total = |counts: &[(&str, usize)]| counts.iter().map(|(_, count)| count).sum::<usize>();
    let mut told = vec![json!({ "count": total(&nodes) })];
    told.extend(nodes.iter().map(|(label, count)| json!({ "label": label, "count": count })));
    let mut between = vec![json!({ "count": total(&relationships) })];
    between.extend(relationships.iter().map(|(kind, count)| json!({ "relationshipType": kind, "count": count })));
    json!({ "nodes": told, "relationships": between, "indexes": [], "constraints": [] })
}
