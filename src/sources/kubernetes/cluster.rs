//! What is known of the cluster, and what changed.
//! Takes: what watches tell. Gives: changes, and the panel. Never: forgets a thing because a list began, or takes one
//! that was there before the first look for new.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::ray;
use super::usage::Used;
use super::watching::{Kind, Place, Thing};
use crate::model::{ClusterPanel, Pod, PodsOf, RayClusterObject, RayJobObject, Text, Timestamp, Workload};

/// Pods kept, and pods shown one by one. All that are kept are counted.
const MAX_PODS: usize = 50_000;
const MAX_SHOWN: usize = 10_000;
/// Other objects kept, of each kind.
const MAX_OBJECTS: usize = 10_000;
/// Versions of a component shown.
const MAX_VERSIONS: usize = 8;

/// Namespace and name.
type Key = (Text, Text);
type Shelf<T> = BTreeMap<Key, Arc<T>>;

/// A change worth telling.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    PodCreated(Arc<Pod>),
    PodPhase(Arc<Pod>),
    PodCrashed(Arc<Pod>),
    PodStuck(Arc<Pod>),
    PodDeleted(Arc<Pod>),
    Degraded(Arc<Workload>),
    Recovered(Arc<Workload>),
    RayJob(Arc<RayJobObject>, &'static str),
    RayCluster(Arc<RayClusterObject>, &'static str),
}

/// All objects watched.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    pods: Shelf<Pod>,
    workloads: BTreeMap<(Kind, Text, Text), Arc<Workload>>,
    ray_jobs: Shelf<RayJobObject>,
    ray_clusters: Shelf<RayClusterObject>,
    /// Names seen by a list that is not whole yet.
    listing: HashMap<Place, HashSet<Text>>,
    /// Places that were listed as a whole at least once.
    known: HashSet<Place>,
    used: HashMap<Text, Used>,
    restarts_seen: HashMap<Text, u64>,
}

impl Cluster {
    /// A list begins. What is known stays until the list is whole.
    pub(super) fn begun(&mut self, place: Place) {
        self.listing.insert(place, HashSet::new());
    }

    /// What was not in the list is gone.
    pub(super) fn listed(&mut self, place: &Place) -> Vec<Change> {
        let Some(seen) = self.listing.remove(place) else { return Vec::new() };
        self.known.insert(place.clone());
        let gone: Vec<Text> = self.names(place).into_iter().filter(|name| !seen.contains(name)).collect();
        gone.iter().filter_map(|name| self.gone(place, name)).collect()
    }

    /// Whether the pods of a namespace were ever listed as a whole.
    pub(super) fn is_known(&self) -> bool {
        self.known.iter().any(|(kind, _)| *kind == Kind::Pods)
    }

    fn names(&self, (kind, namespace): &Place) -> Vec<Text> {
        fn of<T>(shelf: &Shelf<T>, namespace: &Text) -> Vec<Text> {
            shelf.keys().filter(|(ns, _)| ns == namespace).map(|(_, name)| name.clone()).collect()
        }
        match kind {
            Kind::Pods => of(&self.pods, namespace),
            Kind::RayJobs => of(&self.ray_jobs, namespace),
            Kind::RayClusters => of(&self.ray_clusters, namespace),
            Kind::Deployments | Kind::StatefulSets => {
                let here = self.workloads.keys().filter(|(k, ns, _)| k == kind && ns == namespace);
                here.map(|(.., name)| name.clone()).collect()
            }
        }
    }

    /// An object is gone.
    pub(super) fn gone(&mut self, place: &Place, name: &Text) -> Option<Change> {
        let (kind, namespace) = place;
        let key = (namespace.clone(), name.clone());
        match kind {
            Kind::Pods => self.pods.remove(&key).map(Change::PodDeleted),
            Kind::RayJobs => self.ray_jobs.remove(&key).map(|job| Change::RayJob(job, "k8s.rayjob.deleted")),
            Kind::RayClusters => {
                self.ray_clusters.remove(&key).map(|held| Change::RayCluster(held, "k8s.raycluster.deleted"))
            }
            Kind::Deployments | Kind::StatefulSets => {
                self.workloads.remove(&(*kind, key.0, key.1));
                None
            }
        }
    }

    /// An object as it is.
    pub(super) fn seen(&mut self, place: &Place, thing: Thing) -> Vec<Change> {
        let (quiet, room) = (!self.known.contains(place), |held: usize| held < MAX_OBJECTS);
        let name = match &thing {
            Thing::Pod(pod) => &pod.pod,
            Thing::Workload(workload) => &workload.name,
            Thing::RayJob(job) => &job.name,
            Thing::RayCluster(cluster) => &cluster.name,
        };
        if let Some(listing) = self.listing.get_mut(place) {
            listing.insert(name.clone());
        }
        match thing {
            Thing::Pod(pod) => self.pod(pod, quiet),
            Thing::Workload(now) => {
                let key = (place.0, now.namespace.clone(), now.name.clone());
                let (now, was) = (Arc::new(now), self.workloads.get(&key).cloned());
                if was.is_some() || room(self.workloads.len()) {
                    self.workloads.insert(key, Arc::clone(&now));
                }
                workload(was.as_deref(), now).into_iter().collect()
            }
            Thing::RayJob(now) => {
                let key = (now.namespace.clone(), now.name.clone());
                let (now, was) = (Arc::new(now), self.ray_jobs.get(&key).cloned());
                if was.is_some() || room(self.ray_jobs.len()) {
                    self.ray_jobs.insert(key, Arc::clone(&now));
                }
                let state = ray::state(&now);
                let same = was.is_some_and(|was| was.uid == now.uid && ray::state(&was) == state);
                if same { Vec::new() } else { vec![Change::RayJob(now, state)] }
            }
            Thing::RayCluster(now) => {
                let key = (now.namespace.clone(), now.name.clone());
                let (now, was) = (Arc::new(now), self.ray_clusters.get(&key).cloned());
                if was.is_some() || room(self.ray_clusters.len()) {
                    self.ray_clusters.insert(key, Arc::clone(&now));
                }
                let state = cluster_state(&now);
                let same = was.is_some_and(|was| was.uid == now.uid && cluster_state(&was) == state);
                if same { Vec::new() } else { vec![Change::RayCluster(now, state)] }
            }
        }
    }

