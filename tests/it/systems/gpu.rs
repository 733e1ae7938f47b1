//! Graphics processors, by a DCGM exporter's page. No processor is here: the page is one as the exporter writes it.

use serde_json::Value;

use super::faults::{comes_and_goes, started, survived, token_rotates};
use crate::servers::moody::{Mood, Moody, PATIENCE};
use crate::support::daemon::Daemon;
use crate::support::until;

const PAGE: &str = include_str!("../../fixtures/gpu/dcgm.txt");
const ROUTE: &str = "/api/gpus";

async fn exporter() -> (Moody, Vec<(&'static str, String)>) {
    let server = Moody::start().await;
    server.page("/metrics", "text/plain", PAGE);
    let variables = vec![
        ("FLEETSCOPE_GPU__DCGM_URL", server.url("/metrics")),
        ("FLEETSCOPE_GPU__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_GPU__TIMEOUT", "1s".to_owned()),
    ];
    (server, variables)
}

fn shown(page: &Value) -> bool {
    page["items"].as_array().is_some_and(|gpus| gpus.len() == 2 && gpus[0]["utilization_ratio"] == 0.87)
}

#[tokio::test(flavor = "multi_thread")]
async fn processors_are_shown_and_measured() {
    let (server, variables) = exporter().await;
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables).await;
    until("two processors", PATIENCE, || async { daemon.json(ROUTE).await.is_some_and(|p| shown(&p)) }).await;
    let used = r#"fleet_gpu_memory_used_bytes{gpu="0""#;
    assert_eq!(daemon.sample(used).await, Some(20_480.0 * 1_048_576.0));
    server.page(
        "/metrics",
        "text/plain",
        PAGE.lines().filter(|l| !l.contains("gpu=\"1\"")).collect::<Vec<_>>().join("\n"),
    );
    until("the processor that is gone leaves the page of metrics", PATIENCE, || async {
        daemon.get("/metrics").await.is_some_and(|page| !page.contains(r#"fleet_gpu_temperature_celsius{gpu="1""#))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_processor_is_an_entry_once() {
    let (server, variables) = exporter().await;
    server.page("/metrics", "text/plain", reporting(79, "ray-gpu-worker-abc"));
    let journal = tempfile::tempdir().expect("a folder");
    for life in 0..2 {
        let daemon = started(journal.path(), &variables).await;
        let before = server.asked();
        until("it was asked a few times", PATIENCE, || async { server.asked() >= before + 3 }).await;
        let page = daemon.json("/api/events?source=GPU").await.expect("the route answers");
        let events = page["items"].as_array().expect("a list");
        assert_eq!(events.len(), 1, "life {life}: {page}");
        assert_eq!((&events[0]["type"], &events[0]["severity"]), (&"gpu.error".into(), &"error".into()));
        assert!(daemon.sample(r#"fleetscope_events_total{outcome="duplicate",source="gpu"}"#).await >= Some(1.0));
        assert!(daemon.stop().await.success());
    }
}

/// The page when its first processor reports this error, and this pod uses it.
fn reporting(xid: u32, pod: &str) -> String {
    let of_error = |line: &str| line.starts_with("DCGM_FI_DEV_XID_ERRORS{gpu=\"0\"");
    let told = |line: &str| match line.strip_suffix("} 0") {
        Some(rest) if of_error(line) => format!("{rest}}} {xid}\n"),
        _ => format!("{line}\n"),
    };
    PAGE.lines().map(told).collect::<String>().replace("ray-gpu-worker-abc", pod)
}

/// Types of the entries told of processors, the newest first.
async fn told(daemon: &Daemon) -> Vec<String> {
    let page = daemon.json("/api/events?source=GPU").await.expect("the route answers");
    let events = page["items"].as_array().expect("a list");
    events.iter().map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
}

/// Waits until what the exporter shows now was seen.
async fn looked(server: &Moody) {
    let before = server.asked();
    until("it was asked a few times", PATIENCE, || async { server.asked() >= before + 3 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_error_is_not_told_again_of_the_next_pod() {
    let (server, variables) = exporter().await;
    server.page("/metrics", "text/plain", reporting(31, "ray-gpu-worker-abc"));
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables).await;
    until("the error is told", PATIENCE, || async { told(&daemon).await == ["gpu.error"] }).await;
    server.page("/metrics", "text/plain", reporting(31, "another-pod"));
    let moved = || async { daemon.json(ROUTE).await.is_some_and(|p| p["items"][0]["pod"] == "ray/another-pod") };
    until("the other pod is seen", PATIENCE, moved).await;
    looked(&server).await;
    assert_eq!(told(&daemon).await, ["gpu.error"]);
    let page = daemon.json("/api/events?source=GPU").await.expect("the route answers");
    let shown = daemon.json(&format!("/api/events/{}", page["items"][0]["seq"])).await.expect("the entry");
    assert_eq!(shown["data"]["pod"], "ray/ray-gpu-worker-abc", "whose it was is shown: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_error_after_a_recovery_is_another_one() {
    let (server, variables) = exporter().await;
    let journal = tempfile::tempdir().expect("a folder");
    let pod = "ray-gpu-worker-abc";
    let daemon = started(journal.path(), &variables).await;
    looked(&server).await;
    assert!(told(&daemon).await.is_empty(), "a processor that never failed did not recover");
    let mut expected = Vec::new();
    for (xid, kind) in [(79, "gpu.error"), (0, "gpu.recovered"), (79, "gpu.error")] {
        server.page("/metrics", "text/plain", reporting(xid, pod));
        expected.insert(0, kind);
        until("the change is told", PATIENCE, || async { told(&daemon).await == expected }).await;
    }
    assert!(daemon.stop().await.success());
    // It recovers while nobody looks.
    server.page("/metrics", "text/plain", reporting(0, pod));
    let daemon = started(journal.path(), &variables).await;
    expected.insert(0, "gpu.recovered");
    until("the recovery is told", PATIENCE, || async { told(&daemon).await == expected }).await;
    server.page("/metrics", "text/plain", reporting(79, pod));
    expected.insert(0, "gpu.error");
    until("the error is told again", PATIENCE, || async { told(&daemon).await == expected }).await;
    looked(&server).await;
    assert_eq!(told(&daemon).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_tells_a_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "plain-words-only\n").expect("written");
    let (server, mut variables) = exporter().await;
    variables[0].1 += "?key=hush-hush";
    variables.push(("FLEETSCOPE_GPU__TOKEN_FILE", token.display().to_string()));
    let daemon = started(&folder.path().join("journal"), &variables).await;
    until("processors are shown", PATIENCE, || async { daemon.json(ROUTE).await.is_some_and(|p| shown(&p)) }).await;
    for mood in [Mood::Telltale, Mood::Garbage, Mood::Status(500)] {
        server.mood(Mood::Well);
        until("it is well", PATIENCE, || async {
            daemon.json(ROUTE).await.is_some_and(|p| p["stale_because"].is_null())
        })
        .await;
        server.mood(mood);
        let mut why = String::new();
        until("the fault is told", PATIENCE, || async {
            daemon.json(ROUTE).await.is_some_and(|p| p["stale_because"].is_string())
        })
        .await;
        for page in [ROUTE, "/status"] {
            why += &daemon.get(page).await.expect("the route answers");
        }
        assert!(why.contains("/metrics"), "{mood:?}: what was asked is not said: {why}");
        assert!(!why.contains("hush-hush") && !why.contains("plain-words-only"), "{mood:?}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_named_and_survived() {
    let (mut server, variables) = exporter().await;
    survived("gpu", &mut server, ROUTE, &variables, shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_that_comes_and_goes_is_found_again() {
    let (mut server, variables) = exporter().await;
    comes_and_goes("gpu", &mut server, ROUTE, &variables, shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_is_found() {
    let (server, variables) = exporter().await;
    token_rotates(&server, ROUTE, "FLEETSCOPE_GPU__TOKEN_FILE", &variables, shown).await;
}
