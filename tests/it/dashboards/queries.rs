//! Queries to the plugin's data source and to Tempo: of types there are, for fields there are.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{boards, list, read, text};

/// Words in single quotes between two marks of a file.
fn quoted(path: &str, from: &str, to: &str) -> BTreeSet<String> {
    let file = read(path);
    let part = file.split_once(from).unwrap_or_else(|| panic!("{path}: no {from}")).1.split_once(to).expect(to).0;
    part.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

fn types() -> BTreeSet<String> {
    quoted("plugin/src/datasource/types.ts", "QUERY_TYPES = [", "]")
}

/// Fields of the frame of a query type, as the plugin names them.
fn columns(kind: &str) -> BTreeSet<String> {
    let path = "plugin/src/datasource/frames/columns.ts";
    let mut all = quoted(path, &format!("\n  {kind}: ["), "\n  ],");
    if read(path)
        .split_once(&format!("\n  {kind}: ["))
        .is_some_and(|(_, rest)| rest.split("\n  ],").next().is_some_and(|part| part.contains("...SPEND")))
    {
        all.extend(quoted(path, "SPEND = [", "\n];"));
    }
    all
}

#[test]
fn the_data_source_knows_what_it_is_asked() {
    let types = types();
    assert_eq!(types.len(), 13, "{types:?}");
    let filter = read("plugin/src/feed/source.ts");
    let mut asked = BTreeSet::new();
    for board in boards() {
        for (place, query) in board.fleet() {
            let kind = text(query, "queryType");
            assert!(types.contains(kind), "{place}: {kind}");
            asked.insert(kind.to_owned());
            for field in query["filter"].as_object().into_iter().flat_map(|filter| filter.keys()) {
                assert!(filter.contains(&format!("{field}?: string")), "{place}: no filter {field}");
            }
        }
    }
    assert_eq!(asked, types, "each type is shown somewhere");
}

#[test]
fn variables_are_of_kinds_there_are() {
    let kinds = quoted("plugin/src/datasource/types.ts", "VARIABLE_KINDS = [", "]");
    let mut seen = 0;
    for board in boards() {
        for variable in board.variables().iter().filter(|one| one["datasource"]["uid"] == "fleetscope-feed") {
            assert!(kinds.contains(text(&variable["query"], "kind")), "{}: {variable}", board.name);
            assert_eq!(variable["refresh"], 2, "{}: reads anew when the time changes", board.name);
            seen += 1;
        }
    }
    assert!(seen >= 8, "only {seen}");
}

#[test]
fn tables_show_fields_that_come() {
    let mut seen = 0;
    for board in boards() {
        for panel in board.panels() {
            let place = board.place(panel);
            let Some(target) = list(panel, "targets").first() else { continue };
            let steps = list(panel, "transformations");
            let chosen = steps.iter().find(|step| step["id"] == "filterFieldsByName");
            let chosen = chosen.map_or(&[][..], |step| list(&step["options"]["include"], "names"));
            if target["datasource"]["uid"] == "fleetscope-feed" && !chosen.is_empty() {
                let there = columns(text(target, "queryType"));
                for name in chosen {
                    assert!(there.contains(name.as_str().expect("a name")), "{place}: no field {name}");
                    seen += 1;
                }
            }
            // What a column is called is what its looks are given to.
            let Some(order) = steps.iter().find(|step| step["id"] == "organize") else { continue };
            let names: BTreeSet<&str> = chosen
                .iter()
                .filter_map(|name| order["options"]["renameByName"].get(name.as_str()?).or(Some(name))?.as_str())
                .collect();
            assert_eq!(names.len(), chosen.len(), "{place}: a name twice");
            let overrides = list(&panel["fieldConfig"], "overrides").iter().map(|one| &one["matcher"]);
            for matcher in overrides.filter(|matcher| matcher["id"] == "byName") {
                assert!(names.contains(text(matcher, "options")), "{place}: no column {matcher}");
            }
        }
    }
    assert!(seen > 120, "only {seen} fields");
}

/// Not by a pattern: it would be held to what they are called here, not to what comes.
#[test]
fn numbers_of_a_row_are_chosen_by_name() {
    let mut seen = 0;
    for board in boards() {
        let of_rows = |panel: &&Value| panel["type"] == "stat" && panel["datasource"]["uid"] == "fleetscope-feed";
        for panel in board.panels().into_iter().filter(of_rows) {
            let chosen = list(panel, "transformations").iter().any(|step| step["id"] == "filterFieldsByName");
            assert!(chosen && text(&panel["options"]["reduceOptions"], "fields").is_empty(), "{}", board.place(panel));
            seen += 1;
        }
    }
    assert_eq!(seen, 2);
}

#[test]
fn traces_are_asked_for_by_what_spans_have() {
    let spans = read("src/model/span_of.rs") + &read("src/correlate/trace.rs");
    let mut seen = 0;
    for board in boards() {
        for (place, query) in board.targets().into_iter().filter(|(_, one)| one["datasource"]["type"] == "tempo") {
            assert_eq!(query["queryType"], "traceql", "{place}");
            let query = text(query, "query");
            seen += 1;
            if query == "$traceId" {
                continue; // By its id.
            }
            let inner = query.strip_prefix("{ ").and_then(|rest| rest.strip_suffix(" }"));
            let inner = inner.unwrap_or_else(|| panic!("{place}: {query}"));
            assert!(!inner.contains(['{', '}']) && inner.matches('"').count().is_multiple_of(2), "{place}: {query}");
            let attributes = inner.split_whitespace().filter_map(|word| word.strip_prefix("span."));
            let attributes: Vec<_> = attributes.collect();
            assert!(!attributes.is_empty(), "{place}: {query}");
            for name in attributes {
                assert!(spans.contains(&format!("\"{name}\"")), "{place}: no span has {name}");
            }
        }
    }
    assert_eq!(seen, 2);
}

#[test]
fn log_lines_are_chosen_by_what_log_records_have() {
    let records = read("src/model/log_of.rs") + &read("src/model/span_of.rs");
    let mut seen = 0;
    for board in boards() {
        for (place, query) in board.targets().into_iter().filter(|(_, one)| one["datasource"]["type"] == "loki") {
            let query = text(query, "expr");
            // Loki's names have underscores for dots; a service is the one thing it makes streams of.
            assert!(query.contains(r#"{service_name=~".+"}"#), "{place}: {query}");
            for name in
                query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|n| n.starts_with("fleet_"))
            {
                let is_there =
                    records.split('"').any(|word| word.starts_with("fleet.") && word.replace('.', "_") == name);
                assert!(is_there, "{place}: no log record has {name}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "only {seen} names");
}
