//! Failures of a story, and which followed from which.
//!
//! Nobody in the fleet says why something failed. What is told here is what ids and times show: of two failures on one
//! task the one deeper in the work (a request within a Ray job within an answer within a deliberation within a task
//! within a plan) that came first is taken for the cause of the other. `known_by` says what ties them.

use std::time::Duration;

use super::fold::{failed, line, maybe};
use super::{Capped, Chain, Failed, Step};
use crate::model::{Delivery, DeliveryState, Ids, Message, Record, Resolved, Seq, Text, Timestamp};

/// Failures that are told apart; more are counted.
const MAX_FAILURES: usize = 300;
/// Chains listed, and steps of one.
const MAX_CHAINS: usize = 100;
const MAX_STEPS: usize = 50;
/// Causes one failure names.
const MAX_BECAUSE: usize = 8;
/// Clocks of two machines may disagree by so much.
const SLACK: Duration = Duration::from_secs(1);

/// How deep in the work a failure is, deepest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    LlmRequest,
    RayJob,
    Delivery,
    Answer,
    Deliberation,
    Task,
    Plan,
    Story,
    /// What stands for itself.
    Alert,
    Event,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::LlmRequest => "llm_request",
            Self::RayJob => "ray_job",
            Self::Delivery => "delivery",
            Self::Answer => "answer",
            Self::Deliberation => "deliberation",
            Self::Task => "task",
            Self::Plan => "plan",
            Self::Story => "story",
            Self::Alert => "alert",
            Self::Event => "event",
        }
    }
}

/// Something that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    level: Level,
    at: Timestamp,
    what: String,
    error: Option<Failed>,
    task: Option<Text>,
    agent: Option<Text>,
    plan: Option<Text>,
    ceremony: Option<Text>,
    seq: Option<Seq>,
}

impl Failure {
    pub(super) fn new(level: Level, at: Timestamp, what: String, ids: &Ids) -> Self {
        let Ids { task, agent, plan, ceremony, .. } = ids.clone();
        Self { level, at, what, error: None, task, agent, plan, ceremony, seq: None }
    }

    pub(super) fn with(self, error: Option<Failed>, seq: Option<Seq>) -> Self {
        Self { error, seq, ..self }
    }

    pub(super) fn of_entry(record: &Record, message: &Message, resolved: &Resolved) -> Self {
        let kind = &*message.event_type;
        let ids = &resolved.ids;
        let level = if kind.starts_with("agent.response.") {
            Level::Answer
        } else if kind.starts_with("ray.") {
            Level::RayJob
        } else if kind.starts_with("deliberation.") || kind.starts_with("orchestration.deliberation.") {
            Level::Deliberation
        } else if kind.starts_with("alert.") || kind.starts_with("observability.alert") {
            Level::Alert
        } else if kind.contains("derivation") || kind.contains("backlog_review") || kind.starts_with("planning.plan.") {
            Level::Plan
        } else if ids.task.is_some() {
            Level::Task
        } else if kind.starts_with("planning.story.") {
            Level::Story
        } else {
            Level::Event
        };
        Self::new(level, record.at, line(&resolved.summary), ids).with(failed(&message.facts), Some(record.seq))
    }

    /// A delivery that failed for good.
    pub(super) fn of_delivery(delivery: &Delivery, ids: &Ids) -> Self {
        let how = match delivery.state {
            DeliveryState::Terminated => "refused it for good",
            _ => "had it too often, and the server gave up",
        };
        let what = format!("{}: {} {how}", delivery.event.event_type, delivery.consumer);
        let message =
            delivery.reason.as_deref().map_or_else(|| format!("after {} deliveries", delivery.attempts), line);
        let error = Failed { kind: Some(delivery.state.name().to_owned()), message };
        // Who published it is not who failed.
        let ids = Ids { agent: None, ..ids.clone() };
        Self::new(Level::Delivery, delivery.last, line(&what), &ids).with(Some(error), Some(delivery.event.seq))
    }

    /// What ties this failure to one that is deeper in the work and came first.
    fn follows(&self, cause: &Self) -> Option<&'static str> {
        // A consumer that refuses the news of a failure.
        if self.level == Level::Delivery && cause.level != Level::Delivery && self.seq == cause.seq {
            return Some("the same event");
        }
        let stands_alone = |failure: &Self| failure.level >= Level::Alert;
        if cause.level >= self.level || stands_alone(self) || cause.at > self.at.plus(SLACK) {
            return None;
        }
        let same = |a: &Option<Text>, b: &Option<Text>| a.is_some() && a == b;
        let apart = |a: &Option<Text>, b: &Option<Text>| a.is_some() && b.is_some() && a != b;
        if same(&self.task, &cause.task) {
            return match (same(&self.agent, &cause.agent), apart(&self.agent, &cause.agent)) {
                (true, _) => Some("the same task and agent"),
                // An agent does not fail because another did; what is above agents does.
                (false, true) if self.level <= Level::Answer => None,
                _ => Some("the same task"),
            };
        }
        if self.level == Level::Plan {
            if same(&self.plan, &cause.plan) {
                return Some("the same plan");
            }
            if same(&self.ceremony, &cause.ceremony) {
                return Some("the same ceremony");
            }
        }
        None
    }
}

