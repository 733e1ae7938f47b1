//! Variables that are used are there, and links lead to dashboards and routes that are there, with the time kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{boards, root, strings, text};

/// What Grafana itself puts in.
const BUILT_IN: &[&str] =
    &["__interval", "__rate_interval", "__range", "__url_time_range", "__value", "__data", "__field", "__all"];

/// Names after a `$`.
fn used(text: &str) -> Vec<&str> {
    let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let names = text.split('$').skip(1).map(|rest| rest.trim_start_matches('{'));
    names.filter_map(|rest| rest.split(is_end).next()).filter(|name| !name.is_empty()).collect()
}

fn names(board: &super::Board) -> BTreeSet<String> {
    board.variables().iter().map(|variable| text(variable, "name").to_owned()).collect()
}

/// Variables of each dashboard, by its uid.
fn defined() -> BTreeMap<String, BTreeSet<String>> {
    boards().iter().map(|board| (text(&board.json, "uid").to_owned(), names(board))).collect()
}

#[test]
fn variables_that_are_used_are_there() {
    for board in boards() {
        let own = names(&board);
        let mut found = Vec::new();
        strings(&board.json, &mut found);
        let mut in_use = BTreeSet::new();
        for name in found.into_iter().flat_map(used) {
            assert!(own.contains(name) || BUILT_IN.contains(&name), "{}: no variable {name}", board.name);
            in_use.insert(name.to_owned());
        }
        let idle: Vec<_> = own.difference(&in_use).collect();
        assert!(idle.is_empty(), "{}: nothing asks for {idle:?}", board.name);
    }
}

/// Addresses of data links.
fn links(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            found.extend(entries.get("url").and_then(Value::as_str).map(str::to_owned));
            entries.values().for_each(|entry| links(entry, found));
        }
        Value::Array(items) => items.iter().for_each(|item| links(item, found)),
        _ => {}
    }
}

/// That a path of a dashboard leads there, with values for variables it has.
fn leads(place: &str, path: &str, defined: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let (uid, query) = path.split_once('?').unwrap_or((path, ""));
    let own = defined.get(uid).unwrap_or_else(|| panic!("{place}: no dashboard {uid}"));
    let given = query.split('&').filter_map(|pair| pair.strip_prefix("var-")?.split_once('='));
    for (name, _) in given {
        assert!(own.contains(name), "{place}: {uid} has no variable {name}");
    }
    query.split('&').map(str::to_owned).collect()
}

#[test]
fn links_lead_somewhere_and_keep_the_time() {
    let defined = defined();
    let api: Value = serde_json::from_str(&fleetscope::api::openapi()).expect("JSON");
    let mut seen = BTreeSet::new();
    for board in boards() {
        let mut found = Vec::new();
        links(&board.json, &mut found);
        for url in found {
            if let Some(path) = url.strip_prefix("/d/") {
                let query = leads(board.name, path, &defined);
                for kept in ["${datasource:queryparam}", "${__url_time_range}"] {
                    assert!(query.iter().any(|part| part == kept), "{}: {url} drops {kept}", board.name);
                }
                seen.insert(path.split('?').next().expect("a uid").to_owned());
            } else if let Some(path) = url.strip_prefix("/api/datasources/proxy/uid/fleetscope-feed/feed") {
                let route = path.replace("${__value.raw:percentencode}", "{id}");
                assert!(api["paths"][&route]["get"].is_object(), "{}: no route {route}", board.name);
            } else {
                assert_eq!(url, "${__data.fields[\"generator_url\"]}", "{}", board.name);
            }
        }
    }
    assert_eq!(seen.len(), 9, "all but the overview, which one comes from: {seen:?}");
}

/// Alerts and the plugin lead to dashboards too.
#[test]
fn others_lead_to_dashboards_that_are_there() {
    let defined = defined();
    let files = ["alerts/fleet.rules.yaml", "plugin/src/panel/state/links.ts"];
    let mut seen = 0;
    for file in files {
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        for rest in text.split("dashboard_path: d/").skip(1) {
            leads(file, rest.lines().next().expect("a path"), &defined);
            seen += 1;
        }
        for rest in text.split("/d/").skip(1) {
            let uid = rest.split('?').next().expect("a uid");
            assert!(defined.contains_key(uid), "{file}: {uid}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}
