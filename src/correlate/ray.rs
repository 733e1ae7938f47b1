//! Jobs of Ray in the traces of their stories.
//! Takes: how a job ended. Gives: one span, beneath its agent's answer, its deliberation or its task, as far as its ids
//! tell one, else beneath the story's root.
//! Never: sends a job twice, or one whose story is not known.

use serde::{Deserialize, Serialize};

use crate::model::{Attribute, Ids, Measure, RayEnd, Span, SpanId, SpanStatus, Text, Timestamp, TraceKey, span_id};

use super::fold::Fold;
use super::trace::{SPAN_BYTES, span, story_attributes};
use super::work::WorkKind;

/// Jobs that wait for one deliberation or one task to be sent. More go beneath the story's root at once.
pub(super) const MAX_WAITING: usize = 8;
/// What one that waits is taken to weigh.
pub(super) const WEIGHT: usize = 600;

/// A job that ended, with the ids found for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    end: RayEnd,
    /// When it ended, by Ray or as it was seen.
    at: Timestamp,
    story: Text,
    task: Option<Text>,
    pub(super) agent: Option<Text>,
    role: Option<Text>,
}

impl Job {
    /// Its span beneath `parent`.
    pub(super) fn span(&self, key: &TraceKey, parent: SpanId) -> Span {
        let end = &self.end;
        let start = if end.start == Timestamp::ZERO { self.at } else { end.start.min(self.at) };
        let mut span = span(key, &what(end), Some(parent), "ray.job", (start, self.at));
        span.service = "ray".into();
        let mut attributes = story_attributes(Some(&self.story));
        let known = [
            ("fleet.task.id", &self.task),
            ("fleet.agent.id", &self.agent),
            ("fleet.role", &self.role),
            ("fleet.ray.job.id", &end.job_id),
            ("fleet.ray.node.id", &end.node),
        ];
        attributes.push(Attribute::text("fleet.ray.submission.id", end.id.clone()));
        attributes.push(Attribute::text("fleet.ray.status", end.status.clone()));
        attributes.extend(known.into_iter().filter_map(|(key, id)| Some(Attribute::text(key, id.clone()?))));
        if let Some(code) = end.exit_code {
            attributes.push(Attribute::int("fleet.ray.exit_code", code));
        }
        if let Some((kind, message)) = &end.error {
            attributes.push(Attribute::text("error.type", kind.clone()));
            span.status = SpanStatus::Error(message.clone());
        }
        span.attributes = attributes;
        span
    }
}

/// One life of a job: a cluster that starts anew gives the same ids again.
fn what(end: &RayEnd) -> String {
    format!("ray.job:{}@{}", end.id, end.start.nanos())
}

impl Fold<'_> {
    /// A job ended: it is measured and placed, once.
    pub(super) fn ray_job_ended(&mut self, end: &RayEnd, ids: &Ids) {
        let at = end.end.unwrap_or(self.at);
        if self.is_first("measured", end) {
            let council: Text = ids.role.clone().unwrap_or_else(|| "unknown".into());
            self.measures.push(Measure::RayJob {
                council,
                status: end.status.clone(),
                duration: (end.start != Timestamp::ZERO).then(|| at.since(end.start)),
                error: end.error.as_ref().map(|(kind, _)| kind.clone()),
            });
        }
        // Its story may be learned later than its end.
        let Some(story) = ids.story.clone().filter(|_| self.is_first("placed", end)) else { return };
        let (task, agent, role) = (ids.task.clone(), ids.agent.clone(), ids.role.clone());
        self.place_job(Job { end: end.clone(), at, story, task, agent, role });
    }

    /// Whether this was not done with this life of the job before.
    fn is_first(&mut self, done: &str, end: &RayEnd) -> bool {
        let mark = span_id(done, &what(end)).0;
        let first = !self.state.ray_jobs.has(mark);
        if first {
            self.state.ray_jobs.add(mark);
        }
        first
    }

    fn place_job(&mut self, job: Job) {
        let Some(story) = self.state.stories.get_mut(&job.story) else { return };
        let mut parent = (story.trace.current.clone(), story.trace.current.root());
        if let Some(task) = &job.task {
            if let Some(deliberation) = self.state.deliberations.get_mut(task)
                && deliberation.story.as_ref() == Some(&job.story)
            {
                match deliberation.home_of(task, job.agent.as_ref()) {
                    Some(home) => parent = home,
                    None if deliberation.jobs.len() < MAX_WAITING => return deliberation.jobs.push(job),
                    None => {}
                }
            } else if let Some(work) = story.work.iter_mut().find(|w| w.kind == WorkKind::Task && w.id == *task) {
                match work.sent() {
                    Some(home) => parent = home,
                    None if work.jobs.len() < MAX_WAITING => {
                        work.jobs.push(job);
                        self.state.story_bytes += WEIGHT;
                        return;
                    }
                    None => {}
                }
            }
        }
        story.trace.bytes += SPAN_BYTES;
        self.spans.push(job.span(&parent.0, parent.1));
    }
}
