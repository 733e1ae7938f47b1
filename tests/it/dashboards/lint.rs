//! What each dashboard and panel must have, and how panels lie.

use std::collections::BTreeSet;

use super::{BOARDS, boards, committed, list, text};

#[test]
fn they_are_all_here() {
    let names: BTreeSet<String> =
        committed().iter().map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    assert_eq!(names, BOARDS.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn dashboards_have_what_all_have() {
    let mut titles = BTreeSet::new();
    for board in boards() {
        let (name, json) = (board.name, &board.json);
        assert_eq!(text(json, "uid"), format!("fleetscope-{name}"));
        assert!(titles.insert(text(json, "title").to_owned()), "{name}: the title is another's");
        assert!(text(json, "description").ends_with('.'), "{name}: no description");
        assert_eq!((&json["schemaVersion"], &json["editable"]), (&42.into(), &false.into()), "{name}");
        assert_eq!((&json["timezone"], &json["graphTooltip"]), (&"browser".into(), &1.into()), "{name}");
        assert!(list(json, "tags").contains(&"fleetscope".into()), "{name}: links find it by its tag");
        let refresh = &json["refresh"];
        let intervals = list(&json["timepicker"], "refresh_intervals");
        assert!(intervals.contains(refresh) && intervals.contains(&"1s".into()), "{name}: {refresh}");
        let link = &json["links"][0];
        assert_eq!((&link["includeVars"], &link["keepTime"]), (&true.into(), &true.into()), "{name}");
        assert_eq!(link["tags"][0], "fleetscope", "{name}");
        let alerts = board.annotations().iter().find(|one| text(one, "expr").contains("ALERTS{"));
        assert!(alerts.is_some_and(|one| one["enable"] == true), "{name}: alerts are not marked");
    }
}

#[test]
fn what_is_live_is_drawn_each_second() {
    let live: Vec<_> =
        boards().into_iter().filter(|board| board.json["refresh"] == "1s").map(|board| board.name).collect();
    assert_eq!(live, ["councils", "overview", "ray-llm"]);
    let events = boards().into_iter().find(|board| board.name == "events").expect("it");
    assert_eq!(events.targets()[0].1["live"], true, "the stream needs no refresh");
}

#[test]
fn panels_say_what_they_show_and_why_they_are_empty() {
    for board in boards() {
        let mut titles = BTreeSet::new();
        for panel in board.panels() {
            let place = board.place(panel);
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(!text(panel, "title").is_empty(), "{place}: no title");
            assert!(titles.insert(text(panel, "title")), "{place}: the title is used twice");
            let said = text(panel, "description");
            assert!(said.ends_with('.') && !said.contains(". "), "{place}: one sentence, not {said:?}");
            assert!(!text(defaults, "unit").is_empty(), "{place}: no unit");
            assert!(!text(defaults, "noValue").is_empty(), "{place}: does not say why it is empty");
        }
    }
}

#[test]
fn keys_of_the_configuration_that_panels_name_exist() {
    let toml = read_defaults();
    let mut seen = BTreeSet::new();
    for board in boards() {
        for panel in board.panels() {
            let said = [text(panel, "description"), text(&panel["fieldConfig"]["defaults"], "noValue")].join(" ");
            for word in said.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && !matches!(c, '.' | '_'))
            {
                let word = word.trim_end_matches('.');
                let Some((section, key)) = word.split_once('.') else { continue };
                if key.is_empty() || section.is_empty() || key.ends_with("yaml") {
                    continue;
                }
                let known = toml.contains(&(section.to_owned(), key.to_owned()));
                assert!(known, "{}: no key {word}", board.place(panel));
                seen.insert(word.to_owned());
            }
        }
    }
    assert!(seen.len() >= 12, "{seen:?}");
}

/// Section and key of each setting.
fn read_defaults() -> BTreeSet<(String, String)> {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in super::read("docs/fleetscope.default.toml").lines() {
        let line = line.trim_start_matches("# ");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, _)) = line.split_once(" = ") {
            keys.insert((section.clone(), key.to_owned()));
        }
    }
    keys
}

#[test]
fn panels_lie_beside_each_other() {
    for board in boards() {
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in list(&board.json, "panels") {
            assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{}: an id twice", board.place(panel));
            assert!(list(panel, "panels").is_empty(), "{}: hides panels", board.place(panel));
            let at = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
            assert!(at("x") + at("w") <= 24 && at("w") > 0 && at("h") > 0, "{}", board.place(panel));
            for cell in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{} lies on another", board.place(panel));
            }
        }
    }
}

#[test]
fn every_panel_asks_somebody() {
    for board in boards() {
        for panel in board.panels() {
            let targets = list(panel, "targets");
            assert_eq!(targets.is_empty(), panel["type"] == "alertlist", "{}", board.place(panel));
            let ids: BTreeSet<_> = targets.iter().map(|target| text(target, "refId")).collect();
            assert!(ids.len() == targets.len() && !ids.contains(""), "{}: {ids:?}", board.place(panel));
            for target in targets {
                let source = (text(&target["datasource"], "type"), text(&target["datasource"], "uid"));
                let known = [
                    ("prometheus", "${datasource}"),
                    ("underpass-fleetscope-datasource", "fleetscope-feed"),
                    ("tempo", "fleetscope-tempo"),
                    ("loki", "fleetscope-loki"),
                ];
                assert!(known.contains(&source), "{}: {source:?}", board.place(panel));
                assert_eq!(panel["datasource"], target["datasource"], "{}", board.place(panel));
            }
        }
    }
}
