//! Entries and spans of a story → its timeline, one at a time.
//! Takes: first all entries with their deliveries, in order, then all spans. Gives: the timeline and the events to list.
//! Never: holds more of a story than its lists may show.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::answers::Answers;
use super::causes::{Causes, Failure, Level};
use super::deliver::Deliveries;
use super::story::{Course, course_of};
use super::{Answer, Capped, Failed, LlmRequest, Outcome, RayJob, RoleSpend, Spend, Timeline, TypeCount, Violation};
use crate::model::{
    DeliberationView, Delivery, Facts, Ids, Join, Key, LlmStatus, Message, RayEnd, Record, Resolved, Seq, Severity,
    Span, StoryView, Text, Timestamp, TraceKey, What, printable, shorten,
};

/// Most of each that is listed.
const MAX_RAY: usize = 500;
const MAX_LLM: usize = 500;
const MAX_RULES: usize = 200;
const MAX_TYPES: usize = 200;
const MAX_ROLES: usize = 100;
/// Events listed: so many from the begin, and so many up to the end.
const FIRST_LINES: usize = 300;
const LAST_LINES: usize = 200;
/// Requests told apart beyond those listed, so that none is counted twice.
const MAX_SEEN: usize = 50_000;
/// Longest line.
const MAX_TEXT: usize = 200;

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
#[expect(dead_code, reason = "reports list them")]
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

/// One printable line of foreign text.
pub(super) fn line(text: &str) -> String {
    shorten(&printable(text), MAX_TEXT)
}

/// The same of a text that may not be there.
pub(super) fn maybe(text: Option<&Text>) -> Option<String> {
    text.map(|text| line(text))
}

/// What a message says went wrong.
pub(super) fn failed(facts: &Facts) -> Option<Failed> {
    let kind = facts.first_text(&[Key::ErrorType, Key::ErrorKind, Key::ErrorCode]).map(line);
    let said = [Key::Error, Key::ErrorReason, Key::Reason, Key::RejectionReason, Key::Message, Key::Feedback];
    match (facts.first_text(&said).map(line), kind) {
        (Some(message), kind) => Some(Failed { kind, message }),
        (None, Some(kind)) => Some(Failed { kind: Some(kind), message: "no reason given".to_owned() }),
        (None, None) => None,
    }
}

