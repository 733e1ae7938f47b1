//! Valkey, by a real redis-server.

use std::time::Duration;

use serde_json::Value;

use super::faults::started;
use crate::servers::moody::PATIENCE;
use crate::servers::redis::Redis;
use crate::support::daemon::Daemon;
use crate::support::until;

const KEYS: &str = "/api/cache/keys";
const ACTIVITY: &str = "/api/cache/activity";

fn variables(url: String) -> Vec<(&'static str, String)> {
    vec![
        ("FLEETSCOPE_VALKEY__URL", url),
        ("FLEETSCOPE_VALKEY__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_VALKEY__TIMEOUT", "1s".to_owned()),
    ]
}

/// A page of the API once it is as wanted.
async fn page(daemon: &Daemon, route: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let wanted = &wanted;
    let look = || async move { daemon.json(route).await.filter(wanted) };
    until(what, PATIENCE, look).await
}

async fn entries(daemon: &Daemon, kind: &str, wanted: usize) -> Vec<Value> {
    let route = format!("/api/events?source=ValKey&type={kind}&payload=full");
    let enough = |page: &Value| page["items"].as_array().is_some_and(|items| items.len() >= wanted);
    let page = page(daemon, &route, &format!("{wanted} entries {kind}"), enough).await;
    page["items"].as_array().expect("a list").clone()
}

