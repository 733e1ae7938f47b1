//! Deliberations: one Ray task, several agents' answers.
//! Takes: answers, and signs that one is awaited. Gives: a workflow span with one agent span an answer, and who is missing.
//! Never: knows of a start but from its answers: the fleet announces none.

use serde::{Deserialize, Serialize};

use crate::model::{
    Attribute, DeliberationView, Ids, Measure, Outcome, Span, SpanId, SpanStatus, Text, Timestamp, TraceKey, span_id,
};

use super::fold::Fold;
use super::llm::Call;
use super::memory::Deadline;
use super::ray::Job;
use super::story::Dirty;
use super::trace::{span, story_attributes};

/// Answers and awaited agents one deliberation lists.
const MAX_AGENTS: usize = 32;
/// Most siblings taken to be at work because one of them answered.
const MAX_SIBLINGS: u32 = 9;

/// An agent's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) agent: Text,
    pub(super) role: Option<Text>,
    pub(super) model: Option<Text>,
    pub(super) service: Text,
    /// Error type and description.
    pub(super) error: Option<(Text, Text)>,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) duration_ms: Option<u64>,
    pub(super) tokens: Option<u64>,
    /// Its span, once sent.
    pub(super) span: Option<SpanId>,
    /// Requests to language models to be sent beneath it.
    pub(super) calls: Vec<Call>,
}

impl Answer {
    /// Whether two messages give one and the same answer.
    fn repeats(&self, other: &Self) -> bool {
        (&self.agent, self.duration_ms, self.tokens, self.error.is_some())
            == (&other.agent, other.duration_ms, other.tokens, other.error.is_some())
    }

    /// Sends the requests that wait for its span.
    fn send_calls(&self, key: &TraceKey, span: SpanId, spans: &mut Vec<Span>) {
        for call in &self.calls {
            call.spans((key, span), &self.service, spans);
        }
    }
}

/// A deliberation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Deliberation {
    pub(super) story: Option<Text>,
    pub(super) ceremony: Option<Text>,
    pub(super) plan: Option<Text>,
    pub(super) role: Option<Text>,
    /// Where its spans go when its story is not followed.
    pub(super) trace: TraceKey,
    pub(super) expected: Option<u32>,
    pub(super) awaited: Vec<Text>,
    pub(super) answers: Vec<Answer>,
    pub(super) started: Timestamp,
    pub(super) last: Timestamp,
    pub(super) ended: Option<Timestamp>,
    timed_out: bool,
    /// Where the message stands that began it anew.
    suffix: Option<Text>,
    deadline: Option<Timestamp>,
    /// Key and id of its span, once sent.
    pub(super) sent: Option<(TraceKey, SpanId)>,
    /// Jobs of Ray that ended before it was sent.
    pub(super) jobs: Vec<Job>,
    #[serde(skip)]
    pub(super) dirty: Dirty,
}

impl Deliberation {
    pub(super) fn council(&self) -> Text {
        self.role.clone().unwrap_or_else(|| "unknown".into())
    }

    fn outcome(&self) -> Outcome {
        if self.timed_out {
            Outcome::TimedOut
        } else if !self.answers.is_empty() && self.answers.iter().all(|a| a.error.is_some()) {
            Outcome::Failed
        } else {
            Outcome::Completed
        }
    }

    pub(super) fn view(&self, id: &Text) -> DeliberationView {
        let names = |failed: bool| {
            self.answers.iter().filter(|a| a.error.is_some() == failed).map(|a| a.agent.clone()).collect()
        };
        DeliberationView {
            deliberation_id: id.clone(),
            story_id: self.story.clone(),
            ceremony_id: self.ceremony.clone(),
            council: self.council(),
            expected: self.expected,
            answered: names(false),
            failed: names(true),
            started: self.started,
            ended: self.ended,
            state: if self.ended.is_some() { self.outcome().name() } else { "open" }.into(),
        }
    }

    /// The span that a job of `agent` belongs beneath: its answer's, else the deliberation's; `None` while unsent.
    pub(super) fn home_of(&self, id: &Text, agent: Option<&Text>) -> Option<(TraceKey, SpanId)> {
        let (key, own) = self.sent.clone()?;
        let answered = agent.filter(|agent| self.answers.iter().any(|a| a.agent == **agent));
        let home = answered.map_or(own, |agent| key.span_id(&self.what(format!("agent:{id}:{agent}"))));
        Some((key, home))
    }

    fn what(&self, what: String) -> String {
        match &self.suffix {
            None => what,
            Some(suffix) => format!("{what}:{suffix}"),
        }
    }
}

