//! The filter language, counts and saved searches, as the API gives them.

use fleetscope::config::Config;
use http::Method;
use serde_json::{Value as Json, json};

use super::world::{World, at, entry};

fn filled() -> World {
    let world = World::start();
    world.commit(|seq| (0..20).map(|n| entry(seq + n, if n < 10 { "US-1" } else { "US-2" })).collect());
    world
}

fn encoded(filter: &str) -> String {
    url::form_urlencoded::byte_serialize(filter.as_bytes()).collect()
}

async fn found(world: &World, filter: &str, more: &str) -> Vec<u64> {
    world.seqs(&format!("/api/events?filter={}{more}", encoded(filter))).await
}

#[tokio::test]
async fn one_text_says_what_parameters_say_and_more() {
    let world = filled();
    assert_eq!(found(&world, "story:US-1 role:dev severity:error", "").await, [10]);
    assert_eq!(found(&world, "story:US-1,US-2 type:planning.*", "&limit=2").await, [19, 17]);
    assert_eq!(found(&world, "-story:US-1 -severity:error -role:QA", "").await, [18, 16, 14, 12]);
    assert_eq!(found(&world, r#""\"N\":7}" answer"#, "").await, [7]);
    assert_eq!(found(&world, "q:\"answer 7\",\"answer 9\" task:T-7,T-9,T-8", "&order=asc").await, [7, 9]);
    assert_eq!(found(&world, "type:* -\"answer 1\"", "&limit=3").await, [20, 9, 8], "nothing is left out by *");
    assert_eq!(found(&world, "", "&story=US-2&limit=1").await, [20]);
    assert_eq!(found(&world, "role:QA", "&role=DEV").await, [0_u64; 0], "both must hold");
    assert_eq!(found(&world, "role:QA", "&filter=severity:error&story=US-1").await, [5]);
    let range = format!("&since={}&until={}", at(4), at(6));
    assert_eq!(found(&world, "role:QA", &range).await, [5]);
}

async fn refused(world: &World, path: &str) -> Json {
    let response = world.http.get(world.url(path)).send().await.expect("an answer");
    assert_eq!(response.status(), 400, "{path}");
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
    serde_json::from_str(&response.text().await.expect("a body")).expect("JSON")
}

#[tokio::test]
async fn what_is_wrong_with_a_filter_is_pointed_at_everywhere() {
    let world = filled();
    let text = encoded("日本 role:DEV stroy:s-1");
    for path in ["/api/events", "/api/feed", "/api/events/facets", "/api/events/histogram"] {
        let told = refused(&world, &format!("{path}?filter={text}")).await;
        assert_eq!((&told["parameter"], &told["at"], &told["length"]), (&json!("filter"), &json!(12), &json!(5)));
        let detail = told["detail"].as_str().expect("text");
        assert!(detail.starts_with("unknown field \"stroy\"; did you mean story? fields are story, task"), "{detail}");
    }
    let told = refused(&world, &format!("/api/events?filter={}&filter={}", "x+".repeat(60), "y+".repeat(60))).await;
    assert!(told["detail"].as_str().is_some_and(|d| d.contains("120 terms")), "{told}");

    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "id": "a", "filter": "role:DEV stroy:s-1"})).await;
    let error = socket.next("error").await;
    assert_eq!((&error["at"], &error["length"], &error["id"]), (&json!(9), &json!(5), &json!("a")));
    assert!(error["detail"].as_str().is_some_and(|d| d.contains("did you mean story?")), "{error}");
    socket.say(json!({"type": "subscribe", "filter": 7})).await;
    assert!(socket.next("error").await["detail"].as_str().is_some_and(|d| d.contains("neither a text nor an object")));
}

#[tokio::test]
async fn a_filter_without_end_is_refused() {
    let world = filled();
    let told = refused(&world, &format!("/api/events?filter={}", "x".repeat(5000))).await;
    assert!(told["detail"].as_str().is_some_and(|d| d.contains("at most 4096 bytes")), "{told}");
    let told = refused(&world, &format!("/api/events?filter={}", "x".repeat(20_000))).await;
    assert!(told["detail"].as_str().is_some_and(|d| d.contains("too long")), "{told}");
    // Beyond that the server itself ends the reading: a status, if the client looks before it has sent it all.
    let huge = world.http.get(world.url(&format!("/api/events?filter={}", "x".repeat(60_000)))).send().await;
    assert!(huge.is_ok_and(|answer| answer.status().is_client_error()), "a long request line");
    let body = json!({ "filter": "x".repeat(10 << 20) }).to_string();
    let put = world.http.put(world.url("/api/searches/huge")).body(body).send().await;
    assert!(put.map_or(true, |answer| answer.status() == 413), "a body of ten megabytes");
    assert_eq!(world.seqs("/api/events?limit=1").await, [20], "and all goes on");
}

