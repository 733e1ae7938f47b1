//! What each kind of message means for the state.

use crate::model::{Facts, Ids, Key, LinkKind, Message, Severity, Text, TraceKey, printable, shorten};

use super::deliberation::Answer;
use super::fold::Fold;
use super::resolve::RayTask;
use super::work::WorkKind;

/// Longest error text kept in state and spans.
const MAX_ERROR: usize = 200;
/// An answer that claims to have taken longer is not believed.
const MAX_DURATION_MS: i64 = 7 * 24 * 3_600_000;
/// Most answers a message may announce.
const MAX_EXPECTED: i64 = 1_000;

fn duration_ms(facts: &Facts) -> Option<u64> {
    facts.int(Key::DurationMs).filter(|ms| (1..=MAX_DURATION_MS).contains(ms)).map(i64::unsigned_abs)
}

/// Error type and description of a failure.
fn error(facts: &Facts, kind: &str) -> (Text, Text) {
    let kind = facts.first_text(&[Key::ErrorType, Key::ErrorKind, Key::ErrorCode]).map_or(kind, |t| t);
    let said = [Key::Error, Key::ErrorReason, Key::Reason, Key::RejectionReason, Key::Message];
    let text = facts.first_text(&said).map_or("no reason given", |t| t);
    (shorten(&printable(kind), 80).into(), shorten(&printable(text), MAX_ERROR).into())
}

fn expected(facts: &Facts, ray: &RayTask<'_>) -> Option<u32> {
    let said = facts.int(Key::NumAgents).or_else(|| facts.int(Key::MetadataNumAgents));
    let said = said.filter(|n| (1..=MAX_EXPECTED).contains(n)).and_then(|n| u32::try_from(n).ok());
    said.or_else(|| (ray.extraction || ray.plan.is_some()).then_some(1))
}

fn answer(message: &Message, ids: &Ids, agent: &Text, failed: bool) -> Answer {
    let facts = &message.facts;
    let duration_ms = duration_ms(facts);
    let duration = std::time::Duration::from_millis(duration_ms.unwrap_or(0));
    Answer {
        agent: agent.clone(),
        role: ids.role.clone(),
        model: facts
            .first_text(&[Key::Model, Key::ProposalModel])
            .map(|m| if m.len() <= 120 { m.into() } else { shorten(&printable(m), 120).into() }),
        service: message.producer.clone().unwrap_or_else(|| "ray-executor".into()),
        error: failed.then(|| error(facts, "agent_failed")),
        start: message.stored.minus(duration),
        end: message.stored,
        duration_ms,
        tokens: facts.int(Key::ProposalTokens).filter(|n| (0..1 << 40).contains(n)).map(i64::unsigned_abs),
        span: None,
        calls: Vec::new(),
    }
}

