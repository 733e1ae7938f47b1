//! What the sources of single systems and Kubernetes know of each part of the fleet.
//! Takes: the board and the state of every source. Gives: one line per part. Never: takes old news for new: what
//! Kubernetes said before it fell silent is no sign of life.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::board::{Board, State};
use crate::model::{ClusterPanel, Component, GpuPanel, Panel, Source, Text};
use crate::sources::components::Look;
use crate::status::{Health, PartStatus, Status};

/// The parts of the fleet, and the part of the daemon that talks to each. They are listed even where nobody can tell.
const FLEET: &[(&str, Option<&str>)] = &[
    ("backlog-review-processor", None),
    ("context", None),
    ("kubernetes", Some("source/kubernetes")),
    ("monitoring", None),
    ("nats", Some("source/nats")),
    ("neo4j", Some("source/neo4j")),
    ("orchestrator", Some("source/orchestrator")),
    ("otlp-backend", Some("sink/otlp")),
    ("planning", None),
    ("ray", Some("source/ray")),
    ("ray-executor", None),
    ("task-derivation", None),
    ("valkey", Some("source/valkey")),
    ("vllm", Some("source/vllm")),
    ("workflow", None),
    ("workspace", None),
];
/// What the fleet's manifests call a part otherwise.
const CALLED: &[(&str, &str)] = &[("vllm-server", "vllm")];
/// Components of Kubernetes shown besides.
const MAX_OTHERS: usize = 200;

/// Makes the look that the overview's source takes.
pub(super) fn look(board: Arc<Board>, status: Arc<Status>) -> Look {
    Arc::new(move || board.read(|state| assess(state, &status.parts())))
}

fn assess(state: &State, parts: &BTreeMap<String, PartStatus>) -> Vec<Component> {
    let cluster = match state.panels.get(&Source::Kubernetes).map(AsRef::as_ref) {
        Some(Panel::Cluster(panel)) => Some(panel),
        _ => None,
    };
    let gpus = match state.panels.get(&Source::Gpu).map(AsRef::as_ref) {
        Some(Panel::Gpu(panel)) => Some(panel),
        _ => None,
    };
    let fresh = parts.get("source/kubernetes").is_some_and(|part| part.health == Health::Up);
    let mut names: BTreeSet<Text> = FLEET.iter().map(|(name, _)| Text::from(*name)).collect();
    if let Some(cluster) = cluster {
        let others = cluster.components.keys().chain(cluster.workloads.iter().map(|w| &w.component));
        names.extend(others.take(MAX_OTHERS).map(called));
    }
    let used = cluster.zip(gpus).map(|(cluster, gpus)| gpus_of(cluster, gpus)).unwrap_or_default();
    let each = |name: Text| {
        let mut of = Component { component: name, probe: "none".into(), ..Component::default() };
        if let Some(cluster) = cluster {
            on_kubernetes(&mut of, cluster, fresh);
        }
        let part = FLEET.iter().find(|(known, _)| **known == *of.component).and_then(|(_, part)| parts.get((*part)?));
        if let Some(part) = part {
            by_source(&mut of, part);
        }
        if of.up.is_none() && of.reason.is_none() {
            of.reason = Some("not_watched".into());
        }
        if let Some((count, sum)) = used.get(&of.component) {
            of.gpus = Some(*count);
            of.gpu_utilization_ratio = sum.map(|sum| sum / f64::from(*count));
        }
        known_besides(&mut of, state, cluster);
        of
    };
    names.into_iter().map(each).collect()
}

/// The part that pods of this component are.
fn called(component: &Text) -> Text {
    let known = CALLED.iter().find(|(name, _)| **name == **component);
    known.map_or_else(|| component.clone(), |(_, part)| (*part).into())
}

/// What its pods say.
fn on_kubernetes(of: &mut Component, cluster: &ClusterPanel, fresh: bool) {
    let workloads: Vec<_> = cluster.workloads.iter().filter(|w| called(&w.component) == of.component).collect();
    let mut all =
        cluster.components.iter().filter(|(name, pods)| called(name) == of.component && !pods.phases.is_empty());
    let pods = all.next().map(|(_, pods)| pods);
    if workloads.is_empty() && pods.is_none() {
        return;
    }
    of.probe = "kubernetes".into();
    let mut ready = 0;
    if let Some(pods) = pods {
        ready = pods.ready;
        of.pods = Some(pods.phases.values().sum());
        of.restarts = Some(pods.restarts);
        of.started = pods.started;
        of.version = pods.versions.first().cloned();
        (of.cpu_cores, of.memory_bytes) = (pods.cpu_cores, pods.memory_bytes);
    }
    let wanted = (!workloads.is_empty()).then(|| workloads.iter().map(|w| w.wanted).sum::<u32>());
    (of.ready, of.wanted) = (Some(ready), wanted);
    let finished = pods.is_some_and(|pods| pods.phases.keys().all(|phase| &**phase == "succeeded"));
    let (up, reason) = match wanted {
        _ if !fresh => (None, Some("kubernetes_down")),
        Some(0) => (None, Some("scaled_to_zero")),
        _ if ready > 0 => (Some(true), None),
        None if finished => (None, Some("finished")),
        _ => (Some(false), Some("not_ready")),
    };
    (of.up, of.reason) = (up, reason.map(Into::into));
    of.detail = (up == Some(false)).then(|| "none of its pods is ready".into());
}

