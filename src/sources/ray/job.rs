//! A row of the Jobs API → a job; a job → its entries.
//! Takes: what Ray says of a job. Gives: the job as it is shown, and what is told of it.
//! Never: tells in an entry what changes by itself, so that a restart tells nothing twice.

use std::collections::BTreeMap;

use serde_json::json;

use super::ids;
use super::plain::{error_line, short};
use super::wire::JobRow;
use crate::model::{Event, Ids, Observed, RayEnd, RayIds, RayJob, Severity, Source, Text, Timestamp, What, clean_id};
use crate::privacy::Masker;
use crate::sources::observe::{Sight, message};

/// Longest command and description shown.
const MAX_TEXT: usize = 300;
/// Ray's words for what went wrong: what else it says is `other` in metrics.
const ERRORS: [&str; 8] = [
    "RUNTIME_ENV_SETUP_FAILURE",
    "JOB_SUPERVISOR_ACTOR_START_TIMEOUT",
    "JOB_SUPERVISOR_ACTOR_START_FAILURE",
    "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE",
    "JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE",
    "JOB_SUPERVISOR_ACTOR_DIED",
    "JOB_ENTRYPOINT_COMMAND_START_ERROR",
    "JOB_ENTRYPOINT_COMMAND_ERROR",
];

/// Ray's milliseconds; 0 stands for none.
pub(super) fn time(millis: Option<f64>) -> Option<Timestamp> {
    // Beyond the year 2255 it is no time.
    let millis = millis.filter(|ms| *ms >= 1.0 && *ms < 9e12)?;
    Some(Timestamp::from_millis(millis as i64))
}

