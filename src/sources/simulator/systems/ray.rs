//! What Ray's dashboard answers: jobs, actors, nodes, logs.

use serde_json::{Value, json};

use super::{Job, Known};
use crate::sources::simulator::step::Ending;

pub(super) const VERSION: &str = "2.52.1";
const WORKERS: u64 = 2;

/// `/api/version`.
pub(super) fn version() -> Value {
    json!({ "version": "4", "ray_version": VERSION, "ray_commit": "simulated", "session_name": "session_simulated" })
}

/// `/api/jobs/`.
pub(super) fn jobs(known: &Known) -> Value {
    known.runs.iter().map(job).collect()
}

/// `/api/jobs/{id}`.
pub(super) fn one(known: &Known, id: &str) -> Option<Value> {
    known.runs.iter().find(|job| submission(job) == id).map(job)
}

/// `/api/jobs/{id}/logs`.
pub(super) fn logs(known: &Known, id: &str) -> Option<Value> {
    let job = known.runs.iter().find(|job| submission(job) == id)?;
    let run = &job.run;
    let mut lines = vec![
        format!("{} INFO job_manager.py:581 -- Runtime env is setting up.", job.begin),
        format!("Running entrypoint for job {id}: python -m fleet.agent --task {}", run.task),
        format!("agent {} ({}) asks {}", run.agent, run.role, run.model),
    ];
    if job.ended {
        lines.push(match run.ending {
            Ending::Answered => format!("answered with {} tokens", run.tokens),
            Ending::Failed => "RuntimeError: the model returned no valid JSON".to_owned(),
            Ending::Silent => "no answer; given up".to_owned(),
        });
    }
    Some(json!({ "logs": lines.join("\n") + "\n" }))
}

/// `/api/v0/actors`: one for each agent at work.
pub(super) fn actors(known: &Known) -> Value {
    let actor = |job: &Job| {
        json!({
            "actor_id": format!("{:032x}", job.number), "class_name": "RayAgentExecutor", "name": job.run.agent,
            "state": if job.ended { "DEAD" } else { "ALIVE" }, "job_id": format!("{:08x}", job.number),
            "node_id": node_id(job), "pid": 1_000 + job.number % 30_000, "ray_namespace": "",
            "death_cause": null, "num_restarts": "0", "is_detached": false,
        })
    };
    rows(&known.runs.iter().map(actor).collect::<Vec<_>>())
}

/// `/api/v0/nodes`.
pub(super) fn nodes(known: &Known) -> Value {
    let began = known.started().nanos() / 1_000_000;
    let node = |n: u64| {
        json!({
            "node_id": format!("{n:056x}"), "node_ip": format!("10.244.1.{}", 10 + n), "is_head_node": n == 0,
            "state": "ALIVE", "state_message": null, "node_name": format!("ray-node-{n}"),
            "resources_total": if n == 0 { json!({ "memory": 8e9 }) } else { json!({ "CPU": 3.0, "GPU": 1.0 }) },
            "labels": {}, "start_time_ms": began, "end_time_ms": 0,
        })
    };
    rows(&(0..=WORKERS).map(node).collect::<Vec<_>>())
}

/// `/api/v0/tasks`: nothing beyond the jobs.
pub(super) fn tasks() -> Value {
    rows(&[])
}

fn rows(rows: &[Value]) -> Value {
    let count = rows.len();
    json!({
        "result": true, "msg": "",
        "data": { "result": {
            "total": count, "num_after_truncation": count, "num_filtered": count, "result": rows,
            "partial_failure_warning": "", "warnings": null,
        } },
    })
}

pub(super) fn submission(job: &Job) -> String {
    format!("{}-{}-{}", job.run.story, job.run.agent, job.number)
}

fn node_id(job: &Job) -> String {
    format!("{:056x}", 1 + job.number % WORKERS)
}

fn job(job: &Job) -> Value {
    let run = &job.run;
    let (status, message, error, code) = match (job.ended, run.ending) {
        (false, _) => ("RUNNING", "Job is currently running.", None, None),
        (true, Ending::Answered) => ("SUCCEEDED", "Job finished successfully.", None, Some(0)),
        (true, Ending::Silent) => ("STOPPED", "Job was intentionally stopped.", None, None),
        (true, Ending::Failed) => (
            "FAILED",
            "Job entrypoint command failed with exit code 1, last available logs (truncated to 20,000 chars):\n\
             RuntimeError: the model returned no valid JSON\n",
            Some("JOB_ENTRYPOINT_COMMAND_ERROR"),
            Some(1),
        ),
    };
    let millis = |at: crate::model::Timestamp| at.nanos() / 1_000_000;
    json!({
        "type": "SUBMISSION", "job_id": format!("{:08x}", job.number), "submission_id": submission(job),
        "driver_info": {
            "id": format!("{:08x}", job.number), "node_ip_address": format!("10.244.1.{}", 11 + job.number % WORKERS),
            "pid": (1_000 + job.number % 30_000).to_string(),
        },
        "status": status, "entrypoint": format!("python -m fleet.agent --task {}", run.task), "message": message,
        "error_type": error, "start_time": millis(job.begin), "end_time": job.ended.then(|| millis(job.end)),
        "metadata": { "story_id": run.story, "task_id": run.task, "agent_id": run.agent, "role": run.role },
        "runtime_env": {}, "driver_agent_http_address": null, "driver_node_id": node_id(job), "driver_exit_code": code,
    })
}
