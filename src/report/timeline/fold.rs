//! Entries and spans of a story → its timeline, one at a time.
//! Takes: first all entries with their deliveries, in order, then all spans. Gives: the timeline and the events to list.
//! Never: holds more of a story than its lists may show.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::answers::Answers;
use super::causes::{Causes, Failure, Level};
use super::deliver::Deliveries;
use super::story::{Course, course_of};
use super::{Capped, Failed, LlmRequest, Outcome, RayJob, Spend, Timeline};
use crate::model::{
    DeliberationView, Delivery, Ids, Join, LlmStatus, Message, RayEnd, Record, Resolved, Seq, Severity, Span,
    StoryView, Text, Timestamp, TraceKey, What,
};
use crate::report::said::{line, maybe};
use crate::report::tally::Tally;

/// Most of each that is listed.
const MAX_RAY: usize = 500;
const MAX_LLM: usize = 500;
/// Events listed: so many from the begin, and so many up to the end.
const FIRST_LINES: usize = 300;
const LAST_LINES: usize = 200;
/// Requests told apart beyond those listed, so that none is counted twice.
const MAX_SEEN: usize = 50_000;

/// What is known of a story besides its records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The story as it is, or as it was when it was closed.
    pub(crate) story: Option<Arc<StoryView>>,
    /// Its deliberations that are still open.
    pub(crate) open: Vec<Arc<DeliberationView>>,
    /// Why not all records were looked at.
    pub(crate) left_out: Vec<String>,
}

/// An event, for a list of them.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) seq: Seq,
    pub(crate) at: Timestamp,
    pub(crate) kind: String,
    pub(crate) severity: Severity,
    pub(crate) producer: Option<String>,
    pub(crate) summary: String,
}

/// The events of a story, as far as they are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) first: Vec<Line>,
    /// How many come between the two lists.
    pub(crate) between: u64,
    pub(crate) last: VecDeque<Line>,
}

impl Told {
    pub(crate) fn add(&mut self, record: &Record, message: &Message, resolved: &Resolved) {
        let line = Line {
            seq: record.seq,
            at: record.at,
            kind: line(&message.event_type),
            severity: resolved.severity,
            producer: message.producer.as_deref().map(line),
            summary: line(&resolved.summary),
        };
        if self.first.len() < FIRST_LINES {
            self.first.push(line);
            return;
        }
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
            self.between += 1;
        }
        self.last.push_back(line);
    }
}

/// A timeline in the making.
#[derive(Debug)]
pub(crate) struct Fold {
    id: Text,
    first: Option<Timestamp>,
    first_seq: Seq,
    last: Timestamp,
    tally: Tally,
    pub(super) answers: Answers,
    deliveries: Deliveries,
    course: Course,
    ray: Capped<RayJob>,
    llm: Capped<LlmRequest>,
    /// Listed requests by their entries, and those that are not listed.
    calls: HashMap<Seq, Option<usize>>,
    pub(super) causes: Causes,
    told: Told,
}

impl Fold {
    pub(crate) fn new(story: &str) -> Self {
        Self {
            id: story.into(),
            first: None,
            first_seq: Seq::MAX,
            last: Timestamp::ZERO,
            tally: Tally::default(),
            answers: Answers::default(),
            deliveries: Deliveries::default(),
            course: Course::default(),
            ray: Capped::new(MAX_RAY),
            llm: Capped::new(MAX_LLM),
            calls: HashMap::new(),
            causes: Causes::default(),
            told: Told::default(),
        }
    }

    /// Events so far.
    pub(crate) const fn events(&self) -> u64 {
        self.tally.all.events
    }

    /// An entry that the story was searched by, with its deliveries.
    pub(crate) fn entry(&mut self, record: &Record, deliveries: &[Delivery]) {
        let Some((message, resolved)) = record.entry() else { return };
        if resolved.ids.story.as_ref().is_some_and(|story| *story != self.id) {
            return;
        }
        self.first = Some(self.first.map_or(record.at, |first| first.min(record.at)));
        self.last = self.last.max(record.at);
        self.first_seq = self.first_seq.min(record.seq);
        self.tally.add(record, message, resolved);
        self.told.add(record, message, resolved);
        for delivery in deliveries {
            let trouble = self.deliveries.add(delivery);
            if trouble {
                self.causes.add(Failure::of_delivery(delivery, &resolved.ids));
            }
        }
        self.course.entry(message, &resolved.ids);
        match message.observed.as_ref().map(|observed| &observed.what) {
            Some(What::RayJob(end)) => self.ray_job(record, end, &resolved.ids),
            Some(What::LlmRequest(request)) if resolved.ids.story.is_some() => {
                self.llm_request(record.seq, request, Join::Exact, &resolved.ids);
            }
            Some(What::LlmJoined(joined)) => {
                self.llm_request(joined.seq, &joined.request, joined.join, &resolved.ids);
            }
            _ => {
                if let Some(answer) = self.answers.entry(record, message, resolved) {
                    self.tally.credit(&answer);
                }
                if resolved.severity == Severity::Error {
                    self.causes.add(Failure::of_entry(record, message, resolved));
                }
            }
        }
    }

