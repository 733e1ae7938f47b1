//! Objects as the server tells them → what is shown of them.
//! Takes: pods and workloads. Gives: masked, short, bounded. Never: keeps an object as a whole: 10,000 pods of 5 KB each.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{self, ContainerStatus, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use crate::model::{Crash, Ids, Pod, Text, Timestamp, Workload, printable, shorten};
use crate::privacy::Masker;
use crate::sources::named::named;

/// Longest name and longest text kept.
const MAX_NAME: usize = 253;
const MAX_TEXT: usize = 500;
/// Images of one pod shown.
const MAX_IMAGES: usize = 16;

/// Trims what the server tells.
#[derive(Clone, Debug)]
pub(super) struct Trim {
    masker: Arc<Masker>,
}

impl Trim {
    pub(super) fn new(masker: Arc<Masker>) -> Self {
        Self { masker }
    }

    /// A name: one line, not long.
    pub(super) fn name(&self, text: &str) -> Text {
        shorten(&printable(&self.masker.text(text)), MAX_NAME).into()
    }

    /// A text people wrote, or a program.
    pub(super) fn text(&self, text: &str) -> Option<Text> {
        let text = shorten(&printable(&self.masker.text(text.trim())), MAX_TEXT);
        Some(text).filter(|text| !text.is_empty()).map(Into::into)
    }

    pub(super) fn pod(&self, pod: v1::Pod) -> Pod {
        let (meta, spec, status) = (&pod.metadata, pod.spec.unwrap_or_default(), pod.status.unwrap_or_default());
        let containers = status.container_statuses.unwrap_or_default();
        let all: Vec<&ContainerStatus> = status.init_container_statuses.iter().flatten().chain(&containers).collect();
        let leaving = meta.deletion_timestamp.is_some();
        let phase = if leaving { "Terminating" } else { status.phase.as_deref().unwrap_or("Unknown") };
        let images: Vec<Text> =
            spec.containers.iter().filter_map(|c| c.image.as_deref()).take(MAX_IMAGES).map(|i| self.name(i)).collect();
        let ids = ids(meta);
        let evicted = status.reason.as_deref() == Some("Evicted");
        let mut crash = all.iter().filter_map(|c| self.crash(c, leaving)).max();
        if evicted && crash.is_none() {
            crash = Some(Crash { reason: "Evicted".into(), ..Crash::default() });
        }
        Pod {
            namespace: self.name(meta.namespace.as_deref().unwrap_or_default()),
            pod: self.name(meta.name.as_deref().unwrap_or_default()),
            uid: self.name(meta.uid.as_deref().unwrap_or_default()),
            component: self.component(meta),
            phase: self.name(&phase.to_ascii_lowercase()),
            reason: self.reason(status.reason.as_deref(), status.conditions.as_deref().unwrap_or_default(), &all),
            ready: containers.iter().filter(|c| c.ready).count() as u32,
            containers: spec.containers.len() as u32,
            restarts: all.iter().map(|c| c.restart_count.max(0) as u32).fold(0, u32::saturating_add),
            node: spec.node_name.as_deref().map(|node| self.name(node)),
            created: meta.creation_timestamp.as_ref().map_or(Timestamp::ZERO, time),
            started: status.start_time.as_ref().map(time),
            version: images.first().and_then(|image| version(image)),
            images,
            last_crash: crash,
            story_id: ids.story,
            task_id: ids.task,
        }
    }

    /// How a container ended last, if it was by a fault. Pure: the same whether it waits, runs again, or neither yet.
    fn crash(&self, container: &ContainerStatus, leaving: bool) -> Option<Crash> {
        let state = container.state.as_ref();
        let now = state.and_then(|s| s.terminated.as_ref());
        // What is told to go and goes has not crashed.
        let now = now.filter(|_| !leaving);
        let ended = now.or_else(|| container.last_state.as_ref()?.terminated.as_ref())?;
        let reason = ended.reason.as_deref().unwrap_or("Error");
        if ended.exit_code == 0 && reason != "OOMKilled" {
            return None;
        }
        let runs_again = now.is_none() && state.is_some_and(|s| s.running.is_some());
        let restarts = container.restart_count.max(0) as u32;
        Some(Crash {
            at: ended.finished_at.as_ref().map(time),
            container: Some(self.name(&container.name)),
            reason: self.name(reason),
            exit_code: Some(ended.exit_code),
            restart_count: restarts.saturating_sub(u32::from(runs_again)),
        })
    }