/// A timeline in the making.
#[derive(Debug)]
pub(crate) struct Fold {
    id: Text,
    first: Option<Timestamp>,
    first_seq: Seq,
    last: Timestamp,
    all: TypeCount,
    types: HashMap<Text, TypeCount>,
    other_types: u64,
    rules: HashMap<(Text, Text), Violation>,
    other_rules: u64,
    pub(super) answers: Answers,
    deliveries: Deliveries,
    course: Course,
    ray: Capped<RayJob>,
    llm: Capped<LlmRequest>,
    /// Listed requests by their entries, and those that are not listed.
    calls: HashMap<Seq, Option<usize>>,
    counted: Spend,
    roles: BTreeMap<(String, String), RoleSpend>,
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
            all: TypeCount::new(""),
            types: HashMap::new(),
            other_types: 0,
            rules: HashMap::new(),
            other_rules: 0,
            answers: Answers::default(),
            deliveries: Deliveries::default(),
            course: Course::default(),
            ray: Capped::new(MAX_RAY),
            llm: Capped::new(MAX_LLM),
            calls: HashMap::new(),
            counted: Spend::default(),
            roles: BTreeMap::new(),
            causes: Causes::default(),
            told: Told::default(),
        }
    }

    /// Events so far.
    pub(crate) const fn events(&self) -> u64 {
        self.all.events
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
        self.count(record, message, resolved);
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
                    self.credit(&answer);
                }
                if resolved.severity == Severity::Error {
                    self.causes.add(Failure::of_entry(record, message, resolved));
                }
            }
        }
    }

    fn count(&mut self, record: &Record, message: &Message, resolved: &Resolved) {
        self.all.add(resolved.severity);
        let room = self.types.len() < MAX_TYPES;
        match self.types.get_mut(&message.event_type) {
            Some(count) => count.add(resolved.severity),
            None if room => {
                let mut count = TypeCount::new(&line(&message.event_type));
                count.add(resolved.severity);
                self.types.insert(message.event_type.clone(), count);
            }
            None => self.other_types += 1,
        }
        for rule in &resolved.violations {
            let key = (rule.clone(), message.event_type.clone());
            let room = self.rules.len() < MAX_RULES;
            match self.rules.get_mut(&key) {
                Some(violation) => violation.events += 1,
                None if room => {
                    let violation = Violation {
                        rule: line(rule),
                        kind: line(&message.event_type),
                        producer: maybe(message.producer.as_ref()),
                        events: 1,
                        first_seq: record.seq,
                        first: record.at,
                    };
                    self.rules.insert(key, violation);
                }
                None => self.other_rules += 1,
            }
        }
    }

    /// An answer counts for its role.
    fn credit(&mut self, answer: &Answer) {
        let role = self.role(answer.role.as_deref(), answer.model.as_deref());
        role.answers += 1;
        role.failed += u64::from(!answer.ok);
        role.tokens += answer.tokens.unwrap_or(0);
        role.agent_ms += answer.duration_ms.unwrap_or(0);
        self.counted.answer_tokens += answer.tokens.unwrap_or(0);
        self.counted.agent_ms += answer.duration_ms.unwrap_or(0);
    }

    /// What a role spends with a model. Beyond so many they are one.
    fn role(&mut self, role: Option<&str>, model: Option<&str>) -> &mut RoleSpend {
        let name = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
        let mut key = (name(role), name(model));
        if self.roles.len() >= MAX_ROLES && !self.roles.contains_key(&key) {
            key = ("other".to_owned(), "other".to_owned());
        }
        let (role, model) = key.clone();
        self.roles.entry(key).or_insert_with(|| RoleSpend { role, model, ..RoleSpend::default() })
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
        let listed = LlmRequest {
            request_id: line(&request.request_id),
            model: maybe(request.model.as_ref()),
            status: request.status.name(),
            join: join.name(),
            task_id: maybe(ids.task.as_ref()),
            agent_id: maybe(ids.agent.as_ref()),
            role: maybe(ids.role.as_ref()),
            input_tokens: request.input_tokens,
            output_tokens: request.output_tokens,
            started: request.start,
            ended: request.end,
            first_token_ms: request.times.first_token.filter(|s| s.is_finite()).map(|seconds| seconds * 1e3),
            error: maybe(request.error.as_ref()),
            seq,
        };
        let (input, output) = (request.input_tokens.unwrap_or(0), request.output_tokens.unwrap_or(0));
        let role = self.role(listed.role.as_deref(), listed.model.as_deref());
        (role.requests, role.input_tokens, role.output_tokens) =
            (role.requests + 1, role.input_tokens + input, role.output_tokens + output);
        let all = &mut self.counted;
        (all.requests, all.input_tokens, all.output_tokens) =
            (all.requests + 1, all.input_tokens + input, all.output_tokens + output);
        all.inferred_requests += u64::from(join == Join::Inferred);
        all.gpu_seconds += request.times.inference.filter(|s| s.is_finite()).unwrap_or(0.0);
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
                self.credit(&answer);
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
        if self.other_types > 0 {
            left_out.push(format!("{} events of further types are not counted by type", self.other_types));
        }
        if self.other_rules > 0 {
            left_out.push(format!("{} further contract violations are not listed", self.other_rules));
        }
        if self.causes.more > 0 {
            left_out.push(format!("{} further failures are not listed", self.causes.more));
        }
        let deliberations = self.answers.finish(&known.open, &mut self.causes);
        let (phases, work) = self.course.finish(view, last);
        let phase = phases.items.last().map(|phase| phase.phase.clone());
        let phase = view.map(|view| view.phase.to_string()).filter(|phase| phase != "unknown").or(phase);
        let mut types: Vec<_> = self.types.into_values().collect();
        types.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.kind.cmp(&b.kind)));
        let mut rules: Vec<_> = self.rules.into_values().collect();
        rules.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| (&a.rule, &a.kind).cmp(&(&b.rule, &b.kind))));
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
            events: self.all.events,
            warnings: self.all.warnings,
            errors: self.all.errors,
            phases,
            work,
            deliberations,
            consumers,
            troubled,
            ray: self.ray,
            llm: self.llm,
            failures: self.causes.chains(),
            violations: Capped::of(rules, MAX_RULES),
            types: Capped::of(types, MAX_TYPES),
            spend: spend(self.counted, view, self.roles),
            left_out,
        };
        Some((timeline, self.told))
    }
}

/// What correlation added up, where it is still known; else what the entries at hand add up to.
fn spend(counted: Spend, view: Option<&StoryView>, roles: BTreeMap<(String, String), RoleSpend>) -> Spend {
    let mut by_role: Vec<_> = roles.into_values().collect();
    let weight = |role: &RoleSpend| role.tokens.max(role.input_tokens + role.output_tokens);
    by_role.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| (&a.role, &a.model).cmp(&(&b.role, &b.model))));
    let Some(view) = view else { return Spend { by_role, ..counted } };
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
        by_role,
    }
}
