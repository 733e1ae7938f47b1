//! History once more: with its spacing, steered, marked, apart from what is live, and what is refused.

use std::time::{Duration, Instant};

use fleetscope::model::{Record, Seq};
use serde_json::{Value, json};

use super::world::{Socket, World, at, entry};

fn history(count: Seq) -> Vec<Record> {
    (1..=count).map(|seq| entry(seq, if seq.is_multiple_of(3) { "US-3" } else { "US-1" })).collect()
}

fn time(seq: Seq) -> String {
    at(seq).to_string()
}

fn seqs(frame: &Value) -> Vec<Seq> {
    assert_eq!(frame["replay"], true, "not marked: {frame}");
    frame["items"].as_array().expect("a list").iter().map(|item| item["seq"].as_u64().expect("a seq")).collect()
}

/// The events of a replay, until it says that it is in this state.
async fn until(socket: &mut Socket, id: &str, state: &str) -> (Vec<Seq>, Value) {
    let mut all = Vec::new();
    loop {
        let frame = socket.frame().await.expect("the connection is open");
        if frame["id"] != id {
            continue;
        }
        match frame["type"].as_str() {
            Some("events") => all.extend(seqs(&frame)),
            Some("replay") if frame["state"] == state => return (all, frame),
            Some("replay") => {}
            _ => panic!("{frame}"),
        }
    }
}

#[tokio::test]
async fn all_of_a_range_is_given_once_in_order_and_then_it_ends() {
    let world = World::holding(history(2000), |_| {});
    let path = format!("/api/replay?since={}&until={}&speed=max&story=US-3", time(10), time(1500));
    let response = world.http.get(world.url(&path)).header("accept", "application/x-ndjson").send();
    let text = response.await.expect("an answer").text().await.expect("it ends");
    let frames: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(frames[0]["type"], "hello");
    let given: Vec<Seq> = frames.iter().filter(|frame| frame["type"] == "events").flat_map(seqs).collect();
    assert_eq!(given, (10..1500).filter(|seq: &Seq| seq.is_multiple_of(3)).collect::<Vec<_>>());
    let last = frames.last().expect("frames");
    assert_eq!((&last["type"], &last["done"], &last["state"]), (&"replay".into(), &true.into(), &"done".into()));
    // The same events as the history tells them.
    let told = frames.iter().find(|frame| frame["type"] == "events").expect("events")["items"][0].clone();
    assert_eq!(told, world.items(&format!("/api/events?story=US-3&order=asc&since={}&limit=1", time(10))).await[0]);
}

