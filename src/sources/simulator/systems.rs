//! The systems beside NATS of a simulated fleet, as their own servers would show them.
//! Takes: the fleet's steps. Gives: Ray, vLLM, a DCGM exporter, Kubernetes, Valkey, Neo4j, an orchestrator and the Ray
//! executor, on the loopback only; and what vLLM sends by itself.
//! Never: a decoder's short cut: what reads real servers reads these.

mod alertmanager;
mod bolt;
mod cache;
mod cluster;
mod dcgm;
mod graph;
mod grpc;
mod kubernetes;
mod llm;
mod objects;
mod pack;
mod ray;
mod resp;
mod server;
mod tell;
mod vllm;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;

pub use self::tell::tell;
use super::step::{Ending, Run};
use crate::model::Timestamp;

/// Runs remembered: what Ray would still list.
const MAX_RUNS: usize = 500;

/// How long the fleet was up before it was watched.
const BEFORE: Duration = Duration::from_hours(26);

/// What the systems know.
#[derive(Debug, Default)]
pub struct Systems(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Where in time the fleet is.
    now: Timestamp,
    /// When the first agent began.
    began: Option<Timestamp>,
    /// When expiry was looked at last.
    looked: Timestamp,
    runs: VecDeque<Job>,
    counted: u64,
    served: Served,
    keys: cache::Keys,
    pods: kubernetes::Pods,
    objects: objects::Objects,
    graph: graph::Graph,
    requests: llm::Requests,
}

/// Where the simulated systems are found.
#[derive(Debug)]
pub struct Addresses {
    /// `/ray`, `/vllm/metrics`, `/dcgm/metrics`, `/alertmanager`; Kubernetes at the root.
    pub http: SocketAddr,
    /// Valkey.
    pub valkey: SocketAddr,
    /// Neo4j.
    pub neo4j: SocketAddr,
    /// The orchestrator and the Ray executor.
    pub grpc: SocketAddr,
    /// What a client of Kubernetes reads first.
    pub kubeconfig: PathBuf,
    /// The namespaces it finds there.
    pub namespaces: [&'static str; 2],
    /// Log of vLLM.
    pub vllm_log: PathBuf,
    /// Where the files are. They go with it.
    pub folder: TempDir,
}

/// A run as Ray and vLLM see it.
#[derive(Clone, Debug)]
struct Job {
    number: u64,
    run: Run,
    begin: Timestamp,
    end: Timestamp,
    ended: bool,
}

/// What vLLM counts.
#[derive(Clone, Debug, Default)]
struct Served {
    prompt: u64,
    generated: u64,
    stopped: u64,
    failed: u64,
    aborted: u64,
    /// How long each request took, in seconds, by `vllm::BUCKETS`.
    latencies: [u64; vllm::BUCKETS.len()],
    seconds: f64,
    model: String,
}

impl Systems {
    /// An agent begins to work.
    pub(super) fn begin(&self, run: Run, begin: Timestamp, end: Timestamp) {
        let mut known = self.0.lock();
        known.began.get_or_insert(begin);
        known.keys.begin(&run, begin);
        known.counted += 1;
        let number = known.counted;
        known.pods.begin(number, begin);
        let job = Job { number, run, begin, end, ended: false };
        known.objects.begin(&job);
        known.graph.begin(&job);
        known.requests.begin(&job);
        known.runs.push_back(job);
        if known.runs.len() > MAX_RUNS {
            known.runs.pop_front();
        }
    }

    /// Time goes by: what is over is counted.
    pub(super) fn reach(&self, now: Timestamp) {
        let Known { now: held, looked, runs, served, keys, pods, objects, graph, requests, .. } = &mut *self.0.lock();
        // Expiry is looked at once a second: thousands of steps may fall into one.
        if now.since(*looked) >= Duration::from_secs(1) {
            *looked = now;
            keys.reach(now);
            pods.reach(now);
        }
        *held = (*held).max(now);
        for job in runs.iter_mut().filter(|job| !job.ended && job.end <= now) {
            job.ended = true;
            served.count(job);
            objects.end(job);
            graph.end(job);
            requests.end(job);
        }
    }

    /// Serves them until the process ends; gives where they are.
    pub async fn serve(self: &Arc<Self>) -> std::io::Result<Addresses> {
        let http = server::start(Arc::clone(self)).await?;
        let folder = tempfile::Builder::new().prefix("fleetscope-simulated-").tempdir()?;
        let (kubeconfig, vllm_log) = (folder.path().join("kubeconfig"), folder.path().join("vllm.log"));
        std::fs::write(&kubeconfig, kubernetes::config(http))?;
        std::fs::write(&vllm_log, "")?;
        Ok(Addresses {
            http,
            valkey: resp::start(Arc::clone(self)).await?,
            neo4j: bolt::start(Arc::clone(self)).await?,
            grpc: grpc::start(Arc::clone(self)).await?,
            kubeconfig,
            namespaces: kubernetes::NAMESPACES,
            vllm_log,
            folder,
        })
    }
}

impl Known {
    /// Since when the fleet's services run.
    fn started(&self) -> Timestamp {
        self.began.unwrap_or(self.now).minus(BEFORE)
    }
}

impl Job {
    fn is_running(&self) -> bool {
        !self.ended
    }
}

impl Served {
    /// The model that is served.
    fn model(&self) -> &str {
        if self.model.is_empty() { "Qwen/Qwen3-0.6B" } else { &self.model }
    }

    fn count(&mut self, job: &Job) {
        let (prompt, generated) = job.run.split();
        self.model.clone_from(&job.run.model);
        match job.run.ending {
            Ending::Silent => {
                self.aborted += 1;
                return;
            }
            Ending::Failed => self.failed += 1,
            Ending::Answered => self.stopped += 1,
        }
        self.prompt += prompt;
        self.generated += generated;
        let took = job.end.since(job.begin).as_secs_f64();
        self.seconds += took;
        if let Some(place) = vllm::BUCKETS.iter().position(|bound| took <= *bound) {
            self.latencies[place] += 1;
        }
    }
}

impl Run {
    /// Tokens of the prompt and of the answer: the fleet tells only their sum.
    pub(super) const fn split(&self) -> (u64, u64) {
        let prompt = self.tokens * 2 / 5;
        (prompt, self.tokens - prompt)
    }
}

#[cfg(test)]
mod tests;
