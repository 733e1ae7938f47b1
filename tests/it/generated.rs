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

/// Each row of docs/FIELDS.md names what really is served: a property of the API, a route, a metric or an attribute.
#[test]
fn every_field_that_is_told_of_is_served() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/FIELDS.md")).expect("readable");
    let api: serde_json::Value = serde_json::from_str(&fleetscope::api::openapi()).expect("JSON");
    let metrics: Vec<&str> = Metrics::catalogue().iter().map(|f| f.name).collect();
    let scenarios = ["story", "failures"].map(|name| root.join(format!("tests/scenarios/{name}.spans.txt")));
    let mut spans: String = scenarios.map(|path| fs::read_to_string(path).expect("readable")).concat();
    for file in ["src/correlate/ray.rs", "src/correlate/llm/place.rs", "src/model/span_of.rs"] {
        spans += &fs::read_to_string(root.join(file)).expect("readable");
    }
    let mut named = 0;
    for row in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Field")) {
        let served = row.split(" | ").nth(1).expect("a second column");
        for name in served.split('`').skip(1).step_by(2) {
            let found = match name.split_once('.') {
                _ if name.starts_with('/') => api["paths"][name].is_object(),
                None => metrics.contains(&name),
                Some((schema, property)) if schema.starts_with(char::is_uppercase) => {
                    has_property(&api["components"]["schemas"], schema, property)
                }
                Some(_) => spans.contains(name),
            };
            assert!(found, "docs/FIELDS.md: nobody serves `{name}`");
            named += 1;
        }
    }
    assert!(named > 60, "only {named} names were found");
}

fn has_property(schemas: &serde_json::Value, schema: &str, property: &str) -> bool {
    // Some are written out only where they are listed.
    let listed = &schemas[format!("Listing_{schema}")]["properties"]["items"]["items"];
    [&schemas[schema], listed].into_iter().any(|schema| {
        let parts = schema["allOf"].as_array().map_or_else(|| std::slice::from_ref(schema), Vec::as_slice);
        parts.iter().any(|part| part["properties"][property].is_object())
    })
}
