//! docs/DASHBOARDS.md tells where each field of the plan is shown: there it is.

use super::{Board, boards, list, read, strings, text};

/// What a panel shows, as one text: its sentence, columns, legends, series.
fn shown(board: &Board, panel: &serde_json::Value) -> String {
    let mut found = Vec::new();
    strings(panel, &mut found);
    let names = list(panel, "transformations").iter().flat_map(|step| {
        let order = step["options"]["renameByName"].as_object();
        order.into_iter().flat_map(|names| names.values().filter_map(|name| name.as_str()))
    });
    found.extend(names);
    format!("{}\n{}", board.name, found.join("\n"))
}

#[test]
fn every_field_of_the_plan_is_shown_where_the_document_says() {
    let boards = boards();
    let document = read("docs/DASHBOARDS.md");
    let mut rows = 0;
    for row in document
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| Field") && !line.starts_with("| File"))
    {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [field, places, what] = cells[..] else { panic!("three cells: {row}") };
        // `board` / Panel; several are separated by semicolons.
        for place in places.split("; ") {
            let (name, title) = place.split_once(" / ").unwrap_or_else(|| panic!("{field}: {place}"));
            let board = boards.iter().find(|board| board.name == name.trim_matches('`'));
            let board = board.unwrap_or_else(|| panic!("{field}: no dashboard {name}"));
            let panel = board.panels().into_iter().find(|panel| text(panel, "title") == title);
            let panel = panel.unwrap_or_else(|| panic!("{field}: {name} has no panel {title}"));
            let there = shown(board, panel);
            for word in what.split('`').skip(1).step_by(2) {
                assert!(there.contains(word), "{field}: {name} / {title} does not show {word}");
            }
        }
        rows += 1;
    }
    assert!(rows >= 55, "only {rows} fields");
}

#[test]
fn the_document_names_every_dashboard() {
    let document = read("docs/DASHBOARDS.md");
    for board in boards() {
        assert!(document.contains(&format!("`{}.json`", board.name)), "{} is not told of", board.name);
        assert!(document.contains(text(&board.json, "title").trim_start_matches("Fleetscope / ")), "{}", board.name);
    }
}
