//! The arrows between modules, and the size of files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Module → what it may name. What is not listed here does not exist.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("status", &["model"]),
    ("board", &["model"]),
    ("tail", &["model"]),
    ("lookup", &["model"]),
    ("inbox", &["model"]),
    ("metrics", &["model"]),
    ("config", &["model"]),
    ("shutdown", &[]),
    ("logs", &["config", "metrics", "model"]),
    ("privacy", &["config", "model"]),
    ("correlate", &["model"]),
    ("journal", &["model", "metrics", "config"]),
    ("sources", &["config", "metrics", "status", "privacy", "lookup", "inbox", "model"]),
    ("sinks", &["config", "metrics", "status", "board", "tail", "journal", "privacy", "model"]),
    ("export", &["journal", "sinks", "model"]),
    ("report", &["journal", "model"]),
    ("mcp", &["model"]),
    ("past", &["correlate", "journal", "board", "metrics", "model"]),
    ("ingest", &["past", "correlate", "journal", "sinks", "board", "tail", "metrics", "status", "model"]),
    (
        "api",
        &[
            "config",
            "metrics",
            "status",
            "board",
            "tail",
            "lookup",
            "inbox",
            "journal",
            "sinks",
            "export",
            "report",
            "mcp",
            "privacy",
            "correlate",
            "past",
            "model",
        ],
    ),
    (
        "app",
        &[
            "config",
            "metrics",
            "status",
            "board",
            "tail",
            "lookup",
            "inbox",
            "journal",
            "privacy",
            "correlate",
            "past",
            "ingest",
            "sources",
            "sinks",
            "api",
            "model",
        ],
    ),
    (
        "cli",
        &[
            "app", "config", "export", "logs", "mcp", "metrics", "model", "privacy", "shutdown", "sinks", "sources",
            "api", "journal", "report", "status",
        ],
    ),
];

/// Lines a source file may have. A file of tests may be longer.
const MAX_LINES: usize = 500;

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    found.sort();
    let read = |p: PathBuf| {
        let text = fs::read_to_string(&p).expect("readable");
        (p.strip_prefix(&src).expect("under src").to_owned(), text)
    };
    found.into_iter().map(read).collect()
}

/// The modules a file names: every `crate::x`, also in `use crate::{x, y::z}`.
fn named(text: &str) -> BTreeSet<String> {
    let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + 7..];
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(word(rest));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(word(item.trim()));
                    item.clear();
                    continue;
                }
                _ => {}
            }
            item.push(c);
        }
        names.insert(word(item.trim()));
    }
    names.retain(|n| n.chars().next().is_some_and(char::is_lowercase));
    names
}

#[test]
fn imports_point_one_way() {
    let mut wrong = Vec::new();
    for (path, text) in all() {
        let module = path.iter().next().expect("a name").to_string_lossy().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let Some((_, may)) = MAY_USE.iter().find(|(m, _)| *m == module) else {
            wrong
                .push(format!("{}: module `{module}` is not in the table of tests/it/architecture.rs", path.display()));
            continue;
        };
        for name in named(&text) {
            if name != module && !may.contains(&&*name) {
                wrong.push(format!("{}: `{module}` must not name `{name}`", path.display()));
            }
        }
        if text.contains("super::super") {
            wrong.push(format!("{}: write the path from `crate::`, not `super::super`", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_parts_of_the_middle_do_not_name_each_other() {
    let middles = ["sources", "correlate", "sinks"];
    for (module, may) in MAY_USE.iter().filter(|(m, _)| middles.contains(m)) {
        for other in middles {
            assert!(!may.contains(&other), "{module} may name {other}");
        }
    }
}

#[test]
fn correlation_is_pure() {
    let banned = ["tokio", "std::time::Instant", "SystemTime", "Timestamp::now", "fastrand", "std::fs", "std::net"];
    for (path, text) in all().into_iter().filter(|(p, _)| p.starts_with("correlate") || p.ends_with("correlate.rs")) {
        if path.ends_with("tests.rs") || path.iter().any(|p| p == "tests") {
            continue;
        }
        let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for word in banned {
            assert!(!code.contains(word), "{}: correlation must not use `{word}`", path.display());
        }
    }
}

#[test]
fn a_file_can_be_held_in_mind() {
    let mut lengths = Vec::new();
    for (path, text) in all() {
        let lines = text.lines().count();
        if path.ends_with("tests.rs") || path.iter().any(|p| p == "tests") {
            continue;
        }
        assert!(lines <= MAX_LINES, "{}: {lines} lines, at most {MAX_LINES}", path.display());
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let (median, p90) = (lengths[lengths.len() / 2], lengths[lengths.len() * 9 / 10]);
    assert!(median <= 150, "the median file has {median} lines, at most 150");
    assert!(p90 <= 350, "one file in ten has over {p90} lines, at most 350");
}

#[test]
fn modules_say_what_they_take_and_give() {
    for (path, text) in all() {
        assert!(text.starts_with("//!"), "{}: begin with a line on what it is for", path.display());
    }
}

#[test]
fn the_reading_of_imports_sees_groups() {
    let names = named("use crate::model::{A, B};\nuse crate::{tail, config::{C, D}, api};\ncrate::status::X");
    let expected: BTreeSet<String> = ["model", "tail", "config", "api", "status"].map(str::to_owned).into();
    assert_eq!(names, expected);
}
