//! What objects and changes of the cluster become, by what a real server told.

use std::sync::Arc;
use std::time::Instant;

use k8s_openapi::api::core::v1;
use kube::api::{DynamicObject, ObjectList};
use serde_json::{Value, json};

use super::cluster::{Change, Cluster};
use super::ray;
use super::tell::entry;
use super::trim::Trim;
use super::watching::{Kind, Place, Thing};
use crate::config::Content;
use crate::model::{Event, Message, Pod, Timestamp};
use crate::privacy::Masker;

fn masker() -> Arc<Masker> {
    Arc::new(Masker::new(Content::Summary, 1 << 16))
}

fn trim() -> Trim {
    Trim::new(masker())
}

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/kubernetes/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a fixture")
}

fn pods() -> Vec<Pod> {
    let list: ObjectList<v1::Pod> = serde_json::from_str(&fixture("list-pods.json")).expect("a list");
    list.items.into_iter().map(|pod| trim().pod(pod)).collect()
}

fn place(kind: Kind) -> Place {
    (kind, "default".into())
}

fn pod(name: &str, status: &Value) -> Pod {
    let metadata = json!({"name": name, "namespace": "default", "uid": "u-1", "labels": {"app": "planning"}});
    let spec = json!({"containers": [{"name": "main", "image": "registry.test/planning@sha256:0123456789abcdef0123"}]});
    let pod = json!({"metadata": metadata, "spec": spec, "status": status});
    trim().pod(serde_json::from_value(pod).expect("a pod"))
}

/// A cluster that knows its place's pods.
fn known(pods: Vec<Pod>) -> Cluster {
    let mut cluster = Cluster::default();
    cluster.begun(place(Kind::Pods));
    for pod in pods {
        cluster.seen(&place(Kind::Pods), Thing::Pod(pod));
    }
    cluster.listed(&place(Kind::Pods));
    cluster
}

#[test]
fn what_is_wrong_with_a_pod_is_read() {
    let pods = pods();
    let of = |name: &str| pods.iter().find(|pod| &*pod.pod == name).expect("in the list");
    let oom = of("w-oom");
    let crash = oom.last_crash.as_ref().expect("it crashed");
    assert_eq!((&*crash.reason, crash.exit_code, crash.restart_count), ("OOMKilled", Some(137), 3));
    assert_eq!((oom.reason.as_deref(), oom.restarts, &*oom.component), (Some("CrashLoopBackOff"), 3, "ray"));
    assert_eq!(oom.version.as_deref(), Some("2.9.0"));
    let evicted = of("w-evicted");
    assert_eq!((&*evicted.phase, evicted.reason.as_deref()), ("failed", Some("Evicted")));
    assert_eq!(evicted.last_crash.as_ref().map(|c| &*c.reason), Some("Evicted"));
    assert_eq!(of("w-pending").reason.as_deref(), Some("Unschedulable"));
    assert_eq!((&*of("w-term").phase, of("w-term").last_crash.as_ref()), ("terminating", None));
}

#[test]
fn a_crash_looks_the_same_however_long_ago_it_was() {
    let ended = json!({"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}});
    let status = |restarts: u32, state: &Value, last: &Value| {
        json!({"phase": "Running", "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false,
            "restartCount": restarts, "state": state, "lastState": last}]})
    };
    let seen = [
        pod("p", &status(4, &ended, &json!({}))),
        pod("p", &status(4, &json!({"waiting": {"reason": "CrashLoopBackOff"}}), &ended)),
        pod("p", &status(5, &json!({"running": {}}), &ended)),
    ];
    assert_eq!((&seen[0].last_crash, &seen[0].last_crash), (&seen[1].last_crash, &seen[2].last_crash));
    assert_eq!(seen[0].last_crash.as_ref().map(|c| c.restart_count), Some(4));
    assert_eq!(seen[0].version.as_deref(), Some("sha256:0123456789ab"));
}

#[test]
fn what_is_missing_from_a_list_is_gone_only_once_it_is_whole() {
    let running = || pod("a", &json!({"phase": "Running"}));
    let mut cluster = known(vec![running(), pod("b", &json!({"phase": "Running"}))]);
    // A try that fails after its begin, again and again.
    for _ in 0..3 {
        cluster.begun(place(Kind::Pods));
    }
    assert_eq!(cluster.pods(), 2);
    assert!(cluster.seen(&place(Kind::Pods), Thing::Pod(running())).is_empty(), "nothing changed");
    let gone = cluster.listed(&place(Kind::Pods));
    assert!(matches!(&gone[..], [Change::PodDeleted(pod)] if &*pod.pod == "b"), "{gone:?}");
    // Another place's list says nothing about this one.
    cluster.begun((Kind::Pods, "other".into()));
    assert!(cluster.listed(&(Kind::Pods, "other".into())).is_empty());
    assert_eq!(cluster.pods(), 1);
}