fn count(page: &Value, prefix: &str) -> u64 {
    let prefixes = page["prefixes"].as_array().cloned().unwrap_or_default();
    prefixes.iter().find(|p| p["key_prefix"] == prefix).and_then(|p| p["keys"].as_u64()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_counted_sampled_and_looked_up() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut commands: Vec<String> = (0..300).map(|n| format!("HSET planning:story:s-{n} title x")).collect();
    commands.extend((0..40).map(|n| format!("SET planning:story:s-{n}:state DRAFT")));
    commands.push("SET workflow:state:t-1 {} EX 3600".to_owned());
    commands.push("SET odd:one 1".to_owned());
    commands.push("GET odd:one".to_owned());
    commands.push("GET nothing".to_owned());
    redis.commands(&commands.iter().map(String::as_str).collect::<Vec<_>>());
    let journal = tempfile::tempdir().expect("a folder");
    // A budget below the number of keys: a round takes more than one poll.
    let mut variables = variables(redis.url());
    variables.push(("FLEETSCOPE_VALKEY__SCAN_BUDGET", "100".to_owned()));
    let daemon = started(journal.path(), &variables).await;
    let partial = page(&daemon, KEYS, "keys are counted", |page| page["scan"]["seen"].as_u64() > Some(0)).await;
    assert_eq!(
        (&partial["scan"]["not_available"]["code"], count(&partial, "planning:story:*")),
        (&"counting".into(), 0)
    );
    let whole = page(&daemon, KEYS, "a round is complete", |page| page["scan"]["rounds"].as_u64() >= Some(1)).await;
    let counts = ["planning:story:*", "planning:story:*:state", "workflow:state:*", "other"].map(|p| count(&whole, p));
    assert_eq!(counts, [300, 40, 1, 1], "{whole}");
    assert_eq!(daemon.sample(r#"fleet_cache_keys{key_prefix="planning:story:*"}"#).await, Some(300.0));
    assert!(daemon.sample("fleet_cache_hits_total").await >= Some(1.0));
    assert!(daemon.sample("fleet_cache_misses_total").await >= Some(1.0));
    assert_eq!(daemon.sample(r#"fleet_cache_commands_total{command="hset"}"#).await, Some(300.0));
    let sample = whole["items"].as_array().expect("a list");
    let kinds: Vec<_> = sample.iter().filter_map(|key| key["type"].as_str()).collect();
    assert!(kinds.contains(&"hash") && sample.len() <= 23 * 4, "{whole}");
    let key = daemon.json(&format!("{KEYS}/workflow:state:t-1")).await.expect("the key is there");
    assert_eq!((&key["type"], &key["key_prefix"]), (&"string".into(), &"workflow:state:*".into()));
    assert!(key["ttl_seconds"].as_f64() > Some(3500.0) && key["memory_bytes"].as_u64() > Some(0), "{key}");
    assert_eq!(daemon.answer(&format!("{KEYS}/no:such:key")).await.expect("an answer").0, 404);
    let activity = daemon.json(ACTIVITY).await.expect("the route answers");
    assert_eq!(activity["top"]["not_available"]["code"], "policy_not_lfu", "{activity}");
    assert_eq!(activity["events"]["not_available"]["code"], "not_enabled", "{activity}");
    assert!(activity["ops_per_second"].as_f64() > Some(0.0), "{activity}");
    // Nothing was changed there, and no command was sent that holds the server up.
    let info = redis.commands(&["INFO commandstats", "CONFIG GET notify-keyspace-events"]);
    for forbidden in ["cmdstat_keys", "cmdstat_monitor", "cmdstat_config|set", "cmdstat_flush"] {
        assert!(!info.contains(forbidden), "{info}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_keys_are_told_with_their_names() {
    let options = ["--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru", "--notify-keyspace-events", "Ee"];
    let Some(redis) = Redis::start(&options) else { return };
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables(redis.url())).await;
    page(&daemon, ACTIVITY, "it listens", |page| {
        page["stale_because"].is_null() && page["events"]["not_available"].is_null()
    })
    .await;
    let value = "v".repeat(4096);
    let commands: Vec<String> = (0..1_000).map(|n| format!("SET planning:story:s-{n} {value}")).collect();
    redis.commands(&commands.iter().map(String::as_str).collect::<Vec<_>>());
    let told = entries(&daemon, "cache.evicted", 1).await;
    assert_eq!(told[0]["severity"], "error", "{told:?}");
    assert!(told[0]["data"]["evicted"].as_u64() > Some(0), "{told:?}");
    let names = told.iter().flat_map(|entry| entry["data"]["keys"].as_array().cloned().unwrap_or_default());
    assert!(
        names.into_iter().any(|name| name.as_str().is_some_and(|n| n.starts_with("planning:story:s-"))),
        "{told:?}"
    );
    assert_eq!(entries(&daemon, "cache.memory_near_limit", 1).await[0]["severity"], "warning");
    assert!(daemon.sample("fleet_cache_evictions_total").await > Some(0.0));
    let heard = page(&daemon, ACTIVITY, "it was heard", |page| page["events"]["counts"]["evicted"].is_u64()).await;
    assert_eq!(heard["events"]["recent"][0]["event"], "evicted", "{heard}");
    redis.commands(&["CONFIG SET notify-keyspace-events \"\""]);
    let off = |page: &Value| page["events"]["not_available"]["code"] == "not_enabled";
    page(&daemon, ACTIVITY, "it is told that events are off", off).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn use_is_told_under_an_lfu_policy() {
    let Some(redis) = Redis::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lfu"]) else { return };
    redis.commands(&["SET cold 1", "SET hot 1"]);
    redis.commands(&vec!["GET hot"; 500]);
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables(redis.url())).await;
    let top =
        page(&daemon, ACTIVITY, "keys by use", |page| page["top"]["keys"].as_array().is_some_and(|k| k.len() == 2));
    let top = top.await;
    assert_eq!(top["top"]["keys"][0]["key"], "hot", "{top}");
    assert!(top["top"]["keys"][0]["frequency"].as_u64() > top["top"]["keys"][1]["frequency"].as_u64(), "{top}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_told_and_takes_nothing_from_the_counters() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    redis.commands(&["SET a 1", "GET a", "GET a", "GET a", "GET a", "GET a"]);
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables(redis.url())).await;
    until("hits are counted", PATIENCE, || async { daemon.sample("fleet_cache_hits_total").await == Some(5.0) }).await;
    redis.kill();
    let down = |page: &Value| page["stale_because"].is_string();
    let away = page(&daemon, ACTIVITY, "it is away", down).await;
    assert!(away["version"].as_str().is_some_and(|v| v.starts_with("redis")), "the last good state is gone: {away}");
    let unreachable = r#"fleetscope_source_errors_total{reason="unreachable",source="valkey"}"#;
    until("it is called unreachable", PATIENCE, || async { daemon.sample(unreachable).await >= Some(1.0) }).await;
    redis.restart();
    redis.commands(&["SET a 1", "GET a", "GET a"]);
    until("hits go on", PATIENCE, || async { daemon.sample("fleet_cache_hits_total").await == Some(7.0) }).await;
    assert_eq!(entries(&daemon, "cache.restarted", 1).await.len(), 1);
    page(&daemon, ACTIVITY, "it is back", |page| page["stale_because"].is_null()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_given_up_in_time() {
    let Some(redis) = Redis::start(&[]) else { return };
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables(redis.url())).await;
    page(&daemon, ACTIVITY, "it is seen", |page| page["stale_because"].is_null()).await;
    redis.signal("-STOP");
    let timeouts = r#"fleetscope_source_errors_total{reason="timeout",source="valkey"}"#;
    // The second one is that of a connection made anew: the kernel accepts it, nobody answers.
    until("it is given up twice", PATIENCE, || async { daemon.sample(timeouts).await >= Some(2.0) }).await;
    let (status, _) = daemon.answer(&format!("{KEYS}/a")).await.expect("an answer");
    assert_eq!(status, 503);
    redis.signal("-CONT");
    page(&daemon, ACTIVITY, "it is back", |page| page["stale_because"].is_null()).await;
    // Connections that were given up are closed, not left behind.
    until("no connection is left behind", PATIENCE, || async {
        redis.commands(&["CLIENT LIST"]).lines().filter(|line| line.contains("addr=")).count() <= 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_sent_once_and_a_new_one_found() {
    let Some(redis) = Redis::start(&["--requirepass", "right-one"]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "wrong-one\n").expect("written");
    let mut variables = variables(redis.url());
    variables.push(("FLEETSCOPE_VALKEY__PASSWORD_FILE", file.display().to_string()));
    let daemon = started(&folder.path().join("journal"), &variables).await;
    let refused = r#"fleetscope_source_errors_total{reason="unauthorized",source="valkey"}"#;
    until("it is refused three times", PATIENCE, || async { daemon.sample(refused).await >= Some(3.0) }).await;
    let stats = redis.commands(&["AUTH right-one", "INFO commandstats"]);
    let tries =
        stats.lines().find_map(|l| l.strip_prefix("cmdstat_auth:calls=")?.split(',').next()?.parse::<u32>().ok());
    // One of them is this test's own.
    assert!(tries <= Some(3), "{tries:?} sign-ins in\n{stats}");
    std::fs::write(&file, "right-one\n").expect("written");
    let bound = Duration::from_secs(30);
    let seen = || async { daemon.json(ACTIVITY).await.is_some_and(|page| page["stale_because"].is_null()) };
    until("the new password is found", bound, seen).await;
}
