//! An API server that freezes, dies, comes back with another history, and was never there.

use super::{
    ADMIN, BOUND, Namespace, PODS, Value, container, events, fresh, json, running, server, shown, started, until,
};
use crate::support::daemon::Daemon;

async fn stale(daemon: &Daemon) -> Value {
    until("it is said to be out of date", BOUND, || async {
        daemon.json(PODS).await.filter(|page| page["stale_because"].is_string())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_freezes_dies_and_comes_back_is_noticed() {
    let Some(mut server) = server().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = {
        let ns = Namespace::new(&server, "rough").await;
        ns.pod("planning-1", "planning").await;
        ns.status("planning-1", container("Running", true, 0, &running(), &json!({}))).await;
        let daemon = started(&folder.path().join("journal"), &ns.variables(folder.path(), ADMIN)).await;
        shown(&daemon, PODS, |pod| pod["pod"] == "planning-1").await;
        shown(&daemon, "/api/components", |of| of["component"] == "planning" && of["pods"] == 1).await;
        daemon
    };
    server.signal("-STOP");
    let page = stale(&daemon).await;
    assert_eq!(page["items"][0]["pod"], "planning-1", "the last good state is gone: {page}");
    // What it said before is no sign of life.
    let down = |of: &Value| of["component"] == "planning" && of["reason"] == "kubernetes_down";
    let of = shown(&daemon, "/api/components", down).await;
    assert!(of["up"].is_null(), "{of}");
    assert_eq!(daemon.sample(r#"fleetscope_source_up{source="kubernetes"}"#).await, Some(0.0));
    server.signal("-CONT");
    fresh(&daemon).await;

    server.kill();
    stale(&daemon).await;
    server.restart();
    fresh(&daemon).await;
    let ns = Namespace::new(&server, "rough").await;
    ns.pod("planning-2", "planning").await;
    shown(&daemon, PODS, |pod| pod["pod"] == "planning-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_and_deleted_while_nobody_looked_is_told() {
    let Some(mut server) = server().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = {
        let ns = Namespace::new(&server, "gap").await;
        for pod in ["goes-1", "stays-1"] {
            ns.pod(pod, "planning").await;
        }
        let daemon = started(&folder.path().join("journal"), &ns.variables(folder.path(), ADMIN)).await;
        shown(&daemon, PODS, |pod| pod["pod"] == "stays-1").await;
        daemon
    };
    daemon.signal("-STOP");
    // Two lives of the server: the version the daemon knows is older than anything the second one remembers.
    for life in 0..2 {
        server.kill();
        server.restart();
        let ns = Namespace::new(&server, "gap").await;
        if life == 0 {
            ns.delete("goes-1").await;
            ns.pod("comes-1", "planning").await;
            ns.delete("stays-1").await;
            ns.pod("stays-1", "planning").await;
        }
    }
    daemon.signal("-CONT");
    until("both ends are told", BOUND, || async { events(&daemon, "k8s.pod.deleted").await.len() == 2 }).await;
    until("both begins are told", BOUND, || async { events(&daemon, "k8s.pod.created").await.len() == 2 }).await;
    // Events are told as they are seen; the list follows when the whole of it was read.
    until("those that are there are shown, and no other", BOUND, || async {
        let page = daemon.json(PODS).await?;
        let names: Vec<&str> = page["items"].as_array()?.iter().filter_map(|pod| pod["pod"].as_str()).collect();
        (names == ["comes-1", "stays-1"] && page["stale_because"].is_null()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_never_there_stops_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let port = crate::support::free_port();
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n\
         users: [{{name: c, user: {{}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: c}}}}]\n"
    );
    std::fs::write(&kubeconfig, text).expect("written");
    let variables = [
        ("FLEETSCOPE_KUBERNETES__NAMESPACES", "fleet".to_owned()),
        ("FLEETSCOPE_KUBERNETES__KUBECONFIG", kubeconfig.display().to_string()),
    ];
    let daemon = started(&folder.path().join("journal"), &variables).await;
    let errors = r#"fleetscope_source_errors_total{reason="unreachable",source="kubernetes"}"#;
    until("it is told unreachable", BOUND, || async { daemon.sample(errors).await >= Some(2.0) }).await;
    let page = stale(&daemon).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(0), "{page}");
    let of = shown(&daemon, "/api/components", |of| of["component"] == "kubernetes" && of["up"] == false).await;
    assert_eq!(of["reason"], "source_down", "{of}");
}
