//! The live feed: resume, isolation, gaps, re-subscription, what is refused.

use std::time::Duration;

use fleetscope::model::{AgentView, Change, Seq};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Ws;

use super::world::{BOUND, World, acked, at, entry, with_payload};

#[tokio::test]
async fn what_is_committed_arrives_once_and_in_order() {
    let world = World::start();
    let mut socket = world.socket().await;
    assert_eq!(socket.frame().await.expect("hello")["type"], "hello");
    socket.say(json!({"type": "subscribe", "since": 0})).await;
    socket.live().await;
    for n in 0..200 {
        world.commit(|seq| (0..=n % 7).map(|i| entry(seq + i, "US-1")).collect());
    }
    let last = world.entry("US-1");
    let (seqs, gaps) = socket.until(last).await;
    assert_eq!(seqs, (1..=last).collect::<Vec<_>>());
    assert!(gaps.is_empty(), "{gaps:?}");
}

#[tokio::test]
async fn a_resumed_client_gets_history_then_live_without_duplicate_or_hole() {
    let history: Vec<_> = (1..=3000).map(|seq| entry(seq, "US-1")).collect();
    let world = World::holding(history, |_| {});
    for since in [0u64, 1, 1499, 2999, 3000] {
        let mut socket = world.socket().await;
        socket.say(json!({"type": "subscribe", "since": since})).await;
        let writer = async {
            let mut last = 0;
            for _ in 0..100 {
                last = world.entry("US-1");
                tokio::task::yield_now().await;
            }
            last
        };
        let last = writer.await;
        let (seqs, gaps) = socket.until(last).await;
        assert_eq!(seqs, (since + 1..=last).collect::<Vec<_>>(), "since {since}");
        assert!(gaps.is_empty(), "{gaps:?}");
    }
}

#[tokio::test]
async fn a_filter_holds_in_history_and_live() {
    let history: Vec<_> = (1..=100).map(|seq| entry(seq, if seq % 3 == 0 { "US-3" } else { "US-1" })).collect();
    let world = World::holding(history, |_| {});
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "filter": {"story": "US-3", "role": ["DEV"]}, "since": 50})).await;
    world.commit(|seq| vec![entry(seq, "US-1"), entry(seq + 1, "US-3")]);
    let (seqs, _) = socket.until(102).await;
    assert_eq!(seqs, [54, 60, 66, 72, 78, 84, 90, 96, 102]);
}

#[tokio::test]
async fn deliveries_follow_their_events() {
    let world = World::start();
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "filter": {"story": "US-1"}, "since": 0})).await;
    socket.live().await;
    world.commit(|seq| vec![entry(seq, "US-1"), entry(seq + 1, "US-2")]);
    world.commit(|seq| vec![acked(seq, 2, "US-2", "context"), acked(seq + 1, 1, "US-1", "context")]);
    let frame = socket.next("deliveries").await;
    let told = json!([{"seq": 1, "consumer": "context", "state": "acked", "attempts": 1, "latency_ms": 15.0}]);
    assert_eq!(frame["items"], told);
}

#[tokio::test]
async fn history_brings_the_deliveries_known_so_far() {
    let world = World::holding(vec![entry(1, "US-1"), acked(2, 1, "US-1", "context")], |_| {});
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "since": 0})).await;
    let frame = socket.next("events").await;
    assert_eq!(frame["items"][0]["deliveries"][0]["state"], "acked");
    assert_eq!(frame["up_to"], 2);
}

#[tokio::test]
async fn state_is_told_whole_and_then_as_it_changes() {
    let world = World::start();
    let agent = |id: &str| Change::Agent(AgentView { agent_id: id.into(), ..AgentView::default() }.into());
    world.board.apply(vec![agent("a-1")], at(1));
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "topics": ["agents", "stories"]})).await;
    let whole = socket.next("state").await;
    assert_eq!(
        (&whole["topic"], &whole["full"], &whole["items"][0]["agent_id"]),
        (&json!("agents"), &json!(true), &json!("a-1"))
    );
    world
        .board
        .apply(vec![agent("a-2"), Change::DeliberationClosed("d".into()), Change::StoryClosed("s".into())], at(2));
    let changed = socket.next("state").await;
    assert_eq!((&changed["full"], &changed["items"][0]["agent_id"]), (&json!(false), &json!("a-2")));
    let closed = socket.next("state").await;
    assert_eq!((&closed["topic"], &closed["removed"]), (&json!("stories"), &json!(["s"])));
}

