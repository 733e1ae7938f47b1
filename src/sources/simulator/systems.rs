//! The systems beside NATS of a simulated fleet, as their own servers would show them.
//! Takes: the fleet's steps. Gives: Ray, vLLM, a DCGM exporter, Kubernetes, Valkey and Neo4j, on the loopback only.
//! Never: a decoder's short cut: what reads real servers reads these.

mod bolt;
mod cache;
mod cluster;
mod dcgm;
mod graph;
mod kubernetes;
mod pack;
mod ray;
mod resp;
mod server;
mod vllm;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::step::{Ending, Run};
use crate::model::Timestamp;

/// Runs remembered: what Ray would still list.
const MAX_RUNS: usize = 500;

/// What the systems know.
#[derive(Debug, Default)]
pub struct Systems(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Where in time the fleet is.
    now: Timestamp,
    runs: VecDeque<Job>,
    counted: u64,
    served: Served,
    keys: cache::Keys,
    pods: kubernetes::Pods,
}

/// Where the simulated systems listen.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// `/ray`, `/vllm/metrics`, `/dcgm/metrics`; Kubernetes at the root.
    pub http: SocketAddr,
    /// Valkey.
    pub valkey: SocketAddr,
    /// Neo4j.
    pub neo4j: SocketAddr,
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
        known.keys.begin(&run, begin);
        known.counted += 1;
        let number = known.counted;
        known.pods.begin(number, begin);
        known.runs.push_back(Job { number, run, begin, end, ended: false });
        if known.runs.len() > MAX_RUNS {
            known.runs.pop_front();
        }
    }

    /// Time goes by: what is over is counted.
    pub(super) fn reach(&self, now: Timestamp) {
        let Known { now: held, runs, served, keys, pods, .. } = &mut *self.0.lock();
        // Expiry is looked at once a second: thousands of steps may fall into one.
        if now.since(*held) >= Duration::from_secs(1) || *held == Timestamp::ZERO {
            keys.reach(now);
            pods.reach(now);
        }
        *held = (*held).max(now);
        for job in runs.iter_mut().filter(|job| !job.ended && job.end <= now) {
            job.ended = true;
            served.count(job);
        }
    }

    /// Serves them until the process ends; gives their addresses.
    pub async fn serve(self: &Arc<Self>) -> std::io::Result<Addresses> {
        Ok(Addresses {
            http: server::start(Arc::clone(self)).await?,
            valkey: resp::start(Arc::clone(self)).await?,
            neo4j: bolt::start(Arc::clone(self)).await?,
        })
    }
}

impl Job {
    fn is_running(&self) -> bool {
        !self.ended
    }
}

impl Served {
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
