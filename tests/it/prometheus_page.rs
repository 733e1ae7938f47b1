//! The `/metrics` page is one that Prometheus likes: judged by promtool, with hostile label values on it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use fleetscope::metrics::Metrics;
use fleetscope::model::{Measure, Source};
use fleetscope::sinks::measure::Recorder;

use crate::support::tool::tool;

#[test]
fn promtool_accepts_the_page() {
    let Some(promtool) = tool("deb/usr/bin/promtool") else { return };
    let metrics = Arc::new(Metrics::new());
    let mut recorder = Recorder::new(Arc::clone(&metrics));
    for subject in ["planning.story.created", "a\"b\\c\nd}", "\u{202e}evil", &"x".repeat(5000)] {
        recorder.record(&Measure::Event {
            source: Source::Nats,
            stream: subject.into(),
            event_type: subject.into(),
            producer: subject.into(),
            size: 1,
        });
    }
    metrics.consumers.pending.with_label_values(&["S", "c"]).set(3.0);
    let page = metrics.page();
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    child.stdin.take().expect("piped").write_all(page.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("promtool ends");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.trim().is_empty(), "promtool says:\n{told}");
}

#[test]
fn a_million_label_values_stay_bounded() {
    let metrics = Arc::new(Metrics::new());
    let mut recorder = Recorder::new(Arc::clone(&metrics));
    for n in 0..100_000 {
        recorder.record(&Measure::Event {
            source: Source::Nats,
            stream: "S".into(),
            event_type: format!("type-{n}").into(),
            producer: format!("producer-{}", n % 977).into(),
            size: 1,
        });
    }
    let series = metrics.page().lines().filter(|l| l.starts_with("fleet_events_total{")).count();
    assert!(series <= 101 * 51, "{series} series");
}
