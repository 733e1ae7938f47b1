//! Every PromQL parses, names metrics and labels that there are, and treats counters as counters.

use std::collections::{BTreeMap, BTreeSet};

use fleetscope::metrics::Metrics;
use promql_parser::parser::{self, Expr, VectorSelector};

use super::{Prom, boards, read, text};

/// What Grafana puts in before it asks.
pub(super) fn filled(expr: &str) -> String {
    let times = [("$__rate_interval", "1m"), ("$__range", "15m"), ("$__interval", "15s")];
    let expr = times.iter().fold(expr.to_owned(), |expr, (name, value)| expr.replace(name, value));
    ["council", "agent", "consumer", "model"]
        .iter()
        .fold(expr, |expr, name| expr.replace(&format!("\"${name}\""), "\".*\""))
}

/// Labels by name of the series.
fn catalogue() -> BTreeMap<String, BTreeSet<String>> {
    let mut known = BTreeMap::new();
    for family in Metrics::catalogue() {
        let labels: BTreeSet<String> = family.labels.iter().map(|label| (*label).to_owned()).collect();
        if family.kind == "histogram" {
            known.insert(format!("{}_sum", family.name), labels.clone());
            known.insert(format!("{}_count", family.name), labels.clone());
            let with_le = labels.into_iter().chain(["le".to_owned()]).collect();
            known.insert(format!("{}_bucket", family.name), with_le);
        } else {
            known.insert(family.name.to_owned(), labels);
        }
    }
    // Pages of others, as they were captured.
    for page in ["tests/fixtures/vllm/metrics.txt", "tests/fixtures/gpu/dcgm.txt"] {
        for (name, labels) in series(&read(page)) {
            known.entry(name).or_default().extend(labels);
        }
    }
    // Tempo's metrics generator writes these itself (its documentation: span metrics), Prometheus makes ALERTS.
    let told = [
        ("traces_spanmetrics_latency_bucket", vec!["le", "service", "span_name", "span_kind", "status_code"]),
        ("ALERTS", vec!["alertname", "alertstate", "severity"]),
    ];
    let own = |labels: Vec<&str>| labels.into_iter().map(str::to_owned).collect();
    known.extend(told.map(|(name, labels)| (name.to_owned(), own(labels))));
    known
}

/// Names and labels on a page of metrics.
fn series(page: &str) -> Vec<(String, Vec<String>)> {
    let lines = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, rest) = line.split_once(['{', ' ']).expect("a value");
            let labels = rest.split_once('}').map_or("", |(labels, _)| labels);
            let labels = labels.split("\",").filter_map(|pair| Some(pair.split_once('=')?.0.trim().to_owned()));
            (name.to_owned(), labels.collect())
        })
        .collect()
}