impl Fold<'_> {
    /// Folds a message's meaning into the state. `trace` is the continuation its spans go to.
    pub(super) fn happens(&mut self, message: &Message, ids: &Ids, trace: Option<&TraceKey>, severity: Severity) {
        let facts = &message.facts;
        let kind = &*message.event_type;
        if let Some(story) = &ids.story {
            let title = facts.text(Key::Title).filter(|_| kind == "planning.story.created");
            let epic = ids.epic.as_ref().filter(|_| kind.starts_with("planning.story."));
            self.note_story(story, title, epic, severity);
            self.work_happens(kind, facts, ids, story);
        }
        match kind {
            "planning.backlog_review.created" => {
                if let Some(ceremony) = &ids.ceremony {
                    for story in facts.texts(Key::StoryIds) {
                        if let Some(story) = crate::model::clean_id(story) {
                            self.take_part(&story, ceremony);
                        }
                    }
                }
            }
            "planning.backlog_review.ceremony.completed"
            | "planning.backlog_review.ceremony.cancelled"
            | "planning.backlog_review.completed" => {
                if let Some(ceremony) = &ids.ceremony {
                    let stories = self.state.ceremonies.get(ceremony).cloned().unwrap_or_default();
                    for story in stories {
                        self.end_work(&story, WorkKind::Review, ceremony, None);
                    }
                }
            }
            _ => {}
        }
        if let Some(trace) = trace {
            self.agents_happen(kind, message, ids, trace);
        }
    }

    fn work_happens(&mut self, kind: &str, facts: &Facts, ids: &Ids, story: &Text) {
        match kind {
            "planning.story.created" => self.story_created(story),
            "planning.story.transitioned" => {
                let from = facts.first_text(&[Key::FromState, Key::FromPhase]).and_then(phase);
                if let Some(to) = facts.first_text(&[Key::ToState, Key::ToPhase]).and_then(phase) {
                    self.transition(story, from.as_ref(), &to);
                }
            }
            "planning.task.created"
            | "orchestration.task.dispatched"
            | "orchestration.task.completed"
            | "orchestration.task.failed"
            | "workflow.state.changed"
            | "workflow.task.assigned"
            | "workflow.validation.required"
            | "workflow.task.completed" => {
                if let Some(task) = ids.task.as_ref().filter(|t| RayTask::parse(t).is_none()) {
                    self.task_happens(kind, facts, ids, story, task);
                }
            }
            "task.derivation.requested" => {
                if let Some(plan) = &ids.plan {
                    self.reopen_work(story, WorkKind::Derivation, plan);
                    self.begin_work(story, WorkKind::Derivation, plan, self.at);
                }
            }
            "task.derivation.completed" | "task.derivation.failed" | "planning.task.derivation.failed" => {
                if let Some(plan) = &ids.plan {
                    let failed = kind.ends_with("failed").then(|| error(facts, "derivation_failed"));
                    if failed.is_none() || self.begin_work(story, WorkKind::Derivation, plan, self.at).is_some() {
                        self.end_work(story, WorkKind::Derivation, plan, failed);
                    }
                }
            }
            "planning.backlog_review.deliberations.complete" | "planning.plan.approved" | "planning.plan.rejected" => {
                if let Some(ceremony) = &ids.ceremony {
                    self.end_work(story, WorkKind::Review, ceremony, None);
                }
            }
            _ => {}
        }
    }

    fn task_happens(&mut self, kind: &str, facts: &Facts, ids: &Ids, story: &Text, task: &Text) {
        if kind == "orchestration.task.dispatched" {
            self.reopen_work(story, WorkKind::Task, task);
        }
        let from = self.at;
        let Some(work) = self.begin_work(story, WorkKind::Task, task, from) else { return };
        if work.role.is_none() || kind == "orchestration.task.dispatched" {
            work.role = ids.role.clone().or(work.role.take());
        }
        if ids.agent.is_some() && kind.starts_with("orchestration.task.") {
            work.agent.clone_from(&ids.agent);
        }
        if work.title.is_none()
            && let Some(title) = facts.text(Key::Title)
        {
            work.title = Some(shorten(&printable(title), 160).into());
        }
        let state = |key: Key| facts.text(key).map_or_else(|| "unknown".to_owned(), |t| shorten(&printable(t), 40));
        let (state, end) = match kind {
            "planning.task.created" => ("created".to_owned(), None),
            "orchestration.task.dispatched" => ("dispatched".to_owned(), None),
            "orchestration.task.completed" => ("completed".to_owned(), Some(None)),
            "orchestration.task.failed" => ("failed".to_owned(), Some(Some(error(facts, "task_failed")))),
            "workflow.task.assigned" => ("assigned".to_owned(), None),
            "workflow.validation.required" => ("validation_required".to_owned(), None),
            "workflow.task.completed" => (state(Key::FinalState), Some(None)),
            _ => {
                let state = state(Key::ToState);
                let end = matches!(state.as_str(), "done" | "cancelled").then_some(None);
                (state, end)
            }
        };
        if kind != "planning.task.created" || &*work.state == "open" {
            work.state = state.into();
        }
        if let Some(error) = end {
            self.end_work(story, WorkKind::Task, task, error);
        }
    }

    fn agents_happen(&mut self, kind: &str, message: &Message, ids: &Ids, trace: &TraceKey) {
        let facts = &message.facts;
        match kind {
            "agent.response.progress" | "orchestration.task.dispatched" => {
                if let (Some(agent), Some(task)) = (&ids.agent, &ids.task) {
                    self.await_answer(task, ids, trace, Some(agent));
                    self.agent_heard(agent, ids.role.as_ref());
                }
            }
            _ if kind.starts_with("agent.response.") => self.answered(kind, message, ids, trace),
            "orchestration.task.completed" | "orchestration.task.failed" => self.task_ended(kind, message, ids, trace),
            "orchestration.deliberation.completed" | "deliberation.completed" | "deliberation.failed" => {
                if let Some(task) = &ids.task {
                    self.conclude(task);
                }
            }
            _ if kind.starts_with("vllm.streaming") => {
                if let Some(deliberation) = &ids.deliberation {
                    self.await_answer(deliberation, ids, trace, None);
                }
            }
            _ => {
                if let Some(agent) = &ids.agent
                    && facts.has(Key::SessionId)
                {
                    self.agent_heard(agent, ids.role.as_ref());
                }
            }
        }
    }

    /// `agent.response.completed…` and `agent.response.failed`.
    fn answered(&mut self, kind: &str, message: &Message, ids: &Ids, trace: &TraceKey) {
        let Some(agent) = &ids.agent else { return };
        let facts = &message.facts;
        let failed = kind.ends_with(".failed")
            || facts.bool(Key::Success) == Some(false)
            || facts.text(Key::Status).is_some_and(|s| s == "failed");
        let answer = answer(message, ids, agent, failed);
        if let Some(task) = &ids.task {
            let ray = RayTask::parse(task).unwrap_or_default();
            if let Some(story) = &ids.story {
                if let Some(ceremony) = &ids.ceremony {
                    self.begin_work(story, WorkKind::Review, ceremony, answer.start);
                } else if let (Some(plan), true) = (&ids.plan, task.starts_with("derive-")) {
                    self.begin_work(story, WorkKind::Derivation, plan, answer.start);
                }
            }
            if !self.take_answer(task, ids, trace, answer.clone(), expected(facts, &ray)) {
                return;
            }
        }
        self.credit(&answer, ids);
    }

    /// `orchestration.task.completed` and `.failed`: an answer where the agent itself gave none.
    fn task_ended(&mut self, kind: &str, message: &Message, ids: &Ids, trace: &TraceKey) {
        let (Some(agent), Some(task)) = (&ids.agent, &ids.task) else { return };
        let awaited = self.state.deliberations.get(task).is_some_and(|d| d.awaited.contains(agent));
        if awaited {
            let answer = answer(message, ids, agent, kind.ends_with(".failed"));
            if self.take_answer(task, ids, trace, answer.clone(), None) {
                self.credit(&answer, ids);
            }
        } else {
            self.agent_heard(agent, ids.role.as_ref());
        }
        if self.state.deliberations.get(task).is_some_and(|d| d.awaited.is_empty()) {
            self.conclude(task);
        }
    }

    /// An answer counts for its agent and its story.
    fn credit(&mut self, answer: &Answer, ids: &Ids) {
        self.agent_answered(answer, ids.task.as_ref(), ids.story.as_ref());
        self.heard(answer, ids);
        if let Some(story) = ids.story.as_ref().and_then(|s| self.state.stories.get_mut(s)) {
            story.tokens = story.tokens.saturating_add(answer.tokens.unwrap_or(0));
            story.agent_ms = story.agent_ms.saturating_add(answer.duration_ms.unwrap_or(0));
        }
    }

    /// Ids that belong to the story by what other messages said.
    pub(super) fn own_later(&mut self, message: &Message, story: &Text) {
        for task in message.facts.texts(Key::TaskIdsWithoutPriority) {
            if let Some(task) = crate::model::clean_id(task) {
                self.own(story, LinkKind::Task, &task);
            }
        }
    }
}

/// A phase as it is shown: capped, one spelling.
fn phase(raw: &str) -> Option<Text> {
    let raw = crate::model::clean_id(raw)?;
    Some(if raw.len() <= 64 { raw } else { shorten(&raw, 64).into() })
}