/// The job of a row; `None` for a row without an id.
pub(super) fn of_row(row: &JobRow, masker: &Masker) -> Option<RayJob> {
    let id = |raw: &Option<String>| raw.as_deref().and_then(clean_id);
    let (submission_id, job_id) = (id(&row.submission_id), id(&row.job_id));
    let status = row.status.as_deref().map_or_else(|| "PENDING".to_owned(), str::to_ascii_uppercase);
    let over = !matches!(status.as_str(), "PENDING" | "RUNNING");
    let (submitted, ended) = (time(row.start_time), time(row.end_time).filter(|_| over));
    let failed = status == "FAILED";
    let driver = row.driver_info.as_ref();
    let said = |keys: &[&str]| keys.iter().find_map(|key| row.metadata.get(*key)).map(|t| short(t, MAX_TEXT, masker));
    let mut about = ids::of_metadata(row.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    if let Some(name) = &submission_id {
        ids::complete(&mut about, &ids::of_name(name));
    }
    Some(RayJob {
        id: submission_id.clone().or_else(|| job_id.clone())?,
        kind: if submission_id.is_some() { "submission" } else { "driver" }.into(),
        job_id,
        description: said(&["task_description", "description", "task_title", "title", "name"]),
        entrypoint: row.entrypoint.as_deref().map(|t| short(t, MAX_TEXT, masker)),
        status: short(&status, 40, masker),
        about,
        submitted,
        ended,
        duration_seconds: submitted.zip(ended).map(|(from, to)| to.since(from).as_secs_f64()),
        error_type: row.error_type.as_deref().map(|t| short(t, 80, masker)),
        error_message: row.message.as_deref().filter(|_| failed).map(|t| error_line(t, masker)),
        exit_code: row.driver_exit_code.map(|code| code as i64),
        node_id: id(&row.driver_node_id),
        node_ip: driver.and_then(|d| id(&d.node_ip_address)),
        pid: driver.and_then(|d| id(&d.pid)),
        submission_id,
        ..RayJob::default()
    })
}

/// Why a field of a deliberation is null.
const SILENT: &str = "the Ray executor does not tell";

/// Why fields are null.
pub(super) fn unknown(job: &RayJob) -> BTreeMap<Text, Text> {
    let executor = &*job.kind == "deliberation";
    let why = |field: &'static str, is_null: bool, here: &'static str, at_executor: &'static str| {
        is_null.then(|| (Text::from(field), Text::from(if executor { at_executor } else { here })))
    };
    [
        why("job_id", job.job_id.is_none(), "its driver has not connected to Ray", SILENT),
        why("description", job.description.is_none(), "its metadata holds none", SILENT),
        why(
            "agent_id",
            job.about.agent_id.is_none(),
            "neither its metadata nor the names of its submission, actors and tasks hold one",
            SILENT,
        ),
        why("node_id", job.node_id.is_none(), "no node has been given to its driver", SILENT),
        why("tasks", job.tasks.is_none(), "Ray lists none for it", SILENT),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Ids as correlation takes them.
pub(super) fn observed_ids(about: &RayIds) -> Ids {
    Ids {
        story: about.story_id.clone(),
        task: about.task_id.clone(),
        agent: about.agent_id.clone(),
        role: about.role.clone(),
        ceremony: about.ceremony_id.clone(),
        plan: about.plan_id.clone(),
        ..Ids::default()
    }
}

/// That a job was submitted, with the ids it was submitted with. The same for ever, whenever it is told.
pub(super) fn submitted(job: &RayJob, about: &RayIds, now: Timestamp, masker: &Masker) -> Event {
    let sight = Sight {
        source: Source::Ray,
        kind: "ray.job.submitted",
        thing: &format!("ray.job.{}.submitted", job.id),
        producer: Some("ray"),
        at: job.submitted.unwrap_or(Timestamp::ZERO),
        observed: Observed {
            ids: observed_ids(about),
            summary: format!("Ray job {} was submitted", job.id).into(),
            ..Observed::default()
        },
        body: &json!({
            "id": job.id, "kind": job.kind, "submission_id": job.submission_id, "entrypoint": job.entrypoint,
            "description": job.description, "submitted": job.submitted,
        }),
    };
    Event::Message(Box::new(message(sight, now, masker)))
}

/// The state a job is in now.
pub(super) fn state(job: &RayJob, now: Timestamp, masker: &Masker) -> Option<Event> {
    let (kind, severity, words) = match &*job.status {
        "PENDING" => return None,
        "RUNNING" => ("ray.job.running", Severity::Info, "runs"),
        "SUCCEEDED" => ("ray.job.succeeded", Severity::Info, "succeeded"),
        "FAILED" => ("ray.job.failed", Severity::Error, "failed"),
        "STOPPED" => ("ray.job.stopped", Severity::Warning, "was stopped"),
        "ENDED" => ("ray.job.ended", Severity::Info, "ended (not told how)"),
        "LOST" => ("ray.job.lost", Severity::Warning, "is no longer known to Ray"),
        _ => ("ray.job.other", Severity::Warning, "is in a state Fleetscope does not know"),
    };
    let over = matches!(&*job.status, "SUCCEEDED" | "FAILED" | "STOPPED");
    let error = job.error_message.as_ref().filter(|_| severity == Severity::Error);
    let summary = match error {
        Some(error) => format!("Ray job {} {words}: {error}", job.id),
        None => format!("Ray job {} {words}", job.id),
    };
    let fixed = json!({
        "id": job.id, "kind": job.kind, "submission_id": job.submission_id, "status": job.status,
        "entrypoint": job.entrypoint, "submitted": job.submitted,
    });
    let whole = json!({
        "id": job.id, "kind": job.kind, "submission_id": job.submission_id, "status": job.status,
        "entrypoint": job.entrypoint, "submitted": job.submitted, "job_id": job.job_id, "ended": job.ended,
        "duration_seconds": job.duration_seconds, "error_type": job.error_type, "error_message": job.error_message,
        "exit_code": job.exit_code, "node_id": job.node_id, "node_ip": job.node_ip, "pid": job.pid,
    });
    let sight = Sight {
        source: Source::Ray,
        kind,
        thing: &format!("ray.job.{}", job.id),
        producer: Some(if &*job.kind == "deliberation" { "ray-executor" } else { "ray" }),
        at: job.ended.filter(|_| over).unwrap_or(Timestamp::ZERO),
        observed: Observed {
            ids: observed_ids(&job.about),
            severity,
            summary: summary.into(),
            what: if over { What::RayJob(end(job)) } else { What::Plain },
        },
        body: if over { &whole } else { &fixed },
    };
    Some(Event::Message(Box::new(message(sight, now, masker))))
}

fn end(job: &RayJob) -> RayEnd {
    let error = (&*job.status == "FAILED").then(|| {
        let said = job.error_type.as_deref().unwrap_or("unknown");
        let kind = if ERRORS.contains(&said) || said == "unknown" { said.to_ascii_lowercase() } else { "other".into() };
        (kind.into(), job.error_message.clone().unwrap_or_else(|| "no reason given".into()))
    });
    RayEnd {
        id: job.id.clone(),
        job_id: job.job_id.clone(),
        status: job.status.clone(),
        start: job.submitted.unwrap_or(Timestamp::ZERO),
        end: job.ended,
        error,
        exit_code: job.exit_code,
        node: job.node_id.clone(),
    }
}