#[tokio::test]
async fn events_come_with_the_spacing_they_had() {
    let world = World::holding(history(60), |_| {});
    for (speed, least) in [(1.0, 0.59), (5.0, 0.118)] {
        let mut socket = world.socket().await;
        let begin = Instant::now();
        socket.say(json!({"type": "replay", "id": "r", "speed": speed})).await;
        let (given, last) = until(&mut socket, "r", "done").await;
        assert_eq!(given, (1..=60).collect::<Vec<_>>());
        assert_eq!((&last["speed"], &last["at"], &last["until"]), (&speed.into(), &60.into(), &60.into()));
        // 59 times 10 ms: never sooner; how much later is the machine's affair.
        assert!(begin.elapsed() >= Duration::from_secs_f64(least), "{speed}: {:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn it_is_stepped_paused_sped_up_and_sought_in() {
    let world = World::holding(history(1200), |_| {});
    let mut socket = world.socket().await;
    socket.say(json!({"type": "replay", "id": "r", "paused": true, "since": time(1)})).await;
    let (given, frame) = until(&mut socket, "r", "paused").await;
    assert_eq!((given, &frame["time"]), (vec![], &time(1).into()));
    let say = |action: Value| {
        let mut message = json!({"type": "control", "id": "r"});
        message.as_object_mut().expect("an object").extend(action.as_object().expect("an object").clone());
        message
    };
    for (count, expected) in [(1, vec![1]), (3, vec![2, 3, 4])] {
        socket.say(say(json!({"action": "step", "count": count}))).await;
        let mut given = Vec::new();
        while given.len() < expected.len() {
            given.extend(until(&mut socket, "r", "paused").await.0);
        }
        assert_eq!(given, expected);
    }
    // More than a page at once.
    socket.say(say(json!({"action": "step", "count": 1000}))).await;
    let mut given = Vec::new();
    while given.len() < 1000 {
        given.extend(until(&mut socket, "r", "paused").await.0);
    }
    assert_eq!(given, (5..=1004).collect::<Vec<_>>());
    socket.say(say(json!({"action": "speed", "speed": "max"}))).await;
    socket.say(say(json!({"action": "resume"}))).await;
    let (given, frame) = until(&mut socket, "r", "done").await;
    assert_eq!((given, &frame["speed"]), ((1005..=1200).collect(), &Value::Null));
    // Back, after its end; and never out of its range.
    socket.say(say(json!({"action": "seek", "to": time(1190)}))).await;
    let (given, _) = until(&mut socket, "r", "done").await;
    assert_eq!(given, (1190..=1200).collect::<Vec<_>>());
    socket.say(say(json!({"action": "seek", "to": "2001-01-01T00:00:00Z"}))).await;
    let (given, _) = until(&mut socket, "r", "done").await;
    assert_eq!(given, (1..=1200).collect::<Vec<_>>());
    // Its name is free for another.
    socket.say(json!({"type": "unsubscribe", "id": "r"})).await;
    socket.say(say(json!({"action": "resume"}))).await;
    assert_eq!(socket.next("error").await["parameter"], "id");
}

#[tokio::test]
async fn what_is_live_goes_on_beside_it_unmixed() {
    let world = World::holding(history(300), |_| {});
    let mut socket = world.socket().await;
    socket.say(json!({"type": "subscribe", "id": "live"})).await;
    socket.live().await;
    socket.say(json!({"type": "replay", "id": "r", "speed": 5, "filter": "story:US-3 -type:nothing.*"})).await;
    let (mut live, mut again, mut new) = (Vec::new(), Vec::new(), Vec::new());
    let mut has_begun = false;
    loop {
        // What was there when it began is history, too.
        if has_begun && new.len() < 50 {
            new.push(world.entry("US-3"));
        }
        let frame = socket.frame().await.expect("the connection is open");
        has_begun |= frame["id"] == "r";
        match (frame["id"].as_str(), frame["type"].as_str()) {
            (Some("live"), Some("events")) => {
                assert!(frame.get("replay").is_none(), "marked: {frame}");
                live.extend(frame["items"].as_array().expect("a list").iter().map(|i| i["seq"].as_u64().expect("seq")));
            }
            (Some("r"), Some("events")) => again.extend(seqs(&frame)),
            _ => {}
        }
        if again.last() == Some(&300) && new.len() == 50 && live.last() == new.last() {
            break;
        }
    }
    assert_eq!(live, new);
    assert_eq!(
        again,
        (1..=300).filter(|seq: &Seq| seq.is_multiple_of(3)).collect::<Vec<_>>(),
        "what comes later is not in it"
    );
}

#[tokio::test]
async fn what_cannot_be_played_is_refused_by_name() {
    let world = World::holding(history(3), |_| {});
    let mut socket = world.socket().await;
    for (message, parameter) in [
        (json!({"type": "replay", "speed": 0}), "speed"),
        (json!({"type": "replay", "speed": "quick"}), "speed"),
        (json!({"type": "replay", "speed": 1e9}), "speed"),
        (json!({"type": "replay", "since": "1h", "until": "2h"}), "until"),
        (json!({"type": "replay", "since": 7}), "since"),
        (json!({"type": "replay", "longest_wait": "soon"}), "longest_wait"),
        (json!({"type": "replay", "paused": "yes"}), "paused"),
        (json!({"type": "replay", "filter": {"stroy": "US-1"}}), "stroy"),
        (json!({"type": "replay", "loop": true}), "loop"),
        (json!({"type": "control", "id": "r", "action": "pause"}), "id"),
        (json!({"type": "control", "id": "r", "action": "rewind"}), "action"),
        (json!({"type": "control", "id": "r", "action": "step", "count": 0}), "count"),
        (json!({"type": "control", "id": "r", "action": "seek"}), "to"),
        (json!({"type": "control", "id": "r", "action": "speed"}), "speed"),
    ] {
        socket.say(message.clone()).await;
        let frame = socket.next("error").await;
        assert_eq!(frame["parameter"], parameter, "{message}: {frame}");
    }
    for (query, parameter) in
        [("speed=-1", "speed"), ("since=1h&until=2h", "until"), ("longest_wait=x", "longest_wait"), ("loop=1", "loop")]
    {
        let (status, problem) = world.get(&format!("/api/replay?{query}")).await;
        assert_eq!((status, &problem["parameter"]), (400, &parameter.into()), "{query}: {problem}");
    }
}

#[tokio::test]
async fn an_empty_range_ends_at_once() {
    let world = World::holding(history(10), |_| {});
    let mut socket = world.socket().await;
    socket.say(json!({"type": "replay", "id": "r", "since": "2030-01-01T00:00:00Z"})).await;
    let (given, _) = until(&mut socket, "r", "done").await;
    assert_eq!(given, Vec::<Seq>::new());
}
