//! Tokens, roles, tickets, origins, hosts, and hostile requests.

use std::io::{Read, Write};

use fleetscope::config::Config;
use serde_json::{Value as Json, json};

use super::world::{BOUND, Socket, World, entry};

const VIEWER: &str = "viewer-0123456789abcdef";
const DEBUG: &str = "debug-0123456789abcdef";

struct Guarded {
    world: World,
    file: tempfile::NamedTempFile,
}

fn guarded() -> Guarded {
    guarded_with(|_| {})
}

fn guarded_with(configure: impl FnOnce(&mut Config)) -> Guarded {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    write!(file, "# roles\nviewer {VIEWER}\ndebug {DEBUG}\n").expect("written");
    let path = file.path().to_owned();
    let world = World::with(|config| {
        config.http.tokens_file = Some(path);
        configure(config);
    });
    Guarded { world, file }
}

async fn ask(world: &World, path: &str, token: &str) -> (u16, Json) {
    let response = world.http.get(world.url(path)).bearer_auth(token).send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.expect("a body")).unwrap_or(Json::Null))
}

#[tokio::test]
async fn a_token_opens_what_its_role_may_see() {
    let Guarded { world, .. } = &guarded();
    world.commit(|seq| vec![entry(seq, "US-1")]);
    assert_eq!(world.get("/api/events").await.0, 401);
    assert_eq!(ask(world, "/api/events", "wrong-0123456789abcdef").await.0, 401);
    assert_eq!(ask(world, "/api/events", VIEWER).await.0, 200);
    let (status, problem) = ask(world, "/api/events?payload=full", VIEWER).await;
    assert_eq!(status, 403);
    assert!(problem["detail"].as_str().is_some_and(|d| d.contains("debug")), "{problem}");
    assert_eq!(ask(world, "/api/feed?payload=full", VIEWER).await.0, 403);
    assert_eq!(ask(world, "/api/replay?payload=full", VIEWER).await.0, 403);
    let (_, full) = ask(world, "/api/events?payload=full", DEBUG).await;
    assert_eq!(full["items"][0]["data"]["n"], 1);
    let (_, shown) = ask(world, "/api/events/1", VIEWER).await;
    assert_eq!((&shown["data"], &shown["data_needs_role"]), (&Json::Null, &json!("debug")));
    let answer = |event: &Json| event["facts"]["proposal.content"].as_str().map(|t| t.chars().count());
    assert!(answer(&shown).is_some_and(|n| n <= 201), "{shown}");
    assert_eq!(answer(&ask(world, "/api/events/1", DEBUG).await.1), Some(500));
    for open in ["/", "/docs", "/app.js", "/drawer.js", "/metrics", "/live", "/ready"] {
        assert_ne!(world.get(open).await.0, 401, "{open}");
    }
}

#[tokio::test]
async fn metrics_can_be_closed() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "viewer {VIEWER}").expect("written");
    let path = file.path().to_owned();
    let world = World::with(|config| {
        config.http.tokens_file = Some(path);
        config.http.open_metrics = false;
    });
    assert_eq!(world.get("/metrics").await.0, 401);
    assert_eq!(ask(&world, "/metrics", VIEWER).await.0, 200);
}

#[tokio::test]
async fn tokens_are_read_again_and_a_broken_file_changes_nothing() {
    let Guarded { world, file } = &guarded();
    let until = |token: &'static str, wanted: u16| async move {
        let changed = async {
            while ask(world, "/api/agents", token).await.0 != wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(BOUND, changed).await.expect("the file is followed");
    };
    until(VIEWER, 200).await;
    std::fs::write(file.path(), "viewer rotated-0123456789abcdef\n").expect("written");
    until("rotated-0123456789abcdef", 200).await;
    assert_eq!(ask(world, "/api/agents", VIEWER).await.0, 401);
    std::fs::write(file.path(), "nonsense\n").expect("written");
    std::fs::write(file.path(), "viewer rotated-0123456789abcdef\ndebug another-0123456789abcdef\n").expect("written");
    until("another-0123456789abcdef", 200).await;
}

