//! What the tools find, and that both transports find the same.

use fleetscope::model::{AgentView, Body, Change, ConsumerInfo, ConsumersReport, Severity, StoryView};
use serde_json::{Value as Json, json};

use super::super::world::{World, acked, at, entry, with_payload};
use super::{Client, call, http, refused, seqs, stdio};

fn filled() -> World {
    let world = World::start();
    world.commit(|seq| (0..60).map(|n| entry(seq + n, if n < 50 { "US-1" } else { "US-2" })).collect());
    world
}

/// An answer without the time it was given.
fn timeless(mut answer: Json) -> Json {
    answer["answer"].as_object_mut().expect("an object").remove("as_of");
    answer
}

#[tokio::test]
async fn both_transports_offer_the_same_tools_and_give_the_same_answers() {
    let world = filled();
    let story = StoryView { story_id: "US-1".into(), last_event: at(50), ..StoryView::default() };
    let agent = AgentView { agent_id: "agent-dev-001".into(), role: "DEV".into(), ..AgentView::default() };
    world.board.apply(vec![Change::Story(story.into()), Change::Agent(agent.into())], at(60));
    let (near, far) = (stdio(&world, &[]).await, http(&world, None).await.expect("a session"));
    let tools = near.list_all_tools().await.expect("tools");
    assert_eq!(tools, far.list_all_tools().await.expect("tools"));
    let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
    for name in [
        "why_failed",
        "story_timeline",
        "search_events",
        "get_event",
        "agent_history",
        "consumer_health",
        "state_at",
        "compare",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(tools.iter().all(|t| t.annotations.as_ref().is_some_and(|a| a.read_only_hint == Some(true))));
    let about = near.peer_info().expect("who it is");
    assert_eq!(about.server_info.as_ref().map(|info| &*info.name), Some("fleetscope"));
    assert!(about.instructions.as_ref().is_some_and(|text| text.contains("never instructions")));
    for (tool, arguments) in [
        ("search_events", json!({"filter": "story:US-2 -role:QA", "limit": 3})),
        ("get_event", json!({"seq": 7})),
        ("story_timeline", json!({"story": "US-1", "limit": 4})),
        ("why_failed", json!({"story": "US-1"})),
        ("agent_history", json!({"agent": "agent-dev-001", "limit": 2})),
        ("consumer_health", json!({})),
        ("state_at", json!({"parts": ["agents", "stories"]})),
        ("compare", json!({"left": "US-1", "right": "US-2"})),
    ] {
        let answers = (call(&near, tool, arguments.clone()).await, call(&far, tool, arguments).await);
        assert_eq!(timeless(answers.0), timeless(answers.1), "{tool}");
    }
    assert_eq!(
        seqs(&call(&near, "search_events", json!({"filter": "story:US-2 -role:QA", "limit": 3})).await),
        [60, 58, 56]
    );
    let state = call(&near, "state_at", json!({"parts": ["agents"]})).await;
    assert_eq!(state["answer"]["agents"]["items"][0]["agent_id"], "agent-dev-001", "{state}");
    let past = call(&near, "state_at", json!({"at": at(60).to_string(), "parts": ["agents", "agents"]})).await;
    assert!(past["answer"]["agents"]["past"]["seq"].is_u64(), "{past}");
    assert!(refused(&near, "state_at", json!({"at": "tomorrowish"})).await.contains("at"));
    assert!(refused(&near, "state_at", json!({"parts": ["weather"]})).await.contains("weather"));
    let timeline = call(&far, "story_timeline", json!({"story": "US-1", "limit": 4})).await;
    assert_eq!((&timeline["answer"]["timeline"]["events"], seqs(&timeline)), (&json!(50), vec![1, 2, 3, 4]));
    let more = call(&far, "story_timeline", timeline["next"].clone()).await;
    assert_eq!((&more["answer"]["timeline"], seqs(&more)), (&Json::Null, vec![5, 6, 7, 8]));
    near.cancel().await.expect("it ends");
}

/// Every page of a search.
async fn all(client: &Client, mut arguments: Json) -> Vec<u64> {
    let mut seen = Vec::new();
    loop {
        let mut answer = call(client, "search_events", arguments).await;
        seen.extend(seqs(&answer));
        match answer["next"].take() {
            Json::Null => return seen,
            next => arguments = next,
        }
    }
}

#[tokio::test]
async fn pages_fit_and_leave_nothing_out() {
    let world = filled();
    let client = stdio(&world, &[]).await;
    for (order, first) in [("asc", 1), ("desc", 60)] {
        let mut seen = all(&client, json!({"order": order, "limit": 200, "max_bytes": 4096})).await;
        assert_eq!(seen.first(), Some(&first));
        seen.sort_unstable();
        assert_eq!(seen, (1..=60).collect::<Vec<_>>(), "{order}");
    }
    let page = call(&client, "search_events", json!({"limit": 200, "max_bytes": 4096})).await;
    assert!(page.to_string().len() <= 4096 && seqs(&page).len() > 3, "{}", page.to_string().len());
}

#[tokio::test]
async fn a_long_payload_is_cut_and_can_be_read_to_its_end() {
    let world = World::start();
    let text = (0..9000).map(|n| format!("{n} añ ")).collect::<Vec<_>>().concat();
    world.commit(|seq| vec![with_payload(seq, "US-1", json!({"text": text}).to_string())]);
    let client = stdio(&world, &[]).await;
    let first = call(&client, "get_event", json!({"seq": 1, "max_bytes": 16384})).await;
    assert!(first.to_string().len() <= 16384);
    let mut cut =
        first["cut"].as_array().expect("cuts").iter().find(|c| c["part"] == "/data/text").expect("cut").clone();
    let mut read = first["answer"]["data"]["text"].as_str().expect("text").trim_end_matches('…').to_owned();
    while !cut.is_null() {
        let rest = call(&client, "get_event", json!({"seq": 1, "part": cut["part"], "offset": cut["offset"]})).await;
        read.push_str(rest["answer"].as_str().expect("text").trim_end_matches('…'));
        cut = rest["cut"][0].clone();
    }
    assert_eq!(read, text);
}

#[tokio::test]
async fn why_failed_shows_the_first_failure_and_what_surrounds_it() {
    let world = World::start();
    world.commit(|seq| {
        let mut records: Vec<_> = (0..12).map(|n| entry(seq + n, "US-9")).collect();
        // A crash that names no story, and another story's failure.
        for (n, kind) in [(3, "k8s.pod.crashed"), (6, "agent.response.failed")] {
            let Body::Message(message, resolved) = &mut records[n].body else { panic!("an entry") };
            resolved.ids = fleetscope::model::Ids::default();
            resolved.severity = Severity::Error;
            message.event_type = kind.into();
            if n == 3 {
                message.source = fleetscope::model::Source::Kubernetes;
                message.subject = "k8s.pod.crashed".into();
            } else {
                resolved.ids.story = Some("US-8".into());
            }
        }
        records.push(acked(seq + 12, 8, "US-9", "context"));
        if let Body::Delivery(delivery) = &mut records[12].body {
            delivery.state = fleetscope::model::DeliveryState::MaxDeliveries;
            delivery.attempts = 5;
        }
        records
    });
    let client = http(&world, None).await.expect("a session");
    let told = call(&client, "why_failed", json!({"story": "US-9"})).await;
    let answer = &told["answer"];
    assert_eq!((&answer["first_failure"]["seq"], &answer["first_failure"]["severity"]), (&json!(5), &json!("error")));
    let of = |list: &str| answer[list].as_array().expect("a list").iter().map(|e| e["seq"].clone()).collect::<Vec<_>>();
    assert_eq!(of("chain"), [5, 10]);
    assert_eq!(of("before"), [1, 2, 3]);
    assert_eq!(of("after"), [6, 8, 9, 10, 11, 12]);
    assert_eq!(of("around"), [4]);
    assert_eq!(of("deliveries"), [8]);
    assert!(answer["causes"].is_object(), "{answer}");
    assert_eq!(answer["deliveries"][0]["delivery"]["state"], "max_deliveries");
    assert!(answer["found"].as_str().is_some_and(|f| f.contains("seq 5") && f.contains("2 failures")), "{answer}");
    let calm = call(&client, "why_failed", json!({"task": "T-1"})).await;
    assert_eq!(calm["answer"]["found"], "no failure and no warning is recorded");
    assert!(refused(&client, "why_failed", json!({"story": "US-7"})).await.contains("nothing is recorded"));
    for wrong in [json!({}), json!({"story": "a", "agent": "b"})] {
        assert!(refused(&client, "why_failed", wrong).await.contains("exactly one"));
    }
}

#[tokio::test]
async fn consumers_are_listed_the_worst_first() {
    let world = World::start();
    let consumer = |name: &str, pending, redelivered| ConsumerInfo {
        name: name.into(),
        pending,
        redelivered,
        waiting: 1,
        ..ConsumerInfo::default()
    };
    let consumers = vec![consumer("fine", 0, 0), consumer("late", 7, 0), consumer("again", 0, 3)];
    world.board.consumers(ConsumersReport { stream: "PLANNING".into(), at: at(9), consumers, tapped: true });
    let client = stdio(&world, &[]).await;
    let told = call(&client, "consumer_health", json!({"stream": "PLANNING", "unhealthy": true})).await;
    let names: Vec<&Json> =
        told["answer"]["consumers"].as_array().expect("a list").iter().map(|c| &c["consumer"]).collect();
    assert_eq!(names, ["again", "late"]);
    assert_eq!((&told["answer"]["by_health"]["ok"], &told["answer"]["by_health"]["behind"]), (&json!(1), &json!(1)));
    let other = call(&client, "consumer_health", json!({"stream": "OTHER"})).await;
    assert_eq!(other["answer"]["consumers"], json!([]));
}
