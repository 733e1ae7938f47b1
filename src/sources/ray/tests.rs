//! The source, on what a real Ray gave.

use std::sync::Arc;

use super::book::Book;
use super::push::pushes;
use super::wire::{self, ActorRow, JobRow, NodeRow, TaskRow};
use crate::config::Content;
use crate::inbox::Refusal;
use crate::model::{Event, Message, RayJob, Severity, Timestamp, What};
use crate::privacy::Masker;

const JOBS: &str = include_str!("../../../tests/fixtures/ray/jobs.json");
const ACTORS: &str = include_str!("../../../tests/fixtures/ray/actors.json");
const NODES: &str = include_str!("../../../tests/fixtures/ray/nodes.json");
const TASKS: &str = include_str!("../../../tests/fixtures/ray/tasks.json");
const FAILED: &str = include_str!("../../../tests/fixtures/ray/tasks_failed.json");
const PUSHED: &str = include_str!("../../../tests/fixtures/ray/pushed.jsonl");

fn book() -> Book {
    Book::new(Arc::new(Masker::new(Content::Summary, 1 << 16)))
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T08:00:00Z").expect("a time")
}

fn jobs(page: &str) -> Vec<JobRow> {
    wire::list(page).expect("a list").items
}

/// A page with one job.
fn page(status: &str, start: u64, more: &str) -> String {
    format!(r#"[{{"type":"SUBMISSION","submission_id":"US-9-a","status":"{status}","start_time":{start}{more}}}]"#)
}

fn told(book: &mut Book) -> Vec<Message> {
    let messages = book.tell(now()).into_iter().filter_map(|event| match event {
        Event::Message(message) => Some(*message),
        _ => None,
    });
    messages.collect()
}

fn kinds(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| &*message.event_type).collect()
}

fn job(book: &Book, id: &str) -> Arc<RayJob> {
    let panel = book.panel(now(), Vec::new());
    panel.jobs.iter().find(|job| &*job.id == id).cloned().expect("the job is shown")
}

fn whole() -> Book {
    let mut book = book();
    book.take_jobs(&jobs(JOBS), now());
    book.take_actors(&wire::state::<ActorRow>("actors", ACTORS).expect("a list").items);
    book.take_nodes(&wire::state::<NodeRow>("nodes", NODES).expect("a list").items);
    book.take_tasks(&wire::state::<TaskRow>("tasks", TASKS).expect("a list").items, None);
    book.take_failures(&wire::state::<TaskRow>("tasks", FAILED).expect("a list").items, now());
    book
}

#[test]
fn a_real_cluster_is_shown_with_the_ids_of_the_fleet() {
    let mut book = whole();
    told(&mut book);
    let failed = job(&book, "US-001-fail");
    assert_eq!((&*failed.kind, &*failed.status, failed.exit_code), ("submission", "FAILED", Some(1)));
    assert_eq!(failed.error_message.as_deref(), Some("ValueError: LLM returned invalid JSON"));
    assert_eq!(failed.error_type.as_deref(), Some("JOB_ENTRYPOINT_COMMAND_ERROR"));
    let about = &failed.about;
    let ids = [&about.story_id, &about.task_id, &about.agent_id, &about.role].map(|id| id.as_deref().unwrap_or(""));
    assert_eq!(ids, ["US-001", "T-fail", "agent-dev-001", "DEV"]);
    assert!((failed.duration_seconds.expect("told") - 25.933).abs() < 1e-6);
    assert_eq!(failed.tasks.expect("listed").failed, 1);
    assert!(failed.task_names.iter().any(|name| &**name == "boom"), "{:?}", failed.task_names);
    assert_eq!(job(&book, "US-001-long").actors.iter().map(|a| &**a).collect::<Vec<_>>(), ["agent-long-001"]);
    let auto = job(&book, "raysubmit_2tv13U4izxXvjCLn");
    assert_eq!((auto.job_id.as_deref(), auto.about.story_id.as_deref()), (None, None));
    assert_eq!(auto.unknown["job_id"].as_ref(), "its driver has not connected to Ray");
    let driver = job(&book, "08000000");
    assert_eq!((&*driver.kind, &*driver.status, driver.ended), ("driver", "RUNNING", None), "an end of 0 is none");
    assert_eq!(driver.about.story_id.as_deref(), Some("US-001"), "on which all its actors and tasks agree");
    assert_eq!(driver.about.agent_id, None, "of which it has several");
    assert!(driver.namespaces.iter().any(|name| &**name == "swe-ai-fleet"));
    let panel = book.panel(now(), Vec::new());
    assert_eq!((panel.jobs.len(), panel.nodes.len()), (9, 1));
    assert!(panel.actors.iter().all(|actor| &*actor.class != "JobSupervisor"), "Ray's own are left out");
    assert_eq!(panel.nodes[0].cpus, Some(4.0));
}

