//! Rows of tasks → what each job's tasks come to.
//! Takes: tasks of one job or of all. Gives: counts by job, their names, the ids those hold.
//! Never: keeps a task: Ray has 10,000 of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::ids;
use super::plain::short;
use super::wire::TaskRow;
use crate::model::{RayIds, RayTasks, Text, clean_id};
use crate::privacy::Masker;

/// Names of tasks one job lists.
const MAX_NAMES: usize = 20;
/// Names that are looked through for ids.
const MAX_READ: usize = 500;

/// The tasks of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct JobTasks {
    pub(super) counts: RayTasks,
    /// Most of them first.
    pub(super) names: Vec<Text>,
    /// What their names agree on.
    pub(super) about: RayIds,
}

/// By job.
pub(super) fn by_job(rows: &[TaskRow], masker: &Masker) -> BTreeMap<Text, JobTasks> {
    let mut grouped: BTreeMap<&str, Vec<&TaskRow>> = BTreeMap::new();
    for row in rows {
        if let Some(job) = row.job_id.as_deref() {
            grouped.entry(job).or_default().push(row);
        }
    }
    grouped.into_iter().filter_map(|(job, rows)| Some((clean_id(job)?, of_one(&rows, masker)))).collect()
}

fn of_one(rows: &[&TaskRow], masker: &Masker) -> JobTasks {
    let mut names: HashMap<&str, usize> = HashMap::new();
    for name in rows.iter().filter_map(|row| row.name.as_deref()) {
        *names.entry(name).or_default() += 1;
    }
    let mut names: Vec<(&str, usize)> = names.into_iter().collect();
    names.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let read: Vec<RayIds> = names.iter().take(MAX_READ).map(|(name, _)| ids::of_name(name)).collect();
    JobTasks {
        counts: counts(rows.iter().copied()),
        names: names.iter().take(MAX_NAMES).map(|(name, _)| short(name, 120, masker)).collect(),
        about: ids::agreed(read.iter()),
    }
}

/// What became of tasks. Each attempt has a row: the last one counts, the others are retries.
pub(super) fn counts<'a>(rows: impl Iterator<Item = &'a TaskRow>) -> RayTasks {
    let (mut sum, mut last) = (RayTasks::default(), HashMap::new());
    for (n, row) in rows.enumerate() {
        let attempt = row.attempt_number.unwrap_or(0.0);
        // A row without an id stands for itself.
        let id = row.task_id.as_deref().map_or_else(|| Err(n), Ok);
        let held = last.entry(id).or_insert((attempt, row.state.as_deref().unwrap_or_default()));
        if attempt > held.0 {
            *held = (attempt, row.state.as_deref().unwrap_or_default());
        }
    }
    for (attempt, state) in last.into_values() {
        sum.total += 1;
        sum.retries += attempt.max(0.0) as u64;
        match state {
            "FINISHED" => sum.finished += 1,
            "FAILED" => sum.failed += 1,
            _ if state.starts_with("RUNNING") => sum.running += 1,
            _ => sum.pending += 1,
        }
    }
    sum
}

/// All of them together.
pub(super) fn sum<'a>(all: impl Iterator<Item = &'a JobTasks>) -> RayTasks {
    all.fold(RayTasks::default(), |sum, JobTasks { counts: c, .. }| RayTasks {
        total: sum.total + c.total,
        pending: sum.pending + c.pending,
        running: sum.running + c.running,
        finished: sum.finished + c.finished,
        failed: sum.failed + c.failed,
        retries: sum.retries + c.retries,
    })
}

/// Failures that were told, so that each is told once.
#[derive(Debug, Default)]
pub(super) struct Told {
    held: HashSet<u64>,
    order: std::collections::VecDeque<u64>,
}

impl Told {
    const CAPACITY: usize = 20_000;

    /// Whether it is new.
    pub(super) fn add(&mut self, id: &str) -> bool {
        use sha2::{Digest as _, Sha256};
        let hash = Sha256::digest(id.as_bytes());
        let mark = u64::from_be_bytes(std::array::from_fn(|n| hash[n]));
        if !self.held.insert(mark) {
            return false;
        }
        self.order.push_back(mark);
        if self.order.len() > Self::CAPACITY
            && let Some(old) = self.order.pop_front()
        {
            self.held.remove(&old);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, attempt: f64, state: &str) -> TaskRow {
        TaskRow {
            task_id: Some(id.to_owned()),
            attempt_number: Some(attempt),
            state: Some(state.to_owned()),
            job_id: Some("01".to_owned()),
            name: Some("deliberate:US-1:T-1".to_owned()),
            ..TaskRow::default()
        }
    }

    #[test]
    fn the_last_attempt_counts_and_the_others_are_retries() {
        let told = [
            ("a", 0.0, "FAILED"),
            ("a", 2.0, "FINISHED"),
            ("a", 1.0, "FAILED"),
            ("b", 0.0, "FAILED"),
            ("c", 0.0, "RUNNING_IN_RAY_GET"),
            ("d", 0.0, "NIL"),
        ];
        let rows = told.map(|(id, attempt, state)| row(id, attempt, state));
        let counts = counts(rows.iter());
        assert_eq!(counts, RayTasks { total: 4, pending: 1, running: 1, finished: 1, failed: 1, retries: 2 });
        let by_job = by_job(&rows, &Masker::new(crate::config::Content::Summary, 1 << 16));
        assert_eq!(by_job["01"].about.story_id.as_deref(), Some("US-1"));
        assert_eq!(by_job["01"].names.len(), 1);
    }

    #[test]
    fn a_failure_is_told_once() {
        let mut told = Told::default();
        assert!(told.add("a") && !told.add("a") && told.add("b"));
        for n in 0..=Told::CAPACITY {
            told.add(&n.to_string());
        }
        assert!(told.add("a"), "forgotten in time");
        assert!(told.held.len() <= Told::CAPACITY + 1);
    }
}
