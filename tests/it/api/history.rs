//! Lists, filters, cursors, single things, and what is refused.

use std::collections::BTreeSet;

use fleetscope::model::{AgentView, Change, ConsumerInfo, ConsumersReport, StoryView, StreamInfo, StreamsReport};
use fleetscope::status::Health;
use http::Method;
use serde_json::{Value as Json, json};

use super::world::{World, acked, at, entry, with_payload};

#[tokio::test]
async fn filters_narrow_and_combine() {
    let world = World::start();
    world.commit(|seq| (0..20).map(|n| entry(seq + n, if n < 10 { "US-1" } else { "US-2" })).collect());
    assert_eq!(world.seqs("/api/events?limit=3").await, [20, 19, 18]);
    assert_eq!(world.seqs("/api/events?story=US-1&order=asc&limit=2").await, [1, 2]);
    assert_eq!(world.seqs("/api/events?story=US-1,US-2&role=dev&limit=2").await, [20, 18]);
    assert_eq!(world.seqs("/api/events?story=US-1&story=US-2&type=planning.*&limit=2").await, [19, 17]);
    assert_eq!(world.seqs("/api/events?severity=error").await, [20, 15, 10, 5]);
    assert_eq!(world.seqs("/api/events?q=%22N%22:7%7D").await, [7]);
    assert_eq!(world.seqs("/api/events?task=T-3&agent=agent-dev-001&source=nats&producer=ray-executor").await, [3]);
    assert_eq!(world.seqs(&format!("/api/events?since={}&until={}", at(4), at(6))).await, [5, 4]);
    assert!(world.seqs("/api/events?since=5m").await.is_empty());
}