#[test]
fn what_is_seen_at_first_is_told_once_and_a_failure_is_an_error() {
    let mut book = whole();
    let messages = told(&mut book);
    let count = |kind: &str| messages.iter().filter(|m| &*m.event_type == kind).count();
    assert_eq!((count("ray.job.submitted"), count("ray.job.failed"), count("ray.job.succeeded")), (9, 3, 2));
    assert_eq!((count("ray.job.running"), count("ray.job.stopped")), (2, 1));
    for message in messages.iter().filter(|m| &*m.event_type == "ray.job.failed") {
        let observed = message.observed.as_ref().expect("observed");
        assert_eq!(observed.severity, Severity::Error);
        let What::RayJob(end) = &observed.what else { panic!("a job that ended: {observed:?}") };
        assert!(end.end.is_some_and(|at| at == message.stored), "{end:?}");
        assert!(end.error.is_some());
    }
    let died: Vec<_> = messages.iter().filter(|m| &*m.event_type == "ray.actor.died").collect();
    assert!(died.iter().any(|m| m.observed.as_ref().is_some_and(|o| o.severity == Severity::Warning)), "one crashed");
    assert!(died.iter().any(|m| m.observed.as_ref().is_some_and(|o| o.severity == Severity::Info)), "one was killed");
    assert!(count("ray.task.failed") > 0);
    book.take_jobs(&jobs(JOBS), now());
    book.take_failures(&wire::state::<TaskRow>("tasks", FAILED).expect("a list").items, now());
    assert_eq!(kinds(&told(&mut book)), Vec::<&str>::new());
    // After a restart all is told anew, and looks as it did: correlation drops it.
    let again = told(&mut whole());
    let look = |m: &Message| (m.subject.clone(), m.event_type.clone(), m.observed.clone(), m.payload.clone());
    assert_eq!(again.iter().map(look).collect::<Vec<_>>(), messages.iter().map(look).collect::<Vec<_>>());
}

