//! What a Kubernetes API server answers: the fleet's pods and deployments, listed and watched.

use std::time::Duration;

use serde_json::{Value, json};

use super::Known;
use crate::model::Timestamp;

/// Component, namespace, kind of controller, replicas.
const COMPONENTS: &[(&str, &str, &str, usize)] = &[
    ("orchestrator", FLEET, "Deployment", 2),
    ("planning", FLEET, "Deployment", 2),
    ("workflow", FLEET, "Deployment", 2),
    ("context", FLEET, "Deployment", 1),
    ("ray-executor", FLEET, "Deployment", 1),
    ("task-derivation", FLEET, "Deployment", 1),
    ("backlog-review-processor", FLEET, "Deployment", 1),
    ("vllm-server", FLEET, "Deployment", 1),
    ("workspace", FLEET, "Deployment", 1),
    ("monitoring", FLEET, "Deployment", 1),
    ("nats", FLEET, "StatefulSet", 1),
    ("neo4j", FLEET, "StatefulSet", 1),
    ("valkey", FLEET, "StatefulSet", 1),
    ("ray-head", RAY, "StatefulSet", 1),
    ("ray-gpu-workers", RAY, "StatefulSet", 2),
];
const FLEET: &str = "swe-ai-fleet";
pub(super) const RAY: &str = "ray";
/// Namespaces there are.
pub(super) const NAMESPACES: [&str; 2] = [FLEET, RAY];

/// So many runs go by between two crashes.
const RUNS_PER_CRASH: u64 = 150;
/// How long a pod that crashed waits before it is started again.
const DOWN: Duration = Duration::from_secs(20);

/// The pods, and how often anything about them changed.
#[derive(Debug)]
pub(super) struct Pods {
    pods: Vec<Pod>,
    version: u64,
}

#[derive(Clone, Debug)]
struct Pod {
    component: &'static str,
    namespace: &'static str,
    name: String,
    restarts: u32,
    crashed: Option<(Timestamp, &'static str, i32)>,
    down: bool,
    version: u64,
}

impl Default for Pods {
    fn default() -> Self {
        let pods = COMPONENTS.iter().flat_map(|(component, namespace, kind, replicas)| {
            (0..*replicas).map(move |n| Pod {
                component,
                namespace,
                name: if *kind == "StatefulSet" {
                    format!("{component}-{n}")
                } else {
                    format!("{component}-7d9f8b6c4-{}", ["x2x9k", "m4qzt"][n % 2])
                },
                restarts: 0,
                crashed: None,
                down: false,
                version: 1,
            })
        });
        Self { pods: pods.collect(), version: 1 }
    }
}

impl Pods {
    /// A run began; every so often a pod does not survive it.
    pub(super) fn begin(&mut self, run: u64, at: Timestamp) {
        if !run.is_multiple_of(RUNS_PER_CRASH) {
            return;
        }
        let (reason, code) = [("OOMKilled", 137), ("Error", 1)][(run / RUNS_PER_CRASH) as usize % 2];
        let count = self.pods.len();
        self.version += 1;
        let pod = &mut self.pods[(run / RUNS_PER_CRASH) as usize * 5 % count];
        pod.restarts += 1;
        (pod.crashed, pod.down, pod.version) = (Some((at, reason, code)), true, self.version);
    }

    /// Time goes by: what crashed is started again.
    pub(super) fn reach(&mut self, now: Timestamp) {
        for pod in &mut self.pods {
            if pod.down && pod.crashed.is_some_and(|(at, ..)| now.since(at) >= DOWN) {
                self.version += 1;
                (pod.down, pod.version) = (false, self.version);
            }
        }
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }
}

/// What a client reads to find the server.
pub(super) fn config(address: std::net::SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: simulated\n\
         clusters:\n- name: simulated\n  cluster:\n    server: http://{address}\n\
         contexts:\n- name: simulated\n  context:\n    cluster: simulated\n    user: nobody\n\
         users:\n- name: nobody\n  user: {{}}\n"
    )
}

/// A list of a namespace's pods.
pub(super) fn pods(known: &Known, namespace: &str) -> Value {
    let pods = known.pods.pods.iter().filter(|pod| pod.namespace == namespace);
    list(known, "v1", "PodList", &pods.map(|pod| pod_json(known, pod)).collect::<Vec<_>>())
}

/// The pods of a namespace that changed after `version`, as events of a watch.
pub(super) fn changed(known: &Known, namespace: &str, version: u64) -> Vec<Value> {
    let changed = known.pods.pods.iter().filter(|pod| pod.namespace == namespace && pod.version > version);
    changed.map(|pod| json!({ "type": "MODIFIED", "object": pod_json(known, pod) })).collect()
}

