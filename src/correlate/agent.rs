//! Agents: what each is doing, derived from its answers and from what it is awaited for.
//! Takes: begins, answers, time-outs. Gives: state, last ten tasks, success rate.
//! Never: believes what the orchestrator calls an agent's status: it is a constant.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{AgentState, AgentView, Measure, Outcome, Spend, TaskOutcome, Text, Timestamp};

use super::Settings;
use super::deliberation::Answer;
use super::fold::Fold;
use super::role;

/// Tasks shown of an agent.
const LAST_TASKS: usize = 10;
/// Deliberations an agent is taken to be in at once: the fleet uses one id in several councils at a time.
const MAX_OPEN: usize = 32;

/// An agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Agent {
    pub(super) role: Option<Text>,
    pub(super) model: Option<Text>,
    /// Deliberations it is awaited in.
    open: Vec<Text>,
    since: Timestamp,
    task: Option<Text>,
    story: Option<Text>,
    last_event: Timestamp,
    /// When Fleetscope last heard of it: a backlog does not make an agent silent.
    heard: Timestamp,
    last_failed: Option<bool>,
    completed: u64,
    failed: u64,
    timed: u64,
    total_ms: u64,
    tokens: u64,
    tasks: Vec<TaskOutcome>,
    pub(super) spend: Spend,
    #[serde(skip)]
    pub(super) told: Option<(AgentState, bool)>,
}

impl Agent {
    pub(super) fn council(&self) -> Text {
        self.role.clone().unwrap_or_else(|| "unknown".into())
    }

    pub(super) fn last_event(&self) -> Timestamp {
        self.last_event
    }

    /// State, since when, and whether it is silent.
    pub(super) fn state(&self, settings: &Settings, now: Timestamp) -> (AgentState, Timestamp, bool) {
        if !self.open.is_empty() {
            return (AgentState::Deliberating, self.since, now.since(self.heard) > settings.silent_after);
        }
        let idle = now.since(self.heard) >= settings.idle_after;
        match self.last_failed {
            None => (AgentState::Idle, self.since, false),
            Some(_) if idle => (AgentState::Idle, self.since.plus(settings.idle_after), false),
            Some(false) => (AgentState::Completed, self.since, false),
            Some(true) => (AgentState::Failed, self.since, false),
        }
    }

    pub(super) fn view(&self, id: &Text, settings: &Settings, now: Timestamp) -> AgentView {
        let (state, since, silent) = self.state(settings, now);
        let answers = self.completed + self.failed;
        AgentView {
            agent_id: id.clone(),
            role: self.council(),
            council: self.council(),
            state,
            since,
            task_id: self.task.clone(),
            story_id: self.story.clone(),
            model: self.model.clone(),
            last_event: self.last_event,
            silent,
            completed: self.completed,
            failed: self.failed,
            success_rate: (answers > 0).then(|| self.completed as f64 / answers as f64),
            mean_duration_ms: (self.timed > 0).then(|| self.total_ms as f64 / self.timed as f64),
            tokens: self.tokens,
            tasks: self.tasks.iter().rev().cloned().collect(),
            spend: self.spend.clone(),
        }
    }

    fn note(&mut self, outcome: TaskOutcome) {
        if self.tasks.len() >= LAST_TASKS {
            self.tasks.remove(0);
        }
        self.tasks.push(outcome);
    }
}

