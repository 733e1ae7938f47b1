//! What a story's work consists of: tasks, reviews in ceremonies, derivations of plans.
//! Takes: begins and ends. Gives: one span for each, sent together with the deliberations beneath it.
//! Never: sends what is still open under the id its end will have: that goes out as `<id>:open`.

use serde::{Deserialize, Serialize};

use crate::model::{Attribute, Span, SpanId, SpanStatus, TaskView, Text, Timestamp, TraceKey};

use super::bounded::Lru;
use super::deliberation::{Deliberation, subtree};
use super::fold::Fold;
use super::memory::Deadline;
use super::ray::{self, Job};
use super::story::{MAX_TASKS, Story};
use super::trace::{SPAN_BYTES, link, span, story_attributes};

/// Reviews and derivations one story lists.
const MAX_OTHERS: usize = 50;
/// Deliberations that wait for their work to be sent.
const MAX_WAITING: usize = 64;

/// The kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum WorkKind {
    Task,
    Review,
    Derivation,
}

impl WorkKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Review => "review",
            Self::Derivation => "derivation",
        }
    }

    const fn attribute(self) -> &'static str {
        match self {
            Self::Task => "fleet.task.id",
            Self::Review => "fleet.ceremony.id",
            Self::Derivation => "fleet.plan.id",
        }
    }
}

/// A piece of work of a story.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) kind: WorkKind,
    pub(super) id: Text,
    pub(super) title: Option<Text>,
    pub(super) role: Option<Text>,
    pub(super) agent: Option<Text>,
    pub(super) state: Text,
    pub(super) from: Timestamp,
    pub(super) last: Timestamp,
    /// Error type and description.
    pub(super) error: Option<(Text, Text)>,
    /// Trace and id of its span, once sent. The story's trace may have rolled over since.
    sent: Option<(TraceKey, SpanId)>,
    /// Sent as it ended, not only as far as it was known.
    final_sent: bool,
    /// Where the message stands that began it anew after its end.
    suffix: Option<Text>,
    deadline: Option<Timestamp>,
    /// Deliberations to be sent with it.
    waiting: Vec<Text>,
    /// Jobs of Ray to be sent with it.
    pub(super) jobs: Vec<Job>,
}

impl Work {
    pub(super) fn weight(&self) -> usize {
        400 + 24 * self.waiting.len() + ray::WEIGHT * self.jobs.len() + self.title.as_ref().map_or(0, |t| t.len())
    }

    pub(super) fn view(&self) -> TaskView {
        TaskView {
            task_id: self.id.clone(),
            title: self.title.clone(),
            role: self.role.clone(),
            state: self.state.clone(),
            agent_id: self.agent.clone(),
            since: self.from,
            last_event: self.last,
        }
    }

    /// Trace and id of its span, once sent.
    pub(super) fn sent(&self) -> Option<(TraceKey, SpanId)> {
        self.sent.clone()
    }

    fn what(&self, story: &Story, open: bool) -> String {
        let mut what = story.what(format!("{}:{}", self.kind.name(), self.id));
        if let Some(suffix) = &self.suffix {
            what.push(':');
            what.push_str(suffix);
        }
        if open {
            what.push_str(":open");
        }
        what
    }

    fn span(&self, story_id: &Text, story: &Story, open: bool) -> Span {
        let key = &story.trace.current;
        let name = format!("{} {}", self.kind.name(), self.id);
        let mut span = span(key, &self.what(story, open), Some(key.root()), name, (self.from, self.last));
        span.attributes = story_attributes(Some(story_id));
        span.attributes.push(Attribute::text(self.kind.attribute(), self.id.clone()));
        if let Some(role) = &self.role {
            span.attributes.push(Attribute::text("fleet.role", role.clone()));
        }
        if let Some(agent) = &self.agent {
            span.attributes.push(Attribute::text("fleet.agent.id", agent.clone()));
        }
        span.attributes.push(Attribute::text("fleet.state", self.state.clone()));
        if open {
            span.attributes.push(Attribute::bool("fleet.open", true));
        }
        if let Some((kind, description)) = &self.error {
            span.attributes.push(Attribute::text("error.type", kind.clone()));
            span.status = SpanStatus::Error(description.clone());
        }
        if self.kind == WorkKind::Review {
            span.links.push(link(&TraceKey::of("ceremony", &self.id), "ceremony"));
        }
        span
    }
}

/// Sends the work at `at` and the deliberations that wait for it.
fn send(
    id: &Text,
    story: &mut Story,
    at: usize,
    open: bool,
    deliberations: &mut Lru<Text, Deliberation>,
    spans: &mut Vec<Span>,
) {
    let before = spans.len();
    let span = story.work[at].span(id, story, open);
    let (key, parent) = (story.trace.current.clone(), span.span_id);
    spans.push(span);
    let work = &mut story.work[at];
    work.sent = Some((key.clone(), parent));
    work.final_sent = !open;
    send_waiting(id, work, deliberations, (&key, parent), spans);
    story.trace.bytes += SPAN_BYTES * (spans.len() - before) as u64;
}