#[tokio::test]
async fn a_cursor_from_the_future_or_before_the_oldest_is_a_marked_gap() {
    let world = World::holding((1..=100).map(|seq| entry(seq, "US-1")).collect(), |_| {});
    world.journal.purge(41);
    let mut late = world.socket().await;
    assert_eq!(late.frame().await.expect("hello")["oldest"], 41);
    late.say(json!({"type": "subscribe", "since": 10})).await;
    let gap = late.next("gap").await;
    assert_eq!((&gap["from"], &gap["to"], &gap["reason"]), (&json!(11), &json!(40), &json!("purged")));
    assert_eq!(late.until(100).await.0, (41..=100).collect::<Vec<_>>());
    let mut early = world.socket().await;
    early.say(json!({"type": "subscribe", "since": 5000})).await;
    let gap = early.next("gap").await;
    assert_eq!((&gap["from"], &gap["reason"]), (&json!(101), &json!("future")));
    let seq = world.entry("US-1");
    assert_eq!(early.until(seq).await.0, [seq]);
}

#[tokio::test]
async fn garbage_is_answered_and_the_connection_stays() {
    let world = World::start();
    let mut socket = world.socket().await;
    for garbage in [
        json!({"type": "subscribe", "since": -1}),
        json!({"type": "subscribe", "since": "99999999999999999999999"}),
        json!({"type": "subscribe", "since": {"a": 1}}),
        json!({"type": "subscribe", "filter": {"nope": "x"}}),
        json!({"type": "subscribe", "filter": {"story": 7}}),
        json!({"type": "subscribe", "filter": 7}),
        json!({"type": "subscribe", "filter": "stroy:US-1"}),
        json!({"type": "subscribe", "payload": "everything"}),
        json!({"type": "subscribe", "surprise": 1}),
        json!({"type": "subscribe", "topics": ["weather"]}),
        json!({"type": "subscribe", "rate": 0}),
        json!({"type": "dance"}),
        json!([1, 2]),
    ] {
        socket.say(garbage.clone()).await;
        let error = socket.next("error").await;
        assert!(error["allowed"].as_str().is_some_and(|a| !a.is_empty()), "{garbage}: {error}");
    }
    socket.0.send(Ws::binary(vec![0u8; 16])).await.expect("sent");
    socket.next("error").await;
    socket.say(json!({"type": "subscribe", "since": 0})).await;
    let seq = world.entry("US-1");
    assert_eq!(socket.until(seq).await.0, [seq]);
}

#[tokio::test]
async fn a_new_subscription_replaces_the_old_one() {
    let world = World::start();
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "filter": {"story": "US-1"}, "since": 0})).await;
    socket.live().await;
    world.entry("US-1");
    socket.until(1).await;
    socket.say(json!({"type": "subscribe", "filter": {"story": "US-2"}, "since": 1})).await;
    world.entry("US-1");
    let seq = world.entry("US-2");
    assert_eq!(socket.until(seq).await.0, [seq]);
}

#[tokio::test]
async fn named_subscriptions_share_a_connection() {
    let world = World::start();
    let mut socket = world.socket().await;
    assert_eq!(socket.frame().await.expect("hello")["subscriptions"], 16);
    for (id, story) in [("a", "US-1"), ("b", "US-2")] {
        socket.say(json!({"type": "subscribe", "id": id, "filter": {"story": story}, "since": 0, "topics": []})).await;
        assert_eq!(socket.next("replay").await["id"], id);
    }
    let told = |frame: &serde_json::Value| (frame["id"].clone(), frame["items"][0]["seq"].clone());
    for (story, id) in [("US-1", "a"), ("US-2", "b"), ("US-1", "a")] {
        let seq = world.entry(story);
        assert_eq!(told(&socket.next("events").await), (json!(id), json!(seq)));
    }
    let resumed = json!({"type": "subscribe", "id": "c", "filter": {"story": "US-1"}, "since": 1, "topics": []});
    socket.say(resumed).await;
    assert_eq!(told(&socket.next("events").await), (json!("c"), json!(3)), "each begins where it asks to");
    while socket.next("replay").await["done"] != true {}
    for id in ["a", "c"] {
        socket.say(json!({"type": "unsubscribe", "id": id})).await;
    }
    // What is answered last was read last: by then both are over.
    socket.say(json!({"type": "subscribe", "id": "b", "filter": {"nope": "x"}})).await;
    let error = socket.next("error").await;
    assert_eq!((&error["id"], &error["parameter"]), (&json!("b"), &json!("nope")));
    world.entry("US-1");
    let seq = world.entry("US-2");
    assert_eq!(told(&socket.next("events").await), (json!("b"), json!(seq)), "a refused message leaves b as it was");
}

