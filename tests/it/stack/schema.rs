//! The part of the chart's schema that says which keys the configuration has: `make docs` writes it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::read;
use crate::generated::check;

const SCHEMA: &str = "deploy/helm/fleetscope/values.schema.json";

/// Sections and their keys, as `fleetscope config default` shows them: `key = …`, or `# key = …` where there is none.
fn configuration() -> BTreeMap<String, Vec<String>> {
    let text = fleetscope::config::default_file();
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        }
        let line = line.strip_prefix("# ").unwrap_or(line);
        let key = line.split_once(" = ").map(|(key, _)| key).filter(|key| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        });
        if let Some(key) = key {
            sections.entry(section.clone()).or_default().push(key.to_owned());
        }
    }
    sections
}

/// The text with what stands between two marks replaced.
fn between(text: &str, begin: &str, end: &str, new: &str) -> String {
    let (before, rest) = text.split_once(begin).expect(begin);
    let (_, after) = rest.split_once(end).expect(end);
    format!("{before}{begin}{new}{end}{after}")
}

#[test]
fn generated_keys_of_the_configuration() {
    let known = configuration();
    assert!(known.len() > 15 && known["nats"].contains(&"url".to_owned()), "{known:?}");
    let section = |(name, keys): (&String, &Vec<String>)| {
        let names = Value::from(keys.clone());
        let value = json!({"$ref": "#/definitions/value"});
        format!(
            "        \"{name}\": {{\"type\": \"object\", \"propertyNames\": {{\"enum\": {names}}}, \
             \"additionalProperties\": {value}}}"
        )
    };
    let sections = known.iter().map(section).collect::<Vec<_>>().join(",\n");
    let files = |(section, keys): (&String, &Vec<String>)| {
        // A log is nothing secret.
        let secret = keys.iter().filter(|key| key.ends_with("_file") && *key != "log_file");
        secret.map(|key| format!("{section}.{key}")).collect::<Vec<_>>()
    };
    let credentials = Value::from(known.iter().flat_map(files).collect::<Vec<_>>());

    let text = read(SCHEMA);
    let head = "    \"config\": {\n      \"type\": \"object\",\n      \"additionalProperties\": false,\n      \"properties\": {\n";
    let text = between(&text, head, "\n      }\n    },\n    \"credentials\"", &sections);
    let head = "    \"credentials\": {\n      \"type\": \"object\",\n      \"propertyNames\": ";
    check(SCHEMA, &between(&text, head, ",\n      \"required\"", &format!("{{\"enum\": {credentials}}}")));
}
