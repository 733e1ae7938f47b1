//! A real Ray: jobs that succeed, fail, are stopped and never begin, and what is seen of them.

use std::time::Duration;

use serde_json::{Value, json};

use super::faults::started;
use crate::servers::ray::{RayServer, TOKEN};
use crate::support::daemon::Daemon;
use crate::support::{until, until_seen};

/// A job takes five seconds on an idle machine; several compete here.
const BOUND: Duration = Duration::from_mins(2);

const OK: &str = r#"
import ray
ray.init(namespace="swe-ai-fleet")
@ray.remote
def deliberate(n): return n
print(ray.get([deliberate.options(name=f"deliberate:US-7:T-ok:{n}").remote(n) for n in range(3)]), flush=True)
"#;

const FAIL: &str = r#"
import ray
ray.init(namespace="swe-ai-fleet")
@ray.remote(max_retries=0)
def boom(): raise ValueError("LLM returned invalid JSON, password=hunter2hunter2")
ray.get(boom.options(name="deliberate:US-7:T-fail").remote())
"#;

const LONG: &str = r#"
import time
for n in range(100): print(f"\x1b[36mtick\x1b[0m {n}", flush=True)
time.sleep(600)
"#;

/// Without metadata: what it is about stands in the names of its actor and its task.
const ACTOR: &str = r#"
import os, ray
ray.init(namespace="swe-ai-fleet")
@ray.remote
class VLLMAgent:
    def run(self, task): return task
    def die(self): os._exit(1)
agent = VLLMAgent.options(name="agent-qa-002", num_cpus=0.1).remote()
ray.get(agent.run.options(name="deliberate:US-8:T-2").remote("t"))
try: ray.get(agent.die.remote())
except Exception as e: print("expected", type(e).__name__, flush=True)
"#;

fn about(task: &str) -> Value {
    json!({"story_id": "US-7", "task_id": task, "agent_id": "agent-dev-001", "role": "developer"})
}

async fn job(daemon: &Daemon, id: &str, status: &str) -> Value {
    let wanted = format!("{id} is {status}");
    until(&wanted, BOUND, || async {
        daemon.json(&format!("/api/ray/jobs/{id}")).await.filter(|job| job["status"] == status)
    })
    .await
}

