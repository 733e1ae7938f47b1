//! The timeline of a story, over a journal on disk: what correlation found out, told as one thing.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use fleetscope::api::{Context, serve};
use fleetscope::board::Board;
use fleetscope::config::Config;
use fleetscope::journal::{Commit, Embedded, Journal as _};
use fleetscope::metrics::Metrics;
use fleetscope::model::{Change, Record, Timestamp};
use fleetscope::past::Past;
use fleetscope::tail::Tail;
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::world::entry;

/// A daemon's API over a journal on disk.
pub(super) struct Kept {
    address: SocketAddr,
    stop: CancellationToken,
    pub(super) http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Kept {
    pub(super) fn holding(records: Vec<Record>, changes: Vec<Change>, configure: impl FnOnce(&mut Config)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Embedded::open(folder.path(), Duration::from_hours(24 * 3650), 1 << 30).expect("opens");
        let head = records.last().map_or(0, |record| record.seq);
        let records: Vec<_> = records.into_iter().map(Arc::new).collect();
        for records in records.chunks(5_000) {
            journal.append(&Commit { records, ..Commit::default() }).expect("commits");
        }
        let board = Arc::new(Board::default());
        board.apply(changes, Timestamp::now());
        let mut config = Config::default();
        config.http.max_requests_per_second = 0;
        configure(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let (journal, metrics) = (Arc::new(journal), Arc::<Metrics>::default());
        let past = Past::new(journal.clone(), crate::support::settings(), Arc::clone(&metrics));
        let context = Context {
            config: Arc::new(config),
            journal,
            past: Arc::new(past),
            board,
            tail: Arc::new(Tail::new(head)),
            status: Arc::default(),
            metrics,
            inboxes: Arc::default(),
            lookups: Arc::default(),
            stop: stop.clone(),
            trace: Arc::new(|_, _| Json::Null),
        };
        tokio::spawn(serve(context, listener));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { address, stop, http, _folder: folder }
    }

    /// A recorded run of the fleet.
    pub(super) fn scenario(name: &str) -> Self {
        let (records, changes) = crate::replay::told(name);
        Self::holding(records, changes, |_| {})
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Json) {
        let response = self.http.get(self.url(path)).send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.expect("a body")).expect("JSON"))
    }
}

