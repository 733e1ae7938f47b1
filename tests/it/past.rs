//! State as of a time: what the API says of a moment later is what it said then, byte for byte.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use fleetscope::api::{Context, serve};
use fleetscope::board::Board;
use fleetscope::config::Config;
use fleetscope::correlate::{Correlator, Output, Settings};
use fleetscope::journal::{Commit, Embedded, Journal};
use fleetscope::metrics::Metrics;
use fleetscope::model::{Batch, Body, Event, Facts, Form, Key, Message, Payload, Record, Source, Timestamp, Value};
use fleetscope::past::Past;
use fleetscope::privacy::Masker;
use fleetscope::sources::simulator;
use fleetscope::tail::Tail;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::until;

/// Longest a test waits for anything.
const BOUND: Duration = Duration::from_secs(20);
const STORIES: &str = "/api/stories?limit=1000";
/// The questions whose answers are compared.
const PATHS: [&str; 5] =
    ["/api/councils", "/api/agents", "/api/deliberations", STORIES, "/api/llm/requests?limit=1000"];
/// Of the fleet's life.
const HISTORY: Duration = Duration::from_mins(20);
const TICK: Duration = Duration::from_millis(500);
/// Ticks between two moments at which answers are written down, and between two snapshots.
const MOMENT: u64 = 300;
const SNAPSHOT: u64 = 170;

/// A daemon's API over a journal on disk.
struct World {
    address: SocketAddr,
    journal: Arc<Embedded>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    http: reqwest::Client,
    folder: Arc<tempfile::TempDir>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    fn start(settings: Settings) -> Self {
        let folder = tempfile::TempDir::new_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
        Self::over(Arc::new(folder), settings)
    }

    /// A daemon that begins with what is in a folder.
    fn over(folder: Arc<tempfile::TempDir>, settings: Settings) -> Self {
        let ever = Duration::from_hours(24 * 36_500);
        let journal = Arc::new(Embedded::open(folder.path(), ever, 1 << 30).expect("opens"));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = Config::default();
        config.http.max_requests_per_second = 0;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (board, metrics) = (Arc::<Board>::default(), Arc::<Metrics>::default());
        let stop = CancellationToken::new();
        let context = Context {
            config: Arc::new(config),
            journal: journal.clone(),
            board: Arc::clone(&board),
            tail: Arc::new(Tail::new(0)),
            status: Arc::default(),
            metrics: Arc::clone(&metrics),
            inboxes: Arc::default(),
            lookups: Arc::default(),
            past: Arc::new(Past::new(journal.clone(), settings, Arc::clone(&metrics))),
            stop: stop.clone(),
            trace: Arc::new(|_, _| Json::Null),
        };
        tokio::spawn(serve(context, listener));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { address, journal, board, metrics, stop, http, folder }
    }