#[test]
fn a_job_is_told_as_it_goes_and_what_ray_forgets_is_lost() {
    let mut book = book();
    for (list, expected) in [
        (page("PENDING", 1_000, r#","job_id":null"#), vec!["ray.job.submitted"]),
        (page("RUNNING", 1_000, r#","job_id":"02000000""#), vec!["ray.job.running"]),
        (page("RUNNING", 1_000, r#","job_id":"02000000","driver_info":{"pid":"7"}"#), vec![]),
        (page("STOPPED", 1_000, r#","end_time":2000"#), vec!["ray.job.stopped"]),
        // The same name in another life of the cluster.
        (page("RUNNING", 5_000, ""), vec!["ray.job.submitted", "ray.job.running"]),
        ("[]".to_owned(), vec!["ray.job.lost"]),
        ("[]".to_owned(), vec![]),
    ] {
        book.take_jobs(&jobs(&list), now());
        assert_eq!(kinds(&told(&mut book)), expected, "{list}");
        let started = job(&book, "US-9-a").started;
        assert!(!list.contains("02000000") || started == Some(now()), "it was seen to begin: {started:?}");
    }
    assert_eq!(job(&book, "US-9-a").started, None, "it ran already when it was first seen");
}

#[test]
fn a_deliberation_that_is_gone_ended_and_nobody_said_how() {
    let mut book = book();
    let one =
        || RayJob { id: "d-1".into(), kind: "deliberation".into(), status: "RUNNING".into(), ..RayJob::default() };
    book.take_list(vec![one()], true, now());
    assert_eq!(kinds(&told(&mut book)), ["ray.job.running"]);
    book.take_jobs(&jobs("[]"), now());
    assert_eq!(kinds(&told(&mut book)), Vec::<&str>::new(), "the dashboard knows none of them");
    book.take_list(Vec::new(), true, now());
    let messages = told(&mut book);
    assert_eq!(kinds(&messages), ["ray.job.ended"]);
    assert!(messages[0].observed.as_ref().is_some_and(|o| o.summary.ends_with("ended (not told how)")));
    assert_eq!(&*job(&book, "d-1").status, "ENDED");
}

#[test]
fn other_versions_are_read_as_far_as_they_go() {
    let rows = jobs(
        r#"[{"submission_id":5,"status":"succeeded","start_time":"1000","metadata":["x"],"driver_info":"none"},
            {"job_id":"01000000","status":null,"end_time":{}}, 7, null, {"status":"RUNNING"}]"#,
    );
    let mut book = book();
    book.take_jobs(&rows, now());
    told(&mut book);
    assert_eq!((&*job(&book, "5").status, &*job(&book, "01000000").status), ("SUCCEEDED", "PENDING"));
    assert_eq!(book.panel(now(), Vec::new()).jobs.len(), 2);
    assert!(wire::list::<JobRow>(r#"{"jobs":[]}"#).is_err());
    let refused = wire::state::<TaskRow>("tasks", r#"{"result":false,"msg":"limit","data":null}"#);
    assert!(refused.expect_err("refused").detail.contains("limit"));
}

#[test]
fn secrets_in_commands_and_errors_are_masked() {
    let more = r#","end_time":2000,"entrypoint":"run --token sk-proj-1234567890abcdefghijklmnop",
        "message":"x\nValueError: OPENAI_API_KEY=sk-proj-1234567890abcdefghijklmnop","metadata":{"title":"password=hunter2hunter2"}"#;
    let mut book = book();
    book.take_jobs(&jobs(&page("FAILED", 1_000, more)), now());
    let messages = told(&mut book);
    let shown = format!("{:?} {:?}", job(&book, "US-9-a"), messages);
    assert!(!shown.contains("1234567890abcdef") && !shown.contains("hunter2"), "{shown}");
    assert!(kinds(&messages).contains(&"ray.job.failed"));
}

#[test]
fn very_many_jobs_and_actors_stay_bounded() {
    let mut book = book();
    let rows: Vec<JobRow> = (0..10_000)
        .map(|n| JobRow {
            submission_id: Some(format!("job-{n}")),
            status: Some("SUCCEEDED".to_owned()),
            start_time: Some(1e6 + f64::from(n)),
            ..JobRow::default()
        })
        .collect();
    book.take_jobs(&rows, now());
    let panel = book.panel(now(), Vec::new());
    assert_eq!((panel.jobs.len(), &*panel.jobs[0].id), (2_000, "job-9999"));
}

#[test]
fn pushed_events_are_taken_once_and_meet_the_same_jobs() {
    let (inbox, mut pushing) = pushes();
    let mut book = book();
    let mut taken = 0;
    for body in PUSHED.lines() {
        taken += inbox.push(body.as_bytes()).expect("taken");
        while let Ok(events) = pushing.0.try_recv() {
            book.take_pushed(events, false);
        }
    }
    assert!(taken > 90, "{taken}");
    assert_eq!(inbox.push(PUSHED.lines().next().expect("a line").as_bytes()), Ok(0), "each event once");
    let ok = job(&book, "US-002-ok");
    assert_eq!((ok.job_id.as_deref(), &*ok.status), (Some("02000000"), "RUNNING"), "they do not tell how it ended");
    assert_eq!(ok.about.story_id.as_deref(), Some("US-002"));
    assert_eq!(ok.started, Timestamp::parse("2026-11-22T06:51:36.353539918Z").ok());
    assert_eq!(ok.node_id.as_deref(), Some("a4cd404e7901abc038e6dea594a8e0ef2adc7305c60d7acc580d66dd"));
    assert_eq!(kinds(&told(&mut book)), Vec::<&str>::new(), "told once it is known when they were submitted");
    let list =
        r#"[{"submission_id":"US-002-ok","status":"SUCCEEDED","start_time":1795330290000,"end_time":1795330299000}]"#;
    book.take_jobs(&jobs(list), now());
    assert_eq!(book.panel(now(), Vec::new()).jobs.len(), 2, "the list does not make it another job");
    let merged = job(&book, "US-002-ok");
    assert_eq!((&*merged.status, merged.job_id.as_deref()), ("SUCCEEDED", Some("02000000")));
    assert!(merged.started.is_some());
    assert_eq!(&*job(&book, "US-002-fail").status, "RUNNING", "a list older than the push does not lose it");
}

#[test]
fn pushed_events_may_be_spelled_as_their_proto_spells_them() {
    let (inbox, mut pushing) = pushes();
    let definition = r#"{"job_id":"AgAAAA==","config":{"metadata":{"job_submission_id":"US-2-a","story_id":"US-2"}}}"#;
    let body = format!(r#"[{{"event_id":"1","driver_job_definition_event":{definition}}}]"#);
    assert_eq!(inbox.push(body.as_bytes()), Ok(1));
    let mut book = book();
    book.take_pushed(pushing.0.try_recv().expect("an event"), false);
    assert_eq!(job(&book, "US-2-a").job_id.as_deref(), Some("02000000"));
}

#[test]
fn a_push_that_is_none_is_refused_and_a_full_inbox_says_so() {
    let (inbox, pushing) = pushes();
    assert!(matches!(inbox.push(b"{\"a\":1}"), Err(Refusal::Malformed(_))));
    assert_eq!(inbox.push(b"[1, null, {}, {\"eventId\": {}}]"), Ok(0));
    let body = |n: u32| format!(r#"[{{"eventId":"{n}","eventType":"NODE_LIFECYCLE_EVENT"}}]"#);
    let full = (0..100).map(|n| inbox.push(body(n).as_bytes())).find(Result::is_err);
    assert!(matches!(full, Some(Err(Refusal::Busy(_)))), "{full:?}");
    drop(pushing);
    assert!(inbox.push(body(1_000).as_bytes()).is_err());
}