/// Calls `each` with every selector, and the function it stands in.
fn selectors<'a>(expr: &'a Expr, function: &'a str, each: &mut dyn FnMut(&'a VectorSelector, &'a str)) {
    match expr {
        Expr::Aggregate(e) => {
            selectors(&e.expr, function, each);
            e.param.iter().for_each(|param| selectors(param, function, each));
        }
        Expr::Unary(e) => selectors(&e.expr, function, each),
        Expr::Binary(e) => [&e.lhs, &e.rhs].into_iter().for_each(|side| selectors(side, function, each)),
        Expr::Paren(e) => selectors(&e.expr, function, each),
        Expr::Subquery(e) => selectors(&e.expr, function, each),
        Expr::VectorSelector(selector) => each(selector, function),
        Expr::MatrixSelector(matrix) => each(&matrix.vs, function),
        Expr::Call(call) => call.args.args.iter().for_each(|arg| selectors(arg, call.func.name, each)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

/// The labels that aggregations keep.
fn kept(expr: &Expr, found: &mut BTreeSet<String>) {
    match expr {
        Expr::Aggregate(e) => {
            found.extend(e.modifier.iter().flat_map(|modifier| modifier.labels().labels.clone()));
            kept(&e.expr, found);
        }
        Expr::Unary(e) => kept(&e.expr, found),
        Expr::Binary(e) => [&e.lhs, &e.rhs].into_iter().for_each(|side| kept(side, found)),
        Expr::Paren(e) => kept(&e.expr, found),
        Expr::Call(call) => call.args.args.iter().for_each(|arg| kept(arg, found)),
        _ => {}
    }
}

fn parsed(query: &Prom) -> Expr {
    parser::parse(&filled(&query.expr)).unwrap_or_else(|e| panic!("{}: {e}\n{}", query.place, query.expr))
}

/// The metrics and the labels an expression can have; an unknown one fails.
fn labels_of(place: &str, expr: &Expr, known: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    selectors(expr, "", &mut |selector, _| {
        let name = selector.name.as_deref().unwrap_or_else(|| panic!("{place}: a selector without a name"));
        let own = known.get(name).unwrap_or_else(|| panic!("{place}: nobody serves {name}"));
        for matcher in &selector.matchers.matchers {
            assert!(own.contains(&matcher.name), "{place}: {name} has no label {}", matcher.name);
        }
        labels.extend(own.iter().cloned());
    });
    labels
}

#[test]
fn metrics_and_labels_exist() {
    let known = catalogue();
    let mut named = BTreeSet::new();
    for query in boards().iter().flat_map(super::Board::prom) {
        let expr = parsed(&query);
        let labels = labels_of(&query.place, &expr, &known);
        selectors(&expr, "", &mut |selector, _| named.extend(selector.name.clone()));
        let mut by = BTreeSet::new();
        kept(&expr, &mut by);
        assert!(by.is_subset(&labels), "{}: {by:?} of {labels:?}", query.place);
        let shown = query.legend.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(name, _)| name);
        for name in shown {
            let there = if by.is_empty() { labels.contains(name) } else { by.contains(name) };
            assert!(there, "{}: the legend names {name}", query.place);
        }
    }
    // What is measured is shown, but what other numbers tell as well.
    let unshown: Vec<_> = Metrics::catalogue()
        .iter()
        .map(|family| family.name)
        .filter(|name| !named.iter().any(|there| there == name || there.starts_with(&format!("{name}_"))))
        .collect();
    let elsewhere = [
        "fleet_story_phase_duration_seconds",
        "fleet_story_tokens",
        "fleet_stream_last_sequence",
        "fleetscope_logs_request_duration_seconds",
        "fleetscope_otlp_request_duration_seconds",
        "fleetscope_source_last_success_timestamp_seconds",
    ];
    assert!(unshown.iter().all(|name| elsewhere.contains(name)), "no dashboard shows {unshown:?}");
}

#[test]
fn counters_are_rates_over_an_interval_that_fits() {
    let counters: BTreeSet<&str> =
        Metrics::catalogue().iter().filter(|family| family.kind == "counter").map(|family| family.name).collect();
    for query in boards().iter().flat_map(super::Board::prom) {
        let expr = parsed(&query);
        selectors(&expr, "", &mut |selector, function| {
            let name = selector.name.as_deref().expect("a name");
            let rises = counters.contains(name)
                || ["_bucket", "_sum", "_count", "_total"].iter().any(|end| name.ends_with(end));
            let is_rate = matches!(function, "rate" | "increase" | "irate");
            assert_eq!(rises, is_rate, "{}: {name} in {function:?}", query.place);
        });
        let spans = query.expr.split('[').skip(1).filter_map(|rest| rest.split(']').next());
        for span in spans {
            assert!(matches!(span, "$__rate_interval" | "$__range"), "{}: [{span}]", query.place);
        }
    }
}

#[test]
fn variables_ask_for_labels_that_exist() {
    let known = catalogue();
    let mut seen = 0;
    for board in boards() {
        for variable in board.variables().iter().filter(|one| one["datasource"]["type"] == "prometheus") {
            let place = format!("{}: ${}", board.name, text(variable, "name"));
            let query = text(&variable["query"], "query");
            let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).expect(query);
            let (series, label) = inner.rsplit_once(", ").expect(query);
            let expr = parser::parse(&filled(series)).unwrap_or_else(|e| panic!("{place}: {e}"));
            assert!(labels_of(&place, &expr, &known).contains(label), "{place}: no label {label}");
            assert_eq!(variable["refresh"], 2, "{place}: reads anew when the time changes");
            seen += 1;
        }
    }
    assert!(seen >= 6, "only {seen}");
}