/// A list of a namespace's deployments or stateful sets.
pub(super) fn workloads(known: &Known, namespace: &str, kind: &str) -> Value {
    let of_kind = COMPONENTS.iter().filter(|(_, home, what, _)| *home == namespace && *what == kind);
    let items = of_kind.map(|(component, _, _, replicas)| {
        let pods = known.pods.pods.iter().filter(|pod| pod.component == *component);
        let ready = pods.filter(|pod| !pod.down).count();
        json!({
            "metadata": {
                "name": component, "namespace": namespace, "uid": format!("w-{component}"), "resourceVersion": "1",
                "generation": 1, "labels": labels(namespace, component),
            },
            "spec": {
                "replicas": replicas, "selector": { "matchLabels": labels(namespace, component) }, "serviceName": component,
                "template": { "metadata": { "labels": labels(namespace, component) }, "spec": { "containers": [] } },
            },
            "status": {
                "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": ready,
                "availableReplicas": ready,
            },
        })
    });
    list(known, "apps/v1", &format!("{kind}List"), &items.collect::<Vec<_>>())
}

/// What the metrics server says of a namespace's pods.
pub(super) fn usage(known: &Known, namespace: &str) -> Value {
    let busy = known.runs.iter().filter(|job| job.is_running()).count();
    let pods = known.pods.pods.iter().filter(|pod| pod.namespace == namespace && !pod.down);
    let items = pods.map(|pod| {
        let (cpu, memory) = (20 + 9 * busy, 180 + 3 * busy + pod.name.len() * 9);
        json!({
            "metadata": { "name": pod.name, "namespace": namespace }, "timestamp": known.now.to_string(),
            "window": "15s",
            "containers": [{ "name": pod.component, "usage": { "cpu": format!("{cpu}m"), "memory": format!("{memory}Mi") } }],
        })
    });
    list(known, "metrics.k8s.io/v1beta1", "PodMetricsList", &items.collect::<Vec<_>>())
}

/// The log of a pod.
pub(super) fn log(known: &Known, namespace: &str, name: &str) -> Option<String> {
    let pod = known.pods.pods.iter().find(|pod| pod.namespace == namespace && pod.name == name)?;
    let mut lines = vec![format!("{} [INFO] {}: started", known.started(), pod.component)];
    if let Some((at, reason, code)) = pod.crashed {
        lines.push(format!("{at} [ERROR] {}: ended: {reason} ({code})", pod.component));
    }
    lines.extend(
        known
            .runs
            .iter()
            .rev()
            .take(20)
            .map(|job| format!("{} [INFO] {}: {} on {}", job.begin, pod.component, job.run.agent, job.run.task)),
    );
    Some(lines.join("\n") + "\n")
}

fn list(known: &Known, version: &str, kind: &str, items: &[Value]) -> Value {
    let at = known.pods.version.to_string();
    json!({ "kind": kind, "apiVersion": version, "metadata": { "resourceVersion": at }, "items": items })
}

/// Ray's operator labels its pods in its own way.
fn labels(namespace: &str, component: &str) -> Value {
    match namespace {
        RAY => json!({ "ray.io/cluster": "ray-gpu", "ray.io/group": component }),
        _ => json!({ "app": component, "component": "microservice" }),
    }
}

fn pod_json(known: &Known, pod: &Pod) -> Value {
    let begun = known.started();
    let started = pod.crashed.filter(|_| !pod.down).map_or(begun, |(at, ..)| at.plus(DOWN));
    let image = format!("registry.example/swe-fleet/{}:v1.5.{}", pod.component, pod.component.len());
    let ended = pod.crashed.map(|(at, reason, code)| {
        json!({ "terminated": { "exitCode": code, "reason": reason, "startedAt": begun.to_string(), "finishedAt": at.to_string() } })
    });
    let state = if pod.down {
        json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 20s restarting failed container" } })
    } else {
        json!({ "running": { "startedAt": started.to_string() } })
    };
    json!({
        "metadata": {
            "name": pod.name, "namespace": pod.namespace, "uid": format!("p-{}", pod.name),
            "resourceVersion": pod.version.to_string(), "creationTimestamp": begun.to_string(),
            "labels": labels(pod.namespace, pod.component),
        },
        "spec": { "nodeName": format!("node-{}", 1 + pod.name.len() % 3), "containers": [{ "name": pod.component, "image": image }] },
        "status": {
            "phase": "Running", "podIP": "10.244.0.9", "startTime": begun.to_string(),
            "conditions": [{ "type": "Ready", "status": if pod.down { "False" } else { "True" } }],
            "containerStatuses": [{
                "name": pod.component, "image": image, "imageID": "", "ready": !pod.down, "restartCount": pod.restarts,
                "state": state, "lastState": ended.unwrap_or_else(|| json!({})),
            }],
        },
    })
}