#[derive(Debug, Default)]
pub(super) struct Causes {
    failures: Vec<Failure>,
    pub(super) more: u64,
}

impl Causes {
    pub(super) fn add(&mut self, failure: Failure) {
        if self.failures.len() < MAX_FAILURES {
            self.failures.push(failure);
        } else {
            self.more += 1;
        }
    }

    /// The nearest causes of each: all of the one level that is next below it.
    fn because(&self, at: usize) -> (Vec<usize>, Option<&'static str>) {
        let failure = &self.failures[at];
        let tied = |cause: usize| failure.follows(&self.failures[cause]).map(|how| (cause, how));
        let mut tied: Vec<_> = (0..self.failures.len()).filter(|cause| *cause != at).filter_map(tied).collect();
        if tied.iter().any(|(_, how)| *how == "the same event") {
            tied.retain(|(_, how)| *how == "the same event");
        }
        let nearest = tied.iter().map(|(cause, _)| self.failures[*cause].level).max();
        tied.retain(|(cause, _)| Some(self.failures[*cause].level) == nearest);
        // Of several the last ones: what failed before was tried again.
        let skipped = tied.len().saturating_sub(MAX_BECAUSE);
        let how = tied.last().map(|(_, how)| *how);
        (tied.into_iter().skip(skipped).map(|(cause, _)| cause).collect(), how)
    }

    /// Chains in order of their first failure.
    pub(super) fn chains(mut self) -> Capped<Chain> {
        self.failures.sort_by_key(|a| (a.at, a.level, a.seq));
        let because: Vec<_> = (0..self.failures.len()).map(|at| self.because(at)).collect();
        let mut chain_of: Vec<usize> = (0..self.failures.len()).collect();
        for (at, (causes, _)) in because.iter().enumerate() {
            for cause in causes {
                let (a, b) = (chain_of[at], chain_of[*cause]);
                chain_of.iter_mut().filter(|chain| **chain == a.max(b)).for_each(|chain| *chain = a.min(b));
            }
        }
        let mut chains = Capped::new(MAX_CHAINS);
        for first in 0..self.failures.len() {
            if chain_of[first] != first {
                continue;
            }
            let mut steps = Capped::new(MAX_STEPS);
            for (at, failure) in self.failures.iter().enumerate().filter(|(at, _)| chain_of[*at] == first) {
                let (causes, known_by) = &because[at];
                steps.push(Step {
                    number: at as u32 + 1,
                    kind: failure.level.name(),
                    at: failure.at,
                    what: failure.what.clone(),
                    error: failure.error.clone(),
                    task_id: maybe(failure.task.as_ref()),
                    agent_id: maybe(failure.agent.as_ref()),
                    seq: failure.seq,
                    because: causes.iter().map(|cause| *cause as u32 + 1).collect(),
                    known_by: *known_by,
                });
            }
            chains.push(Chain { steps });
        }
        chains
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(level: Level, second: i64, task: &str, agent: &str) -> Failure {
        let some = |text: &str| (!text.is_empty()).then(|| Text::from(text));
        let ids = Ids { task: some(task), agent: some(agent), plan: some("PL-1"), ..Ids::default() };
        Failure::new(level, Timestamp::from_millis(second * 1_000), format!("{level:?} {second}"), &ids)
    }

    fn chains(failures: Vec<Failure>) -> Vec<Vec<(u32, &'static str, Vec<u32>)>> {
        let causes = Causes { failures, more: 0 };
        let chain = |chain: Chain| chain.steps.items.into_iter().map(|s| (s.number, s.kind, s.because)).collect();
        causes.chains().items.into_iter().map(chain).collect()
    }

    #[test]
    fn a_chain_begins_with_the_deepest_and_goes_up() {
        let told = chains(vec![
            failure(Level::Plan, 9, "", ""),
            failure(Level::Deliberation, 5, "T-1", ""),
            failure(Level::Answer, 3, "T-1", "a"),
            failure(Level::Answer, 4, "T-1", "b"),
            failure(Level::LlmRequest, 2, "T-1", "a"),
            failure(Level::Answer, 6, "T-2", "a"),
        ]);
        let expected = [
            vec![
                (1, "llm_request", vec![]),
                (2, "answer", vec![1]),
                (3, "answer", vec![]),
                (4, "deliberation", vec![2, 3]),
                (6, "plan", vec![4]),
            ],
            vec![(5, "answer", vec![])],
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_came_later_or_belongs_to_others_is_no_cause() {
        let told = chains(vec![
            failure(Level::LlmRequest, 9, "T-1", "a"),
            failure(Level::Answer, 3, "T-1", "a"),
            failure(Level::LlmRequest, 1, "T-1", "b"),
            failure(Level::Alert, 10, "T-1", ""),
        ]);
        assert_eq!(told.len(), 4, "{told:?}");
    }

    #[test]
    fn more_than_can_be_told_apart_are_counted() {
        let mut causes = Causes::default();
        (0..1_000).for_each(|n| causes.add(failure(Level::Answer, n, &format!("T-{n}"), "a")));
        assert_eq!(causes.more, 700);
        let chains = causes.chains();
        assert_eq!((chains.items.len(), chains.more), (100, 200));
    }
}