/// The mark of a deliberation that left memory.
fn mark(id: &str) -> [u8; 8] {
    span_id("deliberation", id).0
}

/// The span of an answer.
fn agent_span(id: &Text, d: &Deliberation, answer: &Answer, parent: (&TraceKey, SpanId)) -> Span {
    let (key, parent) = parent;
    let what = d.what(format!("agent:{id}:{}", answer.agent));
    let name = format!("invoke_agent {}", answer.agent);
    let mut span = span(key, &what, Some(parent), name, (answer.start, answer.end));
    span.service = answer.service.clone();
    let mut attributes = story_attributes(d.story.as_ref());
    attributes.push(Attribute::text("gen_ai.operation.name", "invoke_agent"));
    attributes.push(Attribute::text("gen_ai.agent.name", answer.agent.clone()));
    if let Some(model) = &answer.model {
        attributes.push(Attribute::text("gen_ai.request.model", model.clone()));
    }
    attributes.push(Attribute::text("fleet.agent.id", answer.agent.clone()));
    if let Some(role) = answer.role.as_ref().or(d.role.as_ref()) {
        attributes.push(Attribute::text("fleet.role", role.clone()));
    }
    attributes.push(Attribute::text("fleet.task.id", id.clone()));
    attributes.push(Attribute::text("fleet.deliberation.id", id.clone()));
    // The fleet gives one total: which of it was prompt is not known.
    if let Some(tokens) = answer.tokens {
        attributes.push(Attribute::int("fleet.tokens.total", tokens as i64));
    }
    if let Some((kind, description)) = &answer.error {
        attributes.push(Attribute::text("error.type", kind.clone()));
        span.status = SpanStatus::Error(description.clone());
    }
    span.attributes = attributes;
    span
}

/// Sends a deliberation and its answers beneath `parent`.
pub(super) fn subtree(
    id: &Text,
    d: &mut Deliberation,
    key: &TraceKey,
    parent: SpanId,
    story: Option<&Text>,
    spans: &mut Vec<Span>,
) {
    let what = d.what(format!("deliberation:{id}"));
    let end = d.ended.unwrap_or(d.last);
    let mut own = span(key, &what, Some(parent), "invoke_workflow deliberation", (d.started, end));
    let mut attributes = story_attributes(story.or(d.story.as_ref()));
    attributes.push(Attribute::text("gen_ai.operation.name", "invoke_workflow"));
    attributes.push(Attribute::text("gen_ai.workflow.name", "deliberation"));
    attributes.push(Attribute::text("fleet.deliberation.id", id.clone()));
    if let Some(ceremony) = &d.ceremony {
        attributes.push(Attribute::text("fleet.ceremony.id", ceremony.clone()));
    }
    if let Some(role) = &d.role {
        attributes.push(Attribute::text("fleet.role", role.clone()));
    }
    if let Some(expected) = d.expected {
        attributes.push(Attribute::int("fleet.deliberation.expected", i64::from(expected)));
    }
    attributes.push(Attribute::int("fleet.deliberation.answered", d.answers.len() as i64));
    if d.ended.is_none() {
        attributes.push(Attribute::bool("fleet.open", true));
    }
    if d.timed_out {
        attributes.push(Attribute::text("error.type", "timeout"));
        own.status = SpanStatus::Error("answers are missing".into());
        if !d.awaited.is_empty() {
            attributes.push(Attribute::texts("fleet.deliberation.missing", d.awaited.clone()));
        }
    } else if d.ended.is_some() && d.outcome() == Outcome::Failed {
        attributes.push(Attribute::text("error.type", "all_failed"));
        own.status = SpanStatus::Error("every agent failed".into());
    }
    own.attributes = attributes;
    let own_id = own.span_id;
    spans.push(own);
    let mut sent = Vec::with_capacity(d.answers.len());
    for answer in &d.answers {
        let span = agent_span(id, d, answer, (key, own_id));
        sent.push(span.span_id);
        spans.push(span);
        answer.send_calls(key, *sent.last().unwrap_or(&own_id), spans);
    }
    d.sent = Some((key.clone(), own_id));
    for job in std::mem::take(&mut d.jobs) {
        let (key, parent) = d.home_of(id, job.agent.as_ref()).expect("sent just above");
        spans.push(job.span(&key, parent));
    }
    // What is in the spans now need not be held any longer.
    for (answer, span) in d.answers.iter_mut().zip(sent) {
        (answer.role, answer.model) = (None, None);
        answer.service = answer.agent.clone();
        (answer.span, answer.calls) = (Some(span), Vec::new());
    }
}

