//! Bodies and lists of Alertmanager, repetitions, ends, floods.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::book::Book;
use super::wire::{Listed, Said, pushed};
use crate::config::Content;
use crate::model::{Alert, Event, Panel, Severity, Timestamp};
use crate::privacy::Masker;

const CAPTURED: &str = include_str!("../../../tests/fixtures/alerts/webhooks.jsonl");

fn book() -> Book {
    Book::new(Arc::new(Masker::new(Content::Summary, 1 << 16)))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_331_300_000 + seconds * 1_000)
}

fn body(alerts: &serde_json::Value) -> Vec<Said> {
    let body = json!({"version": "4", "status": "firing", "alerts": alerts});
    pushed(body.to_string().as_bytes()).expect("a body").0
}

fn firing(name: &str, start: &str) -> serde_json::Value {
    json!({"status": "firing", "labels": {"alertname": name, "severity": "critical"}, "annotations": {},
        "startsAt": start, "endsAt": "0001-01-01T00:00:00Z", "fingerprint": name})
}

/// Kinds of the entries, and the panel.
fn told(events: Vec<Event>) -> (Vec<String>, Vec<Arc<Alert>>) {
    let (mut kinds, mut alerts) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Message(message) => kinds.push(message.event_type.to_string()),
            Event::Panel(panel) => {
                let Panel::Alerts(panel) = &*panel else { panic!("another panel: {panel:?}") };
                alerts.clone_from(&panel.alerts);
            }
            other => panic!("{other:?}"),
        }
    }
    (kinds, alerts)
}

#[test]
fn what_alertmanager_really_sends_is_read() {
    let mut book = book();
    let mut kinds = Vec::new();
    for line in CAPTURED.lines() {
        let (alerts, malformed) = pushed(line.as_bytes()).expect("a body");
        assert_eq!((alerts.len(), malformed), (1, 0));
        let (new, shown) = told(book.take(alerts, at(0)));
        kinds.extend(new);
        assert_eq!((&*shown[0].name, &*shown[0].severity), ("DemoHigh", "warning"));
        assert_eq!(&*shown[0].fingerprint, "88ef0e646e302dac");
    }
    assert_eq!(kinds, ["alert.firing", "alert.resolved"]);
}

#[test]
fn a_repetition_tells_nothing_and_another_start_does() {
    let mut book = book();
    let first = || body(&json!([firing("A", "2026-01-01T00:00:00Z")]));
    assert_eq!(told(book.take(first(), at(0))).0, ["alert.firing"]);
    assert!(told(book.take(first(), at(60))).0.is_empty());
    let second = body(&json!([firing("A", "2026-01-02T00:00:00Z")]));
    assert_eq!(told(book.take(second, at(120))).0, ["alert.firing"]);
}

#[test]
fn what_is_no_longer_listed_has_ended() {
    let mut book = book();
    let sent = body(&json!([firing("A", "2026-01-01T00:00:00Z"), firing("B", "2026-01-01T00:00:00Z")]));
    book.take(sent, at(0));
    let listed: Vec<Listed> = serde_json::from_value(json!([{"labels": {"alertname": "B", "severity": "critical"},
        "annotations": {}, "startsAt": "2026-01-01T00:00:00.000Z", "endsAt": "2026-01-01T00:05:00.000Z",
        "fingerprint": "B", "status": {"state": "suppressed", "silencedBy": ["x"], "inhibitedBy": []},
        "receivers": [{"name": "slack"}], "updatedAt": "2026-01-01T00:01:00.000Z"}]))
    .expect("a list");
    let (kinds, shown) = told(book.take_list(listed.into_iter().map(Said::from).collect(), at(60)));
    assert_eq!(kinds, ["alert.resolved"]);
    let shown: Vec<_> = shown.iter().map(|a| (&*a.fingerprint, &*a.status, a.silenced)).collect();
    assert_eq!(shown, [("B", "firing", Some(true)), ("A", "resolved", None)]);
    assert_eq!(book.firing(), 1);
}

#[test]
fn an_alert_says_what_it_is_about() {
    let labels = json!({"alertname": "A", "severity": "critical", "story_id": "s-1", "agent": "agent-dev-001",
        "council": "DEV", "task": "T-1"});
    let alert = json!({"status": "firing", "labels": labels, "annotations": {"summary": "It burns."}});
    let events = book().take(body(&json!([alert])), at(0));
    let Event::Message(message) = &events[0] else { panic!("{events:?}") };
    let observed = message.observed.as_ref().expect("seen");
    assert_eq!(observed.severity, Severity::Error);
    assert_eq!(&*observed.summary, "Alert A fires: It burns.");
    let ids = &observed.ids;
    let ids = [&ids.story, &ids.task, &ids.agent, &ids.role].map(|id| id.as_deref().unwrap_or_default());
    assert_eq!(ids, ["s-1", "T-1", "agent-dev-001", "DEV"]);
}

#[test]
fn a_flood_stays_within_bounds_and_what_ended_is_forgotten() {
    let mut book = book();
    let flood: Vec<_> = (0..9_000).map(|n| firing(&format!("A{n}"), "2026-01-01T00:00:00Z")).collect();
    let (kinds, shown) = told(book.take(body(&json!(flood)), at(0)));
    assert_eq!((kinds.len(), shown.len()), (9_000, 2_000));
    let ended: Vec<_> = shown
        .iter()
        .map(|alert| json!({"status": "resolved", "labels": {"alertname": &*alert.name}, "fingerprint": &*alert.fingerprint}))
        .collect();
    assert_eq!(told(book.take(body(&json!(ended)), at(1))).1.len(), 2_000);
    let day = Duration::from_hours(24).as_secs() as i64;
    assert!(told(book.take(Vec::new(), at(day + 2))).1.is_empty());
}

#[test]
fn one_that_cannot_be_read_spoils_no_other() {
    let sent = json!({"alerts": [{"status": "perhaps", "labels": {}}, 5, firing("A", "never")]});
    let (alerts, malformed) = pushed(sent.to_string().as_bytes()).expect("a body");
    assert_eq!((alerts.len(), malformed), (1, 2));
    assert_eq!(alerts[0].starts_at, None);
    pushed(b"<html>").expect_err("no JSON");
    pushed(b"{}").expect_err("no alerts");
}