/// Sends the deliberations and jobs that wait for a piece of work beneath its span.
fn send_waiting(
    story: &Text,
    work: &mut Work,
    deliberations: &mut Lru<Text, Deliberation>,
    (key, parent): (&TraceKey, SpanId),
    spans: &mut Vec<Span>,
) {
    for waiting in std::mem::take(&mut work.waiting) {
        if let Some(deliberation) = deliberations.get_mut(&waiting)
            && deliberation.sent.is_none()
        {
            subtree(&waiting, deliberation, key, parent, Some(story), spans);
        }
    }
    spans.extend(std::mem::take(&mut work.jobs).iter().map(|job| job.span(key, parent)));
}

impl Fold<'_> {
    /// The story's work of this kind and id, begun at first sight. `None` where its story is not followed or lists
    /// enough already.
    pub(super) fn begin_work(&mut self, story: &Text, kind: WorkKind, id: &Text, from: Timestamp) -> Option<&mut Work> {
        let at = self.state.stories.get(story)?.work.iter().position(|w| w.kind == kind && w.id == *id);
        let at = match at {
            Some(at) => at,
            None => self.add_work(story, kind, id)?,
        };
        let time = self.at;
        let work = self.state.stories.get_mut(story)?.work.get_mut(at)?;
        if work.sent.is_none() {
            work.from = work.from.min(from);
        }
        work.last = work.last.max(time);
        Some(work)
    }

    fn add_work(&mut self, story: &Text, kind: WorkKind, id: &Text) -> Option<usize> {
        let max = if kind == WorkKind::Task { MAX_TASKS } else { MAX_OTHERS };
        let held = self.state.stories.get(story)?.work.iter().filter(|w| w.kind == kind).count();
        if held >= max {
            self.evicted(kind.name());
            return None;
        }
        if kind == WorkKind::Review {
            let key = TraceKey::of("ceremony", id);
            if !self.state.traces.contains(key.as_str()) {
                self.enter_trace(&key);
            }
        }
        let deadline = self.seen.plus(self.settings.open_span_max);
        let work = Work {
            kind,
            id: id.clone(),
            title: None,
            role: None,
            agent: None,
            state: "open".into(),
            from: self.at,
            last: self.at,
            error: None,
            sent: None,
            final_sent: false,
            suffix: None,
            deadline: Some(deadline),
            waiting: Vec::new(),
            jobs: Vec::new(),
        };
        self.state.story_bytes += work.weight();
        self.state.deadlines.insert((deadline, Deadline::Work(story.clone(), kind, id.clone())));
        let held = self.state.stories.get_mut(story)?;
        held.work.push(work);
        Some(held.work.len() - 1)
    }

    /// Work that ended begins anew: under an id of its own.
    pub(super) fn reopen_work(&mut self, story: &Text, kind: WorkKind, id: &Text) {
        let (at, deadline, origin) = (self.at, self.seen.plus(self.settings.open_span_max), self.origin());
        let Some(held) = self.state.stories.get_mut(story) else { return };
        let Some(work) = held.work.iter_mut().find(|w| w.kind == kind && w.id == *id && w.final_sent) else { return };
        (work.from, work.last, work.error, work.suffix) = (at, at, None, Some(origin.into()));
        (work.sent, work.final_sent, work.deadline) = (None, false, Some(deadline));
        self.state.deadlines.insert((deadline, Deadline::Work(story.clone(), kind, id.clone())));
    }

    /// The work ended: it is sent with what waited for it. A second end changes nothing.
    pub(super) fn end_work(&mut self, story: &Text, kind: WorkKind, id: &Text, error: Option<(Text, Text)>) {
        let time = self.at;
        let Some(held) = self.state.stories.get_mut(story) else { return };
        let Some(at) = held.work.iter().position(|w| w.kind == kind && w.id == *id && !w.final_sent) else { return };
        let before = held.weight();
        let work = &mut held.work[at];
        work.last = work.last.max(time);
        if &*work.state == "open" {
            work.state = if error.is_some() { "failed" } else { "completed" }.into();
        }
        work.error = error;
        if let Some(deadline) = work.deadline.take() {
            self.state.deadlines.remove(&(deadline, Deadline::Work(story.clone(), kind, id.clone())));
        }
        send(story, held, at, false, &mut self.state.deliberations, &mut self.spans);
        held.dirty.changed = true;
        let after = held.weight();
        self.state.story_bytes = (self.state.story_bytes + after).saturating_sub(before);
    }

    /// The work has been open for long: it is sent as far as it is known.
    pub(super) fn expire_work(&mut self, story: &Text, kind: WorkKind, id: &Text) {
        let Some(held) = self.state.stories.get_mut(story) else { return };
        let Some(at) = held.work.iter().position(|w| w.kind == kind && w.id == *id) else { return };
        let before = held.weight();
        held.work[at].deadline = None;
        if held.work[at].sent.is_none() {
            send(story, held, at, true, &mut self.state.deliberations, &mut self.spans);
        }
        let after = held.weight();
        self.state.story_bytes = (self.state.story_bytes + after).saturating_sub(before);
    }

    /// The same for a story that leaves memory.
    pub(super) fn send_open_work(&mut self, id: &Text, story: &mut Story, at: usize) {
        let work = &mut story.work[at];
        if let Some(deadline) = work.deadline.take() {
            self.state.deadlines.remove(&(deadline, Deadline::Work(id.clone(), work.kind, work.id.clone())));
        }
        match work.sent.clone() {
            None => send(id, story, at, true, &mut self.state.deliberations, &mut self.spans),
            // What came since it was sent as open waits for an end that will not be seen.
            Some((key, parent)) => {
                send_waiting(id, work, &mut self.state.deliberations, (&key, parent), &mut self.spans);
            }
        }
    }

    /// An ended deliberation waits for its work, or is sent when that was sent already.
    pub(super) fn place(&mut self, id: &Text) {
        let Some(deliberation) = self.state.deliberations.get_mut(id) else { return };
        if deliberation.ended.is_none() || deliberation.sent.is_some() {
            return;
        }
        let Some(held) = deliberation.story.as_ref().and_then(|story| self.state.stories.get_mut(story)) else {
            let key = deliberation.trace.clone();
            subtree(id, deliberation, &key, key.root(), None, &mut self.spans);
            return;
        };
        let story = deliberation.story.clone();
        let before = self.spans.len();
        let root = (held.trace.current.clone(), held.trace.current.root());
        let parent = match home(id, deliberation, held).map(|at| &mut held.work[at]) {
            Some(work) if work.sent.is_some() => work.sent.clone(),
            Some(work) if work.waiting.len() < MAX_WAITING => {
                work.from = work.from.min(deliberation.started);
                if !work.waiting.contains(id) {
                    work.waiting.push(id.clone());
                    self.state.story_bytes += 24;
                }
                None
            }
            // Part of no work, or of one with too many waiting.
            _ => Some(root),
        };
        if let Some((key, parent)) = parent {
            subtree(id, deliberation, &key, parent, story.as_ref(), &mut self.spans);
        }
        held.trace.bytes += SPAN_BYTES * (self.spans.len() - before) as u64;
    }

    /// A deliberation leaves memory or begins anew unsent: its work is sent as far as it is known, so that it has a parent.
    pub(super) fn send_unfinished(&mut self, id: &Text, mut deliberation: Deliberation) {
        let story = deliberation.story.clone().filter(|story| self.state.stories.contains(story));
        let Some(story) = story else {
            let key = deliberation.trace.clone();
            subtree(id, &mut deliberation, &key, key.root(), None, &mut self.spans);
            return;
        };
        let work = self.state.stories.get(&story).and_then(|held| {
            let work = &held.work[home(id, &deliberation, held)?];
            Some((work.kind, work.id.clone(), work.deadline))
        });
        if let Some((kind, work, deadline)) = &work {
            if let Some(deadline) = deadline {
                self.state.deadlines.remove(&(*deadline, Deadline::Work(story.clone(), *kind, work.clone())));
            }
            self.expire_work(&story, *kind, work);
            if self.state.deliberations.get(id).is_some_and(|d| d.sent.is_some()) {
                // It waited for that work.
                return;
            }
        }
        let Some(held) = self.state.stories.get_mut(&story) else { return };
        let sent = home(id, &deliberation, held).and_then(|at| held.work[at].sent.clone());
        let (key, parent) = sent.unwrap_or_else(|| (held.trace.current.clone(), held.trace.current.root()));
        let before = self.spans.len();
        subtree(id, &mut deliberation, &key, parent, Some(&story), &mut self.spans);
        held.trace.bytes += SPAN_BYTES * (self.spans.len() - before) as u64;
    }
}

/// The work of the story that a deliberation is part of.
fn home(id: &Text, deliberation: &Deliberation, story: &Story) -> Option<usize> {
    let find = |kind: WorkKind, id: &Text| story.work.iter().position(|w| w.kind == kind && w.id == *id);
    find(WorkKind::Task, id)
        .or_else(|| find(WorkKind::Review, deliberation.ceremony.as_ref()?))
        .or_else(|| find(WorkKind::Derivation, deliberation.plan.as_ref().filter(|_| id.starts_with("derive-"))?))
}
