//! The overview, with probes against real and broken listeners.

use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;

use super::faults::started;
use crate::servers::moody::{Mood, Moody};
use crate::support::daemon::Daemon;
use crate::support::{free_port, until};

const BOUND: Duration = Duration::from_secs(30);

async fn component(daemon: &Daemon, name: &str, holds: impl Fn(&Value) -> bool + Copy) -> Value {
    until(&format!("{name} is shown so"), BOUND, || async {
        let page = daemon.json("/api/components").await?;
        page["items"].as_array()?.iter().find(|of| of["component"] == name && holds(of)).cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_knock_tells_up_from_down() {
    let (page, tcp) = (Moody::start().await, TcpListener::bind("127.0.0.1:0").await.expect("a free port"));
    page.page("/health", "text/plain", "ok");
    let tcp_port = tcp.local_addr().expect("bound").port();
    // A gRPC server without a health service, as the fleet's are.
    let grpc = super::orchestrator::Replica::start().await;
    let probes = [
        format!("planning=tcp://127.0.0.1:{tcp_port}"),
        format!("workflow=tcp://127.0.0.1:{}", free_port()),
        format!("vllm={}", page.url("/health")),
        format!("orchestrator=grpc://{}", grpc.address),
    ];
    let variables = [
        ("FLEETSCOPE_COMPONENTS__PROBES", probes.join(",")),
        ("FLEETSCOPE_COMPONENTS__POLL_INTERVAL", "500ms".to_owned()),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = started(folder.path(), &variables).await;
    for (name, probe) in [("planning", "tcp"), ("vllm", "http"), ("orchestrator", "grpc")] {
        let of = component(&daemon, name, |of| of["up"] == true).await;
        assert_eq!(of["probe"], probe, "{of}");
    }
    let of = component(&daemon, "workflow", |of| of["up"] == false).await;
    assert_eq!((&of["reason"], &of["probe"]), (&"unreachable".into(), &"tcp".into()), "{of}");
    assert_eq!(daemon.sample(r#"fleet_component_up{component="workflow"}"#).await, Some(0.0));
    // Nobody can tell: it is listed, it is no number, and it says why.
    let of = component(&daemon, "context", |of| of["up"].is_null()).await;
    assert_eq!(of["reason"], "not_watched", "{of}");
    assert!(!daemon.get("/metrics").await.expect("a page").contains(r#"fleet_component_up{component="context"}"#));

    page.mood(Mood::Hanging);
    let of = component(&daemon, "vllm", |of| of["up"] == false).await;
    assert_eq!(of["reason"], "timeout", "{of}");
    page.mood(Mood::Status(503));
    component(&daemon, "vllm", |of| of["reason"] == "server_error").await;
    page.mood(Mood::Well);
    component(&daemon, "vllm", |of| of["up"] == true).await;
    let told = until("its end and return are entries", BOUND, || async {
        let page = daemon.json("/api/events?source=Fleet&order=asc").await?;
        let of_vllm = page["items"].as_array()?.iter().filter(|e| e["subject"] == "component.vllm");
        let kinds: Vec<String> = of_vllm.filter_map(|e| e["type"].as_str().map(str::to_owned)).collect();
        (kinds.len() == 2).then_some(kinds)
    })
    .await;
    assert_eq!(told, ["component.down", "component.up"]);
}
