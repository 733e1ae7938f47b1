//! Ray by what a real one gave: every fault, the executor, what is pushed.

use std::net::SocketAddr;
use std::sync::Arc;

use http::StatusCode;
use parking_lot::Mutex;
use serde_json::Value;
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::faults::{comes_and_goes, started, survived, token_rotates};
use crate::servers::moody::{Moody, PATIENCE};
use crate::support::daemon::Daemon;
use crate::support::until;

const ROUTE: &str = "/api/ray/jobs";
const PUSHED: &str = include_str!("../../fixtures/ray/pushed.jsonl");

async fn dashboard() -> (Moody, Vec<(&'static str, String)>) {
    let server = Moody::start().await;
    for (path, page) in [
        ("/api/jobs/", include_str!("../../fixtures/ray/jobs.json")),
        ("/api/version", include_str!("../../fixtures/ray/version.json")),
        ("/api/v0/actors", include_str!("../../fixtures/ray/actors.json")),
        ("/api/v0/nodes", include_str!("../../fixtures/ray/nodes.json")),
        ("/api/v0/tasks", include_str!("../../fixtures/ray/tasks.json")),
        ("/api/jobs/US-001-fail/logs", include_str!("../../fixtures/ray/job_fail_logs.json")),
    ] {
        server.page(path, "application/json", page);
    }
    let variables = vec![
        ("FLEETSCOPE_RAY__URL", server.url("")),
        ("FLEETSCOPE_RAY__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_RAY__TIMEOUT", "3s".to_owned()),
    ];
    (server, variables)
}

fn shown(page: &Value) -> bool {
    page["items"].as_array().is_some_and(|jobs| jobs.iter().any(|job| job["id"] == "US-001-fail"))
}

async fn shows(daemon: &Daemon) -> bool {
    daemon.json(ROUTE).await.is_some_and(|page| shown(&page))
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_shown_told_and_measured() {
    let (_server, variables) = dashboard().await;
    let journal = tempfile::tempdir().expect("a folder");
    for life in 0..2 {
        let daemon = started(journal.path(), &variables).await;
        until("the jobs are shown", PATIENCE, || async { shows(&daemon).await }).await;
        let job = daemon.json("/api/ray/jobs/03000000").await.expect("by Ray's own id");
        assert_eq!((&job["id"], &job["story_id"]), (&"US-001-fail".into(), &"US-001".into()), "{job}");
        assert_eq!(job["error_message"], "ValueError: LLM returned invalid JSON");
        assert_eq!(daemon.answer("/api/ray/jobs/nope").await.map(|(status, _)| status), Some(404));
        let cluster = daemon.json("/api/ray/cluster").await.expect("the route answers");
        assert_eq!(cluster["items"][0]["version"], "2.60.0", "{cluster}");
        assert_eq!(cluster["items"][0]["nodes"][0]["cpus"], 4.0);
        let log = daemon.json("/api/ray/jobs/US-001-fail/logs").await.expect("the log");
        let lines = log["lines"].as_array().expect("lines");
        assert_eq!((lines.len(), lines.last()), (20, Some(&"ValueError: LLM returned invalid JSON".into())));
        assert!(!log.to_string().contains("u001b"), "escapes are taken out: {log}");
        let (status, told) = daemon.answer("/api/ray/jobs/08000000/logs").await.expect("an answer");
        assert!(status == 404 && told.contains("not submitted"), "{status} {told}");
        for bad in ["lines=0", "lines=1001", "lines=x", "tail=1"] {
            let answer = daemon.answer(&format!("/api/ray/jobs/US-001-fail/logs?{bad}")).await;
            assert_eq!(answer.map(|(status, _)| status), Some(400), "{bad}");
        }
        until("the entries are there", PATIENCE, || async {
            let page = daemon.json("/api/events?source=Ray&type=ray.job.failed&limit=100").await;
            page.is_some_and(|p| p["items"].as_array().is_some_and(|events| events.len() == 3))
        })
        .await;
        let failed = daemon.json("/api/events?source=Ray&type=ray.job.failed&story=US-001").await.expect("events");
        assert_eq!(failed["items"][0]["severity"], "error", "life {life}: {failed}");
        assert_eq!(daemon.sample(r#"fleet_ray_jobs{status="FAILED"}"#).await, Some(3.0));
        assert!(daemon.sample(r#"fleet_ray_actors{state="ALIVE"}"#).await >= Some(1.0));
        if life == 0 {
            let failures = r#"fleet_ray_job_failures_total{council="DEV",reason="job_entrypoint_command_error"}"#;
            assert_eq!(daemon.sample(failures).await, Some(2.0));
            assert!(daemon.sample("fleet_ray_job_duration_seconds_count").await >= Some(6.0));
            let trace = daemon.get("/api/stories/US-001/trace").await.expect("the trace");
            assert_eq!(trace.matches(r#""name":"ray.job""#).count(), 5, "{trace}");
        } else {
            let duplicates = r#"fleetscope_events_total{outcome="duplicate",source="ray"}"#;
            until("all is known", PATIENCE, || async { daemon.sample(duplicates).await >= Some(9.0) }).await;
            let journaled = r#"fleetscope_events_total{outcome="journaled",source="ray"}"#;
            assert_eq!(daemon.sample(journaled).await, Some(0.0), "a restart tells nothing anew");
        }
        assert!(daemon.stop().await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_for_role_debug_and_for_nobody_where_no_content_is_kept() {
    let (_server, mut variables) = dashboard().await;
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, "viewer 0123456789abcdef\ndebug fedcba9876543210\n").expect("written");
    variables.push(("FLEETSCOPE_HTTP__TOKENS_FILE", tokens.display().to_string()));
    for (content, token, expected) in [
        ("summary", "0123456789abcdef", 403),
        ("summary", "fedcba9876543210", 200),
        ("full", "0123456789abcdef", 200),
        ("none", "fedcba9876543210", 403),
    ] {
        let mut variables = variables.clone();
        variables.push(("FLEETSCOPE_PRIVACY__CONTENT", content.to_owned()));
        let journal = folder.path().join(format!("{content}-{token}"));
        let daemon = Daemon::start(&journal, &variables);
        let status = |path: &'static str| {
            let request = reqwest::Client::new().get(format!("http://{}{path}", daemon.http)).bearer_auth(token);
            async { request.send().await.ok().map(|answer| answer.status().as_u16()) }
        };
        until("the job is shown", PATIENCE, || async { status("/api/ray/jobs/US-001-fail").await == Some(200) }).await;
        assert_eq!(status("/api/ray/jobs/US-001-fail/logs").await, Some(expected), "{content} {token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_state_api_refuses_harms_no_job_and_is_said() {
    let (server, variables) = dashboard().await;
    server.page("/api/v0/tasks", "application/json", r#"{"result":false,"msg":"too many","data":null}"#);
    server.page("/api/v0/actors", "text/html", "<html>no</html>");
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables).await;
    until("the jobs are shown", PATIENCE, || async { shows(&daemon).await }).await;
    let page = daemon.json("/api/ray/cluster").await.expect("the route answers");
    let lacking = page["items"][0]["incomplete"].to_string();
    assert!(lacking.contains("actors: ") && lacking.contains("tasks: ") && lacking.contains("too many"), "{lacking}");
    assert_eq!(daemon.sample(r#"fleetscope_source_up{source="ray"}"#).await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_api_that_hangs_hides_no_job() {
    let (server, variables) = dashboard().await;
    server.hang_at("/api/v0/tasks");
    server.hang_at("/api/v0/nodes");
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables).await;
    until("the jobs are shown", PATIENCE, || async { shows(&daemon).await }).await;
    let page = daemon.json("/api/ray/cluster").await.expect("the route answers");
    let lacking = page["items"][0]["incomplete"].to_string();
    assert!(lacking.contains("nodes: ") && lacking.contains("tasks: "), "{lacking}");
    assert!(page["items"][0]["actors"].as_array().is_some_and(|actors| !actors.is_empty()), "{page}");
    assert_eq!(daemon.sample("fleetscope_source_errors_total").await, Some(0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_still_is_asked_four_times_less_and_at_once_after_a_change() {
    let (server, variables) = dashboard().await;
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables).await;
    until("the jobs are shown", PATIENCE, || async { shows(&daemon).await }).await;
    let polls = || async {
        let last = daemon.json(ROUTE).await.expect("the route answers")["as_of"].as_str().map(str::to_owned);
        last.and_then(|at| at.parse::<jiff::Timestamp>().ok()).expect("a time")
    };
    let seen = Mutex::new((polls().await, Vec::new()));
    until("the pauses have grown to four times", PATIENCE, || async {
        let now = polls().await;
        let (last, gaps) = &mut *seen.lock();
        if now != *last {
            gaps.push(now.duration_since(*last).as_secs_f64());
            *last = now;
        }
        gaps.last().is_some_and(|gap| *gap > 1.7)
    })
    .await;
    let gaps = seen.into_inner().1;
    assert!(gaps.iter().all(|gap| *gap < 3.5), "never slower than that: {gaps:?}");
    let jobs = include_str!("../../fixtures/ray/jobs.json").replace("US-001-pending", "US-001-renamed");
    server.page("/api/jobs/", "application/json", jobs);
    let before = polls().await;
    let changed = until("the change is seen", PATIENCE, || async {
        let page = daemon.get(ROUTE).await?;
        let at = polls().await;
        page.contains("US-001-renamed").then_some(at)
    })
    .await;
    let next = until("it is asked again", PATIENCE, || async { Some(polls().await).filter(|at| *at > changed) }).await;
    let (slow, quick) = (changed.duration_since(before).as_secs_f64(), next.duration_since(changed).as_secs_f64());
    assert!(quick < 1.5, "{slow} s before the change was seen, {quick} s after");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_named_and_survived() {
    let (mut server, variables) = dashboard().await;
    survived("ray", &mut server, ROUTE, &variables, shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_that_comes_and_goes_is_found_again() {
    let (mut server, variables) = dashboard().await;
    comes_and_goes("ray", &mut server, ROUTE, &variables, shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_is_found() {
    let (server, variables) = dashboard().await;
    token_rotates(&server, ROUTE, "FLEETSCOPE_RAY__TOKEN_FILE", &variables, shown).await;
}

async fn push(daemon: &Daemon, path: &str, token: Option<&str>, body: impl Into<reqwest::Body>) -> StatusCode {
    let mut request = reqwest::Client::new().post(format!("http://{}{path}", daemon.http)).body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.expect("an answer").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_events_need_their_token_and_show_their_jobs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (token, tokens) = (folder.path().join("token"), folder.path().join("tokens"));
    std::fs::write(&token, "push-token\n").expect("written");
    // The API's own tokens do not push, and what pushes does not read.
    std::fs::write(&tokens, "debug 0123456789abcdef\n").expect("written");
    let off = started(&folder.path().join("off"), &[] as &[(&str, String)]).await;
    assert_eq!(push(&off, "/ingest/ray", Some("push-token"), "[]").await, StatusCode::NOT_FOUND);
    drop(off);
    let variables = [
        ("FLEETSCOPE_RAY__INGEST", "true".to_owned()),
        ("FLEETSCOPE_RAY__INGEST_TOKEN_FILE", token.display().to_string()),
        ("FLEETSCOPE_RAY__POLL_INTERVAL", "60s".to_owned()),
        ("FLEETSCOPE_HTTP__OPEN_METRICS", "true".to_owned()),
    ];
    let mut guarded = variables.to_vec();
    guarded.push(("FLEETSCOPE_HTTP__TOKENS_FILE", tokens.display().to_string()));
    {
        let daemon = started(&folder.path().join("guarded"), &guarded).await;
        assert_eq!(push(&daemon, "/ingest/ray", Some("0123456789abcdef"), "[]").await, StatusCode::UNAUTHORIZED);
        assert_eq!(push(&daemon, "/ingest/ray", Some("push-token"), "[]").await, StatusCode::OK);
        assert_eq!(daemon.answer("/ingest/ray").await.map(|(status, _)| status), Some(405));
    }
    let daemon = started(&folder.path().join("journal"), &variables).await;
    for (path, token, body, status) in [
        ("/ingest/ray", None, "[]".to_owned(), StatusCode::UNAUTHORIZED),
        ("/ingest/ray", Some("wrong"), "[]".to_owned(), StatusCode::UNAUTHORIZED),
        ("/ingest/ray?token=wrong", None, "[]".to_owned(), StatusCode::UNAUTHORIZED),
        ("/ingest/ray?token=push-token", None, "[]".to_owned(), StatusCode::OK),
        ("/ingest/ray", Some("push-token"), "{}".to_owned(), StatusCode::BAD_REQUEST),
        ("/ingest/ray", Some("push-token"), " ".repeat(9 << 20), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        assert_eq!(push(&daemon, path, token, body).await, status, "{path} {token:?}");
    }
    for body in PUSHED.lines() {
        until("it is taken", PATIENCE, || async {
            push(&daemon, "/ingest/ray", Some("push-token"), body).await == StatusCode::OK
        })
        .await;
    }
    // Long before the next poll is due.
    until("the pushed jobs are shown, as far as they tell", PATIENCE, || async {
        let page = daemon.json(ROUTE).await.unwrap_or_default();
        let jobs = page["items"].as_array().cloned().unwrap_or_default();
        jobs.len() == 2 && jobs.iter().all(|job| job["status"] == "ENDED" && job["story_id"] == "US-002")
    })
    .await;
}

/// Field numbers as the executor's contract gives them.
#[derive(Clone, PartialEq, prost::Message)]
struct Instant {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct JobInfo {
    #[prost(string, tag = "1")]
    job_id: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    status: String,
    #[prost(string, tag = "4")]
    submission_id: String,
    #[prost(string, tag = "5")]
    role: String,
    #[prost(string, tag = "6")]
    task_id: String,
    #[prost(message, optional, tag = "7")]
    start_time: Option<Instant>,
    #[prost(string, tag = "9")]
    runtime: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ActiveJobs {
    #[prost(message, repeated, tag = "1")]
    jobs: Vec<JobInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

/// The executor: its active jobs, or what is wrong with it; and every path it was asked at.
#[derive(Clone, Debug)]
struct Executor {
    jobs: Arc<Mutex<Result<Vec<JobInfo>, Status>>>,
    asked: Arc<Mutex<Vec<String>>>,
    prefix: &'static str,
}

impl NamedService for Executor {
    const NAME: &'static str = "fleet.ray_executor.v1.RayExecutorService";
}

impl UnaryService<Empty> for Executor {
    type Response = ActiveJobs;
    type Future = BoxFuture<Response<ActiveJobs>, Status>;

    fn call(&mut self, _: Request<Empty>) -> Self::Future {
        let answer = self.jobs.lock().clone();
        Box::pin(async move { Ok(Response::new(ActiveJobs { jobs: answer? })) })
    }
}

impl Service<http::Request<axum::body::Body>> for Executor {
    type Response = http::Response<tonic::body::Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<axum::body::Body>) -> Self::Future {
        let path = request.uri().path().to_owned();
        self.asked.lock().push(path.clone());
        let service = self.clone();
        Box::pin(async move {
            if path != format!("{}ray_executor.v1.RayExecutorService/GetActiveJobs", service.prefix) {
                return Ok(Status::unimplemented("no such method").into_http());
            }
            let mut grpc = Grpc::new(ProstCodec::default());
            Ok(grpc.unary(service, request).await)
        })
    }
}

impl Executor {
    fn start(prefix: &'static str) -> (Self, SocketAddr) {
        let executor = Self { jobs: Arc::new(Mutex::new(Ok(Vec::new()))), asked: Arc::default(), prefix };
        let incoming = tonic::transport::server::TcpIncoming::bind("127.0.0.1:0".parse().expect("an address"));
        let incoming = incoming.expect("a free port");
        let address = incoming.local_addr().expect("bound");
        let service = executor.clone();
        tokio::spawn(async move {
            let router = tonic::service::Routes::from(axum::Router::new().fallback_service(service));
            tonic::transport::Server::builder().add_routes(router).serve_with_incoming(incoming).await
        });
        (executor, address)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deliberations_of_the_executor_come_and_go() {
    for prefix in ["/fleet.", "/"] {
        let (executor, address) = Executor::start(prefix);
        let task = "ceremony-BRC-1:story-s-1:role-ARCHITECT";
        let id = format!("deliberation-{task}-1771060000");
        let info = JobInfo {
            job_id: id.clone(),
            name: format!("vllm-agent-job-{id}"),
            status: "RUNNING".into(),
            submission_id: id.clone(),
            role: "ARCHITECT".into(),
            task_id: task.into(),
            start_time: Some(Instant { seconds: 1_771_060_000 }),
            runtime: "2m 5s".into(),
        };
        *executor.jobs.lock() = Ok(vec![info]);
        let variables = [
            ("FLEETSCOPE_RAY__EXECUTOR", format!("http://{address}")),
            ("FLEETSCOPE_RAY__POLL_INTERVAL", "500ms".to_owned()),
        ];
        let journal = tempfile::tempdir().expect("a folder");
        let daemon = started(journal.path(), &variables).await;
        let status = || async {
            let page = daemon.json(ROUTE).await?;
            let job = page["items"].as_array()?.first()?.clone();
            Some((job["status"].as_str()?.to_owned(), job, page))
        };
        let (_, job, _) =
            until("it runs", PATIENCE, || async { status().await.filter(|(s, ..)| s == "RUNNING") }).await;
        assert_eq!((&job["kind"], &job["story_id"]), (&"deliberation".into(), &"s-1".into()), "{job}");
        assert_eq!(job["submitted"], "2026-02-14T09:06:40.000000Z");
        *executor.jobs.lock() = Err(Status::unknown("name 'Timestamp' is not defined"));
        let failing = || async {
            let why = status().await?.2["stale_because"].as_str()?.to_owned();
            why.contains("'Timestamp' is not defined").then_some(())
        };
        until("its fault is told", PATIENCE, failing).await;
        assert_eq!(status().await.map(|(status, ..)| status).as_deref(), Some("RUNNING"), "and ends nothing");
        *executor.jobs.lock() = Ok(Vec::new());
        until("it is gone", PATIENCE, || async { status().await.filter(|(s, ..)| s == "ENDED") }).await;
        let told = || async {
            let events = daemon.json("/api/events?source=Ray&story=s-1&type=ray.job.ended").await?;
            events["items"][0]["summary"].as_str().map(str::to_owned)
        };
        let summary = until("its end is in the history", PATIENCE, told).await;
        assert!(summary.ends_with("(not told how)"), "{summary}");
        let asked = executor.asked.lock().clone();
        assert!(asked.iter().all(|path| path.ends_with("/GetActiveJobs")), "{asked:?}");
    }
}
