//! The language reads what it prints, survives any text, and points at what is wrong.

use proptest::prelude::*;

use super::language::{MAX_FILTER, MAX_TERMS};
use super::*;

#[test]
fn globs_cross_dots_and_ignore_case() {
    let g = Glob::new("agent.*.completed*");
    assert!(g.matches("agent.response.completed.task-extraction"));
    assert!(g.matches("AGENT.response.completed"));
    assert!(!g.matches("agent.response.failed"));
    assert!(Glob::new("*").matches(""));
    assert!(!glob(b"a*a*a*a*a*b", "a".repeat(2000).as_bytes()));
}

#[test]
fn text_is_found_whatever_its_case() {
    assert!(contains(b"Could not Connect", b"connect"));
    assert!(!contains(b"Conne", b"connect"));
    assert!(contains(b"x", b""));
}

fn parse(text: &str) -> Vec<Clause> {
    Clause::parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
}

fn print(clauses: &[Clause]) -> String {
    clauses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_part_of_the_language_is_read() {
    let owned = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
    let is = |column, values: &[&str]| Clause { not: false, test: Test::Is(column, owned(values)) };
    let text = |value: &str| Clause { not: false, test: Test::Text(owned(&[value])) };
    let not = |clause: Clause| Clause { not: true, ..clause };
    let types = |globs: &[&str]| Clause { not: false, test: Test::Type(globs.iter().map(|g| Glob::new(*g)).collect()) };
    for (written, meant) in [
        ("", vec![]),
        ("  \t\n", vec![]),
        ("story:s-1 role:DEV,QA", vec![is(Column::Story, &["s-1"]), is(Column::Role, &["DEV", "QA"])]),
        ("-type:context.*,*.failed", vec![not(types(&["context.*", "*.failed"]))]),
        ("\"free text\" word -\"not this\"", vec![text("free text"), text("word"), not(text("not this"))]),
        (r#"task:"a b","c,d",e:f"#, vec![is(Column::Task, &["a b", "c,d", "e:f"])]),
        (r#""say \"hi\" \\ C:\x""#, vec![text(r#"say "hi" \ C:\x"#)]),
        ("at 12:30, 日本:x", vec![text("at"), text("12:30,"), text("日本:x")]),
        ("source:valkey,NATS", vec![Clause { not: false, test: Test::Source(vec![Source::Valkey, Source::Nats]) }]),
        ("severity:>=Warning", vec![Clause { not: false, test: Test::Severity(Severity::Warning) }]),
        ("-severity:error,warning", vec![Clause { not: true, test: Test::Severity(Severity::Warning) }]),
        ("q:timeout,\"not found\"", vec![Clause { not: false, test: Test::Text(owned(&["timeout", "not found"])) }]),
        ("story:\"US-*\" \"OR\"", vec![is(Column::Story, &["US-*"]), text("OR")]),
        (
            "producer:p agent:a ceremony:c plan:-1",
            vec![
                is(Column::Producer, &["p"]),
                is(Column::Agent, &["a"]),
                is(Column::Ceremony, &["c"]),
                is(Column::Plan, &["-1"]),
            ],
        ),
    ] {
        assert_eq!(parse(written), meant, "{written}");
        assert_eq!(parse(&print(&meant)), meant, "{}", print(&meant));
    }
}

#[test]
fn what_is_wrong_is_pointed_at() {
    for (text, at, length, told) in [
        ("role:DEV stroy:s-1", 9, 5, "unknown field \"stroy\"; did you mean story? fields are story, task"),
        ("story.id:x", 0, 8, "did you mean story?"),
        ("日本 Type:x", 3, 4, "did you mean type?"),
        ("http://x", 0, 4, "quotes"),
        ("since:5m", 0, 5, "given beside it"),
        ("role:DEV task:", 9, 5, "task: needs a value"),
        ("role:DEV, story:x", 8, 1, "comma"),
        ("role:,DEV", 0, 5, "needs a value"),
        ("a \"b c", 2, 1, "not closed"),
        ("story:\"b c", 6, 1, "not closed"),
        ("a\"b\"", 1, 1, "space is missing"),
        ("\"a\"b", 3, 1, "space is missing"),
        ("story:\"a\"b", 9, 1, "space is missing"),
        ("- x", 0, 1, "- stands before"),
        ("x -", 2, 1, "- stands before"),
        ("--x", 0, 1, "- stands before"),
        ("story:US-*", 6, 4, "only type takes patterns"),
        ("source:mainframe", 7, 9, "sources are NATS"),
        ("severity:bad", 9, 3, "severity:warning"),
        ("story:a OR story:b", 8, 2, "comma"),
        ("role:\"\"", 5, 2, "empty"),
        ("\"\"", 0, 2, "empty"),
    ] {
        let wrong = Clause::parse(text).expect_err(text);
        assert_eq!((wrong.at, wrong.length), (at, length), "{text}: {wrong}");
        assert!(wrong.detail.contains(told), "{text}: {wrong}");
    }
}

#[test]
fn a_filter_is_bounded() {
    let wrong = Clause::parse(&"x".repeat(10 << 20)).expect_err("10 MiB");
    assert_eq!((wrong.at, wrong.length), (MAX_FILTER, 1));
    assert!(wrong.detail.contains("at most 4096 bytes"), "{wrong}");
    let terms = |n| vec!["x"; n].join(" ");
    assert_eq!(parse(&terms(MAX_TERMS)).len(), MAX_TERMS);
    let wrong = Clause::parse(&terms(MAX_TERMS + 1)).expect_err("one too many");
    assert_eq!((wrong.at, wrong.length), (MAX_TERMS * 2, 1));
    assert!(Clause::parse(&format!("role:{}", vec!["x"; 51].join(","))).is_err_and(|w| w.at == 105));
    assert!(Clause::parse(&format!("role:{}", "é".repeat(129))).is_err_and(|w| (w.at, w.length) == (5, 129)));
    let multibyte = "é".repeat(2049);
    assert!(Clause::parse(&multibyte).is_err_and(|w| w.at == 2048));
}

#[test]
fn a_place_is_marked_beneath_the_text() {
    let text = "role:DEV stroy:s-1";
    let wrong = Clause::parse(text).expect_err("unknown");
    assert_eq!(wrong.marked(text), "role:DEV stroy:s-1\n         ^^^^^");
    let far = format!("{}stroy:x\u{1b}[31m", "yyyy ".repeat(40));
    let marked = Clause::parse(&far).expect_err("unknown").marked(&far);
    let (line, mark) = marked.split_once('\n').expect("two lines");
    let at = mark.find('^').expect("a mark");
    assert_eq!((&line[at..at + 5], mark.len() - at), ("stroy", 5));
    assert!(!marked.contains('\u{1b}'));
}

#[test]
fn a_range_alone_is_known_as_one() {
    let range = Filter { since: Some(Timestamp::ZERO), q: Some(String::new()), ..Filter::default() };
    assert!(range.is_range() && Filter::default().is_range());
    assert!(!Filter::parse("x").expect("valid").is_range());
    assert!(!Filter { q: Some("x".into()), ..range.clone() }.is_range());
    assert!(!Filter { role: vec!["DEV".into()], ..range }.is_range());
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z*:,\"\\\\ -]{1,8}", "\\PC{1,8}", "[AONRDT]{2,3}", "[a-z]{1,4}:[a-z]{0,3}"]
}

fn clause() -> impl Strategy<Value = Clause> {
    let values = || proptest::collection::vec(value(), 1..4);
    let column = proptest::sample::select(Column::ALL.to_vec());
    let sources = proptest::collection::vec(proptest::sample::select(Source::ALL.to_vec()), 1..3);
    let severity = proptest::sample::select(vec![Severity::Info, Severity::Warning, Severity::Error]);
    let test = prop_oneof![
        (column, values()).prop_map(|(column, values)| Test::Is(column, values)),
        values().prop_map(|globs| Test::Type(globs.into_iter().map(Glob::new).collect())),
        sources.prop_map(Test::Source),
        severity.prop_map(Test::Severity),
        values().prop_map(Test::Text),
    ];
    (any::<bool>(), test).prop_map(|(not, test)| Clause { not, test })
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_the_same_filter(clauses in proptest::collection::vec(clause(), 0..8)) {
        let printed = print(&clauses);
        prop_assert_eq!(Clause::parse(&printed), Ok(clauses), "{}", printed);
    }

    #[test]
    fn no_text_is_a_panic_and_every_place_is_in_it(text in "\\PC{0,40}|[a-z:,\"\\\\* >=-]{0,40}|[\\s\\S]{0,20}") {
        match Clause::parse(&text) {
            Ok(clauses) => prop_assert_eq!(Clause::parse(&print(&clauses)).expect("printed"), clauses),
            Err(wrong) => {
                let chars = text.chars().count();
                prop_assert!(wrong.length >= 1 && wrong.at + wrong.length <= chars.max(1), "{:?}", wrong);
                prop_assert!(wrong.marked(&text).lines().count() == 2);
            }
        }
    }
}

/// What the plugin for Grafana reads, too: what it makes of variables is a filter.
#[test]
fn shared_fixtures_are_read_as_they_say() {
    let fixtures: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/filter/filters.json")).expect("JSON");
    let all = |kind: &str| fixtures[kind].as_array().expect("a list").clone();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    for case in all("read") {
        assert_eq!(print(&parse(&text(&case["text"]))), text(&case["printed"]), "{case}");
    }
    for case in all("refused") {
        let wrong = Clause::parse(&text(&case["text"])).expect_err("refused");
        assert_eq!((case["at"].as_u64(), case["length"].as_u64()), (Some(wrong.at as u64), Some(wrong.length as u64)));
        assert!(wrong.detail.contains(&text(&case["told"])), "{wrong}");
    }
    for case in all("interpolated") {
        let sent = text(&case["sent"]);
        assert_eq!(print(&parse(&sent)), sent, "{case}");
    }
}