#[tokio::test]
async fn a_ticket_opens_the_feed_once() {
    let Guarded { world, .. } = &guarded();
    assert_eq!(world.get("/api/ticket").await.0, 401);
    let (_, ticket) = ask(world, "/api/ticket", VIEWER).await;
    assert_eq!((&ticket["required"], &ticket["role"]), (&json!(true), &json!("viewer")));
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "since": 0, "ticket": ticket["ticket"]})).await;
    assert_eq!(socket.frame().await.expect("hello")["type"], "hello");
    socket.live().await;
    let seq = world.entry("US-1");
    assert_eq!(socket.until(seq).await.0, [seq]);
    for kind in ["subscribe", "replay"] {
        socket.say(json!({"type": kind, "payload": "full"})).await;
        assert!(socket.next("error").await["detail"].as_str().is_some_and(|d| d.contains("debug")), "{kind}");
    }

    for first in [
        json!({"type": "subscribe", "ticket": ticket["ticket"]}),
        json!({"type": "subscribe"}),
        json!({"type": "ticket", "ticket": "guessed"}),
        json!("garbage"),
    ] {
        let mut socket = world.socket().await;
        socket.say(first.clone()).await;
        assert_eq!(socket.frame().await.expect("why")["type"], "error", "{first}");
        assert!(socket.frame().await.is_none(), "{first}: closed");
    }
    let with_token = format!("Bearer {DEBUG}");
    let mut proxied = world.try_socket(&[("authorization", &with_token)]).await.expect("a handshake");
    proxied.say(json!({"type": "subscribe"})).await;
    assert_eq!(proxied.frame().await.expect("why")["type"], "error", "a token does not replace the ticket");
}

/// A socket of whoever holds this token, let in by a ticket.
async fn entered(world: &World, token: &str) -> Socket {
    let (_, ticket) = ask(world, "/api/ticket", token).await;
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "since": 0, "ticket": ticket["ticket"]})).await;
    socket
}

#[tokio::test]
async fn who_has_not_shown_a_ticket_takes_no_seat() {
    // One address may have half of the seats: one.
    let Guarded { world, .. } = &guarded_with(|config| config.http.max_feed_clients = 2);
    let mut strangers = Vec::new();
    for _ in 0..4 {
        strangers.push(world.socket().await);
    }
    assert_eq!(ask(world, "/status", VIEWER).await.1["feed"]["clients"], 0);
    let mut first = entered(world, VIEWER).await;
    assert_eq!(first.frame().await.expect("hello")["type"], "hello");
    assert_eq!(ask(world, "/status", VIEWER).await.1["feed"]["clients"], 1);
    let mut second = entered(world, VIEWER).await;
    let why = second.frame().await.expect("why");
    assert!(why["type"] == "error" && why["detail"].as_str().is_some_and(|d| d.contains("full")), "{why}");
    assert!(second.frame().await.is_none(), "closed");
}

#[tokio::test]
async fn the_configuration_in_force_is_for_role_debug_and_without_secrets() {
    let Guarded { world, .. } = &guarded_with(|config| {
        config.otlp.endpoint = Some("https://tenant@traces.example/otlp?key=s3cr3t".parse().expect("a URL"));
        config.telemetry.endpoint = Some("http://collector:4317/?token=s3cr3t".parse().expect("a URL"));
        config.nats.url = Some("nats://a:4222, nats://tenant:s3cr3t@b:4222".to_owned());
        config.nats.streams = vec!["A".to_owned(), "B_*".to_owned()];
    });
    let (_, viewer) = ask(world, "/status", VIEWER).await;
    assert_eq!((&viewer["role"], viewer.get("config")), (&json!("viewer"), None));
    let (_, debug) = ask(world, "/status", DEBUG).await;
    let config = &debug["config"];
    assert_eq!(config["otlp"]["endpoint"], "https://[masked]@traces.example/otlp?[masked]");
    assert_eq!(config["telemetry"]["endpoint"], "http://collector:4317?[masked]");
    assert_eq!(config["nats"]["url"], "nats://a:4222,nats://[masked]@b:4222");
    assert_eq!(config["nats"]["streams"], json!(["A", "B_*"]));
    let kinds = (&config["nats"]["batch"], &config["nats"]["ack_tap"], &config["nats"]["creds_file"]);
    assert_eq!(kinds, (&json!(500), &json!(true), &Json::Null));
    for secret in ["s3cr3t", "tenant"] {
        assert!(!debug.to_string().contains(secret), "{secret}: {debug}");
    }
}

