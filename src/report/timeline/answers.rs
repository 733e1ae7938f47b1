//! Deliberations of a story with the answers of their agents.
//! Takes: the agents' messages, which say what was answered; spans, which say how the whole ended; what is open now.
//! Gives: each deliberation once. An agent that is asked again in one is listed again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::causes::{Causes, Failure, Level};
use super::fold::{failed, line, maybe};
use super::story::{self, course_of, is_open};
use super::{Answer, Capped, Deliberation, Failed};
use crate::model::{
    AttributeValue, DeliberationView, Ids, Key, Message, Record, Resolved, Span, Timestamp, printable, shorten,
};

/// Most that are listed.
const MAX_DELIBERATIONS: usize = 300;
const MAX_ANSWERS: usize = 32;
const MAX_ALL_ANSWERS: usize = 3_000;
/// An answer that claims to have taken longer is not believed.
const MAX_DURATION_MS: i64 = 7 * 24 * 3_600_000;
/// Longest begin of an answer.
const MAX_CONTENT: usize = 160;

#[derive(Debug, Default)]
pub(super) struct Answers {
    held: BTreeMap<String, Held>,
    listed: usize,
    /// Deliberations that are not listed, as far as they are counted: by answers.
    others: u64,
}

#[derive(Debug)]
struct Held {
    deliberation: Deliberation,
    /// How it ended, as its span says.
    ended: Option<&'static str>,
    error: Option<Failed>,
}

impl Answers {
    fn held(&mut self, id: &str, at: Timestamp) -> Option<&mut Held> {
        let id = line(id);
        if self.held.len() >= MAX_DELIBERATIONS && !self.held.contains_key(&id) {
            self.others += 1;
            return None;
        }
        Some(self.held.entry(id.clone()).or_insert_with(|| Held {
            deliberation: Deliberation {
                deliberation_id: id,
                ceremony_id: None,
                plan_id: None,
                role: None,
                state: "open",
                started: at,
                ended: at,
                expected: None,
                missing: Vec::new(),
                answers: Capped::new(MAX_ANSWERS),
            },
            ended: None,
            error: None,
        }))
    }

    /// An agent's message. Gives the answer, if it is one that was not given before.
    pub(super) fn entry(&mut self, record: &Record, message: &Message, resolved: &Resolved) -> Option<Answer> {
        let kind = &*message.event_type;
        let is_answer = kind.starts_with("agent.response.") && kind != "agent.response.progress";
        let (Some(agent), true) = (&resolved.ids.agent, is_answer) else { return None };
        let answer = answer(record, message, resolved, agent);
        let Some(task) = &resolved.ids.task else { return Some(answer) };
        let room = self.listed < MAX_ALL_ANSWERS;
        let Some(held) = self.held(task, answer.started) else { return Some(answer) };
        let d = &mut held.deliberation;
        d.ceremony_id = d.ceremony_id.take().or_else(|| maybe(resolved.ids.ceremony.as_ref()));
        d.plan_id = d.plan_id.take().or_else(|| maybe(resolved.ids.plan.as_ref()));
        d.role = d.role.take().or_else(|| maybe(resolved.ids.role.as_ref()));
        let expected = message.facts.int(Key::NumAgents).or_else(|| message.facts.int(Key::MetadataNumAgents));
        d.expected = expected.and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=1_000).contains(n)).or(d.expected);
        d.started = d.started.min(answer.started);
        d.ended = d.ended.max(answer.ended);
        let repeats = |held: &Answer| {
            (&held.agent_id, held.duration_ms, held.tokens, held.ok)
                == (&answer.agent_id, answer.duration_ms, answer.tokens, answer.ok)
        };
        if d.answers.items.iter().any(repeats) {
            return None;
        }
        if !room {
            d.answers.more += 1;
        } else if d.answers.push(answer.clone()) {
            self.listed += 1;
        }
        Some(answer)
    }

    /// How a deliberation ended, or an agent's part in it. Gives the answer where no message of the agent did.
    pub(super) fn span(&mut self, span: &Span) -> Option<Answer> {
        match course_of(span, "gen_ai.operation.name") {
            Some("invoke_workflow") => self.workflow(span),
            Some("invoke_agent") => return self.agent(span),
            _ => {}
        }
        None
    }

    /// Who reports to the orchestrator alone has no message of its own.
    fn agent(&mut self, span: &Span) -> Option<Answer> {
        let (id, agent) = (course_of(span, "fleet.deliberation.id")?, line(course_of(span, "fleet.agent.id")?));
        let room = self.listed < MAX_ALL_ANSWERS;
        let held = self.held(id, span.start)?;
        let listed = &mut held.deliberation.answers;
        if listed.more > 0 || listed.items.iter().any(|answer| answer.agent_id == agent && answer.ended == span.end) {
            return None;
        }
        let error = story::failed(span);
        let summary = match &error {
            Some(error) => format!("{agent} failed: {}", error.message),
            None => format!("{agent} answered"),
        };
        let tokens = span.attributes.iter().find(|a| a.key == "fleet.tokens.total").and_then(|a| match a.value {
            AttributeValue::Int(n) => u64::try_from(n).ok(),
            _ => None,
        });
        let took = u64::try_from(span.end.since(span.start).as_millis()).ok().filter(|ms| *ms > 0);
        let answer = Answer {
            role: course_of(span, "fleet.role").map(line),
            model: course_of(span, "gen_ai.request.model").map(line),
            ok: error.is_none(),
            summary: line(&summary),
            content: None,
            started: span.start,
            ended: span.end,
            duration_ms: took,
            tokens,
            error,
            seq: None,
            agent_id: agent,
        };
        if !room {
            listed.more += 1;
        } else if listed.push(answer.clone()) {
            self.listed += 1;
        }
        Some(answer)
    }

    fn workflow(&mut self, span: &Span) {
        let Some(id) = course_of(span, "fleet.deliberation.id") else { return };
        let Some(held) = self.held(id, span.start) else { return };
        let d = &mut held.deliberation;
        d.started = d.started.min(span.start);
        d.ended = d.ended.max(span.end);
        d.role = d.role.take().or_else(|| course_of(span, "fleet.role").map(line));
        d.ceremony_id = d.ceremony_id.take().or_else(|| course_of(span, "fleet.ceremony.id").map(line));
        for attribute in &span.attributes {
            match (&*attribute.key, &attribute.value) {
                ("fleet.deliberation.expected", AttributeValue::Int(n)) => d.expected = u32::try_from(*n).ok(),
                ("fleet.deliberation.missing", AttributeValue::Texts(names)) => {
                    d.missing = names.iter().take(MAX_ANSWERS).map(|name| line(name)).collect();
                }
                _ => {}
            }
        }
        held.error = story::failed(span);
        held.ended = match course_of(span, "error.type") {
            _ if is_open(span) => None,
            Some("timeout") => Some("timed_out"),
            Some(_) => Some("failed"),
            None => Some("completed"),
        };
    }

    pub(super) fn finish(self, open: &[Arc<DeliberationView>], causes: &mut Causes) -> Capped<Deliberation> {
        let mut listed = Vec::with_capacity(self.held.len());
        for (_, mut held) in self.held {
            let live = open.iter().find(|view| *line(&view.deliberation_id) == *held.deliberation.deliberation_id);
            let d = &mut held.deliberation;
            d.state = held.ended.unwrap_or_else(|| state(d, live.map(AsRef::as_ref)));
            d.answers.items.sort_by(|a, b| (a.ended, &a.agent_id).cmp(&(b.ended, &b.agent_id)));
            if matches!(d.state, "failed" | "timed_out") {
                causes.add(failure(d, held.error));
            }
            listed.push(held.deliberation);
        }
        listed.sort_by(|a, b| (a.started, &a.deliberation_id).cmp(&(b.started, &b.deliberation_id)));
        Capped::of(listed, MAX_DELIBERATIONS).and(self.others)
    }
}

