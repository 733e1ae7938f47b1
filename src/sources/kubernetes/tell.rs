//! Changes of the cluster → entries of the history. Bodies hold what makes a difference and nothing that passes by
//! itself, so that what is told again after a restart is known.

use serde::Serialize;
use serde_json::{Value, json};

use super::cluster::Change;
use crate::model::{Event, Ids, Observed, Pod, Severity, Source, Text, Timestamp};
use crate::privacy::Masker;
use crate::sources::observe::{Sight, message};

/// The entry of a change.
pub(super) fn entry(change: &Change, now: Timestamp, masker: &Masker) -> Event {
    match change {
        Change::PodCreated(pod) => {
            let what = Told::info("k8s.pod.created", pod.created, format!("{} was made", name(pod)));
            what.of_pod(pod, json!({ "images": pod.images }), now, masker)
        }
        Change::PodPhase(pod) => {
            let severity = if &*pod.phase == "failed" { Severity::Error } else { Severity::Info };
            let why = pod.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
            let what = Told {
                severity,
                ..Told::info("k8s.pod.phase", Timestamp::ZERO, format!("{} is {}{why}", name(pod), pod.phase))
            };
            what.of_pod(pod, json!({ "phase": pod.phase, "node": pod.node }), now, masker)
        }
        Change::PodCrashed(pod) => {
            let crash = pod.last_crash.clone().unwrap_or_default();
            let code = crash.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
            let container = crash.container.as_ref().map(|c| format!(" container {c}")).unwrap_or_default();
            let restarts = crash.restart_count;
            let summary =
                format!("{}{container} crashed: {}{code}, after {restarts} restarts", name(pod), crash.reason);
            let body = json!({
                "container": crash.container, "reason": crash.reason, "exit_code": crash.exit_code,
                "restart_count": restarts, "finished_at": crash.at, "node": pod.node, "images": pod.images,
            });
            let at = crash.at.unwrap_or(Timestamp::ZERO);
            let what = Told { severity: Severity::Error, ..Told::info("k8s.pod.crashed", at, summary) };
            what.of_pod(pod, body, now, masker)
        }
        Change::PodStuck(pod) => {
            let reason = pod.reason.as_deref().unwrap_or("unknown");
            let summary = format!("{} does not get on: {reason}", name(pod));
            let what = Told { severity: Severity::Warning, ..Told::info("k8s.pod.stuck", Timestamp::ZERO, summary) };
            what.of_pod(pod, json!({ "reason": reason, "images": pod.images }), now, masker)
        }
        Change::PodDeleted(pod) => {
            let what = Told::info("k8s.pod.deleted", Timestamp::ZERO, format!("{} is gone", name(pod)));
            what.of_pod(pod, json!({ "phase": pod.phase, "restarts": pod.restarts }), now, masker)
        }
        Change::Degraded(of) | Change::Recovered(of) => {
            let degraded = matches!(change, Change::Degraded(_));
            let kind = if degraded { "k8s.deployment.degraded" } else { "k8s.deployment.recovered" };
            let summary =
                format!("{} {}/{} has {} of {} pods ready", of.kind, of.namespace, of.name, of.ready, of.wanted);
            let severity = if degraded { Severity::Warning } else { Severity::Info };
            let what = Told { severity, ..Told::info(kind, Timestamp::ZERO, summary) };
            let thing = format!("k8s.{}.{}/{}", of.kind, of.namespace, of.name);
            what.entry(&thing, Some(&of.component), Ids::default(), of.as_ref(), now, masker)
        }
        Change::RayJob(job, kind) => {
            let state = kind.rsplit('.').next().unwrap_or_default();
            let why: Vec<&str> = job.reason.iter().chain(&job.message).map(AsRef::as_ref).collect();
            let why = if why.is_empty() { String::new() } else { format!(": {}", why.join(": ")) };
            let (severity, at) = match state {
                "failed" => (Severity::Error, job.ended),
                "retrying" | "stopped" => (Severity::Warning, job.ended),
                "succeeded" => (Severity::Info, job.ended),
                "created" => (Severity::Info, Some(job.created)),
                _ => (Severity::Info, None),
            };
            let summary = format!("RayJob {}/{} is {state}{why}", job.namespace, job.name);
            let what = Told { severity, ..Told::info(kind, at.unwrap_or(Timestamp::ZERO), summary) };
            let ids = Ids { story: job.story_id.clone(), task: job.task_id.clone(), ..Ids::default() };
            let thing = format!("k8s.rayjob.{}/{}", job.namespace, job.name);
            what.entry(&thing, Some("ray"), ids, job.as_ref(), now, masker)
        }
        Change::RayCluster(of, kind) => {
            let state = kind.rsplit('.').next().unwrap_or_default();
            let why = of.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
            let severity = if state == "failed" { Severity::Error } else { Severity::Info };
            let summary = format!("RayCluster {}/{} is {state}{why}", of.namespace, of.name);
            let what = Told { severity, ..Told::info(kind, Timestamp::ZERO, summary) };
            // Workers come and go; that is no other state.
            let body = json!({ "namespace": of.namespace, "name": of.name, "uid": of.uid, "state": of.state, "reason": of.reason });
            let thing = format!("k8s.raycluster.{}/{}", of.namespace, of.name);
            what.entry(&thing, Some("ray"), Ids::default(), &body, now, masker)
        }
    }
}

fn name(pod: &Pod) -> String {
    format!("pod {}/{}", pod.namespace, pod.pod)
}

struct Told {
    kind: &'static str,
    at: Timestamp,
    severity: Severity,
    summary: Text,
}

impl Told {
    fn info(kind: &'static str, at: Timestamp, summary: String) -> Self {
        Self { kind, at, severity: Severity::Info, summary: summary.into() }
    }

    /// Each aspect of a pod is a thing of its own: what is told of one does not make the other look new.
    fn of_pod(self, pod: &Pod, mut body: Value, now: Timestamp, masker: &Masker) -> Event {
        for (key, value) in
            [("namespace", &pod.namespace), ("pod", &pod.pod), ("uid", &pod.uid), ("component", &pod.component)]
        {
            body[key] = Value::from(&**value);
        }
        let ids = Ids { story: pod.story_id.clone(), task: pod.task_id.clone(), ..Ids::default() };
        let thing = format!("{}.{}/{}", self.kind, pod.namespace, pod.pod);
        self.entry(&thing, Some(&pod.component), ids, &body, now, masker)
    }

    fn entry<B: Serialize>(
        self,
        thing: &str,
        producer: Option<&str>,
        ids: Ids,
        body: &B,
        now: Timestamp,
        masker: &Masker,
    ) -> Event {
        let observed = Observed { ids, severity: self.severity, summary: self.summary, ..Observed::default() };
        let sight = Sight { source: Source::Kubernetes, kind: self.kind, thing, producer, at: self.at, observed, body };
        Event::Message(Box::new(message(sight, now, masker)))
    }
}