/// Reads until it ends.
async fn ends(response: reqwest::Response) {
    tokio::time::timeout(BOUND, response.text()).await.expect("the feed ends in time").expect("in order");
}

#[tokio::test]
async fn a_revoked_token_closes_its_feeds_and_voids_its_tickets() {
    let Guarded { world, file } = &guarded();
    world.entry("US-1");
    let stream = |token: &'static str, accept: &'static str| {
        world.http.get(world.url("/api/feed")).bearer_auth(token).header("accept", accept).send()
    };
    let lines = stream(VIEWER, "application/x-ndjson").await.expect("an answer");
    let events = stream(VIEWER, "text/event-stream").await.expect("an answer");
    let mut revoked = entered(world, VIEWER).await;
    let mut stays = entered(world, DEBUG).await;
    revoked.live().await;
    stays.live().await;
    let (_, unused) = ask(world, "/api/ticket", VIEWER).await;

    std::fs::write(file.path(), format!("debug {DEBUG}\n")).expect("written");
    while revoked.frame().await.is_some() {}
    ends(lines).await;
    ends(events).await;
    assert_eq!(world.metrics.feed.evicted.with_label_values(&["revoked"]).get(), 3);
    let mut late = world.socket().await;
    late.say(json!({"type": "subscribe", "ticket": unused["ticket"]})).await;
    assert_eq!(late.frame().await.expect("why")["type"], "error", "the ticket went with its token");
    assert!(late.frame().await.is_none(), "closed");

    let seq = world.entry("US-1");
    assert_eq!(stays.until(seq).await.0.last(), Some(&seq), "another token's feed goes on");
    let lesser = format!("viewer {DEBUG}\n");
    std::fs::write(file.path(), lesser).expect("written");
    while stays.frame().await.is_some() {}
}

#[tokio::test]
async fn a_foreign_origin_is_refused_everywhere() {
    let world = World::with(|config| config.http.allowed_origins = vec!["https://grafana.example".to_owned()]);
    let own = format!("http://{}", world.address);
    for (origin, allowed) in
        [("https://evil.example", false), ("null", false), ("https://grafana.example", true), (own.as_str(), true)]
    {
        assert_eq!(world.try_socket(&[("origin", origin)]).await.is_ok(), allowed, "{origin}");
        let request = world.http.get(world.url("/api/feed")).header("origin", origin);
        assert_eq!(request.send().await.expect("an answer").status() == 200, allowed, "{origin}");
    }
}

#[tokio::test]
async fn a_rebound_name_is_refused_with_the_remedy() {
    let world = World::start();
    let request = world.http.get(world.url("/api/events")).header("host", "evil.example:8080");
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 421);
    assert!(response.text().await.expect("a body").contains("http.tokens_file"));
}

/// Sends bytes as they are and reads what comes back before the connection closes.
fn raw(world: &World, bytes: &[u8]) -> String {
    let mut stream = std::net::TcpStream::connect(world.address).expect("connected");
    stream.set_read_timeout(Some(BOUND)).expect("set");
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn path_tricks_and_malformed_requests_reach_nothing() {
    let world = World::start();
    for path in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/app.js/../../x",
        "/api/events/../../status/x",
        "/api/agents/%00",
        "/api/agents/..%2f..%2fetc",
        "/api/stories/%ff",
        "/.git/config",
        "/APP.JS",
    ] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = raw(&world, head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        assert!(!answer.contains("root:"), "{path}");
    }
    let many = "x-many: y\r\n".repeat(200);
    for request in [
        format!("GET /live HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"),
        format!("GET /live?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(100_000)),
        "GET /live HTTP/1.1\r\nHost: a\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /live HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
        "NONSENSE\r\n\r\n".to_owned(),
    ] {
        let answer = raw(&world, request.as_bytes());
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    assert_eq!(world.get("/live").await.0, 200);
}

#[tokio::test]
async fn too_many_requests_are_told_to_wait() {
    let world = World::with(|config| config.http.max_requests_per_second = 5);
    let mut codes = Vec::new();
    for _ in 0..40 {
        codes.push(world.get("/live").await.0);
    }
    assert_eq!(codes[0], 200);
    assert!(codes.contains(&429), "{codes:?}");
}
