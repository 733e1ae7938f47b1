//! `RayJob` and `RayCluster` objects, whose kinds are the cluster's own: read field by field, so that a malformed one says
//! what it can.

use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

use super::trim::{Trim, ids, time};
use crate::model::{RayClusterObject, RayJobObject, Text, Timestamp};
use crate::sources::named::named;

/// The kind of jobs.
pub(super) fn jobs() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("ray.io", "v1", "RayJob"), "rayjobs")
}

/// The kind of clusters.
pub(super) fn clusters() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("ray.io", "v1", "RayCluster"), "rayclusters")
}

impl Trim {
    pub(super) fn ray_job(&self, object: &DynamicObject) -> RayJobObject {
        let (meta, spec, status) = (&object.metadata, &object.data["spec"], &object.data["status"]);
        let text = |value: &Value| value.as_str().and_then(|text| self.text(text));
        let mut ids = ids(meta);
        let said = spec["metadata"].as_object().into_iter().flatten();
        named(&mut ids, said.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))));
        RayJobObject {
            namespace: self.name(meta.namespace.as_deref().unwrap_or_default()),
            name: self.name(meta.name.as_deref().unwrap_or_default()),
            uid: self.name(meta.uid.as_deref().unwrap_or_default()),
            job_status: text(&status["jobStatus"]),
            deployment_status: text(&status["jobDeploymentStatus"]),
            job_id: text(&status["jobId"]),
            ray_cluster: text(&status["rayClusterName"]),
            reason: text(&status["reason"]),
            message: text(&status["message"]),
            entrypoint: text(&spec["entrypoint"]),
            failed: number(&status["failed"]),
            created: meta.creation_timestamp.as_ref().map_or(Timestamp::ZERO, time),
            started: when(&status["startTime"]),
            ended: when(&status["endTime"]),
            story_id: ids.story,
            task_id: ids.task,
        }
    }

    pub(super) fn ray_cluster(&self, object: &DynamicObject) -> RayClusterObject {
        let (meta, spec, status) = (&object.metadata, &object.data["spec"], &object.data["status"]);
        let text = |value: &Value| value.as_str().and_then(|text| self.text(text));
        RayClusterObject {
            namespace: self.name(meta.namespace.as_deref().unwrap_or_default()),
            name: self.name(meta.name.as_deref().unwrap_or_default()),
            uid: self.name(meta.uid.as_deref().unwrap_or_default()),
            state: text(&status["state"]),
            reason: text(&status["reason"]),
            wanted_workers: number(&status["desiredWorkerReplicas"]),
            available_workers: number(&status["availableWorkerReplicas"]),
            ray_version: text(&spec["rayVersion"]),
            created: meta.creation_timestamp.as_ref().map_or(Timestamp::ZERO, time),
        }
    }
}

fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

fn when(value: &Value) -> Option<Timestamp> {
    Timestamp::parse(value.as_str()?).ok()
}

/// The state of a job, as the kind of its entry. The job's own state says more than that of its deployment.
pub(super) fn state(job: &RayJobObject) -> &'static str {
    let as_str = |text: &Option<Text>| text.as_deref().unwrap_or_default().to_owned();
    match (as_str(&job.deployment_status).as_str(), as_str(&job.job_status).as_str()) {
        ("Retrying", _) => "k8s.rayjob.retrying",
        ("Suspending" | "Suspended", _) => "k8s.rayjob.suspended",
        ("Failed" | "ValidationFailed", _) | (_, "FAILED") => "k8s.rayjob.failed",
        (_, "STOPPED") => "k8s.rayjob.stopped",
        ("Complete", _) | (_, "SUCCEEDED") => "k8s.rayjob.succeeded",
        (_, "RUNNING") => "k8s.rayjob.running",
        (_, "PENDING") => "k8s.rayjob.pending",
        ("Initializing" | "Running", _) => "k8s.rayjob.initializing",
        ("Waiting", _) => "k8s.rayjob.waiting",
        _ => "k8s.rayjob.created",
    }
}
