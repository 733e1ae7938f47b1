//! Orchestrators as gRPC servers, written from the field table and from nothing of ours.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tonic::body::Body;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::faults::started;
use crate::support::daemon::Daemon;
use crate::support::until;

const BOUND: Duration = Duration::from_secs(30);

#[derive(Clone, PartialEq, prost::Message)]
struct ListRequest {
    #[prost(string, tag = "1")]
    role_filter: String,
    #[prost(bool, tag = "2")]
    include_agents: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    councils: Vec<Council>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Council {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    role: String,
    #[prost(int32, tag = "3")]
    num_agents: i32,
    #[prost(message, repeated, tag = "4")]
    agents: Vec<Agent>,
    #[prost(string, tag = "5")]
    status: String,
    #[prost(string, tag = "6")]
    model: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Agent {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    role: String,
    #[prost(string, tag = "3")]
    status: String,
    #[prost(message, optional, tag = "4")]
    capabilities: Option<Capabilities>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Capabilities {
    #[prost(string, repeated, tag = "1")]
    supported_tasks: Vec<String>,
    #[prost(string, tag = "2")]
    model_profile: String,
    #[prost(int32, tag = "3")]
    max_concurrent_tasks: i32,
    #[prost(string, repeated, tag = "4")]
    languages: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusRequest {
    #[prost(bool, tag = "1")]
    include_stats: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(string, tag = "1")]
    status: String,
    #[prost(int64, tag = "2")]
    uptime_seconds: i64,
    #[prost(message, optional, tag = "3")]
    stats: Option<Stats>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Stats {
    #[prost(int64, tag = "1")]
    total_deliberations: i64,
    #[prost(int64, tag = "2")]
    total_orchestrations: i64,
    #[prost(double, tag = "3")]
    avg_deliberation_time_ms: f64,
    #[prost(int64, tag = "4")]
    active_councils: i64,
    #[prost(map = "string, int64", tag = "5")]
    role_counts: HashMap<String, i64>,
}

/// How a replica answers.
#[derive(Clone, Debug)]
struct Manner {
    package: &'static str,
    role: &'static str,
    hangs: bool,
}

/// An orchestrator; ends with the test.
pub(super) struct Replica {
    pub(super) address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    task: tokio::task::JoinHandle<()>,
}

impl Replica {
    /// One of today with a council of developers.
    pub(super) async fn start() -> Self {
        Self::with("fleet.orchestrator.v1", "DEV").await
    }

    async fn with(package: &'static str, role: &'static str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let manner = Arc::new(Mutex::new(Manner { package, role, hangs: false }));
        let held = Arc::clone(&manner);
        let router = axum::Router::new().fallback(move |request: http::Request<axum::body::Body>| {
            let manner = held.lock().clone();
            answer(manner, request)
        });
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let service = tonic::service::Routes::from(router);
        let task = tokio::spawn(async move {
            let _ = tonic::transport::Server::builder().add_routes(service).serve_with_incoming(incoming).await;
        });
        Self { address, manner, task }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(manner: Manner, request: http::Request<axum::body::Body>) -> http::Response<Body> {
    if manner.hangs {
        std::future::pending::<()>().await;
    }
    let path = request.uri().path().to_owned();
    let known = path.strip_prefix(&format!("/{}.OrchestratorService/", manner.package));
    match known {
        Some("ListCouncils") => {
            let list = tower::service_fn(move |request: Request<ListRequest>| {
                let role = manner.role;
                async move { list(&request.into_inner(), role) }
            });
            tonic::server::Grpc::new(ProstCodec::<ListResponse, ListRequest>::default()).unary(list, request).await
        }
        Some("GetStatus") => {
            let status = tower::service_fn(|request: Request<StatusRequest>| async move {
                let counts = Stats { total_deliberations: 7, active_councils: 1, ..Stats::default() };
                let counts = request.get_ref().include_stats.then_some(counts);
                Ok(Response::new(StatusResponse { status: "healthy".to_owned(), uptime_seconds: 3600, stats: counts }))
            });
            tonic::server::Grpc::new(ProstCodec::<StatusResponse, StatusRequest>::default())
                .unary(status, request)
                .await
        }
        _ => Status::unimplemented(path).into_http(),
    }
}

fn list(request: &ListRequest, role: &str) -> Result<Response<ListResponse>, Status> {
    if !request.include_agents {
        return Err(Status::internal("'NoneType' object is not iterable"));
    }
    let agents = (1..=3).map(|n| Agent {
        id: format!("agent-{}-00{n}", role.to_lowercase()),
        role: role.to_owned(),
        status: "ready".to_owned(),
        capabilities: (n == 1)
            .then(|| Capabilities { model_profile: "qwen-coder".to_owned(), ..Capabilities::default() }),
    });
    let council = Council {
        id: format!("council-{}", role.to_lowercase()),
        role: role.to_owned(),
        num_agents: 3,
        agents: agents.collect(),
        status: "active".to_owned(),
        model: "qwen-base".to_owned(),
    };
    Ok(Response::new(ListResponse { councils: vec![council] }))
}

fn variables(replicas: &[&Replica]) -> Vec<(&'static str, String)> {
    let addresses: Vec<String> = replicas.iter().map(|replica| replica.address.to_string()).collect();
    vec![
        ("FLEETSCOPE_ORCHESTRATOR__ADDRESS", addresses.join(",")),
        ("FLEETSCOPE_ORCHESTRATOR__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_ORCHESTRATOR__TIMEOUT", "500ms".to_owned()),
        ("FLEETSCOPE_COMPONENTS__POLL_INTERVAL", "500ms".to_owned()),
    ]
}

async fn councils(daemon: &Daemon, names: &[&str]) -> Value {
    until(&format!("the councils are {names:?}"), BOUND, || async {
        let page = daemon.json("/api/councils").await?;
        let found: Vec<&str> = page["items"].as_array()?.iter().filter_map(|c| c["council"].as_str()).collect();
        (found == names).then(|| page.clone())
    })
    .await
}

async fn detail(daemon: &Daemon, holds: impl Fn(&str) -> bool + Copy) -> String {
    until("the source says so", BOUND, || async {
        let page = daemon.json("/status").await?;
        let text = page["parts"]["source/orchestrator"]["detail"].as_str()?.to_owned();
        holds(&text).then_some(text)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn councils_of_all_replicas_and_eras_are_one_list() {
    let (today, old) = (Replica::start().await, Replica::with("orchestrator.v1", "QA").await);
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = started(folder.path(), &variables(&[&today, &old])).await;
    let page = councils(&daemon, &["DEV", "QA"]).await;
    let council = &page["items"][0];
    assert_eq!((&council["registered"], &council["idle"]), (&true.into(), &3.into()), "{council}");
    let page = daemon.json("/api/agents").await.expect("the route answers");
    let agents = page["items"].as_array().expect("a list");
    assert_eq!(agents.len(), 6, "{page}");
    let first = &agents[0];
    assert_eq!((&first["agent_id"], &first["model"]), (&"agent-dev-001".into(), &"qwen-coder".into()), "{first}");
    assert_eq!((&first["state"], &first["registered"]), (&"idle".into(), &true.into()), "{first}");
    assert_eq!(agents[1]["model"], "qwen-base", "the council's, where the agent has none");
    let one = daemon.json("/api/agents/agent-qa-002").await.expect("it is known");
    assert_eq!((&one["role"], &one["registered"]), (&"QA".into(), &true.into()), "{one}");
    let page = until("the overview knows it", BOUND, || async {
        let page = daemon.json("/api/components").await?;
        page["items"].as_array()?.iter().find(|c| c["component"] == "orchestrator" && c["up"] == true).cloned()
    })
    .await;
    assert_eq!((&page["probe"], page["started"].is_string()), (&"source".into(), true), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_hangs_hides_no_council() {
    let (dev, qa) = (Replica::start().await, Replica::with("fleet.orchestrator.v1", "QA").await);
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = started(folder.path(), &variables(&[&dev, &qa])).await;
    councils(&daemon, &["DEV", "QA"]).await;
    qa.manner.lock().hangs = true;
    let why = detail(&daemon, |text| text.contains("1 of 2 silent")).await;
    assert!(why.contains("2 councils"), "{why}");
    dev.manner.lock().role = "DEVOPS";
    councils(&daemon, &["DEVOPS", "QA"]).await;
    dev.manner.lock().hangs = true;
    let timeout = r#"fleetscope_source_errors_total{reason="timeout",source="orchestrator"}"#;
    until("nobody answers", BOUND, || async { daemon.sample(timeout).await >= Some(1.0) }).await;
    councils(&daemon, &["DEVOPS", "QA"]).await;
    assert_eq!(daemon.sample(r#"fleetscope_source_up{source="orchestrator"}"#).await, Some(0.0));
    for replica in [&dev, &qa] {
        replica.manner.lock().hangs = false;
    }
    qa.manner.lock().role = "DATA";
    councils(&daemon, &["DATA", "DEVOPS"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_orchestrator_is_named() {
    let other = Replica::with("somebody.else.v1", "DEV").await;
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = started(folder.path(), &variables(&[&other])).await;
    let unknown = r#"fleetscope_source_errors_total{reason="not_found",source="orchestrator"}"#;
    until("it is named", BOUND, || async { daemon.sample(unknown).await >= Some(1.0) }).await;
    detail(&daemon, |text| text.contains("is no orchestrator of a version known")).await;
    drop(other);
}