/// What the source that talks to it says: that outweighs the readiness of a pod, which tells of an open port.
fn by_source(of: &mut Component, part: &PartStatus) {
    let (up, reason) = match part.health {
        Health::Off => return,
        Health::Starting => (None, Some("starting")),
        Health::Up => (Some(true), None),
        Health::Down => (Some(false), Some("source_down")),
    };
    if up.is_none() && of.up.is_some() {
        return;
    }
    (of.up, of.reason, of.probe) = (up, reason.map(Into::into), "source".into());
    of.detail = (up == Some(false)).then(|| part.detail.as_str().into());
    // The server's own word for its version, where its source passes it on.
    let said = part.detail.strip_prefix("nats-server ").and_then(|rest| rest.split(';').next());
    of.version = said.map(Into::into).or_else(|| of.version.take());
}

/// Versions and times that single panels tell.
fn known_besides(of: &mut Component, state: &State, cluster: Option<&ClusterPanel>) {
    let said = |source| state.panels.get(&source).map(AsRef::as_ref);
    let mut version = None;
    match (&*of.component, cluster) {
        ("kubernetes", Some(cluster)) => version.clone_from(&cluster.version),
        ("neo4j", _) => {
            if let Some(Panel::Graph(panel)) = said(Source::Neo4j) {
                version = Some(panel.version.clone());
            }
        }
        ("orchestrator", _) => {
            if let Some(Panel::Orchestrator(panel)) = said(Source::Orchestrator) {
                of.started = of.started.or_else(|| panel.replicas.iter().filter_map(|r| r.started).min());
            }
        }
        ("ray", _) => {
            if let Some(Panel::Ray(panel)) = said(Source::Ray) {
                version.clone_from(&panel.version);
            }
        }
        ("valkey", _) => {
            if let Some(Panel::Cache(panel)) = said(Source::Valkey) {
                version = Some(panel.version.clone());
                of.started = of.started.or_else(|| Some(panel.at.minus(Duration::from_secs(panel.uptime_seconds))));
                of.memory_bytes = of.memory_bytes.or(Some(panel.memory_bytes as f64));
            }
        }
        _ => {}
    }
    // The server's own word for its version goes before the tag of its image.
    of.version = version.or_else(|| of.version.take());
}