/// How a deliberation stands whose span was not sent: it goes with its task, which may be open.
fn state(d: &Deliberation, live: Option<&DeliberationView>) -> &'static str {
    if let Some(live) = live {
        return match &*live.state {
            "completed" => "completed",
            "failed" => "failed",
            "timed_out" => "timed_out",
            _ => "open",
        };
    }
    let all = d.expected.is_some_and(|expected| d.answers.total() >= u64::from(expected));
    if !all {
        "open"
    } else if d.answers.items.iter().all(|answer| !answer.ok) {
        "failed"
    } else {
        "completed"
    }
}

fn failure(d: &Deliberation, error: Option<Failed>) -> Failure {
    let role = d.role.as_deref().map_or_else(String::new, |role| format!(" of role {role}"));
    let what = if d.state == "failed" {
        format!("every agent{role} failed")
    } else if d.missing.is_empty() {
        format!("answers{role} are missing after the timeout")
    } else {
        format!("no answer{role} by {} until the timeout", d.missing.join(", "))
    };
    let id = |text: &Option<String>| text.as_deref().map(Into::into);
    let ids = Ids {
        task: Some(d.deliberation_id.as_str().into()),
        plan: id(&d.plan_id),
        ceremony: id(&d.ceremony_id),
        ..Ids::default()
    };
    Failure::new(Level::Deliberation, d.ended, line(&what), &ids).with(error, None)
}

fn answer(record: &Record, message: &Message, resolved: &Resolved, agent: &str) -> Answer {
    let facts = &message.facts;
    let duration_ms = facts.int(Key::DurationMs).filter(|ms| (1..=MAX_DURATION_MS).contains(ms)).map(i64::unsigned_abs);
    let ok = !(message.event_type.ends_with(".failed")
        || facts.bool(Key::Success) == Some(false)
        || facts.text(Key::Status).is_some_and(|status| status == "failed"));
    Answer {
        agent_id: line(agent),
        role: maybe(resolved.ids.role.as_ref()),
        model: facts.first_text(&[Key::Model, Key::ProposalModel]).map(|model| shorten(&printable(model), 120)),
        ok,
        summary: line(&resolved.summary),
        content: facts.text(Key::ProposalContent).map(|text| shorten(&printable(text), MAX_CONTENT)),
        started: message.stored.minus(Duration::from_millis(duration_ms.unwrap_or(0))),
        ended: message.stored,
        duration_ms,
        tokens: facts.int(Key::ProposalTokens).filter(|n| (0..1 << 40).contains(n)).map(i64::unsigned_abs),
        error: if ok {
            None
        } else {
            failed(facts).or_else(|| Some(Failed { kind: None, message: "no reason given".to_owned() }))
        },
        seq: Some(record.seq),
    }
}
