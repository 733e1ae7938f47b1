//! Rows → nodes and relationships as they are shown: properties masked and cut, ids read, times understood.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::{GraphEdge, GraphNode, Ids, NotAvailable, Text, Timestamp, clean_id, printable, shorten};
use crate::privacy::Masker;

/// Longest name and longest value of a property shown.
const MAX_NAME: usize = 80;
const MAX_VALUE: usize = 300;

/// A node as the queries tell it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct NodeRow {
    pub(super) id: String,
    pub(super) labels: Vec<String>,
    pub(super) properties: Vec<Vec<Option<String>>>,
    pub(super) maker: Option<String>,
    /// Its time, where the query asks for it.
    #[serde(default)]
    pub(super) at: Option<String>,
}

/// A relationship as the queries tell it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct EdgeRow {
    pub(super) id: String,
    kind: String,
    pub(super) source: String,
    pub(super) target: String,
    properties: Vec<Vec<Option<String>>>,
}

impl NodeRow {
    /// A property, unmasked: for ids only.
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.properties.iter().find(|pair| pair.first().and_then(Option::as_deref) == Some(name))?;
        found.get(1)?.as_deref().map(str::trim).filter(|value| !value.is_empty())
    }

    fn first<'a>(&'a self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The ids it is found by. What `id` means depends on the label.
    pub(super) fn ids(&self) -> Ids {
        let is = |label: &str| self.labels.iter().any(|held| held == label);
        let own = |label: &str| if is(label) { self.get("id") } else { None };
        let id = |said: Option<&str>| said.and_then(clean_id);
        Ids {
            story: id(own("Story").or(own("Case")).or_else(|| self.first(&["story_id", "case_id"]))),
            task: id(own("Task").or(own("Subtask")).or_else(|| self.get("task_id"))),
            ceremony: id(own("BacklogReviewCeremony").or_else(|| self.get("ceremony_id"))),
            plan: id(own("Plan").or(own("PlanVersion")).or_else(|| self.get("plan_id"))),
            deliberation: id(own("AgentDeliberation").or_else(|| self.get("deliberation_id"))),
            agent: id(self.get("agent_id")),
            role: self.get("role").filter(|role| role.len() <= 40).map(|role| role.to_ascii_uppercase().into()),
            project: id(own("Project").or_else(|| self.get("project_id"))),
            epic: id(own("Epic").or_else(|| self.get("epic_id"))),
        }
    }

    /// What it is called in the history: its label and its own id, which stay when the database is copied.
    pub(super) fn thing(&self) -> String {
        let label = self.labels.first().map_or("node", String::as_str);
        let keys = ["id", "story_id", "task_id", "name"];
        // Two nodes of one story have different keys: the database's id keeps them two.
        format!("graph.node.{label}.{}.{}", self.first(&keys).unwrap_or_default(), self.id)
    }

    /// As it is shown.
    pub(super) fn node(&self, masker: &Masker) -> GraphNode {
        let properties = properties(&self.properties, masker);
        let one = |names: &[&str]| names.iter().find_map(|name| properties.get(*name)).cloned();
        let labels: Vec<Text> = self.labels.iter().map(|label| text(label, masker)).collect();
        let by = self.first(&["created_by", "decided_by", "agent_id", "author", "user_id"]).or(self.maker.as_deref());
        let detail = "no property of the node (created_by, decided_by, agent_id, author) and no relationship tells; \
                      the database keeps no author";
        let created_at = self.at.as_deref().or_else(|| self.first(&["created_at", "timestamp"])).and_then(time);
        let undated = "no property of the node holds a time; the database keeps none";
        GraphNode {
            id: text(&self.id, masker),
            title: one(&["title", "name", "id", "story_id", "task_id"]).unwrap_or_else(|| text(&self.id, masker)),
            subtitle: labels.join(" ").into(),
            mainstat: one(&["status", "state", "current_state", "role"]).unwrap_or_default(),
            created_at,
            created_at_not_available: created_at.is_none().then(|| NotAvailable::new("not_recorded", undated)),
            created_by: by.map(|by| text(by, masker)),
            created_by_not_available: by.is_none().then(|| NotAvailable::new("not_recorded", detail)),
            labels,
            properties,
        }
    }
}