    async fn get(&self, path: &str) -> (u16, Json) {
        let response = self.http.get(format!("http://{}{path}", self.address)).send().await.expect("an answer");
        let (status, text) = (response.status().as_u16(), response.text().await.expect("a body"));
        (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    /// What all questions are answered.
    async fn answers(&self, at: Option<Timestamp>) -> BTreeMap<&'static str, Json> {
        let mut answers = BTreeMap::new();
        for path in PATHS {
            let asked = at.map_or_else(|| path.to_owned(), |at| with(path, at));
            let (status, body) = self.get(&asked).await;
            assert_eq!(status, 200, "{asked}: {body}");
            answers.insert(path, body["items"].clone());
        }
        answers
    }
}

fn with(path: &str, at: Timestamp) -> String {
    format!("{path}{}at={at}", if path.contains('?') { "&" } else { "?" })
}

/// What a simulated fleet did, in order, each event received as it was stored.
async fn lived() -> Vec<Event> {
    let (events, mut received) = mpsc::channel::<Batch>(4);
    let mut fleet = simulator::Settings { stories_per_minute: 6.0, ..simulator::Settings::default() };
    fleet.faults.silent_agent = 0.2;
    let stop = CancellationToken::new();
    let run = simulator::run_in_process(simulator::InProcess {
        settings: fleet,
        speed: 1.0,
        history: HISTORY,
        positions: Vec::new(),
        masker: Arc::new(Masker::new(fleetscope::config::Content::Summary, 1 << 16)),
        events,
        metrics: Arc::default(),
        status: Arc::default(),
        systems: Arc::default(),
        stop: stop.clone(),
    });
    let end = Timestamp::now();
    let taken = async {
        let mut all = Vec::new();
        while let Some(batch) = received.recv().await {
            for mut event in batch.events {
                if let Event::Message(message) = &mut event {
                    message.received = message.stored;
                }
                if happens(&event).is_some_and(|at| at >= end) {
                    stop.cancel();
                    return all;
                }
                all.push(event);
            }
        }
        all
    };
    let (all, ()) = tokio::join!(taken, run);
    all
}

/// The same items in the same order; tells the first that differs.
fn same(what: &str, said: &Json, told: &Json) {
    let (said, told) = (said.as_array().expect("a list"), told.as_array().expect("a list"));
    for (n, (said, told)) in said.iter().zip(told).enumerate() {
        assert!(said == told, "{what}, item {n}:\n{said}\n{told}");
    }
    assert_eq!(said.len(), told.len(), "{what}: {:?}\n{:?}", said.last(), told.last());
}

/// A story, and how many events it has.
fn of(story: &Json) -> (String, Json) {
    (story["story_id"].as_str().expect("an id").to_owned(), story["events"].clone())
}

fn happens(event: &Event) -> Option<Timestamp> {
    match event {
        Event::Message(message) => Some(message.stored),
        Event::Settlement(settlement) => Some(settlement.at),
        Event::Consumers(report) => Some(report.at),
        _ => None,
    }
}

/// Ingest, at the pace of its events' own time.
struct Ingest {
    correlator: Correlator,
    journal: Arc<Embedded>,
    out: Output,
    ticks: u64,
}

impl Ingest {
    fn tick(&mut self, at: Timestamp) {
        self.correlator.apply(Event::Tick(at), &mut self.out);
        self.ticks += 1;
        let records: Vec<Arc<Record>> = self.out.records.drain(..).map(Arc::new).collect();
        let snapshot = self.ticks.is_multiple_of(SNAPSHOT).then(|| self.correlator.snapshot());
        let commit =
            Commit { records: &records, closed: &self.out.closed, snapshot: snapshot.as_deref(), positions: &[] };
        self.journal.append(&commit).expect("appends");
        self.out.closed.clear();
        self.out.measures.clear();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_a_moment_later_is_what_was_said_then() {
    let settings = Settings { max_stories: 90, ..crate::support::settings() };
    let world = World::start(settings.clone());
    let events = lived().await;
    assert!(events.len() > 2_000, "{} events", events.len());
    let begin = events.iter().find_map(happens).expect("events have times");
    // Between two events: no event is of such a microsecond.
    let odd = begin.nanos().div_euclid(1_000_000) * 1_000_000 + 777_000;
    let mut next = Timestamp::from_nanos(odd).plus(TICK);
    let (correlator, journal) = (Correlator::new(settings.clone(), 1), Arc::clone(&world.journal));
    let mut ingest = Ingest { correlator, journal, out: Output::default(), ticks: 0 };
    let mut moments = Vec::new();
    for event in events {
        while happens(&event).is_some_and(|at| at > next) {
            ingest.tick(next);
            if ingest.ticks.is_multiple_of(MOMENT) {
                world.board.apply(ingest.correlator.changes(next), next);
                moments.push((next, world.answers(None).await));
            }
            next = next.plus(TICK);
        }
        ingest.correlator.apply(event, &mut ingest.out);
    }
    ingest.tick(next);
    world.board.apply(ingest.correlator.changes(next), next);
    let events: BTreeMap<String, Json> =
        world.answers(None).await[STORIES].as_array().expect("a list").iter().map(of).collect();
    // A story that was closed and came back is kept as it was closed last.
    let comparable = |mut items: Json| {
        let came_back = |story: &Json| story["closed"] == true && events[&of(story).0] != of(story).1;
        items.as_array_mut().expect("a list").retain(|item| item.get("closed").is_none() || !came_back(item));
        items
    };
    assert!(moments.len() >= 6, "{} moments", moments.len());
    let agents = |answers: &BTreeMap<&str, Json>| answers["/api/agents"].to_string();
    assert!(moments.iter().any(|(_, answers)| agents(answers).contains("\"silent\":true")), "nobody fell silent");
    let closed = |answers: &BTreeMap<&str, Json>| answers[STORIES].to_string();
    assert!(moments.iter().any(|(_, answers)| closed(answers).contains("\"closed\":true")), "no story was closed");

    let again = async |world: &World| {
        for (at, said) in moments.iter().rev() {
            for (path, items) in world.answers(Some(*at)).await {
                same(&format!("{path} as of {at}"), &comparable(said[path].clone()), &comparable(items));
            }
        }
    };
    again(&world).await;
    let (at, said) = &moments[moments.len() / 2];
    let agent = said["/api/agents"][0].clone();
    let (status, told) =
        world.get(&with(&format!("/api/agents/{}", agent["agent_id"].as_str().expect("an id")), *at)).await;
    assert_eq!(status, 200, "{told}");
    assert!(agent.as_object().expect("an agent").iter().all(|(name, value)| told[name] == *value), "{agent}\n{told}");
    assert!(told["past"]["snapshot"].as_u64() <= told["past"]["seq"].as_u64() && told["past"]["snapshot"] != 0);
    assert!(told["past"]["at"].as_str() <= told["past"]["asked"].as_str(), "{told}");
    let story = said[STORIES].as_array().and_then(|all| all.last()).cloned().expect("a story");
    let (_, told) =
        world.get(&with(&format!("/api/stories/{}", story["story_id"].as_str().expect("an id")), *at)).await;
    assert_eq!(told["events"], story["events"], "{told}");
    // A restart forgets nothing of it.
    let (folder, journal) = (Arc::clone(&world.folder), Arc::downgrade(&world.journal));
    drop((ingest, world));
    until("nobody has the journal any more", BOUND, async || journal.strong_count() == 0).await;
    again(&World::over(folder, settings)).await;
}

#[tokio::test]
async fn a_time_that_cannot_be_told_is_refused_by_name() {
    let world = World::start(crate::support::settings());
    let (status, body) = world.get("/api/councils?at=-5m").await;
    assert_eq!((status, &body["parameter"]), (400, &Json::from("at")), "{body}");
    assert!(body["detail"].as_str().is_some_and(|d| d.contains("holds nothing")), "{body}");

    let begin = Timestamp::parse("2026-02-14T09:00:00Z").expect("valid");
    commit(&world, 1, &[begin, begin.plus(Duration::from_secs(10))]);
    let refused = [
        ("at=yesterday", "-5m"),
        ("at=", "-5m"),
        ("at=-5m&at=-6m", "twice"),
        ("at=2026-02-14T08:59:59Z", "2026-02-14T09:00:00.000000Z on"),
        ("at=0", "2026-02-14T09:00:00.000000Z on"),
        ("at=-9999d", "2026-02-14T09:00:00.000000Z on"),
        ("at=9223372036854775807", "has not come yet"),
        ("at=2999-01-01T00:00:00Z", "has not come yet"),
        ("at=-1ns&story=x", "unknown"),
    ];
    for (query, why) in refused {
        let (status, body) = world.get(&format!("/api/agents?{query}")).await;
        assert_eq!(status, 400, "{query}: {body}");
        assert!(body["detail"].as_str().is_some_and(|detail| detail.contains(why)), "{query}: {body}");
    }
    for at in ["2026-02-14T09:00:05Z", "1771059605000", "2026-02-14T10:00:05%2B01:00"] {
        let (status, body) = world.get(&format!("/api/agents?at={at}")).await;
        assert_eq!((status, body["past"]["seq"].as_u64()), (200, Some(1)), "{at}: {body}");
        assert_eq!(body["as_of"], "2026-02-14T09:00:05.000000Z", "{at}");
    }
    let (status, body) = world.get("/api/graph/nodes?story=s-1&at=2026-02-14T09:00:05Z").await;
    assert_eq!((status, &body["parameter"]), (400, &Json::from("at")), "{body}");
    let (status, body) = world.get("/api/events?at=-5m").await;
    assert_eq!(status, 400, "what has no state of a time says so: {body}");
}

#[tokio::test]
async fn what_came_late_counts_from_when_it_came() {
    let world = World::start(crate::support::settings());
    let begin = Timestamp::parse("2026-02-14T09:00:00Z").expect("valid");
    let second = |n| begin.plus(Duration::from_secs(n));
    // The third was stored early and read late; the fourth cannot have been stored when it says.
    commit(&world, 1, &[second(0), second(10), second(2), second(9_000), second(20)]);
    for (at, known) in [(5, 1), (12, 3), (16, 4), (30, 5)] {
        let (status, body) = world.get(&with("/api/agents", second(at))).await;
        assert_eq!((status, body["past"]["seq"].as_u64()), (200, Some(known)), "{at}: {body}");
    }
}

/// Asked for fifty times at once while ingest runs, it keeps a few, refuses some in words, and holds up nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_at_once_are_answered_or_refused_and_ingest_goes_on() {
    let world = World::start(crate::support::settings());
    let begin = Timestamp::parse("2026-02-14T09:00:00Z").expect("valid");
    let second = move |n: u64| begin.plus(Duration::from_secs(n));
    commit(&world, 1, &(0..2_000).map(second).collect::<Vec<_>>());
    let journal = Arc::clone(&world.journal);
    let ingest = tokio::task::spawn_blocking(move || {
        for n in 0..50 {
            let from = 2_001 + n * 10;
            append(&journal, from, &(from - 1..from + 9).map(second).collect::<Vec<_>>());
        }
    });
    let asked = (0..50_u64).map(|n| {
        let world = &world;
        async move { (n, world.get(&with("/api/agents", second(n * 40).plus(Duration::from_millis(1)))).await) }
    });
    let answers = futures::future::join_all(asked).await;
    ingest.await.expect("ingest goes on");
    let mut told = 0;
    for (n, (status, body)) in answers {
        match status {
            200 => {
                assert_eq!(body["past"]["seq"].as_u64(), Some(n * 40 + 1), "{body}");
                told += 1;
            }
            503 => assert!(body["detail"].as_str().is_some_and(|d| d.contains("try again")), "{body}"),
            _ => panic!("{status}: {body}"),
        }
    }
    assert!(told >= 32, "{told} of 50 were answered");
    let count = |outcome: &str| world.metrics.past.requests.with_label_values(&[outcome]).get();
    assert_eq!(count("made") + count("busy"), 50);
    assert_eq!(world.journal.stats().expect("stats").last_seq, 2_500);
    // The last one is kept: it is not made again.
    let (_, first) = world.get("/api/agents?at=2026-02-14T09:30:00.5Z").await;
    let made = count("made");
    let (_, again) = world.get("/api/agents?at=2026-02-14T09:30:00.5Z").await;
    assert_eq!((first, count("made"), count("kept")), (again, made, 1));
}

/// One who goes away lets the next one have the turn at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_gone_is_not_worked_for() {
    let world = World::start(crate::support::settings());
    let begin = Timestamp::parse("2026-02-14T09:00:00Z").expect("valid");
    for from in (1..100_000).step_by(2_000) {
        let times: Vec<_> = (from..from + 2_000).map(|n| begin.plus(Duration::from_millis(n))).collect();
        commit(&world, from, &times);
    }
    let past = Past::new(world.journal.clone(), crate::support::settings(), Arc::clone(&world.metrics));
    let count = |outcome: &str| world.metrics.past.requests.with_label_values(&[outcome]).get();
    let asked = begin.plus(Duration::from_secs(99));
    assert!(
        tokio::time::timeout(Duration::from_millis(20), past.at(asked)).await.is_err(),
        "it takes longer than that"
    );
    until("the work was given up", BOUND, async || count("cancelled") == 1).await;
    assert_eq!(count("made"), 0);
    let then = past.at(begin.plus(Duration::from_millis(10))).await.expect("the next has the turn");
    assert_eq!(then.seq, 10);
}

fn commit(world: &World, from: u64, times: &[Timestamp]) {
    append(&world.journal, from, times);
}

/// Messages of these times, in this order.
fn append(journal: &Embedded, from: u64, times: &[Timestamp]) {
    let record = |(n, at): (usize, &Timestamp)| {
        let seq = from + n as u64;
        let body = Body::Message(Box::new(message(seq, *at)), Box::default());
        Arc::new(Record { seq, at: *at, body, spans: Vec::new(), links: Vec::new() })
    };
    let records: Vec<_> = times.iter().enumerate().map(record).collect();
    journal.append(&Commit { records: &records, ..Commit::default() }).expect("appends");
}

/// An agent's answer. What is stored in two hours was received in a quarter of a minute.
fn message(seq: u64, at: Timestamp) -> Message {
    let mut facts = Facts::default();
    facts.insert(Key::AgentId, Value::Text(&format!("agent-dev-{}", seq % 7)));
    let begin = Timestamp::parse("2026-02-14T09:00:00Z").expect("valid");
    let late = at > begin.plus(Duration::from_secs(8_999));
    Message {
        source: Source::Nats,
        stream: "AGENT_RESPONSES".into(),
        incarnation: 0,
        stream_seq: seq,
        subject: "agent.response.completed".into(),
        event_type: "agent.response.completed".into(),
        stored: at,
        received: if late { begin.plus(Duration::from_secs(15)) } else { at },
        size: 2,
        form: Form::Bare,
        producer: None,
        producer_inferred: false,
        message_id: None,
        traceparent: None,
        claimed: None,
        facts,
        undecodable: None,
        payload: Payload::default(),
        observed: None,
    }
}
