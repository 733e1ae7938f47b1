//! The services of the fleet that speak gRPC: an orchestrator with its councils, the Ray executor with its deliberations.
//! Takes: nothing but questions. Gives: what the fleet's own services answer, by field numbers (proto3).
//! Never: asked to change anything.

use std::collections::{BTreeMap, HashMap};
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use tonic::server::{Grpc, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::{Job, Known, Systems};
use crate::sources::simulator::things::{REVIEW_ROLES, TASK_ROLES, agent_id};

/// Agents of a council.
const AGENTS: u32 = 3;

/// A question whose content does not matter.
#[derive(Clone, PartialEq, prost::Message)]
struct Asked {}

#[derive(Clone, PartialEq, prost::Message)]
struct Councils {
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
}

#[derive(Clone, PartialEq, prost::Message)]
struct Told {
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

#[derive(Clone, PartialEq, prost::Message)]
struct ActiveJobs {
    #[prost(message, repeated, tag = "1")]
    jobs: Vec<Active>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Active {
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
}

/// A time as protocol buffers write it.
#[derive(Clone, PartialEq, prost::Message)]
struct Instant {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Listens on a free port of the loopback.
pub(super) async fn start(systems: Arc<Systems>) -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let orchestrator = "/fleet.orchestrator.v1.OrchestratorService";
    let services = Router::new()
        .route(&format!("{orchestrator}/ListCouncils"), post(list_councils))
        .route(&format!("{orchestrator}/GetStatus"), post(status))
        .route("/fleet.ray_executor.v1.RayExecutorService/GetActiveJobs", post(active_jobs))
        .fallback(|| async { Status::unimplemented("no such method").into_http::<tonic::body::Body>() })
        .with_state(systems);
    tokio::spawn(async move {
        let routes = tonic::service::Routes::from(services);
        Server::builder().add_routes(routes).serve_with_incoming(TcpIncoming::from(listener)).await
    });
    Ok(address)
}

/// Says what it has, whatever it is asked.
struct Says<A>(Option<A>);

impl<A: Send + 'static> UnaryService<Asked> for Says<A> {
    type Response = A;
    type Future = Ready<Result<Response<A>, Status>>;

    fn call(&mut self, _: Request<Asked>) -> Self::Future {
        ready(self.0.take().map(Response::new).ok_or_else(|| Status::internal("said already")))
    }
}

type Answer = http::Response<tonic::body::Body>;

async fn say<A: prost::Message + Default + 'static>(answer: A, request: http::Request<Body>) -> Answer {
    let codec: ProstCodec<A, Asked> = ProstCodec::default();
    Grpc::new(codec).unary(Says(Some(answer)), request).await
}

async fn list_councils(State(systems): State<Arc<Systems>>, request: http::Request<Body>) -> Answer {
    let answer = councils(&systems.0.lock());
    say(answer, request).await
}

async fn status(State(systems): State<Arc<Systems>>, request: http::Request<Body>) -> Answer {
    let answer = told(&systems.0.lock());
    say(answer, request).await
}

async fn active_jobs(State(systems): State<Arc<Systems>>, request: http::Request<Body>) -> Answer {
    let answer = active(&systems.0.lock());
    say(answer, request).await
}

/// The roles with a council: those of tasks. Who reviews a backlog is in no registry.
fn roles() -> Vec<&'static str> {
    let mut roles: Vec<&str> = TASK_ROLES.iter().chain(&REVIEW_ROLES).copied().collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

fn councils(known: &Known) -> Councils {
    let model = known.served.model();
    let agent =
        |role: &str, number| Agent { id: agent_id(role, number), role: role.to_owned(), status: "ready".into() };
    let council = |role: &str| Council {
        id: format!("council-{}", role.to_ascii_lowercase()),
        role: role.to_owned(),
        num_agents: AGENTS as i32,
        agents: (1..=AGENTS).map(|number| agent(role, number)).collect(),
        status: "active".into(),
        model: model.to_owned(),
    };
    Councils { councils: roles().into_iter().map(council).collect() }
}

fn told(known: &Known) -> Told {
    let begun = known.started();
    let ended: Vec<&Job> = known.runs.iter().filter(|job| job.ended).collect();
    let millis: f64 = ended.iter().map(|job| job.end.since(job.begin).as_secs_f64() * 1e3).sum();
    let roles = roles();
    Told {
        status: "healthy".into(),
        uptime_seconds: known.now.since(begun).as_secs() as i64,
        stats: Some(Stats {
            total_deliberations: known.counted as i64,
            total_orchestrations: (known.counted / u64::from(AGENTS)) as i64,
            avg_deliberation_time_ms: millis / ended.len().max(1) as f64,
            active_councils: roles.len() as i64,
            role_counts: roles.into_iter().map(|role| (role.to_owned(), i64::from(AGENTS))).collect(),
        }),
    }
}

/// One for each task whose agents are at work.
fn active(known: &Known) -> ActiveJobs {
    let mut first: BTreeMap<&str, &Job> = BTreeMap::new();
    for job in known.runs.iter().filter(|job| job.is_running()) {
        first.entry(&job.run.task).or_insert(job);
    }
    let active = |(task, job): (&str, &Job)| {
        let id = format!("deliberation-{task}-{}", job.begin.nanos() / 1_000_000_000);
        let start_time = Instant { seconds: job.begin.nanos() / 1_000_000_000, nanos: 0 };
        Active {
            name: format!("vllm-agent-job-{id}"),
            status: "RUNNING".into(),
            submission_id: id.clone(),
            job_id: id,
            role: job.run.role.to_owned(),
            task_id: task.to_owned(),
            start_time: Some(start_time),
        }
    };
    ActiveJobs { jobs: first.into_iter().map(active).collect() }
}
