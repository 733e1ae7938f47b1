//! From a silent agent on NATS to a mail, a Slack message and an entry of the event stream.

use std::path::Path;
use std::time::Duration;

use async_nats::jetstream;
use serde_json::{Value, json};

use super::{here, text};
use crate::servers::alerting::{Process, hook, mailbox};
use crate::servers::nats::{NatsServer, binaries};
use crate::support::daemon::Daemon;
use crate::support::until;

const TOKEN: &str = "an-alerting-token";
/// Prometheus scrapes each second and looks at rules each fifteen.
const BOUND: Duration = Duration::from_mins(1);

/// The configuration as it is shipped, with addresses of this test.
fn configure(folder: &Path, replaced: &[(&str, String)]) {
    let mut config = text("alerts/alertmanager.yml");
    for (was, now) in replaced {
        assert!(config.contains(was), "alertmanager.yml does not say {was}");
        config = config.replace(was, now);
    }
    std::fs::write(folder.join("alertmanager.yml"), config).expect("written");
    std::fs::create_dir_all(folder.join("templates")).expect("a folder");
    std::fs::copy(here("alerts/templates/fleet.tmpl"), folder.join("templates/fleet.tmpl")).expect("copied");
}

fn daemon(folder: &Path, nats: &str, alertmanager: Option<&str>) -> Daemon {
    std::fs::write(folder.join("fleetscope_token"), TOKEN).expect("written");
    let mut variables = vec![
        ("FLEETSCOPE_NATS__URL", nats.to_owned()),
        ("FLEETSCOPE_AGENTS__SILENT_AFTER", "1s".to_owned()),
        ("FLEETSCOPE_ALERTS__INGEST", "true".to_owned()),
        ("FLEETSCOPE_ALERTS__INGEST_TOKEN_FILE", folder.join("fleetscope_token").display().to_string()),
        ("FLEETSCOPE_ALERTS__POLL_INTERVAL", "500ms".to_owned()),
    ];
    variables.extend(alertmanager.map(|address| ("FLEETSCOPE_ALERTS__ALERTMANAGER_URL", format!("http://{address}"))));
    Daemon::start(&folder.join("journal"), &variables)
}

async fn alerts(daemon: &Daemon, query: &str) -> Vec<Value> {
    let page = daemon.json(&format!("/api/alerts{query}")).await;
    page.and_then(|page| page["items"].as_array().cloned()).unwrap_or_default()
}

async fn entries(daemon: &Daemon, query: &str) -> Vec<Value> {
    let page = daemon.json(&format!("/api/events?source=Alert&payload=full{query}")).await;
    page.and_then(|page| page["items"].as_array().cloned()).unwrap_or_default()
}

async fn answer(js: &jetstream::Context, agent: &str) {
    let payload = json!({"task_id": "T-1", "agent_id": agent, "role": "DEV", "status": "completed", "duration_ms": 10,
        "success": true, "num_agents": 2, "proposal": {"content": "x", "author_id": agent},
        "constraints": {"story_id": "s-1", "metadata": {"story_id": "s-1"}}});
    let body = json!({"event_type": "agent.response.completed", "payload": payload, "producer": "ray-executor",
        "idempotency_key": agent, "metadata": {}});
    js.publish("agent.response.completed", body.to_string().into()).await.expect("sent").await.expect("stored");
}

