//! What went wrong with a story, a task, an agent or a job, as far as it was recorded.
//! Takes: the API's answers on it. Gives: the first failure, what followed, what happened around it.
//! Never: says more than was seen: what came first is shown, not what caused it.

mod around;

use serde_json::{Value, json};

use self::around::{around, deliveries, jobs};
use super::answer::Told;
use super::args::WhyFailed;
use super::ask::{Ask, Refused, id, term};
use super::events::{Page, compact};
use crate::model::Timestamp;

/// Failures and warnings looked at; events around the first one; pages either may take.
const MOST_FAILURES: usize = 100;
const MOST_NEAR: usize = 600;
const PAGES: usize = 4;
const PAGE: usize = 200;
/// Events shown before the first failure, and after it.
const BEFORE: usize = 5;
const AFTER: usize = 12;

/// What is asked about.
struct Subject<'a> {
    kind: &'static str,
    id: &'a str,
    /// Its events.
    filter: String,
    /// What is known of it; null where nothing is.
    known: Value,
}

/// Events, and whether there are more.
struct Found {
    items: Vec<Value>,
    more: bool,
}

impl<'a> Subject<'a> {
    async fn of<A: Ask>(ask: &A, asked: &'a WhyFailed) -> Result<Self, Refused> {
        let all = [("story", &asked.story), ("task", &asked.task), ("agent", &asked.agent), ("job", &asked.job)];
        let mut given = all.iter().filter_map(|(kind, id)| Some((*kind, id.as_deref()?)));
        let (Some((kind, name)), None) = (given.next(), given.next()) else {
            return Err(Refused::new("arguments: give exactly one of story, task, agent, job"));
        };
        let id = id(kind, name)?;
        let known = match kind {
            "story" => ask.get(&["api", "stories", id], &[]).await,
            "agent" => ask.get(&["api", "agents", id], &[]).await,
            "job" => ask.get(&["api", "ray", "jobs", id], &[]).await,
            _ => Ok(Value::Null),
        };
        let known = match known {
            Err(refused) if refused.is_unknown() => Value::Null,
            known => known?,
        };
        // A job is no field of a filter: its task's events are its own, or those that name it.
        let task = known["task_id"].as_str().filter(|_| kind == "job");
        let filter = match (kind, task) {
            ("job", Some(task)) => term("task", task),
            ("job", None) => term("", id),
            _ => term(kind, id),
        };
        Ok(Self { kind, id, filter, known })
    }
}

/// `why_failed`.
pub(super) async fn failed<A: Ask>(ask: &A, asked: &WhyFailed) -> Result<Told, Refused> {
    let subject = Subject::of(ask, asked).await?;
    let page = |filters, since, until, oldest_first| Page { filters, since, until, oldest_first, ..Page::default() };
    let own = subject.filter.as_str();
    let (since, until) = (asked.since.as_ref(), asked.until.as_ref());
    let failures = page(vec![own, "severity:warning"], since, until, true).all(ask, MOST_FAILURES).await?;
    let error = |event: &&Value| event["severity"] == "error";
    let first = failures.items.iter().find(error).or(failures.items.first());
    let range = first.and_then(|first| window(first, failures.items.last()?));
    let (from, to) = range.clone().unzip();
    let near = match &range {
        Some(_) => page(vec![own], from.as_ref(), to.as_ref(), true).all(ask, MOST_NEAR).await?,
        // Without a failure the newest events tell most.
        None => page(vec![own], since, until, false).all(ask, PAGE).await?,
    };
    if near.items.is_empty() && failures.items.is_empty() && subject.known.is_null() {
        return Err(Refused::new(format!("nothing is recorded of {} {:?}", subject.kind, subject.id)));
    }
    let mut told = json!({
        "about": { "kind": subject.kind, "id": subject.id, "known": subject.known },
        "found": found(first, &failures),
        "chain": compact(&json!({ "items": failures.items })),
        "deliveries": deliveries(&near.items),
        "ray_jobs": jobs(ask, &subject).await?,
        "notes": notes(&subject, &failures, &near),
    });
    if subject.kind == "story" {
        told["causes"] = causes(ask, subject.id).await?;
    }
    if let Some(first) = first {
        told["first_failure"] = detail(ask, first).await?;
        let at = near.items.iter().position(|event| event["seq"] == first["seq"]);
        let (before, after) = near.items.split_at(at.unwrap_or(0));
        told["before"] = compact(&json!({ "items": &before[before.len().saturating_sub(BEFORE)..] }));
        told["after"] = compact(&json!({ "items": after.iter().skip(1).take(AFTER).collect::<Vec<_>>() }));
        if let Some((from, to)) = &range {
            told["around"] = around(ask, from, to, &failures.items).await?;
        }
    }
    Ok(Told::from(told))
}