#[tokio::test]
async fn a_hello_is_told_whenever_it_is_asked_for() {
    let world = World::start();
    let mut socket = world.socket().await;
    assert_eq!(socket.next("hello").await["head"], 0);
    let seq = world.entry("US-1");
    socket.say(json!({"type": "hello"})).await;
    assert_eq!(socket.next("hello").await["head"], seq);
}

#[tokio::test]
async fn a_busy_subscription_holds_back_no_other() {
    let world = World::holding((1..=5000).map(|seq| entry(seq, "US-1")).collect(), |_| {});
    let quiet = world.entry("US-2");
    let mut socket = world.socket().await;
    for (id, story) in [("busy", "US-1"), ("quiet", "US-2")] {
        socket.say(json!({"type": "subscribe", "id": id, "filter": {"story": story}, "since": 0, "topics": []})).await;
    }
    let mut busy = 0;
    loop {
        let frame = socket.next("events").await;
        if frame["id"] == "quiet" {
            assert_eq!(frame["items"][0]["seq"], quiet);
            break;
        }
        busy += frame["items"].as_array().map_or(0, Vec::len);
    }
    assert!(busy < 5000, "the quiet one came after all {busy} of the busy one");
}

#[tokio::test]
async fn a_connection_has_so_many_subscriptions_and_not_more() {
    let world = World::start();
    let mut socket = world.socket().await;
    for n in 0..16 {
        socket.say(json!({"type": "subscribe", "id": format!("s{n}"), "topics": []})).await;
    }
    socket.say(json!({"type": "subscribe", "id": "more", "topics": []})).await;
    let error = socket.next("error").await;
    assert_eq!((&error["id"], &error["parameter"]), (&json!("more"), &json!("id")));
    socket.say(json!({"type": "unsubscribe", "id": "s0"})).await;
    socket.say(json!({"type": "subscribe", "id": "more", "since": 0, "topics": []})).await;
    while socket.next("replay").await["id"] != "more" {}
    for id in [json!(""), json!("a b"), json!(7), json!("x".repeat(33))] {
        socket.say(json!({"type": "subscribe", "id": id})).await;
        let error = socket.next("error").await;
        assert_eq!((error.get("id"), &error["parameter"]), (None, &json!("id")), "{id}");
    }
}

#[tokio::test]
async fn a_slow_client_gets_a_gap_and_slows_nobody() {
    let world = World::start();
    let text = "x".repeat(16 << 10);
    let mut slow = world.socket().await;
    let mut quick = world.socket().await;
    for socket in [&mut slow, &mut quick] {
        socket.say(json!({"type": "subscribe", "payload": "full", "since": 0})).await;
        socket.live().await;
    }
    // Far more than a socket and the budget hold; the slow one reads nothing meanwhile.
    let mut told = Vec::new();
    let mut last = 0;
    for _ in 0..60 {
        let first = world.commit(|seq| {
            let payload = |n: Seq| format!("{{\"n\":{n},\"text\":\"{text}\"}}");
            (0..20).map(|n| with_payload(seq + n, "US-1", payload(n))).collect()
        });
        last = first + 19;
        let (seqs, gaps) = quick.until(last).await;
        assert!(gaps.is_empty(), "the quick one lost {gaps:?}");
        told.extend(seqs);
    }
    assert_eq!(told, (1..=last).collect::<Vec<_>>());
    let end = world.entry("US-1");
    let (seqs, gaps) = slow.until(end).await;
    assert!(!gaps.is_empty(), "nothing was dropped: the test sent too little");
    let mut covered: Vec<Seq> = gaps.iter().flat_map(|(from, to)| *from..=*to).chain(seqs).collect();
    covered.sort_unstable();
    assert_eq!(covered, (1..=end).collect::<Vec<_>>(), "every event was sent or is in a gap, none twice");
    assert!(world.metrics.feed.dropped.with_label_values(&["slow"]).get() > 0);
}

