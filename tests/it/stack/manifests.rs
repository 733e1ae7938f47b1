//! deploy/k8s: the chart rendered for the fleet's namespaces, for those without helm. `make docs` writes it.

use std::collections::BTreeMap;

use super::{chart, cluster, root};
use crate::generated::check;

const FOLDER: &str = "deploy/k8s";
const HEAD: &str = "# Made from deploy/helm/fleetscope with values.yaml of this folder: `make docs` writes it.\n";

/// Where an object goes: its template's file; what takes more than the core kinds, and what not everybody wants to
/// allow, apart.
fn file(template: &str, document: &str) -> String {
    match template {
        "servicemonitor" | "prometheusrule" => format!("monitoring/{template}.yaml"),
        "rbac" if document.contains("\n  name: fleetscope-logs\n") => "rbac-logs.yaml".to_owned(),
        template => format!("{template}.yaml"),
    }
}

/// Every file with its text.
fn rendered(told: &str) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for document in told.split("---\n").filter(|document| document.contains("\nkind: ")) {
        let (source, document) = document.split_once('\n').expect("its source stands first");
        let name = source.strip_prefix("# Source: fleetscope/templates/").and_then(|n| n.strip_suffix(".yaml"));
        let name = name.unwrap_or_else(|| panic!("of no template: {source}"));
        if name.starts_with("tests/") {
            continue;
        }
        // Nobody's release: nothing here is helm's.
        let helms = |line: &&str| line.contains("helm.sh/chart: ") || line.contains("app.kubernetes.io/managed-by: ");
        let text: String = document.lines().filter(|line| !helms(line)).flat_map(|line| [line, "\n"]).collect();
        let so_far = files.entry(file(name, document)).or_insert_with(|| HEAD.to_owned());
        so_far.extend(["---\n", text.trim_end(), "\n"]);
    }
    files
}

#[test]
fn generated_manifests() {
    let Some(told) = chart::template(&format!("{FOLDER}/values.yaml")) else { return };
    let files = rendered(&told.expect("rendered"));
    for (name, text) in &files {
        check(&format!("{FOLDER}/{name}"), text);
    }
    let folder = root().join(FOLDER);
    let there = cluster::manifests(&folder);
    let there = there.iter().map(|path| path.strip_prefix(&folder).expect("within").display().to_string());
    let stale: Vec<_> = there.filter(|name| !files.contains_key(name)).collect();
    assert!(stale.is_empty(), "the chart no longer makes these: {stale:?}");
}
