//! An Alertmanager that tells of jobs that failed.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Known, ray};
use crate::sources::simulator::step::Ending;

/// How long an alert fires after its job failed.
const FIRES_FOR: Duration = Duration::from_mins(1);

/// What fires now, as its API lists it.
pub(super) fn list(known: &Known) -> Value {
    let failed = known.runs.iter().filter(|job| job.ended && matches!(job.run.ending, Ending::Failed));
    let lately = failed.filter(|job| known.now.since(job.end) < FIRES_FOR);
    let alerts = lately.map(|job| {
        let run = &job.run;
        json!({
            "fingerprint": format!("{:016x}", job.number),
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
            "receivers": [{"name": "slack"}],
            "startsAt": job.end, "updatedAt": known.now, "endsAt": job.end.plus(FIRES_FOR),
            "labels": {
                "alertname": "FleetRayJobFailed", "severity": "warning", "council": run.role,
                "agent": run.agent, "story_id": run.story, "task_id": run.task,
            },
            "annotations": {
                "summary": "A Ray job failed.",
                "description": format!("{} failed: the model returned no valid JSON.", ray::submission(job)),
                "runbook_url": "https://github.com/underpass-ai/fleetscope/blob/main/docs/RUNBOOK.md#fleetrayjobfailed",
            },
        })
    });
    alerts.collect()
}
