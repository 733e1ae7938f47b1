//! `fleetscope events` against the API.

use std::process::{Output, Stdio};

use http::Method;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::world::{BOUND, World, entry};

fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetscope"));
    command.args(["events", "--url", &world.url("/")]).args(arguments);
    command.env_remove("HTTP_PROXY").env_remove("http_proxy").stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn run(world: &World, arguments: &[&str]) -> Output {
    tokio::time::timeout(BOUND, command(world, arguments).output()).await.expect("in time").expect("it runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

fn filled() -> World {
    let world = World::start();
    world.commit(|seq| (0..1200).map(|n| entry(seq + n, if n < 1190 { "US-1" } else { "US-2" })).collect());
    world
}

fn seqs(out: &Output) -> Vec<u64> {
    let lines = text(&out.stdout).lines().map(|line| serde_json::from_str::<Json>(line).expect("JSON"));
    lines.map(|event| event["seq"].as_u64().expect("a seq")).collect()
}

#[tokio::test]
async fn events_are_listed_for_people_and_for_programs() {
    let world = filled();
    let out = run(&world, &["--filter", "story:US-2 -role:QA severity:error", "--json"]).await;
    assert_eq!((seqs(&out), text(&out.stderr)), (vec![1200], ""));
    let out = run(&world, &["--filter", "-role:QA", "-n", "3", "--json"]).await;
    assert_eq!(seqs(&out), [1196, 1198, 1200], "the newest, oldest first");
    let out = run(&world, &["-n", "1100", "--json"]).await;
    assert_eq!(seqs(&out), (101..=1200).collect::<Vec<_>>(), "over several pages");
    let out = run(&world, &["--filter", "story:US-2", "-n", "2"]).await;
    let lines: Vec<&str> = text(&out.stdout).lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains("error") && lines[1].contains("agent.response.completed") && lines[1].contains("US-2"));
    assert!(lines[1].ends_with("answer 1200 of agent-dev-001"), "{}", lines[1]);
}

#[tokio::test]
async fn a_saved_search_is_used_by_name_and_narrowed_further() {
    let world = filled();
    let body = json!({"filter": "story:US-2"}).to_string();
    let put = world.http.request(Method::PUT, world.url("/api/searches/second")).body(body).send().await;
    assert!(put.expect("an answer").status().is_success());
    let out = run(&world, &["--saved", "second", "--filter", "severity:error", "--json"]).await;
    assert_eq!(seqs(&out), [1195, 1200]);
    let out = run(&world, &["--saved", "third"]).await;
    assert!(!out.status.success() && text(&out.stderr).contains("saved search `third` is not known"));
}

#[tokio::test]
async fn what_is_wrong_is_marked_and_told() {
    let world = filled();
    let out = run(&world, &["--filter", "role:DEV stroy:s-1"]).await;
    let told = text(&out.stderr);
    assert!(!out.status.success() && told.contains("did you mean story?"), "{told}");
    assert!(told.ends_with("\n  role:DEV stroy:s-1\n           ^^^^^\n"), "{told}");
    let out = run(&world, &["--filter", &"x".repeat(100_000)]).await;
    assert!(text(&out.stderr).contains("at most 4096 bytes"), "{}", text(&out.stderr));
    let out = run(&world, &["--since", "yesterday"]).await;
    assert!(text(&out.stderr).contains("a time ago such as 5m"), "{}", text(&out.stderr));
    let out = run(&world, &["--since", "1m", "--until", "1h"]).await;
    assert!(text(&out.stderr).contains("before `since`"), "{}", text(&out.stderr));
    let out = run(&world, &["--token-file", "/nowhere/token"]).await;
    assert!(text(&out.stderr).contains("/nowhere/token cannot be read"), "{}", text(&out.stderr));
    let token = tempfile::NamedTempFile::new().expect("a file");
    let out = run(&world, &["--token-file", &token.path().display().to_string()]).await;
    assert!(text(&out.stderr).contains("is empty"), "{}", text(&out.stderr));
}

#[tokio::test]
async fn what_comes_is_followed_without_a_hole() {
    let world = filled();
    let mut child = command(&world, &["--filter", "severity:error", "-n", "2", "--follow", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = async || {
        let line = tokio::time::timeout(BOUND, lines.next_line()).await.expect("in time").expect("readable");
        let event: Json = serde_json::from_str(&line.expect("it goes on")).expect("JSON");
        event["seq"].as_u64().expect("a seq")
    };
    assert_eq!((next().await, next().await), (1195, 1200));
    world.commit(|seq| (0..10).map(|n| entry(seq + n, "US-3")).collect());
    assert_eq!((next().await, next().await), (1205, 1210));
    child.kill().await.expect("ended");
}

#[tokio::test]
async fn history_is_played_once_more() {
    let world = filled();
    let play = async |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetscope"));
        command.args(["replay", "--url", &world.url("/")]).args(arguments).env_remove("http_proxy");
        command.stdin(Stdio::null()).kill_on_drop(true);
        tokio::time::timeout(BOUND, command.output()).await.expect("it ends").expect("it runs")
    };
    let out = play(&["--speed", "max", "--json"]).await;
    assert_eq!(seqs(&out), (1..=1200).collect::<Vec<_>>(), "{}", text(&out.stderr));
    let out = play(&["--speed", "1000", "--filter", "story:US-2 -role:QA"]).await;
    let lines: Vec<&str> = text(&out.stdout).lines().collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("US-2")), "{lines:?}");
    for (arguments, said) in [
        (vec!["--speed", "fast"], "0.1 to 1000, or max"),
        (vec!["--longest-wait", "long"], "longest_wait"),
        (vec!["--filter", "stroy:US-1"], "did you mean story"),
        (vec!["--since", "1h", "--until", "2h"], "until"),
    ] {
        let out = play(&arguments).await;
        assert_eq!(out.status.code(), Some(1), "{arguments:?}");
        assert!(text(&out.stderr).contains(said), "{arguments:?}: {}", text(&out.stderr));
    }
}
