//! Alerts: the rules say what they must and name what is there; and they arrive, by a real Prometheus and a real
//! Alertmanager, where people look.

mod delivery;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde::Deserialize;

use crate::support::tool::tool;

#[derive(Debug, Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    alert: String,
    expr: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Tests {
    tests: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    alert_rule_test: Vec<Expected>,
}

#[derive(Debug, Deserialize)]
struct Expected {
    alertname: String,
    exp_alerts: Vec<serde_json::Value>,
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(here(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn rules() -> Vec<Rule> {
    let rules: Rules = serde_saphyr::from_str(&text("alerts/fleet.rules.yaml")).expect("rules");
    rules.groups.into_iter().flat_map(|group| group.rules).collect()
}

fn test_files() -> Vec<PathBuf> {
    let files = std::fs::read_dir(here("alerts/tests")).expect("tests of alerts");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

#[test]
fn every_rule_says_what_it_must() {
    let runbook = text("docs/RUNBOOK.md");
    let headings: BTreeSet<String> =
        runbook.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_ascii_lowercase).collect();
    let boards = Regex::new("^d/fleetscope-(overview|councils|events|ray-llm|graph-cache|story|agent|consumers|self)")
        .expect("a pattern");
    let mut names = BTreeSet::new();
    for rule in rules() {
        let name = &rule.alert;
        assert!(names.insert(name.clone()), "{name} is there twice");
        assert!(name.starts_with("Fleet"), "{name}: names of ours begin with Fleet");
        assert!(matches!(&*rule.labels["severity"], "critical" | "warning" | "info"), "{name}");
        let summary = &rule.annotations["summary"];
        assert!(summary.ends_with('.') && !summary.contains("{{"), "{name}: a summary is a sentence: {summary}");
        assert!(!rule.annotations["description"].is_empty(), "{name}");
        let anchor = rule.annotations["runbook_url"].rsplit('#').next().unwrap_or_default();
        assert_eq!(anchor, name.to_ascii_lowercase(), "{name}");
        assert!(headings.contains(anchor), "{name} has no heading in docs/RUNBOOK.md");
        assert!(boards.is_match(&rule.annotations["dashboard_path"]), "{name}");
    }
    let alerts: BTreeSet<String> = headings.into_iter().filter(|heading| !heading.contains(' ')).collect();
    let known: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    assert_eq!(alerts, known, "headings of alerts in docs/RUNBOOK.md");
}

#[test]
fn every_metric_of_a_rule_is_one_there_is() {
    let catalogue = text("docs/METRICS.md");
    let foreign = ["vllm:kv_cache_usage_perc", "ray_vllm_kv_cache_usage_perc"];
    assert!(text("tests/fixtures/vllm/metrics.txt").contains(foreign[0]), "vLLM calls it otherwise");
    let names = Regex::new(r"\b(?:fleet_|fleetscope_|vllm:|ray_vllm_)[a-z_]+").expect("a pattern");
    for rule in rules() {
        let mut found = 0;
        for name in names.find_iter(&rule.expr).map(|found| found.as_str()) {
            let family = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(
                catalogue.contains(&format!("`{family}`")) || foreign.contains(&family),
                "{}: {family}",
                rule.alert
            );
            found += 1;
        }
        assert!(found > 0 || rule.expr == "vector(1)", "{} looks at nothing", rule.alert);
    }
}

#[test]
fn every_rule_is_tried_both_ways() {
    let (mut fires, mut does_not) = (BTreeSet::new(), BTreeSet::new());
    for file in test_files() {
        let tests: Tests = serde_saphyr::from_str(&std::fs::read_to_string(&file).expect("read")).expect("tests");
        for expected in tests.tests.into_iter().flat_map(|case| case.alert_rule_test) {
            let into = if expected.exp_alerts.is_empty() { &mut does_not } else { &mut fires };
            into.insert(expected.alertname);
        }
    }
    for rule in rules() {
        assert!(fires.contains(&rule.alert), "{}: no test in which it fires", rule.alert);
        // One that always fires has no other way.
        assert!(does_not.contains(&rule.alert) || rule.expr == "vector(1)", "{}: only fires", rule.alert);
    }
}

#[test]
fn promtool_and_amtool_agree() {
    let run = |program: &str, arguments: &[&str], files: &[PathBuf]| {
        let Some(program) = tool(program) else { return };
        let output = Command::new(program).args(arguments).args(files).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
    };
    run("deb/usr/bin/promtool", &["check", "rules", "--lint=all", "--lint-fatal"], &[here("alerts/fleet.rules.yaml")]);
    run("deb/usr/bin/promtool", &["test", "rules"], &test_files());
    run("alertmanager/amtool", &["check-config"], &[here("alerts/alertmanager.yml")]);
}