    fn pod(&mut self, pod: Pod, quiet: bool) -> Vec<Change> {
        let key = (pod.namespace.clone(), pod.pod.clone());
        let (now, mut was) = (Arc::new(pod), self.pods.get(&key).cloned());
        if was.is_none() && self.pods.len() >= MAX_PODS {
            return Vec::new();
        }
        self.pods.insert(key, Arc::clone(&now));
        let mut changes = Vec::new();
        // Another pod of the same name: the one before went unseen.
        if let Some(before) = was.take_if(|was| was.uid != now.uid) {
            changes.push(Change::PodDeleted(before));
        }
        let new = was.is_none();
        if new && !quiet {
            changes.push(Change::PodCreated(Arc::clone(&now)));
        }
        let before = was.as_deref();
        let more = now.restarts.saturating_sub(before.map_or(if quiet { now.restarts } else { 0 }, |was| was.restarts));
        *self.restarts_seen.entry(now.component.clone()).or_insert(0) += u64::from(more);
        let phase = before.map_or(if quiet { &now.phase } else { "pending" }, |was| &was.phase);
        if now.phase.as_ref() != phase {
            changes.push(Change::PodPhase(Arc::clone(&now)));
        }
        if now.last_crash.is_some() && before.is_none_or(|was| was.last_crash != now.last_crash) {
            changes.push(Change::PodCrashed(Arc::clone(&now)));
        }
        let told =
            |reason: &str| matches!(reason, "CrashLoopBackOff" | "Evicted" | "Error" | "OOMKilled" | "Completed");
        let stuck = now.reason.as_deref().is_some_and(|reason| !told(reason));
        if stuck && before.is_none_or(|was| was.reason != now.reason) {
            changes.push(Change::PodStuck(now));
        }
        changes
    }

    /// What the pods of a namespace use.
    pub(super) fn used(&mut self, namespace: Text, used: Used) {
        self.used.insert(namespace, used);
    }

    /// Pods there are.
    pub(super) fn pods(&self) -> usize {
        self.pods.len()
    }

    /// Everything, as of now.
    pub(super) fn panel(&self, at: Timestamp, version: Option<Text>) -> ClusterPanel {
        let mut components: BTreeMap<Text, PodsOf> = BTreeMap::new();
        for pod in self.pods.values() {
            let of = match components.get_mut(&pod.component) {
                Some(of) => of,
                None => components.entry(pod.component.clone()).or_default(),
            };
            let used = self.used.get(&pod.namespace).and_then(|used| used.get(&pod.pod));
            count(of, pod, used);
        }
        for (component, seen) in &self.restarts_seen {
            components.entry(component.clone()).or_default().restarts_seen = *seen;
        }
        ClusterPanel {
            at,
            version,
            pods: self.pods.values().take(MAX_SHOWN).cloned().collect(),
            pods_found: self.pods.len(),
            workloads: self.workloads.values().cloned().collect(),
            ray_jobs: self.ray_jobs.values().cloned().collect(),
            ray_clusters: self.ray_clusters.values().cloned().collect(),
            components,
        }
    }
}

fn count(of: &mut PodsOf, pod: &Pod, used: Option<&(f64, f64)>) {
    *of.phases.entry(pod.phase.clone()).or_insert(0) += 1;
    let ready = &*pod.phase == "running" && pod.containers > 0 && pod.ready >= pod.containers;
    of.ready += u32::from(ready);
    of.restarts = of.restarts.saturating_add(pod.restarts);
    if let Some(started) = pod.started.filter(|_| &*pod.phase == "running") {
        of.started = Some(of.started.map_or(started, |earliest| earliest.min(started)));
    }
    if let Some(version) = &pod.version
        && !of.versions.contains(version)
        && of.versions.len() < MAX_VERSIONS
    {
        of.versions.push(version.clone());
    }
    if let Some((cores, bytes)) = used {
        *of.cpu_cores.get_or_insert(0.0) += cores;
        *of.memory_bytes.get_or_insert(0.0) += bytes;
    }
}

/// Falling below what is wanted and coming back. One that was made a moment ago is not degraded but new.
fn workload(was: Option<&Workload>, now: Arc<Workload>) -> Option<Change> {
    let lacks = |workload: &Workload| workload.ready < workload.wanted;
    let before = was.map(lacks);
    match (before, lacks(&now)) {
        (Some(false) | None, true) => Some(Change::Degraded(now)),
        (Some(true), false) => Some(Change::Recovered(now)),
        _ => None,
    }
}

fn cluster_state(cluster: &RayClusterObject) -> &'static str {
    match cluster.state.as_deref() {
        Some("ready") => "k8s.raycluster.ready",
        Some("failed") => "k8s.raycluster.failed",
        Some("suspended") => "k8s.raycluster.suspended",
        _ => "k8s.raycluster.created",
    }
}