impl Page<'_> {
    /// As many as there are, up to `most`, over a few pages: one ends early where events are rare.
    async fn all<A: Ask>(self, ask: &A, most: usize) -> Result<Found, Refused> {
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let page = Page { cursor: cursor.as_ref(), filters: self.filters.clone(), ..self };
            let mut answer = page.ask(ask, PAGE.min(most - items.len())).await?;
            if let Some(Value::Array(found)) = answer.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            cursor = answer["next"].as_str().map(str::to_owned);
            if cursor.is_none() || items.len() >= most {
                break;
            }
        }
        Ok(Found { items, more: cursor.is_some() })
    }
}

/// From a little before the first failure to a little after the last.
fn window(first: &Value, last: &Value) -> Option<(String, String)> {
    const MARGIN: std::time::Duration = std::time::Duration::from_mins(5);
    let time = |event: &Value| Timestamp::parse(event["timestamp"].as_str()?).ok();
    let (first, last) = (time(first)?, time(last)?);
    Some((first.minus(MARGIN).to_string(), last.max(first).plus(MARGIN).to_string()))
}

/// One sentence. What it quotes was written by the fleet.
fn found(first: Option<&Value>, failures: &Found) -> String {
    let Some(first) = first else { return "no failure and no warning is recorded".to_owned() };
    let text = |name: &str| first[name].as_str().unwrap_or("?").to_owned();
    let (count, more) = (failures.items.len(), if failures.more { " or more" } else { "" });
    let (kind, at, summary) = (text("type"), text("timestamp"), text("summary"));
    let what = if first["severity"] == "error" { "failure" } else { "warning" };
    format!(
        "the first {what} is {kind} at {at} (seq {}): {summary}; {count}{more} failures and warnings in all",
        first["seq"]
    )
}

/// The first failure with what `get_event` knows of it, its errors first.
async fn detail<A: Ask>(ask: &A, first: &Value) -> Result<Value, Refused> {
    let seq = first["seq"].to_string();
    match ask.get(&["api", "events", &seq], &[]).await {
        // It expired in between.
        Err(refused) if refused.is_unknown() => Ok(first.clone()),
        answer => answer,
    }
}

/// Chains of failures as the story's timeline joins them: what failed first, and what followed from it.
async fn causes<A: Ask>(ask: &A, story: &str) -> Result<Value, Refused> {
    match ask.get(&["api", "stories", story, "timeline"], &[]).await {
        Ok(mut timeline) => Ok(timeline["failures"].take()),
        Err(refused) if refused.is_unknown() => Ok(Value::Null),
        Err(refused) => Err(refused),
    }
}

fn notes(subject: &Subject<'_>, failures: &Found, near: &Found) -> Vec<String> {
    let mut notes = Vec::new();
    if subject.known.is_null() && subject.kind != "task" {
        notes.push(format!("the {} itself is not known (any more); its events are", subject.kind));
    }
    if failures.more {
        let last = failures.items.last().map_or(Value::Null, |event| event["timestamp"].clone());
        notes.push(format!("there are more failures and warnings after {last}: ask again with since"));
    }
    if near.more {
        notes.push("not every event around the failures was looked at: deliveries may be missing".to_owned());
    }
    if failures.items.is_empty() {
        notes.push("if it stands still, see consumer_health and the state of its agents".to_owned());
    }
    notes
}
