//! Ray's objects in Kubernetes: its cluster, and every so often a run that was submitted as a `RayJob`.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::cluster::{Asked, Shared, watch};
use super::kubernetes::RAY;
use super::{Job, Known, Systems, ray};
use crate::model::Timestamp;
use crate::sources::simulator::step::Ending;

/// One run of so many is submitted as an object.
const EACH: u64 = 10;
/// Objects kept; the oldest are cleaned up.
const MAX_OBJECTS: usize = 20;
/// Objects that went, which watches are still told of.
const MAX_GONE: usize = 100;
const VERSION: &str = "ray.io/v1";

/// The objects of jobs, and how often anything about them changed.
#[derive(Debug)]
pub(super) struct Objects {
    held: VecDeque<(Job, u64)>,
    gone: VecDeque<(Job, u64)>,
    version: u64,
}

impl Default for Objects {
    fn default() -> Self {
        // To a client, version 0 would mean: any.
        Self { held: VecDeque::new(), gone: VecDeque::new(), version: 1 }
    }
}

impl Objects {
    /// A run began.
    pub(super) fn begin(&mut self, job: &Job) {
        if !job.number.is_multiple_of(EACH) {
            return;
        }
        self.version += 1;
        self.held.push_back((job.clone(), self.version));
        if self.held.len() > MAX_OBJECTS
            && let Some((oldest, _)) = self.held.pop_front()
        {
            self.version += 1;
            self.gone.push_back((oldest, self.version));
            if self.gone.len() > MAX_GONE {
                self.gone.pop_front();
            }
        }
    }

    /// A run ended.
    pub(super) fn end(&mut self, job: &Job) {
        if let Some((held, version)) = self.held.iter_mut().find(|(held, _)| held.number == job.number) {
            self.version += 1;
            (held.ended, *version) = (true, self.version);
        }
    }

    /// What changed after `version`, as events of a watch.
    pub(super) fn changed(&self, version: u64) -> Vec<Value> {
        let event = |kind: &str, (job, at): &(Job, u64)| json!({ "type": kind, "object": object(job, *at) });
        let held = self.held.iter().filter(|(_, at)| *at > version).map(|held| event("MODIFIED", held));
        held.chain(self.gone.iter().filter(|(_, at)| *at > version).map(|gone| event("DELETED", gone))).collect()
    }
}

pub(super) fn router() -> Router<Arc<Systems>> {
    Router::new()
        .route("/apis/ray.io/v1/namespaces/{namespace}/rayjobs", get(jobs))
        .route("/apis/ray.io/v1/namespaces/{namespace}/rayclusters", get(clusters))
}

async fn jobs(State(systems): Shared, Path(namespace): Path<String>, Query(asked): Query<Asked>) -> Response {
    let here = namespace == RAY;
    if asked.watches() {
        return watch(systems, &asked, move |systems, version| {
            let objects = &systems.0.lock().objects;
            (if here { objects.changed(version) } else { Vec::new() }, objects.version)
        });
    }
    let objects = &systems.0.lock().objects;
    let items: Vec<Value> = objects.held.iter().filter(|_| here).map(|(job, at)| object(job, *at)).collect();
    list("RayJobList", objects.version, &items)
}

async fn clusters(State(systems): Shared, Path(namespace): Path<String>, Query(asked): Query<Asked>) -> Response {
    if asked.watches() {
        return watch(systems, &asked, |_, version| (Vec::new(), version));
    }
    let items: Vec<Value> = (namespace == RAY).then(|| cluster(&systems.0.lock())).into_iter().collect();
    list("RayClusterList", 1, &items)
}

fn list(kind: &str, version: u64, items: &[Value]) -> Response {
    let at = version.to_string();
    Json(json!({ "kind": kind, "apiVersion": VERSION, "metadata": { "resourceVersion": at }, "items": items }))
        .into_response()
}

fn cluster(known: &Known) -> Value {
    let made = known.started();
    json!({
        "apiVersion": VERSION, "kind": "RayCluster",
        "metadata": {
            "name": "ray-gpu", "namespace": RAY, "uid": "c-ray-gpu", "resourceVersion": "1",
            "creationTimestamp": made.to_string(),
        },
        "spec": { "rayVersion": ray::VERSION },
        "status": { "state": "ready", "desiredWorkerReplicas": 2, "availableWorkerReplicas": 2 },
    })
}

fn object(job: &Job, version: u64) -> Value {
    let run = &job.run;
    let time = |at: Timestamp| at.to_string();
    let (status, deployment, reason) = match (job.ended, run.ending) {
        (false, _) => ("RUNNING", "Running", None),
        (true, Ending::Answered) => ("SUCCEEDED", "Complete", None),
        (true, Ending::Silent) => ("STOPPED", "Complete", None),
        (true, Ending::Failed) => ("FAILED", "Failed", Some("AppFailed")),
    };
    json!({
        "apiVersion": VERSION, "kind": "RayJob",
        "metadata": {
            "name": format!("agent-run-{}", job.number), "namespace": RAY, "uid": format!("j-{}", job.number),
            "resourceVersion": version.to_string(), "creationTimestamp": time(job.begin),
            "annotations": { "story-id": run.story, "task-id": run.task, "agent-id": run.agent },
        },
        "spec": { "entrypoint": format!("python -m fleet.agent --task {}", run.task) },
        "status": {
            "jobStatus": status, "jobDeploymentStatus": deployment, "jobId": ray::submission(job),
            "rayClusterName": "ray-gpu", "reason": reason, "startTime": time(job.begin),
            "endTime": job.ended.then(|| time(job.end)), "failed": u32::from(reason.is_some()),
        },
    })
}