    /// What is wrong with a pod now.
    fn reason(
        &self,
        whole: Option<&str>,
        conditions: &[PodCondition],
        containers: &[&ContainerStatus],
    ) -> Option<Text> {
        if let Some(reason) = whole {
            return Some(self.name(reason));
        }
        let waits = containers.iter().find_map(|c| c.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
        // Two names of one thing that take turns.
        let waits = waits.map(|reason| if reason == "ErrImagePull" { "ImagePullBackOff" } else { reason });
        let normal = |reason: &&str| !matches!(*reason, "ContainerCreating" | "PodInitializing");
        if let Some(reason) = waits.filter(normal) {
            return Some(self.name(reason));
        }
        let unplaced = conditions.iter().find(|c| c.type_ == "PodScheduled" && c.status == "False");
        unplaced.and_then(|c| c.reason.as_deref()).map(|reason| self.name(reason))
    }

    /// The component an object belongs to.
    pub(super) fn component(&self, meta: &ObjectMeta) -> Text {
        let label = |key: &str| meta.labels.as_ref()?.get(key).map(String::as_str).filter(|v| !v.is_empty());
        let owner = || {
            let owner = meta.owner_references.as_ref()?.iter().find(|o| o.controller == Some(true))?;
            let hash = label("pod-template-hash").map(|hash| format!("-{hash}")).unwrap_or_default();
            Some(owner.name.strip_suffix(&hash).unwrap_or(&owner.name))
        };
        let name = label("app")
            .or_else(|| label("ray.io/cluster").map(|_| "ray"))
            .or_else(|| label("app.kubernetes.io/name"))
            .or_else(|| label("component"))
            .or_else(owner)
            .unwrap_or("unknown");
        self.name(name)
    }

    pub(super) fn deployment(&self, object: Deployment) -> Workload {
        let (spec, status) = (object.spec, object.status.unwrap_or_default());
        self.workload("deployment", &object.metadata, spec.replicas, status.ready_replicas, spec.template.spec)
    }

    pub(super) fn stateful_set(&self, object: StatefulSet) -> Workload {
        let (spec, status) = (object.spec, object.status.unwrap_or_default());
        self.workload("statefulset", &object.metadata, spec.replicas, status.ready_replicas, spec.template.spec)
    }

    fn workload(
        &self,
        kind: &str,
        meta: &ObjectMeta,
        wanted: Option<i32>,
        ready: Option<i32>,
        pods: Option<v1::PodSpec>,
    ) -> Workload {
        let containers = pods.unwrap_or_default().containers;
        let name = self.name(meta.name.as_deref().unwrap_or_default());
        let component = self.component(meta);
        Workload {
            namespace: self.name(meta.namespace.as_deref().unwrap_or_default()),
            kind: kind.into(),
            // An object without labels is its own component.
            component: if &*component == "unknown" { name.clone() } else { component },
            name,
            wanted: wanted.unwrap_or(1).max(0) as u32,
            ready: ready.unwrap_or(0).max(0) as u32,
            images: containers
                .iter()
                .filter_map(|c| c.image.as_deref())
                .take(MAX_IMAGES)
                .map(|i| self.name(i))
                .collect(),
        }
    }
}

/// The tag of an image, or the beginning of its digest.
fn version(image: &str) -> Option<Text> {
    let last = image.rsplit('/').next()?;
    let (tagged, digest) = last.split_once('@').map_or((last, None), |(tagged, digest)| (tagged, Some(digest)));
    let tag = tagged.split_once(':').map(|(_, tag)| tag);
    let digest = digest.map(|d| d.get(..19).unwrap_or(d));
    tag.map(Into::into).or_else(|| digest.map(Into::into))
}

/// A time of the server.
pub(super) fn time(time: &Time) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(time.0.as_nanosecond()).unwrap_or(0))
}

/// The ids its labels and annotations name.
pub(super) fn ids(meta: &ObjectMeta) -> Ids {
    let mut ids = Ids::default();
    for map in [&meta.annotations, &meta.labels].into_iter().flatten() {
        named(&mut ids, map.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    }
    ids
}