/// Processors and their use by component: how many, and the sum of those that tell.
fn gpus_of(cluster: &ClusterPanel, gpus: &GpuPanel) -> BTreeMap<Text, (u32, Option<f64>)> {
    let pods: BTreeMap<String, &Text> =
        cluster.pods.iter().map(|pod| (format!("{}/{}", pod.namespace, pod.pod), &pod.component)).collect();
    let mut used = BTreeMap::new();
    for gpu in &gpus.gpus {
        let Some(component) = gpu.pod.as_deref().and_then(|pod| pods.get(pod)) else { continue };
        let (count, sum) = used.entry(called(component)).or_insert((0, None));
        *count += 1;
        if let Some(ratio) = gpu.utilization_ratio {
            *sum = Some(sum.unwrap_or(0.0) + ratio);
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CachePanel, Gpu, GraphPanel, Pod, PodsOf, RayPanel, Timestamp, Workload};

    fn part(health: Health, detail: &str) -> PartStatus {
        PartStatus { health, detail: detail.to_owned(), required: false, since: String::new() }
    }

    fn planning(ready: u32, wanted: u32) -> State {
        let pods = PodsOf { phases: [("running".into(), 2)].into(), ready, restarts: 3, ..PodsOf::default() };
        let pod = Pod { namespace: "fleet".into(), pod: "p-1".into(), component: "planning".into(), ..Pod::default() };
        let workload = Workload { component: "planning".into(), ready, wanted, ..Workload::default() };
        let panel = ClusterPanel {
            pods: vec![Arc::new(pod)],
            workloads: vec![Arc::new(workload)],
            components: [("planning".into(), pods)].into(),
            ..ClusterPanel::default()
        };
        let gpu = Gpu { pod: Some("fleet/p-1".into()), utilization_ratio: Some(0.5), ..Gpu::default() };
        let gpus = GpuPanel { at: Timestamp::ZERO, told_by: "dcgm".into(), gpus: vec![gpu.clone(), gpu] };
        let panels = [Panel::Cluster(panel), Panel::Gpu(gpus)];
        State { panels: panels.into_iter().map(|p| (p.source(), Arc::new(p))).collect(), ..State::default() }
    }

    fn found(state: &State, parts: &[(&str, PartStatus)], name: &str) -> Component {
        let parts = parts.iter().map(|(name, part)| ((*name).to_owned(), part.clone())).collect();
        assess(state, &parts).into_iter().find(|of| &*of.component == name).expect("listed")
    }

    #[test]
    fn what_nobody_can_tell_is_unknown() {
        let (state, parts) = (State::default(), [("source/ray", part(Health::Off, "ray.url is not set"))]);
        for name in ["planning", "ray", "vllm"] {
            let of = found(&state, &parts, name);
            assert_eq!((of.up, of.reason.as_deref(), &*of.probe), (None, Some("not_watched"), "none"), "{name}");
        }
    }

    #[test]
    fn a_source_outweighs_a_pod() {
        let parts = [("source/nats", part(Health::Up, "nats-server 2.15.1; reading 8 of 8 streams"))];
        let nats = found(&State::default(), &parts, "nats");
        assert_eq!((nats.up, nats.version.as_deref(), &*nats.probe), (Some(true), Some("2.15.1"), "source"));
        let parts = [("source/neo4j", part(Health::Down, "refused"))];
        let neo4j = found(&State::default(), &parts, "neo4j");
        assert_eq!((neo4j.up, neo4j.reason.as_deref()), (Some(false), Some("source_down")));
    }

    #[test]
    fn a_servers_own_word_goes_before_the_tag_of_its_image() {
        let pods =
            PodsOf { phases: [("running".into(), 1)].into(), versions: vec!["v0.15".into()], ..PodsOf::default() };
        let cluster = ClusterPanel {
            components: [("vllm-server".into(), pods.clone()), ("valkey".into(), pods.clone()), ("ray".into(), pods)]
                .into(),
            ..ClusterPanel::default()
        };
        let cache = CachePanel {
            at: Timestamp::from_millis(100_000),
            version: "Valkey 8.0.1".into(),
            uptime_seconds: 60,
            memory_bytes: 7,
            ..CachePanel::default()
        };
        let ray = RayPanel { version: Some("2.52.1".into()), ..RayPanel::default() };
        let graph = GraphPanel { version: "5.26.0".into(), ..GraphPanel::default() };
        let panels = [Panel::Cluster(cluster), Panel::Cache(Box::new(cache)), Panel::Ray(ray), Panel::Graph(graph)];
        let state =
            State { panels: panels.into_iter().map(|p| (p.source(), Arc::new(p))).collect(), ..State::default() };
        let up = [("source/kubernetes", part(Health::Up, "")), ("source/valkey", part(Health::Up, ""))];
        let version = |name| found(&state, &up, name).version;
        assert_eq!(version("valkey").as_deref(), Some("Valkey 8.0.1"));
        assert_eq!(version("ray").as_deref(), Some("2.52.1"));
        assert_eq!(version("neo4j").as_deref(), Some("5.26.0"));
        assert_eq!(version("vllm").as_deref(), Some("v0.15"), "by another name");
        let valkey = found(&state, &up, "valkey");
        assert_eq!((valkey.started, valkey.memory_bytes), (Some(Timestamp::from_millis(40_000)), Some(7.0)));
        let names = assess(&state, &BTreeMap::new()).into_iter().map(|of| of.component).collect::<Vec<_>>();
        assert!(!names.contains(&"vllm-server".into()), "{names:?}");
    }

    #[test]
    fn readiness_counts_only_while_kubernetes_answers() {
        let up = [("source/kubernetes", part(Health::Up, ""))];
        let of = found(&planning(1, 2), &up, "planning");
        assert_eq!(
            (of.up, of.pods, of.ready, of.wanted, of.restarts),
            (Some(true), Some(2), Some(1), Some(2), Some(3))
        );
        assert_eq!((of.gpus, of.gpu_utilization_ratio), (Some(2), Some(0.5)));
        let of = found(&planning(0, 2), &up, "planning");
        assert_eq!((of.up, of.reason.as_deref()), (Some(false), Some("not_ready")));
        let of = found(&planning(0, 0), &up, "planning");
        assert_eq!((of.up, of.reason.as_deref()), (None, Some("scaled_to_zero")));
        let down = [("source/kubernetes", part(Health::Down, "frozen"))];
        let of = found(&planning(2, 2), &down, "planning");
        assert_eq!((of.up, of.reason.as_deref(), of.ready), (None, Some("kubernetes_down"), Some(2)));
    }
}