    fn ray_job(&mut self, record: &Record, end: &RayEnd, ids: &Ids) {
        let started = (end.start != Timestamp::ZERO).then_some(end.start);
        let same = |job: &RayJob| *job.job_id == *end.id && job.started == started;
        if self.ray.items.iter().rev().any(same) {
            return;
        }
        let error = end.error.as_ref().map(|(kind, message)| Failed { kind: Some(line(kind)), message: line(message) });
        let job = RayJob {
            job_id: line(&end.id),
            status: line(&end.status),
            task_id: maybe(ids.task.as_ref()),
            agent_id: maybe(ids.agent.as_ref()),
            started,
            ended: end.end.unwrap_or(record.at),
            exit_code: end.exit_code,
            error: error.clone(),
            seq: record.seq,
        };
        if &*end.status == "FAILED" {
            let what = format!("Ray job {} failed", job.job_id);
            self.causes.add(Failure::new(Level::RayJob, job.ended, what, ids).with(error, Some(record.seq)));
        }
        self.ray.push(job);
    }

    fn llm_request(&mut self, seq: Seq, request: &crate::model::LlmRequest, join: Join, ids: &Ids) {
        if let Some(place) = self.calls.get(&seq) {
            // Its own entry came before the one that tells what it belongs to.
            if let Some(listed) = place.and_then(|place| self.llm.items.get_mut(place)) {
                listed.join = join.name();
                listed.task_id = listed.task_id.take().or_else(|| maybe(ids.task.as_ref()));
                listed.agent_id = listed.agent_id.take().or_else(|| maybe(ids.agent.as_ref()));
                listed.role = listed.role.take().or_else(|| maybe(ids.role.as_ref()));
            }
            return;
        }
        let listed = LlmRequest::of(seq, request, join, ids);
        self.tally.request(&listed, join, request.times.inference);
        if request.status != LlmStatus::Completed {
            let model = listed.model.as_deref().unwrap_or("a model of unknown name");
            let what = format!("request {} to {model} {}", listed.request_id, listed.status);
            let error = listed.error.clone().map(|message| Failed { kind: None, message });
            self.causes.add(Failure::new(Level::LlmRequest, request.end, what, ids).with(error, Some(seq)));
        }
        let place = self.llm.items.len();
        let place = self.llm.push(listed).then_some(place);
        if self.calls.len() < MAX_SEEN {
            self.calls.insert(seq, place);
        }
    }

    /// A span of any record.
    pub(crate) fn span(&mut self, span: &Span) {
        if course_of(span, "fleet.story.id") == Some(&*self.id) {
            if let Some(answer) = self.answers.span(span) {
                self.tally.credit(&answer);
            }
            self.course.span(span);
        }
    }

    /// All was told. `None` where nothing is known of such a story.
    pub(crate) fn finish(mut self, known: Known) -> Option<(Timeline, Told)> {
        let view = known.story.as_deref();
        let first = match (self.first, view.map(|view| view.first_event)) {
            (Some(seen), Some(told)) if told != Timestamp::ZERO => seen.min(told),
            (Some(seen), _) => seen,
            (None, told) => told?,
        };
        let last = view.map_or(self.last, |view| view.last_event.max(self.last)).max(first);
        let mut left_out = known.left_out;
        if view.is_some_and(|view| view.first_seq < self.first_seq) {
            left_out.push("its first events are no longer in the journal, by its retention".to_owned());
        }
        left_out.extend(self.tally.left_out());
        if self.causes.more > 0 {
            left_out.push(format!("{} further failures are not listed", self.causes.more));
        }
        let deliberations = self.answers.finish(&known.open, &mut self.causes);
        let (phases, work) = self.course.finish(view, last);
        let phase = phases.items.last().map(|phase| phase.phase.clone());
        let phase = view.map(|view| view.phase.to_string()).filter(|phase| phase != "unknown").or(phase);
        let (consumers, troubled) = self.deliveries.finish();
        self.ray.items.sort_by_key(|job| (job.started.unwrap_or(job.ended), job.seq));
        self.llm.items.sort_by_key(|request| (request.started, request.seq));
        let timeline = Timeline {
            title: view.and_then(|view| maybe(view.title.as_ref())).or(self.course.title),
            epic_id: view.and_then(|view| maybe(view.epic_id.as_ref())).or(self.course.epic),
            outcome: Outcome::of(phase.as_deref()),
            phase,
            trace_id: TraceKey::story(&self.id).trace_id().to_string(),
            story_id: line(&self.id),
            started: first,
            ended: last,
            duration_ms: last.since(first).as_secs_f64() * 1e3,
            events: self.tally.all.events,
            warnings: self.tally.all.warnings,
            errors: self.tally.all.errors,
            phases,
            work,
            deliberations,
            consumers,
            troubled,
            ray: self.ray,
            llm: self.llm,
            failures: self.causes.chains(),
            violations: self.tally.violations(),
            types: self.tally.types(),
            spend: spend(self.tally, view),
            left_out,
        };
        Some((timeline, self.told))
    }
}

/// What correlation added up, where it is still known; else what the entries at hand add up to.
fn spend(tally: Tally, view: Option<&StoryView>) -> Spend {
    let counted = tally.spend();
    let Some(view) = view else { return counted };
    let spend = &view.spend;
    Spend {
        answer_tokens: view.tokens,
        agent_ms: view.agent_ms,
        requests: spend.requests,
        inferred_requests: spend.inferred_requests,
        input_tokens: spend.input_tokens,
        output_tokens: spend.output_tokens,
        gpu_seconds: spend.gpu_ms as f64 / 1e3,
        cost: spend.currency.is_some().then_some(spend.micros as f64 / 1e6),
        currency: maybe(spend.currency.as_ref()),
        unpriced_tokens: spend.unpriced_tokens,
        by_role: counted.by_role,
    }
}
