//! The stack around the daemon: compose file, image, provisioning, chart and manifests. No container runs here, so each
//! is read by the tool that reads it in earnest, and what they say of each other, and of the daemon, must be so.

mod chart;
mod cluster;
mod compose;
mod grafana;
mod image;
mod manifests;
mod prometheus;
mod schema;
mod secrets;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What a command prints, or, where it fails, all it says.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.current_dir(root()).output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("{} {}{}", output.status, text(&output.stdout), text(&output.stderr)))
    }
}

/// The documents of a YAML text, empty ones left out.
fn documents(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_else(|e| panic!("{e} in:\n{text}"));
    all.into_iter().filter(|document| !document.is_null()).collect()
}

fn yaml(path: &str) -> Value {
    documents(&read(path)).pop().unwrap_or_else(|| panic!("{path} is empty"))
}

/// Every string in a value, each with the key it stands at.
fn strings<'a>(value: &'a Value, key: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) => found.push((key, text)),
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, found)),
        Value::Object(entries) => entries.iter().for_each(|(key, value)| strings(value, key, found)),
        _ => {}
    }
}

/// A configuration as `fleetscope config validate` takes it.
fn validates(toml: &str, variables: &[(String, String)]) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("fleetscope.toml");
    std::fs::write(&file, toml).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetscope"));
    run(command.args(["config", "validate", "--config"]).arg(file).envs(variables.iter().cloned()))
}

/// Routes the daemon serves by GET.
fn routes() -> Vec<String> {
    let api: Value = serde_json::from_str(&fleetscope::api::openapi()).expect("JSON");
    api["paths"].as_object().expect("routes").keys().cloned().collect()
}

/// The pages that lead through an installation lead to files that are there.
#[test]
fn install_pages_name_files_that_are_there() {
    let pages =
        std::fs::read_dir(root().join("docs/install")).expect("pages").map(|entry| entry.expect("readable").path());
    let mut seen = 0;
    for page in pages.chain([root().join("README.md")]) {
        let text = std::fs::read_to_string(&page).expect("readable");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let links = links.filter(|link| !link.contains("://")).map(|link| page.parent().expect("a folder").join(link));
        let words = text.split([' ', '\n', '`', ')', '=']).filter(|word| word.starts_with("deploy/"));
        let named = words.filter(|word| !word.contains('*')).map(|word| root().join(word.trim_end_matches(['.', ','])));
        for path in links.chain(named) {
            // Each makes one of the example beside it.
            let own = path.ends_with("deploy/compose/fleetscope.env");
            assert!(path.exists() || own, "{} names {}", page.display(), path.display());
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} files");
}
