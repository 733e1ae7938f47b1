//! The fleet's Ray executor: which deliberations are under way.
//! Takes: its address. Gives: a job for each. Never: asks how one went: each such question changes its counts.

use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message as _;
use tonic::client::Grpc;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::ids;
use crate::config;
use crate::model::{RayIds, RayJob, Text, Timestamp, clean_id};
use crate::sources::failure::{Failure, reason};

/// The one question, under the names the service has had.
const PATHS: [&str; 2] =
    ["/fleet.ray_executor.v1.RayExecutorService/GetActiveJobs", "/ray_executor.v1.RayExecutorService/GetActiveJobs"];
/// Most bytes of an answer.
const MAX_ANSWER: usize = 4 << 20;
/// Deliberations shown.
const MAX_JOBS: usize = 500;

#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

/// A time as protocol buffers write it.
#[derive(Clone, PartialEq, prost::Message)]
struct Instant {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ActiveJobs {
    #[prost(message, repeated, tag = "1")]
    jobs: Vec<JobInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct JobInfo {
    #[prost(string, tag = "1")]
    job_id: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "4")]
    submission_id: String,
    #[prost(string, tag = "5")]
    role: String,
    #[prost(string, tag = "6")]
    task_id: String,
    /// A time; a text in some versions.
    #[prost(bytes = "vec", tag = "7")]
    start_time: Vec<u8>,
}

/// A connection, made at the first question.
#[derive(Clone, Debug)]
pub(super) struct Executor {
    channel: Channel,
    address: String,
    path: usize,
}

impl Executor {
    /// The configured one; `None` where there is none. Must be called within a runtime.
    pub(super) fn new(config: &config::Ray) -> Result<Option<Self>, Failure> {
        let Some(url) = &config.executor else { return Ok(None) };
        let wrong = |what: String| Failure::new(reason::CONFIGURATION, what);
        let mut endpoint = Endpoint::from_shared(url.to_string())
            .map_err(|error| wrong(format!("ray.executor: {error}")))?
            .connect_timeout(config.timeout.min(Duration::from_secs(3)))
            .timeout(config.timeout);
        if url.scheme() == "https" {
            let mut tls = ClientTlsConfig::new().with_native_roots();
            if let Some(path) = &config.tls_ca_file {
                let pem = std::fs::read(path).map_err(|e| wrong(format!("{} cannot be read: {e}", path.display())))?;
                tls = tls.ca_certificate(Certificate::from_pem(pem));
            }
            endpoint = endpoint.tls_config(tls).map_err(|error| wrong(format!("ray.executor: {error}")))?;
        }
        Ok(Some(Self { channel: endpoint.connect_lazy(), address: url.to_string(), path: 0 }))
    }

    /// The deliberations under way.
    pub(super) async fn jobs(&mut self) -> Result<Vec<RayJob>, Failure> {
        let answer = match self.ask(PATHS[self.path]).await {
            Err(status) if status.code() == Code::Unimplemented => {
                let other = (self.path + 1) % PATHS.len();
                let answer = self.ask(PATHS[other]).await;
                if answer.is_ok() {
                    self.path = other;
                }
                answer
            }
            answer => answer,
        };
        let answer = answer.map_err(|status| self.failure(&status))?;
        Ok(answer.jobs.iter().take(MAX_JOBS).filter_map(job).collect())
    }

    async fn ask(&self, path: &'static str) -> Result<ActiveJobs, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER);
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let codec = ProstCodec::<Empty, ActiveJobs>::default();
        Ok(grpc.unary(Request::new(Empty {}), PathAndQuery::from_static(path), codec).await?.into_inner())
    }

    fn failure(&self, status: &Status) -> Failure {
        let reason = match status.code() {
            Code::Unavailable => reason::UNREACHABLE,
            Code::DeadlineExceeded | Code::Cancelled => reason::TIMEOUT,
            Code::Unauthenticated => reason::UNAUTHORIZED,
            Code::PermissionDenied => reason::FORBIDDEN,
            Code::Unimplemented => reason::NOT_FOUND,
            Code::ResourceExhausted => reason::THROTTLED,
            Code::OutOfRange | Code::DataLoss => reason::MALFORMED,
            _ => reason::SERVER_ERROR,
        };
        let said = crate::model::shorten(&crate::model::printable(status.message()), 160);
        Failure::new(reason, format!("the Ray executor at {} answers {:?} ({said})", self.address, status.code()))
    }
}

/// The job of a deliberation under way.
fn job(info: &JobInfo) -> Option<RayJob> {
    let id = clean_id(&info.job_id).or_else(|| clean_id(&info.submission_id))?;
    let (task_id, role) = (clean_id(&info.task_id), clean_id(&info.role));
    let mut about = RayIds { task_id, role, ids_from: Some("executor".into()), ..RayIds::default() };
    let mut named = ids::of_name(if info.task_id.is_empty() { &id } else { &info.task_id });
    named.ids_from = None;
    ids::complete(&mut about, &named);
    let submitted = time(&info.start_time);
    Some(RayJob {
        id,
        kind: "deliberation".into(),
        description: clean_id(&info.name),
        status: "RUNNING".into(),
        about,
        submitted,
        started: submitted,
        ..RayJob::default()
    })
}

fn time(field: &[u8]) -> Option<Timestamp> {
    if field.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(field).ok().and_then(|text| Timestamp::parse(text).ok());
    text.or_else(|| {
        let instant = Instant::decode(field).ok().filter(|i| (1..9_000_000_000).contains(&i.seconds))?;
        Some(Timestamp::from_nanos(instant.seconds * 1_000_000_000 + i64::from(instant.nanos.clamp(0, 999_999_999))))
    })
}

/// How a list of them looks.
pub(super) fn look(jobs: &[RayJob]) -> Vec<Text> {
    jobs.iter().map(|job| job.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_a_message_or_a_text() {
        let instant = Instant { seconds: 1_771_060_000, nanos: 5 };
        assert_eq!(time(&instant.encode_to_vec()), Some(Timestamp::from_nanos(1_771_060_000_000_000_005)));
        assert_eq!(time(b"2026-02-14T09:12:33Z"), Timestamp::parse("2026-02-14T09:12:33Z").ok());
        assert_eq!((time(b""), time(b"soon")), (None, None));
    }

    #[test]
    fn a_deliberation_is_about_what_its_task_says() {
        let task = "ceremony-BRC-1:story-s-1:role-ARCHITECT";
        let info = JobInfo {
            job_id: format!("deliberation-{task}-1771060000"),
            task_id: task.to_owned(),
            role: "ARCHITECT".to_owned(),
            ..JobInfo::default()
        };
        let told = job(&info).expect("it has an id");
        assert_eq!((told.about.story_id.as_deref(), told.about.task_id.as_deref()), (Some("s-1"), Some(task)));
        let info = JobInfo { submission_id: format!("deliberation-{task}-1771060000"), ..JobInfo::default() };
        assert_eq!(job(&info).expect("it has an id").about.ceremony_id.as_deref(), Some("BRC-1"));
        assert_eq!(job(&JobInfo::default()), None);
    }
}
