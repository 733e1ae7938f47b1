//! Every system beside NATS hangs: an event of the fleet comes through as if none of them were there.

use std::time::Duration;

use async_nats::jetstream;
use serde_json::json;
use tokio::net::TcpListener;

use super::faults::started;
use crate::servers::moody::PATIENCE;
use crate::servers::nats::{NatsServer, binaries};
use crate::support::until;

/// Longest time from the store of an event to its place in the API. It takes some milliseconds; a wait for any of the
/// systems would take a second and more.
const SOON: Duration = Duration::from_secs(1);

/// A listener that takes every connection and says nothing.
async fn silent() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let held = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    (address, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_through_while_all_other_systems_hang() {
    let nats = NatsServer::start(binaries().first().expect("a nats-server"), "");
    let js = jetstream::new(async_nats::connect(nats.url()).await.expect("connected"));
    let (name, subjects) = ("PLANNING_EVENTS".to_owned(), vec!["planning.>".to_owned()]);
    js.create_stream(jetstream::stream::Config { name, subjects, ..Default::default() }).await.expect("made");
    let (silent, held) = silent().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, body: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, body).expect("written");
        path.display().to_string()
    };
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{silent}")}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "t"}}]});
    let variables = [
        ("FLEETSCOPE_NATS__URL", nats.url()),
        ("FLEETSCOPE_GPU__DCGM_URL", format!("http://{silent}/metrics")),
        ("FLEETSCOPE_RAY__URL", format!("http://{silent}")),
        ("FLEETSCOPE_RAY__EXECUTOR", format!("http://{silent}")),
        ("FLEETSCOPE_VLLM__METRICS_URL", format!("http://{silent}/metrics")),
        ("FLEETSCOPE_VALKEY__URL", format!("redis://{silent}")),
        ("FLEETSCOPE_NEO4J__URI", format!("bolt://{silent}")),
        ("FLEETSCOPE_NEO4J__PASSWORD_FILE", file("password", "secret".to_owned())),
        ("FLEETSCOPE_KUBERNETES__NAMESPACES", "fleet".to_owned()),
        ("FLEETSCOPE_KUBERNETES__KUBECONFIG", file("kubeconfig", kubeconfig.to_string())),
        ("FLEETSCOPE_ORCHESTRATOR__ADDRESS", silent.clone()),
        ("FLEETSCOPE_OTLP__ENDPOINT", format!("http://{silent}")),
    ];
    let daemon = started(&folder.path().join("journal"), &variables).await;
    until("the NATS source is up", PATIENCE, || async {
        daemon.sample("fleetscope_source_up{source=\"nats\"}").await == Some(1.0)
    })
    .await;
    // Each is down because it hung, not because it was never asked.
    for source in ["gpu", "ray", "vllm", "valkey", "neo4j", "kubernetes", "orchestrator"] {
        let errors = format!("fleetscope_source_errors_total{{reason=\"timeout\",source=\"{source}\"}}");
        until(&errors, PATIENCE, || async { daemon.sample(&errors).await >= Some(1.0) }).await;
    }
    for n in 0..100 {
        let body =
            json!({"event_type": "planning.story.created", "payload": {"story_id": format!("s-{n}")}}).to_string();
        js.publish("planning.story.created", body.into()).await.expect("sent").await.expect("stored");
        let route = format!("/api/events?story=s-{n}");
        until(&format!("event {n} is shown"), SOON, || async {
            daemon.json(&route).await.is_some_and(|page| page["items"].as_array().is_some_and(|items| items.len() == 1))
        })
        .await;
    }
    held.abort();
}