#[tokio::test]
async fn a_subscription_takes_the_same_text() {
    let world = World::start();
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "since": 0, "filter": "-role:QA severity:error"})).await;
    socket.live().await;
    world.commit(|seq| (0..20).map(|n| entry(seq + n, "US-1")).collect());
    assert_eq!(socket.until(20).await.0, [10, 20]);
    let feed = world.http.get(world.url(&format!("/api/feed?since=0&filter={}", encoded("role:QA severity:error"))));
    let mut feed = feed.header("accept", "application/x-ndjson").send().await.expect("an answer");
    let mut lines = String::new();
    while !lines.contains("\"seq\":15") {
        let more = tokio::time::timeout(super::world::BOUND, feed.chunk()).await.expect("in time").expect("bytes");
        lines.push_str(std::str::from_utf8(&more.expect("it goes on")).expect("text"));
    }
    assert!(lines.contains("\"seq\":5,") && !lines.contains("\"seq\":10,"), "{lines}");
}

#[tokio::test]
async fn values_are_counted_for_a_range_and_a_filter() {
    let world = filled();
    let (status, told) = world.get(&format!("/api/events/facets?until={}&top=1", at(13))).await;
    assert_eq!(
        (status, &told["entries"], &told["complete"], &told["from"]),
        (200, &json!(12), &json!(true), &Json::Null)
    );
    let by: Vec<_> = told["facets"].as_array().expect("a list").iter().map(|f| f["by"].clone()).collect();
    assert_eq!(json!(by), json!(["type", "role", "producer", "story"]));
    let stories = &told["facets"][3];
    assert_eq!(stories["values"], json!([{"value": "US-1", "count": 10}]));
    assert_eq!((&stories["other"], &stories["without"], &stories["distinct"]), (&json!(2), &json!(0), &json!(2)));
    let path = format!("/api/events/facets?filter={}&by=severity,role", encoded("-story:US-1"));
    let (_, told) = world.get(&path).await;
    assert_eq!(told["entries"], 10);
    assert_eq!(told["facets"][0]["values"], json!([{"value": "info", "count": 8}, {"value": "error", "count": 2}]));
    assert_eq!(told["facets"][1]["by"], "role");
    for (query, parameter) in [
        ("by=subject", "by"),
        ("top=0", "top"),
        ("top=101", "top"),
        ("limit=5", "limit"),
        ("since=1m&until=1h", "until"),
    ] {
        let told = refused(&world, &format!("/api/events/facets?{query}")).await;
        assert_eq!(told["parameter"], parameter, "{told}");
    }
}

#[tokio::test]
async fn events_are_counted_over_time() {
    let world = filled();
    let path = format!("/api/events/histogram?since={}&until={}&buckets=4", at(1), at(21));
    let (status, told) = world.get(&path).await;
    assert_eq!((status, &told["entries"], &told["width_ms"]), (200, &json!(20), &json!(50.0)));
    let buckets = told["buckets"].as_array().expect("a list");
    let counts: Vec<_> = buckets.iter().map(|b| (b["count"].clone(), b["errors"].clone())).collect();
    assert_eq!(counts, vec![(json!(5), json!(1)); 4]);
    assert_eq!(buckets[1]["from"], json!(at(6).to_string()));
    let (_, all) = world.get("/api/events/histogram?filter=severity:error").await;
    assert_eq!((&all["entries"], &all["complete"]), (&json!(4), &json!(true)));
    assert_eq!(all["buckets"].as_array().map(Vec::len), Some(60));
    assert_eq!(world.get("/api/events/histogram?since=2h&until=1h&buckets=3").await.1["entries"], 0);
    for query in ["buckets=0", "buckets=501", "since=1h&until=2h", "by=type"] {
        refused(&world, &format!("/api/events/histogram?{query}")).await;
    }
}

#[tokio::test]
async fn a_cursor_this_journal_never_gave_is_refused() {
    let world = filled();
    for cursor in ["effffffff", "effffffffffffffff"] {
        let told = refused(&world, &format!("/api/events?cursor={cursor}")).await;
        assert_eq!(told["parameter"], "cursor");
        assert!(told["detail"].as_str().is_some_and(|d| d.contains("another journal")), "{told}");
    }
    for cursor in ["c5", "5", "", "e", "e-1", "e11111111111111111"] {
        assert_eq!(refused(&world, &format!("/api/events?cursor={cursor}")).await["parameter"], "cursor", "{cursor}");
    }
    assert_eq!(world.seqs("/api/events?cursor=e3").await, [2, 1]);
    assert_eq!(world.seqs("/api/events?cursor=e14&order=asc").await, [0_u64; 0], "nothing after the newest, yet");
}

