//! Systems with a protocol of their own that misbehave: it is told, what was known is kept, memory stays, and all is well
//! again once they are.

use std::path::Path;

use serde_json::{Value, json};

use super::faults::started;
use crate::servers::moody::{FAULTS, Mood, Moody, PATIENCE};
use crate::servers::neo4j::{PASSWORD, alone};
use crate::servers::redis::Redis;
use crate::servers::rude::{Manners, RUDE, Rude};
use crate::support::daemon::Daemon;
use crate::support::until;

/// Most the daemon may hold, in MiB, while a server sends a gigabyte.
const MEMORY: f64 = 300.0;

/// A system that is shown, treated in every way, and shown again after each.
async fn treated(source: &str, route: &str, server: &Rude, journal: &Path, variables: &[(&str, String)]) {
    let daemon = started(journal, variables).await;
    let errors = "fleetscope_source_errors_total{reason=";
    let of = format!("source=\"{source}\"}}");
    let failures = || async {
        let page = daemon.get("/metrics").await.unwrap_or_default();
        let lines = page.lines().filter(|line| line.starts_with(errors) && line.contains(&of));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    };
    for manners in RUDE {
        until(&format!("{source} is shown before {manners:?}"), PATIENCE, || fresh(&daemon, route)).await;
        let before = failures().await;
        server.behave(*manners);
        until(&format!("{manners:?} is a failure of {source}"), PATIENCE, || async { failures().await > before }).await;
        let page = daemon.json(route).await.expect("the route answers");
        assert!(page["stale_because"].is_string(), "{source}, {manners:?}: it is not said to be out of date: {page}");
        assert!(page["version"].is_string(), "{source}, {manners:?}: the last good state is gone: {page}");
        let held = daemon.memory();
        assert!(held < MEMORY, "{source}, {manners:?}: {held:.0} MiB");
        server.behave(Manners::Well);
    }
    until(&format!("{source} is shown in the end"), PATIENCE, || fresh(&daemon, route)).await;
}

async fn fresh(daemon: &Daemon, route: &str) -> bool {
    daemon.json(route).await.is_some_and(|page| page["version"].is_string() && page["stale_because"].is_null())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_misbehaves_is_survived() {
    let Some(redis) = Redis::start(&[]) else { return };
    let port = redis.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let server = Rude::start(port).await;
    let journal = tempfile::tempdir().expect("a folder");
    let variables = [
        ("FLEETSCOPE_VALKEY__URL", format!("redis://{}", server.address())),
        ("FLEETSCOPE_VALKEY__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_VALKEY__TIMEOUT", "1s".to_owned()),
    ];
    treated("valkey", "/api/cache/activity", &server, journal.path(), &variables).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_that_misbehaves_is_survived() {
    let Some(held) = alone().await else { return };
    let neo4j = held.as_ref().expect("it runs");
    let port = neo4j.uri().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let server = Rude::start(port).await;
    let journal = tempfile::tempdir().expect("a folder");
    let variables = [
        ("FLEETSCOPE_NEO4J__URI", format!("bolt://{}", server.address())),
        ("FLEETSCOPE_NEO4J__PASSWORD_FILE", neo4j.password_file("password-rude", PASSWORD).display().to_string()),
        ("FLEETSCOPE_NEO4J__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_NEO4J__TIMEOUT", "2s".to_owned()),
    ];
    treated("neo4j", "/api/graph/nodes", &server, journal.path(), &variables).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_misbehaves_is_named() {
    let server = Moody::start().await;
    for (mood, reason) in FAULTS {
        server.mood(*mood);
        let folder = tempfile::tempdir().expect("a folder");
        let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server.url("")}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": "t"}}]});
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, kubeconfig.to_string()).expect("written");
        let variables = [
            ("FLEETSCOPE_KUBERNETES__NAMESPACES", "fleet".to_owned()),
            ("FLEETSCOPE_KUBERNETES__KUBECONFIG", path.display().to_string()),
        ];
        let daemon = started(&folder.path().join("journal"), &variables).await;
        let errors = format!("fleetscope_source_errors_total{{reason=\"{reason}\",source=\"kubernetes\"}}");
        until(&format!("{mood:?} is called {reason}"), PATIENCE, || async {
            daemon.sample(&errors).await >= Some(1.0)
        })
        .await;
        let page: Value = daemon.json("/api/kubernetes/pods").await.expect("the route answers");
        assert!(page["stale_because"].is_string(), "{mood:?}: {page}");
        let held = daemon.memory();
        assert!(*mood != Mood::Huge || held < MEMORY, "{mood:?}: {held:.0} MiB");
    }
}
