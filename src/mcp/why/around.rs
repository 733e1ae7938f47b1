//! What else went wrong: deliveries, Ray jobs, and systems around it at that time.

use serde_json::{Value, json};

use super::Subject;
use crate::mcp::ask::{Ask, Refused};
use crate::mcp::events::{Page, compact};

/// Most of each that is shown.
const MOST: usize = 40;

/// Deliveries that were refused, given up or made again.
pub(super) fn deliveries(events: &[Value]) -> Value {
    let bad = |state: &str| matches!(state, "nacked" | "terminated" | "max_deliveries");
    let mut told = Vec::new();
    for event in events {
        for delivery in event["deliveries"].as_array().into_iter().flatten() {
            let again = delivery["attempts"].as_u64().is_some_and(|attempts| attempts > 1);
            if bad(delivery["state"].as_str().unwrap_or_default()) || again {
                told.push(json!({
                    "seq": event["seq"], "type": event["type"], "timestamp": event["timestamp"], "delivery": delivery,
                }));
            }
        }
    }
    told.truncate(MOST);
    Value::Array(told)
}

/// Jobs of the subject that did not succeed, as far as Ray still knows them.
pub(super) async fn jobs<A: Ask>(ask: &A, subject: &Subject<'_>) -> Result<Value, Refused> {
    if subject.kind == "job" {
        return Ok(Value::Array(Vec::new()));
    }
    let field = format!("{}_id", subject.kind);
    let answer = ask.get(&["api", "ray", "jobs"], &[]).await?;
    let failed = |job: &&Value| {
        let status = job["status"].as_str().unwrap_or_default();
        matches!(status, "FAILED" | "STOPPED" | "LOST") || job["error_type"].is_string() || job["outcome"] == "failed"
    };
    let own = answer["items"].as_array().into_iter().flatten().filter(|job| job[field.as_str()] == subject.id);
    Ok(own.filter(failed).take(MOST).cloned().collect())
}

/// Warnings and failures of systems that name no story: pods, nodes, processors, models, stores, alerts.
pub(super) async fn around<A: Ask>(ask: &A, from: &String, to: &String, known: &[Value]) -> Result<Value, Refused> {
    let filter = "source:K8s,GPU,Ray,vLLM,ValKey,Neo4j,Alert severity:warning";
    let page = Page { filters: vec![filter], since: Some(from), until: Some(to), ..Page::default() };
    let mut answer = page.ask(ask, MOST).await?;
    if let Some(items) = answer["items"].as_array_mut() {
        items.retain(|event| !known.iter().any(|other| other["seq"] == event["seq"]));
    }
    Ok(compact(&answer))
}
