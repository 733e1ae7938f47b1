//! Documents made from the code are as the code says. `make docs` rewrites them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fleetscope::metrics::Metrics;

/// Compares a committed file with what the code gives, or writes it when UPDATE is set.
pub(crate) fn check(path: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("writable");
        fs::write(&file, expected).expect("writable");
        return;
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "{path} is not what the code says: run `make docs` and look at the difference");
}

#[test]
fn generated_metrics_document() {
    let mut text = String::from(
        "# Metrics\n\nGenerated from `src/metrics/`; `make docs` rewrites it. `fleet_…` is what Fleetscope sees of the \
         fleet, `fleetscope_…` the daemon itself.\nStory, task and trace ids are never labels; labels without a closed \
         set of values are capped, later values become `other` and are counted in `fleetscope_label_overflow_total`.\n\n\
         | metric | type | labels | meaning |\n|---|---|---|---|\n",
    );
    let mut families = Metrics::catalogue();
    families.sort_by_key(|f| f.name);
    for f in families {
        let labels = f.labels.iter().map(|l| format!("`{l}`")).collect::<Vec<_>>().join(", ");
        writeln!(text, "| `{}` | {} | {labels} | {} |", f.name, f.kind, f.help).expect("memory");
    }
    check("docs/METRICS.md", &text);
}

#[test]
fn generated_default_configuration() {
    check("docs/fleetscope.default.toml", &fleetscope::config::default_file());
}

#[test]
fn generated_openapi_document() {
    check("docs/openapi.json", &(fleetscope::api::openapi() + "\n"));
}

#[test]
fn documents_name_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for document in ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/RUNBOOK.md", "docs/BENCHMARKS.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap_or_default();
        let ticked = text.split('`').skip(1).step_by(2);
        for path in
            ticked.filter(|t| ["src/", "tests/", "docs/", "benches/", "scripts/"].iter().any(|p| t.starts_with(p)))
        {
            if !root.join(path.split(' ').next().unwrap_or(path)).exists() {
                missing.push(format!("{document} names `{path}`"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_metric_a_document_names_exists() {
    let known: Vec<&str> = Metrics::catalogue().iter().map(|f| f.name).collect();
    for document in ["README.md", "docs/RUNBOOK.md", "docs/ARCHITECTURE.md"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).expect("readable");
        for word in text.split(|c: char| !c.is_ascii_lowercase() && c != '_') {
            let is_metric = word.starts_with("fleetscope_") || word.starts_with("fleet_") && word.contains("_total");
            assert!(!is_metric || word.ends_with('_') || known.contains(&word), "{document} names {word}");
        }
    }
}