#[tokio::test]
async fn pages_are_whole_and_without_repetition() {
    let world = World::start();
    world.commit(|seq| (0..250).map(|n| entry(seq + n, "US-1")).collect());
    for order in ["asc", "desc"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let (status, body) = world.get(&format!("/api/events?limit=120&order={order}{cursor}")).await;
            assert_eq!(status, 200, "{body}");
            seen.extend(body["items"].as_array().expect("a list").iter().map(|i| i["seq"].as_u64().expect("seq")));
            match body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if order == "desc" {
            seen.reverse();
        }
        assert_eq!(seen, (1..=250).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_page_of_large_payloads_ends_early_and_goes_on() {
    let world = World::start();
    let big = format!("{{\"text\":\"{}\"}}", "x".repeat(1 << 20));
    world.commit(|seq| (0..20).map(|n| with_payload(seq + n, "US-1", big.clone())).collect());
    let (_, first) = world.get("/api/events?payload=full&order=asc").await;
    let count = first["items"].as_array().expect("a list").len();
    assert!((7..=9).contains(&count), "{count}");
    let next = first["next"].as_str().expect("more");
    let rest = world.seqs(&format!("/api/events?order=asc&cursor={next}")).await;
    assert_eq!(rest.first(), Some(&(count as u64 + 1)));
    assert_eq!(rest.last(), Some(&20));
}

#[tokio::test]
async fn what_is_wrong_is_named_with_what_is_allowed() {
    let world = World::start();
    for (path, parameter, allowed) in [
        ("/api/events?storry=1", "storry", "story"),
        ("/api/events?limit=0", "limit", "1 to 1000"),
        ("/api/events?limit=many", "limit", "1 to 1000"),
        ("/api/events?source=mainframe", "source", "ValKey"),
        ("/api/events?severity=bad", "severity", "warning"),
        ("/api/events?since=yesterday", "since", "5m"),
        ("/api/events?since=1m&until=5m", "until", "later"),
        ("/api/events?cursor=zz", "cursor", "next"),
        ("/api/events?order=up", "order", "asc"),
        ("/api/events?payload=all", "payload", "full"),
        ("/api/events/abc", "seq", "seq"),
        ("/api/stories?cursor=q", "cursor", "next"),
        ("/api/agents?limit=5", "limit", "no parameters"),
        ("/api/feed?until=5m", "until", "/api/events"),
        ("/api/feed?bogus=1", "bogus", "story"),
    ] {
        let response = world.http.get(world.url(path)).send().await.expect("an answer");
        assert_eq!(response.status(), 400, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        let body: Json = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
        assert_eq!(body["parameter"], parameter, "{path}: {body}");
        assert!(body["allowed"].as_str().is_some_and(|a| a.contains(allowed)), "{path}: {body}");
    }
    assert_eq!(world.get("/api/events/77").await.0, 404);
    assert_eq!(world.get("/api/stories/none").await.0, 404);
    assert_eq!(world.get("/api/stories/none/trace").await.0, 404);
    let posted = world.http.post(world.url("/api/events")).body("x").send().await.expect("an answer");
    assert_eq!(posted.status(), 405);
}

#[tokio::test]
async fn an_event_tells_deliveries_seen_and_derived() {
    let world = World::start();
    world.commit(|seq| vec![entry(seq, "US-1"), entry(seq + 1, "US-1"), acked(seq + 2, 2, "US-1", "context")]);
    let consumer = |name: &str, filter: &str, delivered_seq, ack_floor_seq| ConsumerInfo {
        name: name.into(),
        filters: vec![filter.into()],
        delivered_seq,
        ack_floor_seq,
        ..ConsumerInfo::default()
    };
    let consumers = vec![
        consumer("context", "agent.>", 2, 2),
        consumer("settled", "agent.response.completed", 2, 2),
        consumer("delivered", ">", 2, 1),
        consumer("pending", "agent.*.completed", 1, 1),
        consumer("elsewhere", "planning.>", 2, 2),
    ];
    let stream = StreamInfo { name: "AGENT_RESPONSES".into(), ..StreamInfo::default() };
    world.board.streams(StreamsReport { at: at(9), streams: vec![stream] });
    world.board.consumers(ConsumersReport { stream: "AGENT_RESPONSES".into(), at: at(9), consumers, tapped: true });
    let (_, event) = world.get("/api/events/2").await;
    let told = json!([
        {"consumer": "context", "state": "acked", "attempts": 1, "latency_ms": 15.0},
        {"consumer": "settled", "state": "settled", "attempts": 1, "latency_ms": null},
        {"consumer": "delivered", "state": "delivered", "attempts": 1, "latency_ms": null},
        {"consumer": "pending", "state": "pending", "attempts": 0, "latency_ms": null},
    ]);
    assert_eq!(event["deliveries"], told);
    assert_eq!(event["data"], json!({"story_id": "US-1", "n": 2}));
    assert_eq!(event["facts"]["story_id"], "US-1");
    assert_eq!(event["trace_id"].as_str().map(str::len), Some(32));
    assert_eq!(world.get("/api/events/3").await.0, 404, "a delivery is no event");
}

#[tokio::test]
async fn a_payload_that_is_no_json_is_text_and_json_stays_on_one_line() {
    let world = World::start();
    world.commit(|seq| {
        vec![
            with_payload(seq, "US-1", "not {json".to_owned()),
            with_payload(seq + 1, "US-1", "{\r\n \"a\": \"b\\nc\"\n}".to_owned()),
        ]
    });
    let response = world.http.get(world.url("/api/events?payload=full&order=asc")).send().await.expect("an answer");
    let text = response.text().await.expect("a body");
    assert!(!text.contains('\n'));
    let body: Json = serde_json::from_str(&text).expect("JSON");
    assert_eq!(body["items"][0]["data"], "not {json");
    assert_eq!(body["items"][1]["data"], json!({"a": "b\nc"}));
}

#[tokio::test]
async fn stories_are_live_first_then_closed() {
    let world = World::start();
    let story = |id: &str, seq| StoryView { story_id: id.into(), last_event: at(seq), ..StoryView::default() };
    for n in 0..5 {
        world.close(story(&format!("old-{n}"), n));
    }
    world.close(story("live-1", 1));
    let changes = (0..5).map(|n| Change::Story(story(&format!("live-{n}"), 10 + n).into())).collect();
    world.board.apply(changes, at(20));
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, body) = world.get(&format!("/api/stories?limit=2{cursor}")).await;
        assert_eq!(status, 200, "{body}");
        seen.extend(body["items"].as_array().expect("a list").iter().map(|s| s["story_id"].clone()));
        match body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(
        json!(seen),
        json!(["live-4", "live-3", "live-2", "live-1", "live-0", "old-4", "old-3", "old-2", "old-1", "old-0"])
    );
    assert_eq!(world.get("/api/stories/live-2").await.1["last_event"], at(12).to_string());
    assert_eq!(world.get("/api/stories/old-2").await.1["story_id"], "old-2");
}

#[tokio::test]
async fn a_storys_trace_is_made_of_its_records() {
    let world = World::start();
    world.commit(|seq| vec![entry(seq, "US/1"), entry(seq + 1, "other"), acked(seq + 2, 1, "US/1", "context")]);
    let (status, body) = world.get("/api/stories/US%2F1/trace").await;
    assert_eq!((status, &body["n"], &body["t"]), (200, &json!(2), &json!(1)));
}

#[tokio::test]
async fn a_storys_trace_that_was_cut_says_so() {
    let story = |seq| entry(seq, if seq == 1 { "short" } else { "long" });
    let world = World::holding((1..=20_002).map(story).collect(), |_| {});
    for (name, cut) in [("short", None), ("long", Some("true"))] {
        let response = world.http.get(world.url(&format!("/api/stories/{name}/trace"))).send().await;
        let response = response.expect("an answer");
        let told = response.headers().get("x-fleetscope-truncated").map(|v| v.to_str().expect("text").to_owned());
        assert_eq!((response.status().as_u16(), told.as_deref()), (200, cut), "{name}");
    }
}

#[tokio::test]
async fn state_comes_from_the_board() {
    let world = World::start();
    let agent =
        AgentView { agent_id: "agent-dev-001".into(), role: "DEV".into(), since: at(1), ..AgentView::default() };
    world.board.apply(vec![Change::Agent(agent.into())], at(2));
    assert_eq!(world.items("/api/agents").await[0]["since"], at(1).to_string());
    assert_eq!(world.get("/api/agents/agent-dev-001").await.1["state"], "idle");
    assert_eq!(world.get("/api/agents/nobody").await.0, 404);
    for path in ["/api/councils", "/api/deliberations", "/api/consumers", "/api/streams"] {
        assert!(world.items(path).await.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn health_tells_what_is_not_ready() {
    let world = World::start();
    world.status.require("journal");
    let (status, body) = world.get("/ready").await;
    assert_eq!((status, &body["not_ready"][0]["part"]), (503, &json!("journal")));
    world.status.report("journal", Health::Up, "open");
    assert_eq!(world.get("/ready").await.0, 200);
    assert_eq!(world.get("/live").await.0, 200);
    world.entry("US-1");
    let (_, status) = world.get("/status").await;
    assert_eq!(status["journal"]["last_seq"], 1);
    assert_eq!(status["role"], "debug");
    assert_eq!(status["parts"]["journal"]["health"], "up");
    let (_, page) = world.get("/metrics").await;
    assert!(page.as_str().expect("text").contains("fleetscope_http_requests_total{code=\"200\",route=\"/status\"} 1"));
}

#[tokio::test]
async fn every_documented_route_is_served_and_every_served_one_documented() {
    let document: Json = serde_json::from_str(&fleetscope::api::openapi()).expect("JSON");
    let documented: BTreeSet<&str> = document["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
    let wanted = [
        "/",
        "/api/agents",
        "/api/agents/{id}",
        "/api/alerts",
        "/api/cache/activity",
        "/api/cache/keys",
        "/api/cache/keys/{key}",
        "/api/compare",
        "/api/components",
        "/api/consumers",
        "/api/councils",
        "/api/debug/config",
        "/api/deliberations",
        "/api/errors",
        "/api/events",
        "/api/events/facets",
        "/api/events/histogram",
        "/api/events/{seq}",
        "/api/events/{seq}/raw",
        "/api/export",
        "/api/feed",
        "/api/gpus",
        "/api/graph/edges",
        "/api/graph/nodes",
        "/api/graph/nodes/{id}",
        "/api/kubernetes/pods",
        "/api/kubernetes/pods/{namespace}/{name}/logs",
        "/api/kubernetes/rayclusters",
        "/api/kubernetes/rayjobs",
        "/api/kubernetes/workloads",
        "/api/llm/requests",
        "/api/metrics/vllm",
        "/api/ray/cluster",
        "/api/ray/jobs",
        "/api/ray/jobs/{id}",
        "/api/ray/jobs/{id}/logs",
        "/api/replay",
        "/api/report",
        "/api/searches",
        "/api/searches/{name}",
        "/api/stories",
        "/api/stories/{id}",
        "/api/stories/{id}/report",
        "/api/stories/{id}/timeline",
        "/api/stories/{id}/trace",
        "/api/streams",
        "/api/ticket",
        "/app.js",
        "/drawer.js",
        "/docs",
        "/icon.svg",
        "/ingest/alertmanager",
        "/ingest/ray",
        "/live",
        "/mcp",
        "/metrics",
        "/openapi.json",
        "/ready",
        "/status",
        "/style.css",
        "/v1/traces",
        "/ws",
    ];
    assert_eq!(documented, wanted.into_iter().collect());
    let world = World::start();
    for path in documented {
        let method = if document["paths"][path]["post"].is_object() { Method::POST } else { Method::GET };
        let path = path.replace("{id}", "x").replace("{seq}", "1");
        let response = world.http.request(method, world.url(&path)).send().await.expect("an answer");
        let (status, text) = if path == "/api/feed" {
            (response.status().as_u16(), String::new())
        } else {
            (response.status().as_u16(), response.text().await.expect("a body"))
        };
        assert!(status != 405 && !text.contains("there is nothing here"), "{path}: {status} {text}");
    }
    let (_, served) = world.get("/openapi.json").await;
    assert_eq!(served, document);
    // A route made in any other way than `routes!` would be missing from the document.
    let source = include_str!("../../../src/api.rs");
    assert!(!source.contains(".route("), "use routes!");
}

#[tokio::test]
async fn parameters_documented_are_those_understood() {
    let document: Json = serde_json::from_str(&fleetscope::api::openapi()).expect("JSON");
    let world = World::start();
    for path in ["/api/events", "/api/events/facets", "/api/events/histogram", "/api/stories", "/api/feed"] {
        for parameter in document["paths"][path]["get"]["parameters"].as_array().expect("parameters") {
            let name = parameter["name"].as_str().expect("a name");
            let (_, body) = world.get(&format!("{path}?{name}=%00&bogus=1")).await;
            assert!(!body["detail"].as_str().is_some_and(|d| d.contains(&format!("`{name}` is unknown"))), "{name}");
        }
    }
}

#[tokio::test]
async fn the_page_is_small_cached_and_allows_nothing_inline() {
    let world = World::start();
    let mut total = 0;
    for path in ["/", "/docs", "/app.js", "/drawer.js", "/style.css", "/icon.svg"] {
        let response = world.http.get(world.url(path)).send().await.expect("an answer");
        let policy = response.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let tag = response.headers()["etag"].clone();
        let body = response.text().await.expect("a body");
        assert!(!body.contains("innerHTML") && !body.contains("style=\""), "{path}");
        match path {
            // The list of routes is a page of its own: it is not loaded with the live one.
            "/docs" => {}
            // Nor is what the drawer shows.
            "/drawer.js" => assert!(body.len() <= 8 << 10, "{} bytes", body.len()),
            _ => total += body.len(),
        }
        let again = world.http.get(world.url(path)).header("if-none-match", tag).send().await.expect("an answer");
        assert_eq!(again.status(), 304);
    }
    assert!(total <= 40 << 10, "{total} bytes");
}
