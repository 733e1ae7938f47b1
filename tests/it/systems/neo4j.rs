//! The graph, by a real Neo4j.

use serde_json::Value;

use super::faults::started;
use crate::servers::moody::PATIENCE;
use crate::servers::neo4j::{Neo4j, PASSWORD, alone};
use crate::support::daemon::Daemon;
use crate::support::until;

const NODES: &str = "/api/graph/nodes";

fn variables(server: &Neo4j, password: &str) -> Vec<(&'static str, String)> {
    let file = server.password_file(&format!("password-{}", fastrand::u64(..)), password);
    vec![
        ("FLEETSCOPE_NEO4J__URI", server.uri()),
        ("FLEETSCOPE_NEO4J__PASSWORD_FILE", file.display().to_string()),
        ("FLEETSCOPE_NEO4J__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_NEO4J__TIMEOUT", "5s".to_owned()),
    ]
}

async fn page(daemon: &Daemon, route: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let wanted = &wanted;
    until(what, PATIENCE, || async move { daemon.json(route).await.filter(wanted) }).await
}

fn label<'a>(page: &'a Value, name: &str) -> &'a Value {
    let labels = page["labels"].as_array();
    labels.and_then(|labels| labels.iter().find(|l| l["label"] == name)).unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_new_nodes_and_the_neighbourhood_of_a_story() {
    let Some(held) = alone().await else { return };
    let server = held.as_ref().expect("it runs");
    server
        .run(&[
            "CREATE (:Story {id: 's-1', state: 'DRAFT'})",
            "CREATE (:Story {story_id: 's-1', title: 'As a user', created_at: '2026-02-14T09:12:33Z'})",
            "MATCH (s:Story {id: 's-1'}) CREATE (:User {id: 'ana'})-[:CREATED]->(s), \
             (s)-[:HAS_TASK {decided_by: 'council-dev'}]->(:Task {id: 't-1', status: 'TODO', api_key: 'sk-abcdefghijklmnop1234567890'}), \
             (:AgentDeliberation {id: 'deliberation-1', agent_id: 'agent-dev-001', role: 'DEV', story_id: 's-1', \
              deliberated_at: datetime('2026-02-14T09:13:00Z')})-[:FOR_STORY]->(s)",
        ])
        .await;
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables(server, PASSWORD)).await;
    let seen = page(&daemon, NODES, "counts", |page| page["total_nodes"].as_u64() == Some(5)).await;
    assert!(seen["version"].as_str().is_some_and(|v| v.contains("5.26") && v.contains("community")), "{seen}");
    assert_eq!(
        (label(&seen, "Story")["count"].as_u64(), label(&seen, "Story")["new_nodes_by"].as_str()),
        (Some(2), Some("property"))
    );
    assert_eq!(label(&seen, "Task")["new_nodes_by"], "count");
    assert_eq!(label(&seen, "AgentDeliberation")["time_property"], "deliberated_at");
    assert_eq!(daemon.sample(r#"fleet_graph_nodes{label="Story"}"#).await, Some(2.0));
    assert_eq!(daemon.sample(r#"fleet_graph_relationships{type="HAS_TASK"}"#).await, Some(1.0));
    assert!(daemon.sample("fleet_graph_last_change_timestamp_seconds").await > Some(1e9));

    // New ones of both kinds of labels.
    server
        .run(&[
            "CREATE (:AgentDeliberation {id: 'deliberation-2', agent_id: 'agent-qa-001', role: 'QA', story_id: 's-1', \
             deliberated_at: datetime()})",
            "CREATE (:Task {id: 't-2'}), (:Task {id: 't-3'})",
        ])
        .await;
    let created = |label: &str| format!("fleet_graph_nodes_created_total{{label=\"{label}\"}}");
    for (name, count) in [("AgentDeliberation", 1.0), ("Task", 2.0), ("Story", 0.0)] {
        let name = created(name);
        until(&name, PATIENCE, || async { daemon.sample(&name).await == Some(count) }).await;
    }
    let events = "/api/events?source=Neo4j&type=graph.node.created&story=s-1&payload=full";
    let told =
        page(&daemon, events, "entries of the story", |p| p["items"].as_array().is_some_and(|i| i.len() >= 3)).await;
    let items = told["items"].as_array().expect("a list");
    let newest = items.iter().find(|item| item["summary"].as_str().is_some_and(|s| s.contains("deliberation-2")));
    let newest = newest.expect("the new deliberation is told");
    assert_eq!((&newest["agent_id"], &newest["role"]), (&"agent-qa-001".into(), &"QA".into()), "{newest}");
    assert_eq!(newest["data"]["created_by"], "agent-qa-001", "{newest}");

    // Both nodes of the story, and what is around them.
    let around = daemon.json(&format!("{NODES}?story=s-1")).await.expect("the story is there");
    let nodes = around["items"].as_array().expect("a list");
    let of = |label: &str| nodes.iter().filter(|n| n["labels"][0] == label).collect::<Vec<_>>();
    assert_eq!(
        (of("Story").len(), of("Task").len(), of("User").len(), of("AgentDeliberation").len()),
        (2, 1, 1, 1),
        "{around}"
    );
    assert_eq!((&of("Task")[0]["created_by"], &of("Task")[0]["mainstat"]), (&"council-dev".into(), &"TODO".into()));
    assert!(!around.to_string().contains("sk-abcdefghijklmnop"), "{around}");
    let planned = of("Story").into_iter().find(|story| story["properties"]["id"] == "s-1").expect("planning's node");
    assert_eq!(planned["created_by"], "ana", "{planned}");
    let unsigned = of("Story").into_iter().find(|story| story["properties"]["id"].is_null()).expect("context's node");
    assert_eq!(unsigned["created_by_not_available"]["code"], "not_recorded", "{unsigned}");
    assert_eq!(planned["created_at_not_available"]["code"], "not_recorded", "{planned}");
    let edges = daemon.json("/api/graph/edges?story=s-1").await.expect("the story is there");
    let edges = edges["items"].as_array().expect("a list").clone();
    let kinds: std::collections::BTreeSet<_> = edges.iter().filter_map(|e| e["mainstat"].as_str()).collect();
    assert_eq!(kinds, ["CREATED", "FOR_STORY", "HAS_TASK"].into());
    for edge in &edges {
        let ends = [&edge["source"], &edge["target"]];
        assert!(
            ends.iter().all(|end| nodes.iter().any(|node| node["id"] == **end)),
            "an edge without its ends: {edge}"
        );
    }
    let id = of("Task")[0]["id"].as_str().expect("an id").to_owned();
    let one = daemon.json(&format!("{NODES}/{id}")).await.expect("the node is there");
    assert_eq!((&one["node"]["title"], one["edges"].as_array().map(Vec::len)), (&"t-1".into(), Some(1)), "{one}");
    for (route, status) in [("?story=no-such", 404), ("/4:nobody:1", 404), ("?colour=red", 400)] {
        assert_eq!(daemon.answer(&format!("{NODES}{route}")).await.expect("an answer").0, status, "{route}");
    }
    assert_eq!(daemon.answer("/api/graph/edges").await.expect("an answer").0, 400);

    // After a restart of ours nothing is told twice.
    let before = items.len();
    assert!(daemon.stop().await.success());
    let daemon = started(journal.path(), &variables(server, PASSWORD)).await;
    page(&daemon, NODES, "counts again", |page| page["total_nodes"].as_u64() == Some(8)).await;
    let duplicates = r#"fleetscope_events_total{outcome="duplicate",source="neo4j"}"#;
    until("what was told is known", PATIENCE, || async { daemon.sample(duplicates).await >= Some(3.0) }).await;
    let told = daemon.json(events).await.expect("the route answers");
    assert_eq!(told["items"].as_array().map(Vec::len), Some(before), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_given_up_in_time() {
    let Some(held) = alone().await else { return };
    let server = held.as_ref().expect("it runs");
    server.run(&["CREATE (:Story {id: 's-1'})"]).await;
    let journal = tempfile::tempdir().expect("a folder");
    let mut variables = variables(server, PASSWORD);
    variables.push(("FLEETSCOPE_NEO4J__TIMEOUT", "1s".to_owned()));
    let daemon = started(journal.path(), &variables).await;
    let seen = |page: &Value| page["total_nodes"].as_u64() == Some(1) && page["stale_because"].is_null();
    page(&daemon, NODES, "it is seen", seen).await;
    server.signal("-STOP");
    let timeouts = r#"fleetscope_source_errors_total{reason="timeout",source="neo4j"}"#;
    let before = daemon.sample(timeouts).await.unwrap_or(0.0);
    // The second is that of a connection made anew, whose handshake nobody answers.
    until("it is given up twice", PATIENCE, || async { daemon.sample(timeouts).await >= Some(before + 2.0) }).await;
    let stale = daemon.json(NODES).await.expect("the route answers");
    let answer = daemon.answer(&format!("{NODES}?story=s-1")).await.expect("an answer");
    server.signal("-CONT");
    assert!(stale["stale_because"].is_string() && stale["total_nodes"].as_u64() == Some(1), "{stale}");
    assert_eq!(answer.0, 503, "{}", answer.1);
    page(&daemon, NODES, "it is back", seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_sent_once_and_locks_nobody_out() {
    let Some(held) = alone().await else { return };
    let server = held.as_ref().expect("it runs");
    let journal = tempfile::tempdir().expect("a folder");
    let variables = variables(server, "wrong-one");
    let file = std::path::PathBuf::from(&variables[1].1);
    let daemon = started(journal.path(), &variables).await;
    let refused = r#"fleetscope_source_errors_total{reason="unauthorized",source="neo4j"}"#;
    // Three tries lock the user: by then the right password would be refused too.
    until("it is refused four times", PATIENCE, || async { daemon.sample(refused).await >= Some(4.0) }).await;
    server.run(&["RETURN 1"]).await;
    std::fs::write(&file, PASSWORD).expect("written");
    page(&daemon, NODES, "the new password is found", |page| page["stale_because"].is_null()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_listens_and_is_no_neo4j_is_told() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let refused = crate::support::free_port();
    let port = silent.local_addr().expect("bound").port();
    for (port, reason) in [(port, "timeout"), (refused, "unreachable")] {
        let journal = tempfile::tempdir().expect("a folder");
        let variables = [
            ("FLEETSCOPE_NEO4J__URI", format!("bolt://127.0.0.1:{port}")),
            ("FLEETSCOPE_NEO4J__POLL_INTERVAL", "500ms".to_owned()),
            ("FLEETSCOPE_NEO4J__TIMEOUT", "500ms".to_owned()),
        ];
        let daemon = started(journal.path(), &variables).await;
        let errors = format!("fleetscope_source_errors_total{{reason=\"{reason}\",source=\"neo4j\"}}");
        until(reason, PATIENCE, || async { daemon.sample(&errors).await >= Some(2.0) }).await;
    }
}