/// Alerts as Prometheus gives them to Alertmanager.
fn posted(alertmanager: &Process, alerts: &Value) -> impl Future<Output = reqwest::Result<reqwest::Response>> + use<> {
    // As every user of rustls must; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request =
        reqwest::Client::new().post(alertmanager.url("/api/v2/alerts")).header("content-type", "application/json");
    request.body(alerts.to_string()).send()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_falls_silent_is_told_to_slack_to_mail_and_to_the_event_stream() {
    let Some(binary) = binaries().into_iter().next() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let nats = NatsServer::start(&binary, "");
    let js = jetstream::new(async_nats::connect(nats.url()).await.expect("connected"));
    for (name, subjects) in [("ORCHESTRATOR_EVENTS", "orchestration.>"), ("AGENT_RESPONSES", "agent.response.>")] {
        let config =
            jetstream::stream::Config { name: name.into(), subjects: vec![subjects.into()], ..Default::default() };
        js.create_stream(config).await.expect("created");
    }
    let daemon = daemon(folder, &nats.url(), None);
    daemon.ready().await;
    let (slack, slacked) = hook().await;
    let (smtp, mails) = mailbox().await;
    std::fs::write(folder.join("slack_url"), format!("http://{slack}/slack")).expect("written");
    std::fs::write(folder.join("smtp_password"), "not-a-secret").expect("written");
    let secret = |name: &str| folder.join(name).display().to_string();
    configure(
        folder,
        &[
            ("smtp.example.com:587", smtp),
            ("smtp_require_tls: true", "smtp_require_tls: false".into()),
            ("http://fleetscope:8080", format!("http://{}", daemon.http)),
            ("/etc/alertmanager/secrets/slack_url", secret("slack_url")),
            ("/etc/alertmanager/secrets/smtp_password", secret("smtp_password")),
            ("/etc/alertmanager/secrets/fleetscope_token", secret("fleetscope_token")),
            ("group_wait: 10s", "group_wait: 100ms".into()),
            ("group_interval: 1m", "group_interval: 1s".into()),
            ("group_interval: 5s", "group_interval: 1s".into()),
        ],
    );
    let Some(alertmanager) = Process::alertmanager(folder) else { return };
    std::fs::copy(here("alerts/fleet.rules.yaml"), folder.join("fleet.rules.yaml")).expect("copied");
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: [fleet.rules.yaml]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}\n\
         scrape_configs: [{{job_name: fleetscope, static_configs: [{{targets: ['{}']}}]}}]\n",
        alertmanager.address, daemon.http
    );
    std::fs::write(folder.join("prometheus.yml"), config).expect("written");
    let Some(_prometheus) = Process::prometheus(folder) else { return };

    // Two are asked; one answers, so the other is at work.
    answer(&js, "agent-dev-001").await;
    until("the alert stands in the event stream", BOUND, || async {
        entries(&daemon, "&type=alert.firing").await.len() == 1
    })
    .await;
    let entry = &entries(&daemon, "&type=alert.firing").await[0];
    assert_eq!((&entry["agent_id"], &entry["role"]), (&"agent-dev-002".into(), &"DEV".into()), "{entry}");
    assert_eq!((&entry["severity"], &entry["producer"]), (&"warning".into(), &"alertmanager".into()), "{entry}");
    let firing = alerts(&daemon, "?status=firing").await;
    assert_eq!(firing[0]["name"], "FleetAgentSilent", "{firing:?}");
    until("Slack has it", BOUND, || async { slacked.lock().iter().any(|body| body.contains("FleetAgentSilent")) })
        .await;
    let message = slacked.lock().concat();
    assert!(message.contains("An agent is at work and has not been heard of."), "{message}");
    assert!(message.contains("http://localhost:3000/d/fleetscope-agent?var-agent=agent-dev-002"), "{message}");
    assert!(mails.lock().is_empty(), "a warning is no mail: {:?}", mails.lock());

    // Prometheus would take minutes for a critical one: it is given to Alertmanager as Prometheus gives it.
    let critical = json!([{"labels": {"alertname": "FleetCacheEviction", "severity": "critical", "story_id": "s-1"},
        "annotations": {"summary": "Valkey throws keys out for want of memory.", "description": "5 keys <!channel>",
            "dashboard_path": "d/fleetscope-graph-cache", "runbook_url": "https://example.com/r#x"}}]);
    let sent = posted(&alertmanager, &critical).await.expect("sent");
    assert!(sent.status().is_success(), "{sent:?}");
    until("the mail is there", BOUND, || async { !mails.lock().is_empty() }).await;
    let mail = mails.lock().concat().replace("=\n", "").replace("=3D", "=");
    assert!(mail.contains("FleetCacheEviction"), "{mail}");
    assert!(mail.contains("http://localhost:3000/d/fleetscope-story?var-story=s-1"), "{mail}");
    until("the story has it", BOUND, || async { alerts(&daemon, "?story=s-1").await.len() == 1 }).await;
    until("Slack has both", BOUND, || async { slacked.lock().iter().any(|b| b.contains("FleetCacheEviction")) }).await;
    assert!(!slacked.lock().concat().contains("<!channel>"), "a label calls the whole channel");

    // The agent speaks: the alert ends, and that is told too.
    answer(&js, "agent-dev-002").await;
    until("its end stands in the event stream", BOUND, || async {
        let ended = entries(&daemon, "&type=alert.resolved").await;
        ended.iter().any(|entry| entry["data"]["name"] == "FleetAgentSilent")
    })
    .await;
    assert_eq!(entries(&daemon, "&type=alert.firing").await.len(), 2, "each is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fires_is_known_after_a_restart_and_what_ended_meanwhile_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    std::fs::write(folder.join("alertmanager.yml"), "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        .expect("written");
    let Some(alertmanager) = Process::alertmanager(folder) else { return };
    let nats = format!("nats://127.0.0.1:{}", crate::support::free_port());
    let alert = |ends: &str| {
        json!([{"labels": {"alertname": "FleetPodCrashed", "severity": "critical"}, "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": ends}])
    };
    let send = |alert: Value| posted(&alertmanager, &alert);
    until("Alertmanager takes it", BOUND, || async {
        send(alert("2100-01-01T00:00:00Z")).await.is_ok_and(|a| a.status().is_success())
    })
    .await;
    for life in 0..2 {
        let daemon = daemon(folder, &nats, Some(&alertmanager.address));
        until("it is known", BOUND, || async { alerts(&daemon, "?status=firing").await.len() == 1 }).await;
        until("it is told", BOUND, || async { !entries(&daemon, "").await.is_empty() }).await;
        assert_eq!(entries(&daemon, "").await.len(), 1, "life {life}: told once");
        if life == 1 {
            let taken = send(alert("2026-01-01T00:00:01Z")).await.expect("sent");
            assert!(taken.status().is_success(), "{taken:?}");
            until("its end is told", BOUND, || async { entries(&daemon, "&type=alert.resolved").await.len() == 1 })
                .await;
            assert_eq!(alerts(&daemon, "").await[0]["status"], "resolved");
        }
        assert!(daemon.stop().await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_alert_is_refused_and_counted_and_a_wrong_token_takes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let nats = format!("nats://127.0.0.1:{}", crate::support::free_port());
    let daemon = daemon(folder.path(), &nats, None);
    let route = format!("http://{}/ingest/alertmanager", daemon.http);
    let client = reqwest::Client::new();
    let post = |token: &'static str, body: String| {
        let request = client.post(&route).bearer_auth(token).header("content-type", "application/json").body(body);
        async move { request.send().await.map(|answer| answer.status().as_u16()) }
    };
    let captured = include_str!("../../fixtures/alerts/webhooks.jsonl");
    let first = captured.lines().next().expect("a line").to_owned();
    until("it listens", BOUND, || async { post("wrong", first.clone()).await.is_ok_and(|status| status == 401) }).await;
    assert_eq!(alerts(&daemon, "").await.len(), 0);
    for body in ["", "{}", "[]", "{\"alerts\": 5}", "<html></html>"] {
        assert_eq!(post(TOKEN, body.to_owned()).await.expect("an answer"), 400, "{body}");
    }
    // Two that cannot be read, one that can, with a secret and hostile text in it.
    let mixed = json!({"version": "4", "alerts": [
        {"status": "perhaps", "labels": {}}, {"labels": 5},
        {"status": "firing", "labels": {"alertname": "A\u{202e}\u{1b}[31m<b>", "severity": "critical"},
         "annotations": {"summary": "password=hunter2-and-more"}, "startsAt": "never", "extra": [1, 2]}]});
    assert_eq!(post(TOKEN, mixed.to_string()).await.expect("an answer"), 200);
    until("the one is known", BOUND, || async { alerts(&daemon, "?status=firing").await.len() == 1 }).await;
    let alert = &alerts(&daemon, "").await[0];
    let shown = alert.to_string();
    assert!(!shown.contains("hunter2") && !shown.contains('\u{202e}') && !shown.contains('\u{1b}'), "{shown}");
    assert_eq!(daemon.sample(r#"fleetscope_source_errors_total{reason="malformed",source="alert"}"#).await, Some(2.0));
    // What Alertmanager really sends: it fires, and ends.
    for body in captured.lines() {
        assert_eq!(post(TOKEN, body.to_owned()).await.expect("an answer"), 200);
    }
    until("its end is told", BOUND, || async { entries(&daemon, "&type=alert.resolved").await.len() == 1 }).await;
    assert_eq!(daemon.answer("/api/alerts?status=loud").await.expect("an answer").0, 400);
}
