//! The contract of the feed as files: each kind of frame as the daemon sends it. The Grafana plugin's tests read the same
//! files. `UPDATE=1` writes them anew.

use std::path::Path;

use fleetscope::model::{
    AgentState, AgentView, Change, ConsumerInfo, ConsumersReport, CouncilView, DeliberationView, StoryPhase, StoryView,
    StreamInfo, StreamsReport, TaskOutcome, TaskView, Timestamp,
};
use serde_json::{Value as Json, json};

use super::world::{Socket, World, acked, at, entry, with_payload};

/// Compares `value` with the file of that name. What differs from run to run stands as a fixed value.
fn verify(name: &str, mut value: Json) {
    for (key, fixed) in [("as_of", json!(at(0).to_string())), ("version", json!("0.0.0"))] {
        if let Some(found) = value.get_mut(key) {
            assert!(found.is_string(), "{name}: {key}");
            *found = fixed;
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/feed").join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(&value).expect("JSON") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).expect("written");
    }
    let wanted = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(wanted, text, "{} differs: if that is meant, run with UPDATE=1", file.display());
}

fn board(world: &World) {
    let task = TaskOutcome {
        task_id: "T-2".into(),
        story_id: Some("US-1".into()),
        outcome: "completed".into(),
        duration_ms: Some(2300),
        tokens: Some(412),
        error: None,
        at: at(2),
        seq: 2,
    };
    let agent = AgentView {
        agent_id: "agent-dev-001".into(),
        role: "DEV".into(),
        council: "DEV".into(),
        state: AgentState::Completed,
        since: at(2),
        task_id: Some("T-2".into()),
        story_id: Some("US-1".into()),
        model: Some("Qwen/Qwen3-0.6B".into()),
        last_event: at(2),
        completed: 1,
        success_rate: Some(1.0),
        mean_duration_ms: Some(2300.0),
        tokens: 412,
        tasks: vec![task],
        ..AgentView::default()
    };
    let council = CouncilView {
        council: "DEV".into(),
        agents: vec!["agent-dev-001".into()],
        completed: 1,
        models: vec!["Qwen/Qwen3-0.6B".into()],
        last_event: at(2),
        ..CouncilView::default()
    };
    let deliberation = DeliberationView {
        deliberation_id: "D-1".into(),
        story_id: Some("US-1".into()),
        council: "DEV".into(),
        expected: Some(3),
        answered: vec!["agent-dev-001".into()],
        started: at(1),
        state: "open".into(),
        ..DeliberationView::default()
    };
    let story = StoryView {
        story_id: "US-1".into(),
        title: Some("Health check".into()),
        phase: "IN_PROGRESS".into(),
        phases: vec![
            StoryPhase { phase: "DRAFT".into(), from: at(0), until: Some(at(1)) },
            StoryPhase { phase: "IN_PROGRESS".into(), from: at(1), until: None },
        ],
        tasks: vec![TaskView { task_id: "T-2".into(), state: "completed".into(), since: at(1), ..TaskView::default() }],
        agents: vec!["agent-dev-001".into()],
        tokens: 412,
        agent_ms: 2300,
        events: 2,
        first_seq: 1,
        first_event: at(1),
        last_event: at(2),
        trace_id: "1fc1b5a1bcf0b8bbd3a1b5e1d0a1f0c2".into(),
        ..StoryView::default()
    };
    let changes = vec![
        Change::Agent(agent.into()),
        Change::Council(council.into()),
        Change::Deliberation(deliberation.into()),
        Change::Story(story.into()),
    ];
    world.board.apply(changes, at(2));
    let stream = StreamInfo { name: "AGENT_RESPONSES".into(), ..StreamInfo::default() };
    world.board.streams(StreamsReport { at: at(2), streams: vec![stream] });
    let consumer = ConsumerInfo {
        stream: "AGENT_RESPONSES".into(),
        name: "context".into(),
        filters: vec!["agent.response.completed".into()],
        ack_policy: "explicit".into(),
        ack_wait_seconds: 30.0,
        max_deliver: 3,
        pending: 1,
        waiting: 1,
        delivered_seq: 1,
        ack_floor_seq: 1,
        ack_floor_at: Some(at(1)),
        delivered_at: Some(at(1)),
        created: Timestamp::ZERO,
        ..ConsumerInfo::default()
    };
    let consumers = vec![consumer];
    world.board.consumers(ConsumersReport { stream: "AGENT_RESPONSES".into(), at: at(2), consumers, tapped: true });
}

async fn states(socket: &mut Socket) {
    for _ in 0..5 {
        let frame = socket.next("state").await;
        let topic = frame["topic"].as_str().expect("a topic").to_owned();
        verify(&format!("state-{topic}"), frame);
    }
}

#[tokio::test]
async fn every_kind_of_frame_is_as_the_files_say() {
    let world = World::holding(vec![entry(1, "US-1"), acked(2, 1, "US-1", "context")], |_| {});
    board(&world);
    let mut socket = world.socket().await;
    verify("hello", socket.next("hello").await);
    socket.say(json!({"type": "subscribe", "filter": {"story": "US-1"}, "since": 0})).await;
    verify("events", socket.next("events").await);
    verify("replay", socket.next("replay").await);
    states(&mut socket).await;
    socket.live().await;
    world.commit(|seq| vec![with_payload(seq, "US-1", "{\"story_id\":\"US-1\"}".to_owned())]);
    socket.next("events").await;
    world.commit(|seq| vec![acked(seq, 3, "US-1", "context")]);
    verify("deliveries", socket.next("deliveries").await);
    world.board.apply(vec![Change::StoryClosed("US-1".into())], at(3));
    let removed = loop {
        // A poll of the consumers may be told again in between.
        let frame = socket.next("state").await;
        if frame["topic"] == "stories" {
            break frame;
        }
    };
    verify("state-removed", removed);

    socket.say(json!({"type": "subscribe", "since": 2, "payload": "full"})).await;
    verify("events-full", socket.next("events").await);
    socket.live().await;
    socket.say(json!({"type": "subscribe", "since": 4, "rate": 1, "topics": []})).await;
    socket.live().await;
    world.commit(|seq| (0..3).map(|n| entry(seq + n, "US-1")).collect());
    verify("omitted", socket.next("omitted").await);
    socket.say(json!({"type": "subscribe", "since": 99})).await;
    verify("gap", socket.next("gap").await);
    socket.say(json!({"type": "subscribe", "filter": {"storry": "US-1"}})).await;
    verify("error", socket.next("error").await);
    socket.say(json!({"type": "subscribe", "id": "a1", "since": 99, "topics": []})).await;
    loop {
        let gap = socket.next("gap").await;
        if gap["id"] == "a1" {
            verify("gap-named", gap);
            break;
        }
    }
}

#[tokio::test]
async fn a_ticket_is_as_the_file_says() {
    let world = World::start();
    let mut ticket = world.get("/api/ticket").await.1;
    assert!(ticket["ticket"].as_str().is_some_and(|t| t.len() >= 32), "{ticket}");
    ticket["ticket"] = json!("a-ticket-for-one-use");
    verify("ticket", ticket);
}

#[tokio::test]
async fn an_event_with_all_about_it_is_as_the_file_says() {
    let world = World::holding(vec![entry(1, "US-1"), acked(2, 1, "US-1", "context")], |_| {});
    verify("event", world.get("/api/events/1").await.1);
    verify("list", world.get("/api/events?limit=1").await.1);
    verify("problem", world.get("/api/events?limit=0").await.1);
}