#[test]
fn a_pod_of_the_same_name_is_another() {
    let mut cluster = known(vec![pod("a", &json!({"phase": "Running"}))]);
    let mut second = pod("a", &json!({"phase": "Pending"}));
    second.uid = "u-2".into();
    let changes = cluster.seen(&place(Kind::Pods), Thing::Pod(second));
    assert!(matches!(&changes[..], [Change::PodDeleted(_), Change::PodCreated(_)]), "{changes:?}");
}

#[test]
fn every_line_of_a_real_watch_is_read() {
    let mut cluster = known(Vec::new());
    let mut told = Vec::new();
    for line in fixture("watch-pods.jsonl").lines() {
        let event: Value = serde_json::from_str(line).expect("a line");
        // The server's own client reads bookmarks; here their pods without containers must not.
        let Ok(object) = serde_json::from_value::<v1::Pod>(event["object"].clone()) else {
            assert_eq!(event["type"], "BOOKMARK");
            continue;
        };
        let pod = trim().pod(object);
        if event["type"] == "DELETED" {
            told.extend(cluster.gone(&place(Kind::Pods), &pod.pod));
        } else if event["type"] != "BOOKMARK" {
            told.extend(cluster.seen(&place(Kind::Pods), Thing::Pod(pod)));
        }
    }
    let count = |wanted: fn(&Change) -> bool| told.iter().filter(|change| wanted(change)).count();
    assert!(count(|c| matches!(c, Change::PodCreated(_))) >= 1, "{told:?}");
    assert!(count(|c| matches!(c, Change::PodCrashed(_))) >= 1, "{told:?}");
    assert!(count(|c| matches!(c, Change::PodDeleted(_))) >= 1, "{told:?}");
}

#[test]
fn states_of_jobs_follow_the_job_before_its_deployment() {
    let list: ObjectList<DynamicObject> = serde_json::from_str(&fixture("list-rayjobs.json")).expect("a list");
    let jobs: Vec<_> = list.items.iter().map(|object| trim().ray_job(object)).collect();
    assert_eq!((ray::state(&jobs[0]), jobs[0].failed), ("k8s.rayjob.failed", 1));
    assert_eq!(ray::state(&jobs[1]), "k8s.rayjob.created");
    let state = |job: &str, deployment: &str| {
        let data = json!({"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": {"name": "j"},
            "status": {"jobStatus": job, "jobDeploymentStatus": deployment}, "spec": 7});
        ray::state(&trim().ray_job(&serde_json::from_value(data).expect("an object")))
    };
    assert_eq!(state("STOPPED", "Complete"), "k8s.rayjob.stopped");
    assert_eq!(state("FAILED", "Complete"), "k8s.rayjob.failed");
    assert_eq!(state("FAILED", "Retrying"), "k8s.rayjob.retrying");
    assert_eq!(state("SUCCEEDED", "Complete"), "k8s.rayjob.succeeded");
    assert_eq!(state("", "Initializing"), "k8s.rayjob.initializing");
}

fn message(change: &Change) -> Message {
    match entry(change, Timestamp::parse("2026-02-01T00:00:00Z").expect("valid"), &masker()) {
        Event::Message(message) => *message,
        other => panic!("no message: {other:?}"),
    }
}

#[test]
fn an_entry_holds_nothing_that_passes_by_itself() {
    let pods = pods();
    let mut later = pods.clone();
    for pod in &mut later {
        pod.restarts += 1;
        pod.reason = None;
        pod.ready += 1;
    }
    for (one, other) in pods.into_iter().zip(later) {
        let (one, other) = (Change::PodCrashed(Arc::new(one)), Change::PodCrashed(Arc::new(other)));
        assert_eq!(message(&one).payload.bytes, message(&other).payload.bytes);
    }
}

#[test]
fn ten_thousand_pods_take_no_long() {
    let list = |restarts: u32| {
        (0..10_000).map(move |n| {
            let mut of = Pod { namespace: "default".into(), restarts, ..Pod::default() };
            (of.pod, of.uid, of.phase) = (format!("pod-{n}").into(), "u".into(), "running".into());
            of.component = format!("component-{}", n % 20).into();
            of
        })
    };
    let mut cluster = known(list(0).collect());
    let began = Instant::now();
    let place = place(Kind::Pods);
    cluster.begun(place.clone());
    for pod in list(1) {
        cluster.seen(&place, Thing::Pod(pod));
    }
    assert!(cluster.listed(&place).is_empty());
    let panel = cluster.panel(Timestamp::ZERO, None);
    assert_eq!((panel.pods.len(), panel.components.len()), (10_000, 20));
    assert_eq!(panel.components.values().map(|of| of.restarts_seen).sum::<u64>(), 10_000);
    // Milliseconds where it was measured; squares of it would be minutes.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}