impl Fold<'_> {
    /// The deliberation of this id, begun at first sight.
    fn enter_deliberation(&mut self, id: &Text, ids: &Ids, trace: &TraceKey, start: Timestamp) -> &mut Deliberation {
        if !self.state.deliberations.contains(id) {
            let again = self.state.given_up.has(mark(id));
            let new = Deliberation {
                story: ids.story.clone(),
                ceremony: ids.ceremony.clone(),
                plan: ids.plan.clone(),
                role: ids.role.clone(),
                trace: trace.clone(),
                expected: None,
                awaited: Vec::new(),
                answers: Vec::new(),
                started: start,
                last: self.at,
                ended: None,
                timed_out: false,
                suffix: again.then(|| self.origin().into()),
                deadline: None,
                sent: None,
                jobs: Vec::new(),
                dirty: Dirty::default(),
            };
            if let Some((id, gone)) = self.state.deliberations.insert(id.clone(), new) {
                self.give_up_deliberation(&id, gone);
            }
            self.set_deadline(id, start);
        }
        let at = self.at;
        let d = self.state.deliberations.touch(id).expect("inserted above where it was not there");
        for (held, said) in [
            (&mut d.story, &ids.story),
            (&mut d.ceremony, &ids.ceremony),
            (&mut d.plan, &ids.plan),
            (&mut d.role, &ids.role),
        ] {
            if held.is_none() {
                held.clone_from(said);
            }
        }
        d.trace = trace.clone();
        if d.ended.is_none() {
            d.started = d.started.min(start);
            d.last = d.last.max(at);
        }
        d.dirty.changed = true;
        d
    }

    /// Answers are overdue this long after the start, as seen from here: a backlog is not overdue when it is read.
    fn set_deadline(&mut self, id: &Text, start: Timestamp) {
        let derived = id.starts_with("derive-");
        let timeout = if derived { self.settings.derive_timeout } else { self.settings.timeout };
        let worked = self.at.since(start).min(timeout);
        let deadline = self.seen.plus(timeout).minus(worked);
        if let Some(d) = self.state.deliberations.get_mut(id) {
            d.deadline = Some(deadline);
            self.state.deadlines.insert((deadline, Deadline::Deliberation(id.clone())));
        }
    }

    /// A sign that a deliberation is under way, and perhaps who is at work in it.
    pub(super) fn await_answer(&mut self, id: &Text, ids: &Ids, trace: &TraceKey, agent: Option<&Text>) {
        let at = self.at;
        let d = self.enter_deliberation(id, ids, trace, at);
        if d.ended.is_some() {
            return;
        }
        if let Some(agent) = agent
            && d.awaited.len() < MAX_AGENTS
            && !d.awaited.contains(agent)
            && d.answers.iter().all(|a| a.agent != *agent)
        {
            d.awaited.push(agent.clone());
            self.agent_begins(agent, ids.role.as_ref(), id, ids.story.as_ref());
        }
    }

    /// Takes an answer; `false` when it only repeats one.
    pub(super) fn take_answer(
        &mut self,
        id: &Text,
        ids: &Ids,
        trace: &TraceKey,
        answer: Answer,
        expected: Option<u32>,
    ) -> bool {
        let (origin, mut answer) = (self.origin(), answer);
        let d = self.enter_deliberation(id, ids, trace, answer.start);
        if d.answers.iter().any(|held| held.repeats(&answer)) {
            return false;
        }
        let before = d.answers.iter().position(|held| held.agent == answer.agent);
        if d.ended.is_some() && before.is_some() {
            // The same agent again after the end: the task is tried anew, and what was done so far must not be lost.
            if d.sent.is_none() {
                let done = d.clone();
                self.send_unfinished(id, done);
            }
            let d = self.state.deliberations.get_mut(id).expect("entered above");
            d.answers.clear();
            d.jobs.clear();
            d.awaited.clear();
            (d.started, d.last, d.ended, d.timed_out) = (answer.start, answer.end, None, false);
            (d.suffix, d.sent) = (Some((&*origin).into()), None);
            self.set_deadline(id, answer.start);
        }
        let Some(d) = self.state.deliberations.get_mut(id) else { return true };
        if expected.is_some() {
            d.expected = expected;
        }
        d.awaited.retain(|agent| *agent != answer.agent);
        let late = d.sent.clone();
        if let (Some((key, parent)), true) = (&late, d.answers.len() < MAX_AGENTS) {
            let mut span = agent_span(id, d, &answer, (key, *parent));
            if before.is_some() {
                // A span of this agent was sent: another answer is another span.
                span.span_id = key.span_id(&d.what(format!("agent:{id}:{}:{origin}", answer.agent)));
            }
            span.attributes.push(Attribute::bool("fleet.late", true));
            answer.span = Some(span.span_id);
            self.spans.push(span);
        }
        let agent = answer.agent.clone();
        if let Some(held) = d.answers.iter_mut().find(|held| held.agent == agent) {
            // A retry within one round: the last answer counts, and what the first asked a model for stays.
            answer.calls = std::mem::take(&mut held.calls);
            *held = answer;
        } else if d.answers.len() < MAX_AGENTS {
            d.answers.push(answer);
        } else {
            self.measures.push(Measure::Evicted { what: "answer" });
        }
        let (expected, answers, open) = (d.expected, d.answers.len(), d.ended.is_none());
        if open {
            if expected.is_some_and(|n| answers >= n as usize) {
                self.end_deliberation(id, false);
            } else if answers == 1 {
                self.await_siblings(id, ids, &agent, expected);
            }
        }
        true
    }

    /// `agent-dev-001` answered and three answers are expected: 002 and 003 are at work.
    fn await_siblings(&mut self, id: &Text, ids: &Ids, agent: &str, expected: Option<u32>) {
        let Some(expected) = expected.filter(|n| (2..=MAX_SIBLINGS).contains(n)) else { return };
        let Some((stem, number)) = agent.rsplit_once('-') else { return };
        let own: Option<u32> = number.parse().ok().filter(|_| number.len() == 3);
        let Some(own) = own.filter(|n| (1..=expected).contains(n)) else { return };
        for sibling in (1..=expected).filter(|n| *n != own) {
            let sibling: Text = format!("{stem}-{sibling:03}").into();
            if let Some(d) = self.state.deliberations.get_mut(id)
                && !d.awaited.contains(&sibling)
            {
                d.awaited.push(sibling.clone());
                self.agent_begins(&sibling, ids.role.as_ref(), id, ids.story.as_ref());
            }
        }
    }

    /// A message says that the deliberation is over.
    pub(super) fn conclude(&mut self, id: &Text) {
        if self.state.deliberations.get(id).is_some_and(|d| d.ended.is_none() && !d.answers.is_empty()) {
            self.end_deliberation(id, false);
        }
    }

    /// Answers are overdue.
    pub(super) fn expire_deliberation(&mut self, id: &Text) {
        let Some(d) = self.state.deliberations.get_mut(id) else { return };
        d.deadline = None;
        if d.ended.is_some() {
            return;
        }
        // Nobody said how many to expect, and some came: that was all.
        let complete = d.expected.is_none() && d.awaited.is_empty() && !d.answers.is_empty();
        self.end_deliberation(id, !complete);
    }

    fn end_deliberation(&mut self, id: &Text, timed_out: bool) {
        let timeout = if id.starts_with("derive-") { self.settings.derive_timeout } else { self.settings.timeout };
        let Some(d) = self.state.deliberations.get_mut(id) else { return };
        let last = d.answers.iter().map(|a| a.end).max().unwrap_or(d.last);
        let end = if timed_out { d.started.plus(timeout).max(last) } else { last.max(d.started) };
        (d.ended, d.timed_out, d.dirty.changed) = (Some(end), timed_out, true);
        let duration = end.since(d.started);
        self.measures.push(Measure::Deliberation { council: d.council(), outcome: d.outcome(), duration });
        if let Some(deadline) = d.deadline.take() {
            self.state.deadlines.remove(&(deadline, Deadline::Deliberation(id.clone())));
        }
        let (awaited, story) = (d.awaited.clone(), d.story.clone());
        for agent in &awaited {
            self.agent_released(agent, id, story.as_ref(), timed_out.then_some(end));
        }
        self.place(id);
    }

    /// A deliberation leaves memory.
    fn give_up_deliberation(&mut self, id: &Text, gone: Deliberation) {
        self.state.given_up.add(mark(id));
        if let Some(deadline) = gone.deadline {
            self.state.deadlines.remove(&(deadline, Deadline::Deliberation(id.clone())));
        }
        if gone.dirty.told {
            self.state.told.deliberations_closed.push(id.clone());
        }
        if gone.ended.is_none() {
            self.evicted("deliberation");
            for agent in &gone.awaited {
                self.agent_released(agent, id, None, None);
            }
        }
        if gone.sent.is_none() {
            self.send_unfinished(id, gone);
        }
    }
}