impl Fold<'_> {
    fn enter_agent(&mut self, id: &Text, role: Option<&Text>) -> &mut Agent {
        let (at, seen) = (self.at, self.seen);
        if !self.state.agents.contains(id) {
            let new = Agent {
                role: role.cloned().or_else(|| role::of_agent(id)),
                model: None,
                open: Vec::new(),
                since: at,
                task: None,
                story: None,
                last_event: at,
                heard: seen,
                last_failed: None,
                completed: 0,
                failed: 0,
                timed: 0,
                total_ms: 0,
                tokens: 0,
                tasks: Vec::new(),
                spend: Spend::default(),
                told: None,
            };
            if self.state.agents.insert(id.clone(), new).is_some() {
                self.evicted("agent");
            }
        }
        let agent = self.state.agents.touch(id).expect("inserted above where it was not there");
        agent.told = None;
        agent
    }

    /// The agent is at work in a deliberation.
    pub(super) fn agent_begins(&mut self, id: &Text, role: Option<&Text>, deliberation: &Text, story: Option<&Text>) {
        let (at, seen) = (self.at, self.seen);
        let agent = self.enter_agent(id, role);
        if agent.open.is_empty() {
            agent.since = at;
        }
        if agent.open.len() < MAX_OPEN && !agent.open.contains(deliberation) {
            agent.open.push(deliberation.clone());
        }
        (agent.task, agent.heard) = (Some(deliberation.clone()), seen);
        agent.story = story.cloned().or(agent.story.take());
        agent.last_event = agent.last_event.max(at);
    }

    /// Something was heard of the agent.
    pub(super) fn agent_heard(&mut self, id: &Text, role: Option<&Text>) {
        let (at, seen) = (self.at, self.seen);
        let agent = self.enter_agent(id, role);
        agent.last_event = agent.last_event.max(at);
        agent.heard = agent.heard.max(seen);
    }

    /// The agent answered.
    pub(super) fn agent_answered(&mut self, answer: &Answer, task: Option<&Text>, story: Option<&Text>) {
        let (at, seen, seq) = (self.at, self.seen, self.seq);
        let role = answer.role.clone();
        let agent = self.enter_agent(&answer.agent, role.as_ref());
        if agent.role.is_none() {
            agent.role = role;
        }
        let failed = answer.error.is_some();
        if failed {
            agent.failed += 1;
        } else {
            agent.completed += 1;
        }
        if let Some(ms) = answer.duration_ms {
            agent.timed += 1;
            agent.total_ms = agent.total_ms.saturating_add(ms);
        }
        agent.tokens = agent.tokens.saturating_add(answer.tokens.unwrap_or(0));
        if answer.model.is_some() && agent.model != answer.model {
            agent.model.clone_from(&answer.model);
        }
        if let Some(task) = task {
            agent.open.retain(|open| open != task);
        }
        (agent.since, agent.last_failed, agent.heard) = (at, Some(failed), seen);
        (agent.task, agent.story) = (task.cloned(), story.cloned());
        agent.last_event = agent.last_event.max(at);
        agent.note(TaskOutcome {
            task_id: task.cloned().unwrap_or_else(|| "".into()),
            story_id: story.cloned(),
            outcome: if failed { "failed" } else { "completed" }.into(),
            duration_ms: answer.duration_ms,
            tokens: answer.tokens,
            error: answer.error.as_ref().map(|(_, description)| description.clone()),
            at,
            seq,
        });
        let council = agent.council();
        self.measures.push(Measure::AgentTask {
            council,
            agent: answer.agent.clone(),
            outcome: if failed { Outcome::Failed } else { Outcome::Completed },
            duration: answer.duration_ms.map(Duration::from_millis),
        });
    }

    /// The agent is no longer awaited: the deliberation ended without its answer, by a time-out where `overdue`.
    pub(super) fn agent_released(
        &mut self,
        id: &Text,
        deliberation: &Text,
        story: Option<&Text>,
        overdue: Option<Timestamp>,
    ) {
        let seq = self.seq;
        let Some(agent) = self.state.agents.get_mut(id) else { return };
        agent.open.retain(|open| open != deliberation);
        agent.told = None;
        let Some(at) = overdue else { return };
        agent.failed += 1;
        (agent.last_failed, agent.since) = (Some(true), at);
        agent.note(TaskOutcome {
            task_id: deliberation.clone(),
            story_id: story.cloned(),
            outcome: "timed_out".into(),
            duration_ms: None,
            tokens: None,
            error: Some("no answer".into()),
            at,
            seq,
        });
        let council = agent.council();
        let outcome = Outcome::TimedOut;
        self.measures.push(Measure::AgentTask { council, agent: id.clone(), outcome, duration: None });
    }
}