/// A member of each item of a list.
fn each<'a>(list: &'a Json, member: &str) -> Vec<&'a Json> {
    list["items"].as_array().expect("a list").iter().map(|item| &item[member]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_is_told_from_begin_to_end() {
    let kept = Kept::scenario("story");
    let (status, stories) = kept.get("/api/stories").await;
    assert_eq!(status, 200);
    let story = &stories["items"][0];
    let (status, told) = kept.get(&format!("/api/stories/{}/timeline", story["story_id"].as_str().expect("id"))).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["title"], story["title"]);
    // Those of its ceremonies are no events of the story alone.
    assert!(told["events"].as_u64() > story["events"].as_u64(), "{told}");
    assert_eq!(told["phase"], story["phase"]);
    assert_eq!(each(&told["phases"], "phase"), each(&json!({"items": story["phases"]}), "phase"));
    let tasks: Vec<_> =
        told["work"]["items"].as_array().expect("a list").iter().filter(|w| w["kind"] == "task").collect();
    assert_eq!(tasks.len(), story["tasks"].as_array().expect("tasks").len());
    assert!(tasks.iter().all(|task| !task["title"].is_null()), "{tasks:?}");
    let answers: u64 = told["deliberations"]["items"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|d| d["answers"]["items"].as_array().expect("a list"))
        .filter_map(|answer| answer["tokens"].as_u64())
        .sum();
    assert_eq!(json!(answers), story["tokens"]);
    assert_eq!(told["spend"]["answer_tokens"], story["tokens"]);
    assert_eq!(told["left_out"], json!([]));
    assert!(!told["consumers"]["items"].as_array().expect("a list").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_told_with_what_they_followed_from() {
    let kept = Kept::scenario("failures");
    let (status, told) = kept.get("/api/stories/s-9/timeline").await;
    assert_eq!(status, 200, "{told}");
    let chains = told["failures"]["items"].as_array().expect("a list");
    let kinds: Vec<Vec<&Json>> = chains.iter().map(|chain| each(&chain["steps"], "kind")).collect();
    assert_eq!(
        json!(kinds),
        json!([["answer", "delivery", "deliberation"], ["plan"], ["deliberation", "task"]]),
        "{told:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_known_has_no_timeline() {
    let kept = Kept::scenario("story");
    let (status, told) = kept.get("/api/stories/nobody/timeline").await;
    assert_eq!((status, &told["detail"]), (404, &json!("this story is not known")));
    let (status, told) = kept.get("/api/stories/nobody/timeline?limit=3").await;
    assert_eq!((status, &told["parameter"]), (400, &json!("limit")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_of_many_events_is_told_in_bounds() {
    let kept = Kept::holding((1..=20_000).map(|seq| entry(seq, "long")).collect(), Vec::new(), |_| {});
    let response = kept.http.get(kept.url("/api/stories/long/timeline")).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let text = response.text().await.expect("a body");
    assert!(text.len() < 2 << 20, "{} bytes", text.len());
    let told: Json = serde_json::from_str(&text).expect("JSON");
    assert_eq!(told["events"], 20_000);
    assert_eq!(told["deliberations"]["items"].as_array().map(Vec::len), Some(300));
    assert_eq!(told["deliberations"]["more"], 9_700);
    let failures = told["failures"]["items"].as_array().expect("a list").len() as u64;
    assert_eq!(failures + told["failures"]["more"].as_u64().expect("a number"), 300);
    assert_eq!(told["left_out"], json!(["3700 further failures are not listed"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stories_stand_side_by_side() {
    let records = (1..=90).map(|seq| entry(seq, if seq % 3 == 0 { "short" } else { "long" })).collect();
    let kept = Kept::holding(records, Vec::new(), |_| {});
    let (status, told) = kept.get("/api/compare?left=short&right=long").await;
    assert_eq!(status, 200, "{told}");
    assert_eq!((&told["left"]["story_id"], &told["right"]["story_id"]), (&json!("short"), &json!("long")));
    let rows = told["rows"].as_array().expect("rows");
    let row = |section: &str, figure: &str| {
        rows.iter().find(|row| row["section"] == section && row["figure"] == figure).expect("a row").clone()
    };
    let events = row("story", "events");
    assert_eq!([&events["left"], &events["right"], &events["ratio"]], [&json!(30.0), &json!(60.0), &json!(2.0)]);
    // Each figure is what the timelines tell.
    for (side, story) in [("left", "short"), ("right", "long")] {
        let (_, alone) = kept.get(&format!("/api/stories/{story}/timeline")).await;
        assert_eq!(row("story", "errors")[side].as_f64(), alone["errors"].as_f64());
        assert_eq!(row("story", "duration")[side].as_f64(), alone["duration_ms"].as_f64());
        let answers: u64 = alone["deliberations"]["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|d| {
                d["answers"]["items"].as_array().expect("a list").len() as u64
                    + d["answers"]["more"].as_u64().unwrap_or(0)
            })
            .sum();
        let compared: f64 = rows
            .iter()
            .filter(|row| row["section"] == "deliberation" && row["figure"] == "answers")
            .filter_map(|row| row[side].as_f64())
            .sum();
        assert!((compared - answers as f64).abs() < 0.5, "{compared} of {answers}");
    }
    for (query, status, told) in [
        ("left=short", 400, "right"),
        ("left=short&right=", 400, "right"),
        ("left=short&left=x&right=long", 400, "left"),
        ("left=short&right=long&at=1", 400, "at"),
    ] {
        let (got, problem) = kept.get(&format!("/api/compare?{query}")).await;
        assert_eq!((got, &problem["parameter"]), (status, &json!(told)), "{query}");
    }
    let (status, problem) = kept.get("/api/compare?left=short&right=no%0Abody").await;
    assert_eq!(status, 404);
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("no") && !text.contains('\n')), "{problem}");

    // On the terminal.
    let run = |more: &'static [&'static str]| {
        let url = kept.url("");
        tokio::task::spawn_blocking(move || {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fleetscope"));
            command.args(["compare", "short", "long", "--url", &url]).args(more).output().expect("it runs")
        })
    };
    let shown = run(&[]).await.expect("it ends");
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success() && text.contains("STORY"), "{shown:?}");
    let line = text.lines().find(|line| line.starts_with("events ")).expect("a line").to_owned();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["events", "30", "60", "2.00"]);
    let changed = run(&["--changed", "10"]).await.expect("it ends");
    assert!(!String::from_utf8_lossy(&changed.stdout).contains("events "), "{changed:?}");
}