#[tokio::test]
async fn a_burst_reaches_a_client_that_reads_whole() {
    let world = World::start();
    let (text, mut quick) = ("x".repeat(4 << 10), world.socket().await);
    quick.say(json!({"type": "subscribe", "payload": "full", "since": 0})).await;
    quick.live().await;
    // Others that read nothing leave it less room.
    let mut asleep = Vec::new();
    for _ in 0..30 {
        let mut socket = world.socket().await;
        socket.say(json!({"type": "subscribe", "since": 0})).await;
        socket.live().await;
        asleep.push(socket);
    }
    let payload = |n: Seq| format!("{{\"n\":{n},\"text\":\"{text}\"}}");
    // Several times what may wait for one client, in one commit, as after a silence of the fleet's server.
    let first = world.commit(|seq| (0..2500).map(|n| with_payload(seq + n, "US-1", payload(n))).collect());
    let (seqs, gaps) = quick.until(first + 2499).await;
    assert!(gaps.is_empty(), "it lost {gaps:?}");
    assert_eq!(seqs, (first..first + 2500).collect::<Vec<_>>());
}

#[tokio::test]
async fn beyond_its_rate_a_client_is_told_how_many_were_omitted() {
    let world = World::start();
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "rate": 3, "since": 0})).await;
    socket.live().await;
    world.commit(|seq| (0..10).map(|n| entry(seq + n, "US-1")).collect());
    assert_eq!(socket.next("events").await["items"].as_array().map(Vec::len), Some(3));
    let omitted = socket.next("omitted").await;
    assert_eq!((&omitted["count"], &omitted["from"], &omitted["to"]), (&json!(7), &json!(4), &json!(10)));
}

#[tokio::test]
async fn an_oversized_message_ends_only_its_own_connection() {
    let world = World::start();
    let (mut hostile, mut other) = (world.socket().await, world.socket().await);
    other.say(json!({"type": "subscribe", "since": 0})).await;
    other.live().await;
    let _ = hostile.0.send(Ws::text("x".repeat(1 << 20))).await;
    while hostile.frame().await.is_some() {}
    let seq = world.entry("US-1");
    assert_eq!(other.until(seq).await.0, [seq]);
}

#[tokio::test]
async fn clients_that_come_and_go_leave_nothing_behind() {
    let world = World::start();
    for _ in 0..200 {
        let mut socket = world.socket().await;
        socket.say(json!({"type": "subscribe", "since": 0})).await;
        drop(socket);
    }
    let gone = async {
        while world.get("/status").await.1["feed"]["clients"] != 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, gone).await.expect("all seats are given back");
}

#[tokio::test]
async fn there_are_as_many_clients_as_configured() {
    let world = World::with(|config| config.http.max_feed_clients = 2);
    let first = world.socket().await;
    assert!(world.try_socket(&[]).await.is_err(), "one address has half");
    drop(first);
}

#[tokio::test]
async fn the_same_feed_comes_as_events_and_as_lines() {
    let world = World::holding((1..=3).map(|seq| entry(seq, "US-1")).collect(), |_| {});
    for (accept, content) in
        [("text/event-stream", "text/event-stream"), ("application/x-ndjson", "application/x-ndjson")]
    {
        let request = world.http.get(world.url("/api/feed?story=US-1&since=1")).header("accept", accept);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], content);
        let (mut body, mut text) = (response.bytes_stream(), String::new());
        while !text.contains("\"seq\":3") {
            let chunk =
                tokio::time::timeout(BOUND, body.next()).await.expect("in time").expect("open").expect("a chunk");
            text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
        assert!(text.contains("\"type\":\"hello\"") && !text.contains("\"seq\":1,"), "{text}");
        assert_eq!(text.contains("event: events\nid: 3\ndata: {"), accept == "text/event-stream", "{text}");
        assert!(text.ends_with('\n'));
    }
    let request = world.http.get(world.url("/api/feed")).header("last-event-id", "2");
    let mut body = request.send().await.expect("an answer").bytes_stream();
    let mut text = String::new();
    while !text.contains("event: events") {
        let chunk = tokio::time::timeout(BOUND, body.next()).await.expect("in time").expect("open").expect("a chunk");
        text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
    assert!(text.contains("\"seq\":3") && !text.contains("\"seq\":2,"), "{text}");
}

#[tokio::test]
async fn latency_is_of_live_events_only() {
    let world = World::holding((1..=100).map(|seq| entry(seq, "US-1")).collect(), |_| {});
    let measured = || world.metrics.feed.latency.with_label_values::<&str>(&[]).get_sample_count();
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "since": 0})).await;
    let (seqs, _) = socket.until(100).await;
    assert_eq!(seqs.len(), 100);
    socket.live().await;
    assert_eq!(measured(), 0, "history was measured");
    world.commit(|seq| vec![entry(seq, "US-1")]);
    socket.until(101).await;
    crate::support::until("the live event is measured", Duration::from_secs(10), async || measured() == 1).await;
}
