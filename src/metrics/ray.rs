//! Ray.

use super::family::{MINUTES, families};

families! {
    /// Families about Ray.
    pub struct RayMetrics {
        /// Jobs Ray knows of, by status.
        jobs: gauge = "fleet_ray_jobs" ["status"],
        /// Time from a job's submission to its end.
        job_duration: histogram = "fleet_ray_job_duration_seconds" ["status", "council"] buckets MINUTES,
        /// Jobs that failed.
        job_failures: counter = "fleet_ray_job_failures_total" ["council", "reason"],
        /// Actors, Ray's own left out, by state.
        actors: gauge = "fleet_ray_actors" ["state"],
    }
}