impl EdgeRow {
    /// As it is shown.
    pub(super) fn edge(&self, masker: &Masker) -> GraphEdge {
        GraphEdge {
            id: text(&self.id, masker),
            source: text(&self.source, masker),
            target: text(&self.target, masker),
            mainstat: text(&self.kind, masker),
            properties: properties(&self.properties, masker),
        }
    }
}

/// A moment, however it is written: RFC 3339, with or without a zone, or seconds or milliseconds since 1970.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    // Cypher writes the name of the zone behind the offset.
    let plain = text.split('[').next().unwrap_or(text).trim();
    if let Ok(at) = Timestamp::parse(plain).or_else(|_| Timestamp::parse(&format!("{plain}Z"))) {
        return Some(at);
    }
    let number: f64 = plain.parse().ok().filter(|n: &f64| n.is_finite() && *n > 1e8 && *n < 1e14)?;
    let millis = if number < 1e11 { number * 1e3 } else { number };
    Some(Timestamp::from_millis(millis as i64))
}

fn text(text: &str, masker: &Masker) -> Text {
    shorten(&printable(&masker.text(text)), MAX_VALUE).into()
}

/// Masked as the JSON object they are, so that a name that calls its value a secret does so.
fn properties(pairs: &[Vec<Option<String>>], masker: &Masker) -> BTreeMap<Text, Text> {
    let pair = |pair: &Vec<Option<String>>| {
        let name = pair.first().cloned().flatten()?;
        let value = pair.get(1).cloned().flatten().unwrap_or_else(|| "(not plain text)".to_owned());
        Some((name, value))
    };
    let plain: BTreeMap<String, String> = pairs.iter().filter_map(pair).collect();
    let safe = masker.whole(serde_json::to_vec(&plain).unwrap_or_default().into());
    let Ok(safe) = serde_json::from_slice::<BTreeMap<String, serde_json::Value>>(&safe.bytes) else {
        return BTreeMap::new();
    };
    let shown = |(name, value): (String, serde_json::Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let name = Text::from(shorten(&printable(&name), MAX_NAME));
        (name, Text::from(shorten(&printable(&value), MAX_VALUE)))
    };
    safe.into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Content;

    fn row(labels: &[&str], properties: &[(&str, &str)]) -> NodeRow {
        NodeRow {
            id: "4:x:1".into(),
            labels: labels.iter().map(|&l| l.to_owned()).collect(),
            properties: properties.iter().map(|(k, v)| vec![Some((*k).to_owned()), Some((*v).to_owned())]).collect(),
            maker: None,
            at: None,
        }
    }

    #[test]
    fn what_an_id_means_depends_on_the_label() {
        let story = row(&["Story"], &[("id", "s-1"), ("state", "DRAFT")]).ids();
        assert_eq!((story.story.as_deref(), story.task), (Some("s-1"), None));
        let said = [("id", "deliberation-1"), ("story_id", "s-1"), ("agent_id", "agent-dev-001"), ("role", "dev")];
        let ids = row(&["AgentDeliberation"], &said).ids();
        assert_eq!((ids.story.as_deref(), ids.deliberation.as_deref()), (Some("s-1"), Some("deliberation-1")));
        assert_eq!((ids.agent.as_deref(), ids.role.as_deref()), (Some("agent-dev-001"), Some("DEV")));
    }

    #[test]
    fn secrets_are_masked_and_an_unknown_author_is_said_to_be() {
        let masker = Masker::new(Content::Full, 1 << 16);
        let node = row(&["Story"], &[("id", "s-1"), ("password", "hunter2hunter2")]).node(&masker);
        assert!(!format!("{node:?}").contains("hunter2"), "{node:?}");
        assert_eq!(node.created_by_not_available.expect("a reason").code.to_string(), "not_recorded");
        let node = row(&["Story"], &[("created_by", "ana"), ("created_at", "2026-02-14T09:12:33")]).node(&masker);
        assert_eq!((node.created_by.as_deref(), node.created_at.is_some()), (Some("ana"), true));
    }

    #[test]
    fn moments_are_read_in_every_form() {
        let expected = Timestamp::parse("2026-02-14T09:12:33Z").ok();
        for text in ["2026-02-14T09:12:33Z", "2026-02-14T09:12:33", "2026-02-14T10:12:33+01:00[Europe/Berlin]"] {
            assert_eq!(time(text), expected, "{text}");
        }
        assert_eq!(time("1771060353"), expected);
        assert_eq!(time("1771060353000"), expected);
        assert_eq!((time("soon"), time("17"), time("NaN")), (None, None, None));
    }
}
