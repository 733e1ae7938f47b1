//! Kubernetes, on a real API server. No node is there: pods are what the test says they are.

mod rough;

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::faults::started;
use crate::servers::kubernetes::{ACCOUNT, ADMIN, Held, READER, server};
use crate::support::daemon::Daemon;
use crate::support::until;

const BOUND: Duration = Duration::from_secs(30);
const PODS: &str = "/api/kubernetes/pods";

/// A namespace of the server with what the tests do in it.
struct Namespace<'a> {
    server: &'a Held,
    name: &'static str,
    client: kube::Client,
}

impl<'a> Namespace<'a> {
    async fn new(server: &'a Held, name: &'static str) -> Self {
        server.apply(&format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n")).await;
        Self { server, name, client: server.client().await }
    }

    /// What a daemon needs to watch it.
    fn variables(&self, folder: &Path, token: &str) -> Vec<(&'static str, String)> {
        let kubeconfig = folder.join("kubeconfig");
        self.server.kubeconfig(&kubeconfig, token);
        vec![
            ("FLEETSCOPE_KUBERNETES__NAMESPACES", self.name.to_owned()),
            ("FLEETSCOPE_KUBERNETES__KUBECONFIG", kubeconfig.display().to_string()),
            ("FLEETSCOPE_KUBERNETES__TIMEOUT", "5s".to_owned()),
            ("FLEETSCOPE_COMPONENTS__POLL_INTERVAL", "500ms".to_owned()),
        ]
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), self.name)
    }

    fn of_ray(&self, kind: &str, plural: &str) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("ray.io", "v1", kind), plural);
        Api::namespaced_with(self.client.clone(), self.name, &kind)
    }

    async fn pod(&self, name: &str, app: &str) {
        let pod = json!({
            "metadata": {"name": name, "labels": {"app": app}, "annotations": {"fleet/story-id": "s-77"}},
            "spec": {"containers": [{"name": "main", "image": "registry.test/fleet/planning:v2.3.1"}]},
        });
        let pod = serde_json::from_value(pod).expect("a pod");
        self.pods().create(&PostParams::default(), &pod).await.expect("created");
    }

    async fn status(&self, name: &str, status: Value) {
        let patch = Patch::Merge(json!({ "status": status }));
        self.pods().patch_status(name, &PatchParams::default(), &patch).await.expect("patched");
    }

    async fn delete(&self, name: &str) {
        self.pods().delete(name, &DeleteParams::default().grace_period(0)).await.expect("deleted");
    }
}

/// The status of a pod with one container in this state.
fn container(phase: &str, ready: bool, restarts: u32, state: &Value, last: &Value) -> Value {
    json!({"phase": phase, "startTime": "2026-01-01T00:00:00Z", "containerStatuses": [{
        "name": "main", "image": "registry.test/fleet/planning:v2.3.1", "imageID": "", "ready": ready,
        "restartCount": restarts, "state": state, "lastState": last}]})
}

fn running() -> Value {
    json!({"running": {"startedAt": "2026-01-01T00:00:05Z"}})
}

fn ended(reason: &str, code: i32) -> Value {
    json!({"terminated": {"exitCode": code, "reason": reason, "finishedAt": "2026-01-01T00:01:09Z"}})
}

async fn events(daemon: &Daemon, kind: &str) -> Vec<Value> {
    let page = daemon.json(&format!("/api/events?source=K8s&type={kind}&payload=full&limit=1000")).await;
    page.map_or_else(Vec::new, |page| page["items"].as_array().expect("a list").clone())
}

async fn fresh(daemon: &Daemon) {
    until("Kubernetes is shown as it is", BOUND, || async {
        daemon.json(PODS).await.is_some_and(|page| page["stale_because"].is_null())
    })
    .await;
}