async fn ask(world: &World, method: Method, path: &str, token: Option<&str>, body: &str) -> (u16, Json) {
    let mut request = world.http.request(method, world.url(path)).body(body.to_owned());
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.expect("a body")).unwrap_or(Json::Null))
}

#[tokio::test]
async fn searches_are_saved_listed_and_deleted() {
    let world = filled();
    let path = "/api/searches/dev-errors";
    assert_eq!(ask(&world, Method::GET, path, None, "").await.0, 404);
    let body = r#"{"filter":"role:DEV severity:error","since":"1h"}"#;
    let (status, saved) = ask(&world, Method::PUT, path, None, body).await;
    assert_eq!((status, &saved["name"], &saved["until"]), (200, &json!("dev-errors"), &Json::Null), "{saved}");
    ask(&world, Method::PUT, "/api/searches/all", None, "{}").await;
    let names: Vec<_> = world.items("/api/searches").await.iter().map(|s| s["name"].clone()).collect();
    assert_eq!(json!(names), json!(["all", "dev-errors"]));
    let (_, kept) = ask(&world, Method::GET, path, None, "").await;
    assert_eq!((&kept["filter"], &kept["since"]), (&json!("role:DEV severity:error"), &json!("1h")));
    assert_eq!(ask(&world, Method::DELETE, path, None, "").await.0, 204);
    assert_eq!(ask(&world, Method::DELETE, path, None, "").await.0, 404);
    for (name, body, parameter) in [
        ("x", r#"{"filter":"a stroy:b"}"#, json!("filter")),
        ("x", r#"{"filter":7}"#, json!("body")),
        ("x", r#"{"fliter":""}"#, json!("body")),
        ("x", "not json", json!("body")),
        ("x", r#"{"since":"yesterday"}"#, json!("since")),
        ("x", r#"{"since":"1m","until":"1h"}"#, json!("until")),
        ("-x", "{}", json!("name")),
        ("a%20b", "{}", json!("name")),
        ("a%2Fb", "{}", json!("name")),
        (&"n".repeat(65), "{}", json!("name")),
    ] {
        let (status, told) = ask(&world, Method::PUT, &format!("/api/searches/{name}"), None, body).await;
        assert_eq!((status, &told["parameter"]), (400, &parameter), "{name} {body}: {told}");
    }
    for n in 1..fleetscope::journal::MAX_SEARCHES {
        assert_eq!(ask(&world, Method::PUT, &format!("/api/searches/s-{n}"), None, "{}").await.0, 200);
    }
    let (status, told) = ask(&world, Method::PUT, path, None, "{}").await;
    assert_eq!(status, 409);
    assert!(told["detail"].as_str().is_some_and(|d| d.contains("delete one first")), "{told}");
}

#[tokio::test]
async fn a_viewer_reads_saved_searches_and_does_not_write_them() {
    const VIEWER: &str = "viewer-0123456789abcdef";
    const DEBUG: &str = "debug-0123456789abcdef";
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), format!("viewer {VIEWER}\ndebug {DEBUG}\n")).expect("written");
    let path = file.path().to_owned();
    let world = World::with(|config: &mut Config| config.http.tokens_file = Some(path));
    let search = "/api/searches/mine";
    assert_eq!(ask(&world, Method::PUT, search, None, "{}").await.0, 401);
    for method in [Method::PUT, Method::DELETE] {
        let (status, told) = ask(&world, method, search, Some(VIEWER), "{}").await;
        assert_eq!(status, 403);
        assert!(told["detail"].as_str().is_some_and(|d| d.contains("role debug")), "{told}");
    }
    assert_eq!(ask(&world, Method::PUT, search, Some(DEBUG), "{}").await.0, 200);
    for path in [search, "/api/searches", "/api/events/facets", "/api/events/histogram"] {
        assert_eq!(ask(&world, Method::GET, path, Some(VIEWER), "").await.0, 200, "{path}");
        assert_eq!(ask(&world, Method::GET, path, None, "").await.0, 401, "{path}");
    }
    assert_eq!(ask(&world, Method::DELETE, search, Some(DEBUG), "").await.0, 204);
}
