//! Ray → gauges; its jobs that ended → samples.

use std::time::Duration;

use super::{Recorder, Samples};
use crate::model::RayPanel;

/// The states a job or an actor may be in; what else there is counts as `OTHER`.
const STATUSES: [&str; 7] = ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "STOPPED", "ENDED", "LOST"];
const STATES: [&str; 5] = ["DEPENDENCIES_UNREADY", "PENDING_CREATION", "ALIVE", "RESTARTING", "DEAD"];

/// How many there are in each state; a known state without any is told as 0.
fn counted<'a>(known: &[&str], states: impl Iterator<Item = &'a str>) -> Samples {
    let mut samples: Samples = known.iter().map(|state| (vec![(*state).to_owned()], 0.0)).collect();
    for state in states {
        let state = if known.contains(&state) { state } else { "OTHER" };
        *samples.entry(vec![state.to_owned()]).or_insert(0.0) += 1.0;
    }
    samples
}

impl Recorder {
    /// Sets the gauges of Ray.
    pub(super) fn ray(&mut self, panel: &RayPanel) {
        let jobs = counted(&STATUSES, panel.jobs.iter().map(|job| &*job.status));
        self.shown.replace(&self.metrics.ray.jobs, "ray jobs", jobs);
        let actors = counted(&STATES, panel.actors.iter().map(|actor| &*actor.state));
        self.shown.replace(&self.metrics.ray.actors, "ray actors", actors);
    }

    /// A job that ended.
    pub(super) fn ray_job(&self, council: &str, status: &str, duration: Option<Duration>, error: Option<&str>) {
        let (m, cap) = (&self.metrics.ray, &self.metrics.cap);
        let council = cap.value("fleet_ray_job_duration_seconds", "council", council);
        let status = if STATUSES.contains(&status) { status } else { "OTHER" };
        if let Some(duration) = duration {
            m.job_duration.with_label_values(&[status, &*council]).observe(duration.as_secs_f64());
        }
        if status == "FAILED" {
            m.job_failures.with_label_values(&[&*council, error.unwrap_or("unknown")]).inc();
        }
    }
}