async fn shown(daemon: &Daemon, route: &str, holds: impl Fn(&Value) -> bool + Copy) -> Value {
    until(&format!("{route} shows it"), BOUND, || async {
        let page = daemon.json(route).await?;
        page["items"].as_array()?.iter().find(|item| holds(item)).cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_their_crashes_and_their_end_are_told_once() {
    let Some(server) = server().await else { return };
    let ns = Namespace::new(&server, "crashes").await;
    let folder = tempfile::tempdir().expect("a folder");
    let (journal, variables) = (folder.path().join("journal"), ns.variables(folder.path(), ADMIN));
    ns.pod("old-1", "context").await;
    let daemon = started(&journal, &variables).await;
    fresh(&daemon).await;
    shown(&daemon, PODS, |pod| pod["pod"] == "old-1" && pod["phase"] == "pending").await;
    assert!(events(&daemon, "k8s.pod.created").await.is_empty(), "it was there before");

    ns.pod("planning-1", "planning").await;
    ns.status("planning-1", container("Running", true, 0, &running(), &json!({}))).await;
    let pod = shown(&daemon, PODS, |pod| pod["pod"] == "planning-1" && pod["phase"] == "running").await;
    assert_eq!((&pod["component"], &pod["version"]), (&"planning".into(), &"v2.3.1".into()), "{pod}");
    assert_eq!((&pod["story_id"], &pod["ready"]), (&"s-77".into(), &1.into()), "{pod}");
    // Out of memory: ended, waiting for its next try, running again. One crash.
    ns.status("planning-1", container("Running", false, 0, &ended("OOMKilled", 137), &json!({}))).await;
    let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}, "terminated": null, "running": null});
    ns.status("planning-1", container("Running", false, 0, &waiting, &ended("OOMKilled", 137))).await;
    shown(&daemon, PODS, |pod| pod["reason"] == "CrashLoopBackOff" && pod["last_crash"]["exit_code"] == 137).await;
    ns.status("planning-1", container("Running", true, 1, &running(), &ended("OOMKilled", 137))).await;
    shown(&daemon, PODS, |pod| pod["pod"] == "planning-1" && pod["restarts"] == 1).await;
    let crashes = events(&daemon, "k8s.pod.crashed").await;
    assert_eq!(crashes.len(), 1, "{crashes:?}");
    let (crash, data) = (&crashes[0], &crashes[0]["data"]);
    assert_eq!((&crash["severity"], &crash["story_id"]), (&"error".into(), &"s-77".into()), "{crash}");
    assert_eq!(
        (&data["reason"], &data["exit_code"], &data["restart_count"]),
        (&"OOMKilled".into(), &137.into(), &0.into())
    );
    assert_eq!(
        (&data["container"], &crash["timestamp"]),
        (&"main".into(), &"2026-01-01T00:01:09.000000Z".into()),
        "{crash}"
    );
    let restarts = r#"fleet_component_restarts_total{component="planning"}"#;
    until("the restart is counted", BOUND, || async { daemon.sample(restarts).await == Some(1.0) }).await;
    let pods = r#"fleet_component_pods{component="planning",phase="running"}"#;
    assert_eq!(daemon.sample(pods).await, Some(1.0));

    ns.pod("stuck-1", "planning").await;
    ns.status("stuck-1", container("Pending", false, 0, &json!({"waiting": {"reason": "ErrImagePull"}}), &json!({})))
        .await;
    ns.pod("out-1", "planning").await;
    ns.status("out-1", json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."})).await;
    until("what is stuck and what was thrown out are told", BOUND, || async {
        events(&daemon, "k8s.pod.stuck").await.len() == 1 && events(&daemon, "k8s.pod.crashed").await.len() == 2
    })
    .await;
    assert_eq!(events(&daemon, "k8s.pod.stuck").await[0]["data"]["reason"], "ImagePullBackOff");

    ns.delete("planning-1").await;
    until("its end is told", BOUND, || async { events(&daemon, "k8s.pod.deleted").await.len() == 1 }).await;
    until("it is shown no more", BOUND, || async {
        let page = daemon.json(PODS).await;
        page.is_some_and(|p| {
            p["items"].as_array().is_some_and(|pods| pods.iter().all(|pod| pod["pod"] != "planning-1"))
        })
    })
    .await;
    let before = events(&daemon, "k8s.*").await.len();
    assert!(daemon.stop().await.success());
    let daemon = started(&journal, &variables).await;
    fresh(&daemon).await;
    shown(&daemon, PODS, |pod| pod["pod"] == "out-1").await;
    let duplicate = r#"fleetscope_events_total{outcome="duplicate",source="kubernetes"}"#;
    until("it was told again", BOUND, || async { daemon.sample(duplicate).await >= Some(2.0) }).await;
    assert_eq!(events(&daemon, "k8s.*").await.len(), before, "nothing is new after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_that_lack_pods_are_told_and_the_overview_follows() {
    let Some(server) = server().await else { return };
    let ns = Namespace::new(&server, "workloads").await;
    let folder = tempfile::tempdir().expect("a folder");
    let deployments: Api<Deployment> = Api::namespaced(ns.client.clone(), ns.name);
    let workload = serde_json::from_value(json!({
        "metadata": {"name": "workflow", "labels": {"app": "workflow"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "workflow"}}, "template": {
            "metadata": {"labels": {"app": "workflow"}},
            "spec": {"containers": [{"name": "main", "image": "registry.test/workflow:v1"}]}}},
    }));
    deployments.create(&PostParams::default(), &workload.expect("a deployment")).await.expect("created");
    let ready = |ready: u32| {
        let patch =
            Patch::Merge(json!({"status": {"replicas": 2, "readyReplicas": ready, "availableReplicas": ready}}));
        let deployments = deployments.clone();
        async move { deployments.patch_status("workflow", &PatchParams::default(), &patch).await.expect("patched") }
    };
    ready(2).await;
    for pod in ["workflow-1", "workflow-2"] {
        ns.pod(pod, "workflow").await;
        ns.status(pod, container("Running", true, 0, &running(), &json!({}))).await;
    }
    let daemon = started(&folder.path().join("journal"), &ns.variables(folder.path(), ADMIN)).await;
    fresh(&daemon).await;
    let up = |up: bool| move |of: &Value| of["component"] == "workflow" && of["up"] == up;
    let of = shown(&daemon, "/api/components", up(true)).await;
    assert_eq!((&of["probe"], &of["ready"], &of["wanted"]), (&"kubernetes".into(), &2.into(), &2.into()), "{of}");
    assert_eq!((&of["version"], &of["started"]), (&"v2.3.1".into(), &"2026-01-01T00:00:00.000000Z".into()), "{of}");
    assert_eq!(daemon.sample(r#"fleet_component_up{component="workflow"}"#).await, Some(1.0));
    assert_eq!(daemon.sample(r#"fleet_component_info{component="workflow",version="v2.3.1"}"#).await, Some(1.0));
    let server_up = shown(&daemon, "/api/components", |of| of["component"] == "kubernetes" && of["up"] == true).await;
    assert_eq!(server_up["probe"], "source", "{server_up}");
    assert_eq!(server_up["version"], "v1.37.2", "{server_up}");

    ready(1).await;
    until("it lacks a pod", BOUND, || async { events(&daemon, "k8s.deployment.degraded").await.len() == 1 }).await;
    ready(2).await;
    until("it has all again", BOUND, || async { events(&daemon, "k8s.deployment.recovered").await.len() == 1 }).await;
    for pod in ["workflow-1", "workflow-2"] {
        ns.status(pod, container("Running", false, 0, &running(), &json!({}))).await;
    }
    let of = shown(&daemon, "/api/components", up(false)).await;
    assert_eq!(of["reason"], "not_ready", "{of}");
    let down = until("its end is an entry", BOUND, || async {
        let page = daemon.json("/api/events?type=component.down").await?;
        page["items"].as_array()?.iter().find(|e| e["subject"] == "component.workflow").cloned()
    })
    .await;
    assert_eq!(down["severity"], "error", "{down}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rays_objects_are_told_by_state_and_story() {
    let Some(server) = server().await else { return };
    server.apply(include_str!("../../servers/kubernetes/ray-crds.yaml")).await;
    let ns = Namespace::new(&server, "rayjobs").await;
    let folder = tempfile::tempdir().expect("a folder");
    let jobs = ns.of_ray("RayJob", "rayjobs");
    let make = |name: &'static str| {
        let job = json!({"apiVersion": "ray.io/v1", "kind": "RayJob",
            "metadata": {"name": name, "labels": {"story-id": "s-81"}},
            "spec": {"entrypoint": "python crawl.py --api-key=sk-live-0123456789abcdefghij", "metadata": {"task_id": "T-9"}}});
        serde_json::from_value::<DynamicObject>(job).expect("an object")
    };
    // The kind may need a moment after it was made known.
    until("the kind is served", BOUND, || async {
        jobs.create(&PostParams::default(), &make("crawl-1")).await.is_ok()
    })
    .await;
    let daemon = started(&folder.path().join("journal"), &ns.variables(folder.path(), ADMIN)).await;
    fresh(&daemon).await;
    let turn = |name: &'static str, job: &'static str, deployment: &'static str, more: Value| {
        let mut status = json!({"jobStatus": job, "jobDeploymentStatus": deployment, "jobId": "crawl-x7k2p"});
        status.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        let (jobs, patch) = (jobs.clone(), Patch::Merge(json!({ "status": status })));
        async move { jobs.patch_status(name, &PatchParams::default(), &patch).await.expect("patched") }
    };
    turn("crawl-1", "PENDING", "Running", json!({})).await;
    turn("crawl-1", "RUNNING", "Running", json!({"startTime": "2026-01-01T00:00:00Z"})).await;
    turn("crawl-1", "SUCCEEDED", "Complete", json!({"endTime": "2026-01-01T00:05:00Z"})).await;
    jobs.create(&PostParams::default(), &make("crawl-2")).await.expect("created");
    turn("crawl-2", "FAILED", "Failed", json!({"reason": "AppFailed", "message": "Job supervisor actor died"})).await;
    until("both jobs' ends are told", BOUND, || async {
        events(&daemon, "k8s.rayjob.succeeded").await.len() == 1
            && events(&daemon, "k8s.rayjob.failed").await.len() == 1
    })
    .await;
    let failed = &events(&daemon, "k8s.rayjob.failed").await[0];
    assert_eq!((&failed["story_id"], &failed["task_id"]), (&"s-81".into(), &"T-9".into()), "{failed}");
    assert_eq!((&failed["severity"], &failed["data"]["reason"]), (&"error".into(), &"AppFailed".into()), "{failed}");
    assert!(!failed.to_string().contains("sk-live-0123456789"), "a secret of the entrypoint is shown: {failed}");
    let ended = &events(&daemon, "k8s.rayjob.succeeded").await[0];
    assert_eq!(ended["timestamp"], "2026-01-01T00:05:00.000000Z", "{ended}");
    for state in ["created", "pending", "running"] {
        assert_eq!(
            events(&daemon, &format!("k8s.rayjob.{state}")).await.len(),
            1 + usize::from(state == "created"),
            "{state}"
        );
    }
    jobs.delete("crawl-2", &DeleteParams::default()).await.expect("deleted");
    until("it is gone", BOUND, || async { events(&daemon, "k8s.rayjob.deleted").await.len() == 1 }).await;
    until("one is left", BOUND, || async {
        let page = daemon.json("/api/kubernetes/rayjobs").await;
        page.is_some_and(|page| page["items"].as_array().is_some_and(|jobs| jobs.len() == 1))
    })
    .await;

    let clusters = ns.of_ray("RayCluster", "rayclusters");
    let cluster = json!({"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": "main"}, "spec": {"rayVersion": "2.60.0"}});
    let cluster: DynamicObject = serde_json::from_value(cluster).expect("an object");
    until("the kind is served", BOUND, || async { clusters.create(&PostParams::default(), &cluster).await.is_ok() })
        .await;
    let patch =
        Patch::Merge(json!({"status": {"state": "ready", "desiredWorkerReplicas": 2, "availableWorkerReplicas": 2}}));
    clusters.patch_status("main", &PatchParams::default(), &patch).await.expect("patched");
    let held = shown(&daemon, "/api/kubernetes/rayclusters", |of| of["state"] == "ready").await;
    assert_eq!((&held["available_workers"], &held["ray_version"]), (&2.into(), &"2.60.0".into()), "{held}");
    until("it is told ready", BOUND, || async { events(&daemon, "k8s.raycluster.ready").await.len() == 1 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_documented_suffice_and_logs_need_their_own() {
    let Some(server) = server().await else { return };
    let manifest = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/k8s").join(name);
        std::fs::read_to_string(path).expect("rendered by `make docs`")
    };
    let (watching, logs) = (manifest("rbac.yaml"), manifest("rbac-logs.yaml"));
    let ns = Namespace::new(&server, "swe-ai-fleet").await;
    let _of_ray = Namespace::new(&server, "ray").await;
    ns.pod("planning-1", "planning").await;
    let folder = tempfile::tempdir().expect("a folder");
    let variables = ns.variables(folder.path(), ACCOUNT);
    let daemon = started(&folder.path().join("journal"), &variables).await;
    let refused = r#"fleetscope_source_errors_total{reason="forbidden",source="kubernetes"}"#;
    until("without rights it is refused", BOUND, || async { daemon.sample(refused).await >= Some(1.0) }).await;
    until("it is said where the rights are written", BOUND, || async {
        let page = daemon.json(PODS).await;
        page.is_some_and(|p| p["stale_because"].as_str().is_some_and(|why| why.contains("docs/KUBERNETES.md")))
    })
    .await;

    server.apply(&watching).await;
    fresh(&daemon).await;
    shown(&daemon, PODS, |pod| pod["pod"] == "planning-1").await;
    // The server's authorizer learns of one right after the other.
    until("no right is missing", BOUND, || async {
        let status = daemon.json("/status").await?;
        (!status["parts"]["source/kubernetes"]["detail"].as_str()?.contains("may not be read")).then_some(())
    })
    .await;
    let route = "/api/kubernetes/pods/swe-ai-fleet/planning-1/logs?lines=20";
    let (status, why) = daemon.answer(route).await.expect("an answer");
    assert!(status == 503 && why.contains("cannot get resource") && why.contains("pods/log"), "{status}: {why}");

    server.apply(&logs).await;
    // No node is here: the log of a pod that was not placed is empty.
    let log = until("logs may be read", BOUND, || async { daemon.json(route).await }).await;
    assert_eq!((&log["pod"], &log["lines"]), (&"planning-1".into(), &json!([])), "{log}");
    let (status, _) = daemon.answer("/api/kubernetes/pods/swe-ai-fleet/nobody/logs").await.expect("an answer");
    assert_eq!(status, 404);
    let (status, _) = daemon.answer("/api/kubernetes/pods/kube-system/x/logs").await.expect("an answer");
    assert_eq!(status, 404, "a namespace that is not watched");
    let (status, why) =
        daemon.answer("/api/kubernetes/pods/swe-ai-fleet/planning-1/logs?lines=0").await.expect("an answer");
    assert!(status == 400 && why.contains("1 to 1000"), "{status}: {why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_refused_and_rotated_are_read_again() {
    let Some(server) = server().await else { return };
    let ns = Namespace::new(&server, "rotated").await;
    ns.pod("planning-1", "planning").await;
    let folder = tempfile::tempdir().expect("a folder");
    let variables = ns.variables(folder.path(), "a-token-nobody-knows");
    let daemon = started(&folder.path().join("journal"), &variables).await;
    let errors = |reason: &str| format!("fleetscope_source_errors_total{{reason=\"{reason}\",source=\"kubernetes\"}}");
    let unauthorized = errors("unauthorized");
    until("the token is refused", BOUND, || async { daemon.sample(&unauthorized).await >= Some(1.0) }).await;
    assert!(daemon.json(PODS).await.expect("the route answers")["stale_because"].is_string());
    // Known, but without rights.
    server.kubeconfig(&folder.path().join("kubeconfig"), READER);
    let forbidden = errors("forbidden");
    until("the reader is refused", BOUND, || async { daemon.sample(&forbidden).await >= Some(1.0) }).await;
    assert_eq!(daemon.sample(r#"fleetscope_source_up{source="kubernetes"}"#).await, Some(0.0));
    server.kubeconfig(&folder.path().join("kubeconfig"), ADMIN);
    shown(&daemon, PODS, |pod| pod["pod"] == "planning-1").await;
    fresh(&daemon).await;
}