async fn kinds(daemon: &Daemon, query: &str) -> Vec<String> {
    let page = daemon.json(&format!("/api/events?source=Ray&limit=1000&{query}")).await.unwrap_or_default();
    let events = page["items"].as_array().cloned().unwrap_or_default();
    events.iter().filter_map(|event| event["type"].as_str().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_real_ray_are_followed_from_submission_to_end() {
    let Some(ray) = RayServer::shared().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN).expect("written");
    let variables = [
        ("FLEETSCOPE_RAY__URL", ray.url()),
        ("FLEETSCOPE_RAY__TOKEN_FILE", token.display().to_string()),
        ("FLEETSCOPE_RAY__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_RAY__INGEST", "true".to_owned()),
        ("FLEETSCOPE_RAY__INGEST_TOKEN_FILE", token.display().to_string()),
    ];
    let daemon = started(&folder.path().join("journal"), &variables).await;
    ray.push_to(Some(format!("http://{}", daemon.http)));
    ray.submit("US-7-ok", OK, about("T-ok"), json!({})).await;
    ray.submit("US-7-fail", FAIL, about("T-fail"), json!({})).await;
    ray.submit("US-7-stop", LONG, about("T-stop"), json!({})).await;
    ray.submit("US-7-env", OK, about("T-env"), json!({"working_dir": "gcs://_ray_pkg_0123456789abcdef.zip"})).await;
    ray.submit("plain-job", ACTOR, json!({}), json!({})).await;

    job(&daemon, "US-7-stop", "RUNNING").await;
    let asked = || async {
        let log = daemon.answer("/api/ray/jobs/US-7-stop/logs?lines=3").await;
        (log, daemon.json("/api/ray/jobs/US-7-stop").await)
    };
    let last = r#""lines":["tick 97","tick 98","tick 99"]"#;
    until_seen("its log has all lines", BOUND, asked, |(log, _)| log.as_ref().is_some_and(|(_, b)| b.contains(last)))
        .await;
    ray.stop("US-7-stop").await;

    let ok = job(&daemon, "US-7-ok", "SUCCEEDED").await;
    assert_eq!((&ok["kind"], &ok["exit_code"], &ok["story_id"]), (&"submission".into(), &0.into(), &"US-7".into()));
    assert!(ok["job_id"].is_string() && ok["node_id"].is_string() && ok["pid"].is_string(), "{ok}");
    assert!(ok["duration_seconds"].as_f64().is_some_and(|s| s > 0.1 && s < BOUND.as_secs_f64()), "{ok}");
    let failed = job(&daemon, "US-7-fail", "FAILED").await;
    assert_eq!(failed["error_type"], "JOB_ENTRYPOINT_COMMAND_ERROR", "{failed}");
    assert!(failed["error_message"].as_str().is_some_and(|e| e.starts_with("ValueError: LLM returned")), "{failed}");
    let stopped = job(&daemon, "US-7-stop", "STOPPED").await;
    assert_eq!((&stopped["exit_code"], stopped["ended"].is_string()), (&Value::Null, true));
    let unset = job(&daemon, "US-7-env", "FAILED").await;
    assert_eq!(unset["error_type"], "RUNTIME_ENV_SETUP_FAILURE", "{unset}");
    job(&daemon, "plain-job", "SUCCEEDED").await;
    let plain = until("its tasks and its actor are known", BOUND, || async {
        let job = daemon.json("/api/ray/jobs/plain-job").await?;
        (job["agent_id"] == "agent-qa-002" && job["story_id"] == "US-8").then_some(job)
    })
    .await;
    assert_eq!((&plain["task_id"], &plain["ids_from"]), (&"T-2".into(), &"name".into()), "{plain}");
    assert_eq!(plain["actors"], json!(["agent-qa-002"]));
    assert_eq!(plain["namespaces"], json!(["swe-ai-fleet"]));

    until("all that happened is told", BOUND, || async {
        let told = kinds(&daemon, "story=US-7").await;
        let count = |kind: &str| told.iter().filter(|k| *k == kind).count();
        (count("ray.job.submitted"), count("ray.job.succeeded"), count("ray.job.failed"), count("ray.job.stopped"))
            == (4, 1, 2, 1)
            && count("ray.task.failed") == 1
            && kinds(&daemon, "type=ray.actor.died").await.len() == 1
    })
    .await;
    let page = daemon.get("/api/events?source=Ray&limit=1000&payload=full").await.expect("events");
    assert!(!page.contains("hunter2"), "a secret in an exception is masked");
    let trace = daemon.get("/api/stories/US-7/trace").await.expect("the story's trace");
    assert_eq!(trace.matches(r#""name":"ray.job""#).count(), 4, "{trace}");
    let failures = daemon.sample(r#"fleet_ray_job_failures_total{council="DEV""#).await;
    assert_eq!(failures, Some(2.0));
    assert_eq!(daemon.sample(r#"fleet_ray_jobs{status="SUCCEEDED"}"#).await, Some(2.0));
    let pushes = r#"fleetscope_http_requests_total{code="200",route="/ingest/ray"}"#;
    until("Ray's own events are taken", BOUND, || async { daemon.sample(pushes).await >= Some(1.0) }).await;
    assert!(ok["started"].is_string(), "of which one tells when its driver began: {ok}");
    let cluster = daemon.json("/api/ray/cluster").await.expect("the cluster");
    assert_eq!((&cluster["items"][0]["version"], &cluster["items"][0]["incomplete"]), (&"2.60.0".into(), &json!([])));
    assert_eq!(cluster["stale_because"], Value::Null);
    ray.push_to(None);
}
