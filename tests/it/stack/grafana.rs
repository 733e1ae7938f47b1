//! Grafana's provisioning: what it names is there.

use std::collections::BTreeSet;

use fleetscope::metrics::Metrics;
use serde_json::Value;

use super::compose::is_served;
use super::{read, root, strings, yaml};

const SOURCES: &str = "deploy/grafana/provisioning/datasources/fleetscope.yaml";
/// What dashboards, alerts and the plugin name; Loki is optional and not of this stack.
const UIDS: &[&str] = &["fleetscope-feed", "fleetscope-prometheus", "fleetscope-tempo", "fleetscope-alertmanager"];
/// Uids that a dashboard may name besides: Grafana's own, and the optional Loki.
const FOREIGN: &[&str] = &["-- Grafana --", "-- Mixed --", "-- Dashboard --", "grafana", "fleetscope-loki"];

fn sources() -> Vec<Value> {
    yaml(SOURCES)["datasources"].as_array().expect("data sources").clone()
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn every_data_source_named_is_there() {
    let sources = sources();
    let uids: Vec<&str> = sources.iter().filter_map(|source| source["uid"].as_str()).collect();
    assert_eq!(uids, UIDS);
    let mut named = 0;
    for source in &sources {
        assert!(is_served(source["url"].as_str().expect("a url")), "{}", source["url"]);
        let mut found = Vec::new();
        strings(source, "", &mut found);
        for (key, value) in found {
            if matches!(key, "datasourceUid" | "targetUID" | "tempoUid") {
                assert!(UIDS.contains(&value), "{}: {key} {value}", source["uid"]);
                named += 1;
            }
        }
    }
    // Else rates would be taken over too few samples, or none.
    let scraped = &yaml("deploy/prometheus/prometheus.yml")["scrape_configs"][0]["scrape_interval"];
    assert_eq!(&sources[1]["jsonData"]["timeInterval"], scraped);
    assert!(named >= 7, "traces, metrics and events are not linked");
    let default = sources.iter().find(|source| source["isDefault"] == true);
    assert!(default.is_none(), "a Grafana that has a default one would not start");
}

#[test]
fn the_feed_is_as_its_plugin_wants_it() {
    let plugin = json("plugin/src/datasource/plugin.json");
    let feed = &sources()[0];
    assert_eq!((&feed["type"], &feed["jsonData"]["url"]), (&plugin["id"], &feed["url"]));
    let text = plugin["routes"].to_string();
    let asked: BTreeSet<&str> =
        text.split(".SecureJsonData.").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
    let given = feed["secureJsonData"].as_object().expect("secrets");
    assert_eq!(asked, given.keys().map(String::as_str).collect(), "the routes of the plugin take these tokens");
    for file in given.values().filter_map(Value::as_str) {
        let name = file.strip_prefix("$__file{/run/secrets/").and_then(|rest| rest.strip_suffix('}')).expect(file);
        let made = format!("put grafana {name} ");
        assert!(read("deploy/compose/make-secrets.sh").contains(&made), "nobody makes {name}");
    }
    let ids = ["plugin/src/plugin.json", "plugin/src/datasource/plugin.json", "plugin/src/panel/plugin.json"];
    let ids = ids.map(|path| json(path)["id"].as_str().expect("an id").to_owned()).join(",");
    let allowed = format!("GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS: {ids}\n");
    assert!(read("docker-compose.yml").contains(&allowed), "unsigned plugins are loaded by name: {ids}");
    let enabled = &yaml("deploy/grafana/provisioning/plugins/fleetscope.yaml")["apps"][0];
    assert_eq!((enabled["type"].as_str(), &enabled["disabled"]), (ids.split(',').next(), &false.into()));
    let folder = format!("/plugins/{}", ids.split(',').next().expect("the app"));
    assert!(read("Dockerfile").contains(&folder), "the plugin's folder has to be called as its id");
}

#[test]
fn correlations_ask_what_the_plugin_answers() {
    let types = read("plugin/src/datasource/types.ts");
    let filter = read("plugin/src/feed/source.ts");
    let mut seen = 0;
    for source in sources() {
        for correlation in source["correlations"].as_array().into_iter().flatten() {
            // Grafana 12 stops at one that lacks any of these.
            let config = &correlation["config"];
            assert!(correlation["label"].is_string() && correlation["description"].is_string(), "{correlation}");
            assert!(config["type"] == "query" && config["field"].is_string(), "{correlation}");
            let target = &config["target"];
            let kind = target["queryType"].as_str().expect("a query");
            if correlation["targetUID"] == "fleetscope-feed" {
                assert!(types.contains(&format!("'{kind}'")), "the plugin has no query {kind}");
                let keys = target["filter"].as_object().expect("a filter");
                assert!(keys.keys().all(|key| filter.contains(&format!("{key}?:"))), "{target}");
                let mapped = &config["transformations"][0]["mapValue"];
                let used = target["filter"].to_string();
                assert!(used.contains(&format!("$${{{}}}", mapped.as_str().expect("a name"))), "{correlation}");
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 3);
}

#[test]
fn metrics_in_links_exist() {
    let known: BTreeSet<&str> = Metrics::catalogue().iter().map(|family| family.name).collect();
    let tempo = &sources()[2];
    for query in tempo["jsonData"]["tracesToMetrics"]["queries"].as_array().expect("queries") {
        let query = query["query"].as_str().expect("PromQL");
        let mut names = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.contains('_'));
        let own = |word: &str| word == "histogram_quantile" || word == "span_name" || word.starts_with("__");
        let there =
            |word: &str| word.starts_with("traces_spanmetrics_") || known.contains(word.trim_end_matches("_bucket"));
        assert!(names.all(|word| own(word) || there(word)), "{query}");
    }
    let text = tempo.to_string();
    let attributes = text.split("fleet.").skip(1).map(|rest| rest.split(['"', '\\']).next().expect("a name"));
    let named: BTreeSet<_> = attributes.map(|name| format!("\"fleet.{name}\"")).collect();
    assert_eq!(named.len(), 3, "{named:?}");
    let spans = read("src/model/span_of.rs");
    assert!(named.iter().all(|name| spans.contains(name)), "no span has one of {named:?}");
}

/// Dashboards are built in a folder of their own; here it only counts that this stack can show them.
#[test]
fn dashboards_find_their_data_sources() {
    let provider = &yaml("deploy/grafana/provisioning/dashboards/fleetscope.yaml")["providers"][0];
    let path = provider["options"]["path"].as_str().expect("a path");
    let compose = read("docker-compose.yml");
    assert!(compose.contains(&format!("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: {path}/overview.json")));
    let Ok(folder) = std::fs::read_dir(root().join("dashboards")) else { return };
    let files = folder.map(|entry| entry.expect("readable").path());
    for file in files.filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let text = std::fs::read_to_string(&file).expect("readable");
        let dashboard: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        if !dashboard["panels"].is_array() {
            continue; // What it is made with.
        }
        let name = file.file_name().expect("a name").to_string_lossy();
        assert!(compose.contains(&format!("- ./dashboards/{name}:{path}/{name}:ro")), "{name} is not mounted");
        let mut found = Vec::new();
        strings(&dashboard, "", &mut found);
        for (_, uid) in found.iter().filter(|(key, value)| *key == "uid" && !value.starts_with('$')) {
            let own = dashboard["uid"] == *uid;
            assert!(own || UIDS.contains(uid) || FOREIGN.contains(uid), "{}: no data source {uid}", file.display());
        }
    }
}
