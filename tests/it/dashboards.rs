//! The dashboards: rules of dashboard-linter restated, queries parsed and held to what is there, links that lead
//! somewhere, and every PromQL run on a real Prometheus that scraped a fleet at work.
//!
//! Left out of dashboard-linter's rules, on purpose: `template-job`, `template-instance`, `target-job` and
//! `target-instance` (a dashboard shows one fleet; who has several has a Prometheus for each, chosen by `datasource`).
//! `panel-datasource` holds for metrics; traces and events have one data source, by its uid.

mod document;
mod links;
mod lint;
mod live;
mod promql;
mod queries;

use std::path::{Path, PathBuf};

use serde_json::Value;

const BOARDS: &[&str] =
    &["agent", "consumers", "councils", "events", "events-logs", "graph-cache", "overview", "ray-llm", "self", "story"];

struct Board {
    name: &'static str,
    json: Value,
}

/// A query in PromQL, with where it stands.
struct Prom {
    place: String,
    expr: String,
    legend: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn boards() -> Vec<Board> {
    let json = |name: &str| -> Value { serde_json::from_str(&read(&format!("dashboards/{name}.json"))).expect("JSON") };
    BOARDS.iter().map(|name| Board { name, json: json(name) }).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

impl Board {
    /// Panels but rows, which hold none of them: no row is collapsed.
    fn panels(&self) -> Vec<&Value> {
        list(&self.json, "panels").iter().filter(|panel| panel["type"] != "row").collect()
    }

    fn place(&self, panel: &Value) -> String {
        format!("{}: {}", self.name, text(panel, "title"))
    }

    fn variables(&self) -> &[Value] {
        list(&self.json["templating"], "list")
    }

    fn annotations(&self) -> &[Value] {
        list(&self.json["annotations"], "list")
    }

    /// Every query of the panels, with its panel.
    fn targets(&self) -> Vec<(String, &Value)> {
        let of = |panel| list(panel, "targets").iter().map(|target| (self.place(panel), target)).collect::<Vec<_>>();
        self.panels().into_iter().flat_map(of).collect()
    }

    fn prom(&self) -> Vec<Prom> {
        let targets = self.targets().into_iter().filter(|(_, target)| target["datasource"]["type"] == "prometheus");
        let annotations = self.annotations().iter().filter(|one| one["datasource"]["type"] == "prometheus");
        let of = |place: String, query: &Value| Prom {
            place,
            expr: text(query, "expr").to_owned(),
            legend: text(query, "legendFormat").to_owned(),
        };
        let annotations = annotations.map(|one| of(format!("{}: annotation {}", self.name, text(one, "name")), one));
        targets.map(|(place, target)| of(place, target)).chain(annotations).collect()
    }

    /// Queries to the plugin's data source, those of annotations too.
    fn fleet(&self) -> Vec<(String, &Value)> {
        let annotations = self.annotations().iter().map(|one| (self.name.to_owned(), &one["target"]));
        let all = self.targets().into_iter().chain(annotations);
        all.filter(|(_, query)| query["datasource"]["uid"] == "fleetscope-feed").collect()
    }
}

/// Every string in a value.
fn strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(entries) => entries.values().for_each(|entry| strings(entry, found)),
        _ => {}
    }
}

/// The JSON files of the folder that are dashboards.
fn committed() -> Vec<PathBuf> {
    let files =
        std::fs::read_dir(root().join("dashboards")).expect("a folder").map(|entry| entry.expect("readable").path());
    let is_board = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        path.extension().is_some_and(|e| e == "json")
            && serde_json::from_str::<Value>(&text).is_ok_and(|v| v["panels"].is_array())
    };
    files.filter(is_board).collect()
}
