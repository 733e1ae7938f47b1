//! Contract drift: what publishers send against what the fleet's consumers ask for.
//!
//! Most of these make a consumer refuse the message for ever, without delay: the fleet's likeliest real fault.

use hashbrown::HashMap;

use crate::model::{Form, Key, Message, Text, Value};

/// When a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// One of the keys is absent or null.
    Lacks,
    /// One of the keys is empty text.
    Empty,
    /// The key is the text `None` where null is meant.
    TextNone,
    /// The time ends in an offset *and* `Z`.
    TwoOffsets,
    /// The time has no zone.
    NoZone,
    /// The time is a number too small for a date: a monotonic clock.
    NoDate,
    /// The message has no envelope.
    Bare,
    /// The message itself: nobody listens where it is sent.
    Unheard,
    /// The agent is named by the id of its deliberation.
    AgentIsDeliberation,
}

/// A rule of the contract between a publisher and a consumer.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stable name, a label value.
    pub name: &'static str,
    /// Event types it is about; one that ends in `.` means all that begin so.
    pub event_types: &'static [&'static str],
    /// The keys it is about.
    pub keys: &'static [Key],
    /// When it is broken.
    pub breach: Breach,
    /// Who needs it.
    pub consumers: &'static [&'static str],
    /// What happens, in one line.
    pub why: &'static str,
}

const CONTEXT_AND_ORCHESTRATOR: &[&str] = &["orch-planning-story-transitions", "context-planning-story-transitions"];

/// All rules, in the order they are checked.
pub const RULES: &[Rule] = &[
    Rule {
        name: "story_transitioned_lacks_from_phase",
        event_types: &["planning.story.transitioned"],
        keys: &[Key::FromPhase, Key::ToPhase],
        breach: Breach::Lacks,
        consumers: CONTEXT_AND_ORCHESTRATOR,
        why: "planning sends from_state and to_state, the consumers read from_phase and to_phase and refuse it for ever",
    },
    Rule {
        name: "story_transitioned_lacks_tasks",
        event_types: &["planning.story.transitioned"],
        keys: &[Key::Tasks],
        breach: Breach::Lacks,
        consumers: &["workflow-planning-events-v1"],
        why: "the workflow service reads tasks, raises without settling and gets it again every 30 s",
    },
    Rule {
        name: "plan_approved_lacks_roles",
        event_types: &["planning.plan.approved"],
        keys: &[Key::Roles],
        breach: Breach::Lacks,
        consumers: &["orch-planning-plan-approved"],
        why: "the orchestrator reads roles and refuses it for ever",
    },
    Rule {
        name: "plan_approved_lacks_timestamp",
        event_types: &["planning.plan.approved"],
        keys: &[Key::Timestamp],
        breach: Breach::Lacks,
        consumers: &["orch-planning-plan-approved"],
        why: "planning sends approved_at, the orchestrator reads timestamp and refuses it for ever",
    },
    Rule {
        name: "agent_failure_lacks_story_id",
        event_types: &["agent.response.failed"],
        keys: &[Key::StoryId],
        breach: Breach::Lacks,
        consumers: &["orch-agent-response-failed-v3"],
        why: "the orchestrator reads story_id, which failures do not carry, and refuses it for ever",
    },
    Rule {
        name: "project_created_lacks_created_at_ms",
        event_types: &["planning.project.created"],
        keys: &[Key::CreatedAtMs],
        breach: Breach::Lacks,
        consumers: &["context-planning-project-created"],
        why: "planning sends created_at, the context service reads created_at_ms",
    },
    Rule {
        name: "epic_created_lacks_created_at_ms",
        event_types: &["planning.epic.created"],
        keys: &[Key::CreatedAtMs],
        breach: Breach::Lacks,
        consumers: &["context-planning-epic-created"],
        why: "planning sends created_at, the context service reads created_at_ms",
    },
    Rule {
        name: "task_completed_lacks_story_id",
        event_types: &["orchestration.task.completed", "orchestration.task.failed"],
        keys: &[Key::StoryId],
        breach: Breach::Empty,
        consumers: &[],
        why: "the orchestrator did not know the story and sent empty text",
    },
    Rule {
        name: "plan_id_is_text_none",
        event_types: &["planning.task.created", "planning.tasks.derived"],
        keys: &[Key::PlanId],
        breach: Breach::TextNone,
        consumers: &["context-planning-task-created"],
        why: "an absent plan is written as the text None and read as a plan of that name",
    },
    Rule {
        name: "timestamp_has_two_offsets",
        event_types: &["planning."],
        keys: &[Key::Timestamp],
        breach: Breach::TwoOffsets,
        consumers: &[],
        why: "the time ends in +00:00Z, which strict parsers refuse",
    },
    Rule {
        name: "timestamp_lacks_zone",
        event_types: &["workflow."],
        keys: &[Key::Timestamp],
        breach: Breach::NoZone,
        consumers: &[],
        why: "the time is local time without a zone",
    },
    Rule {
        name: "timestamp_is_no_date",
        event_types: &["context.", "orchestration.", "deliberation."],
        keys: &[Key::Timestamp],
        breach: Breach::NoDate,
        consumers: &[],
        why: "the time counts seconds since the process started",
    },
    Rule {
        name: "context_updated_is_unheard",
        event_types: &["context.events.updated"],
        keys: &[],
        breach: Breach::Unheard,
        consumers: &["orch-context-updated"],
        why: "the orchestrator listens on context.updated, which is never sent",
    },
    Rule {
        name: "stream_start_names_no_agent",
        event_types: &["vllm."],
        keys: &[Key::AgentId, Key::DeliberationId],
        breach: Breach::AgentIsDeliberation,
        consumers: &[],
        why: "agent_id carries the deliberation id",
    },
    Rule {
        name: "lacks_envelope",
        event_types: &["planning.", "agent.", "orchestration.", "task.derivation.", "workflow.", "context.events."],
        keys: &[],
        breach: Breach::Bare,
        consumers: &[],
        why: "consumers since December 2025 settle a message without the envelope and drop it",
    },
];

impl Rule {
    fn applies(&self, event_type: &str) -> bool {
        self.event_types.iter().any(|of| if of.ends_with('.') { event_type.starts_with(of) } else { *of == event_type })
    }

    fn broken(&self, message: &Message) -> bool {
        let facts = &message.facts;
        let text = |key: &Key| match facts.get(*key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        match self.breach {
            Breach::Lacks => self.keys.iter().any(|key| !facts.has(*key)),
            Breach::Empty => self.keys.iter().any(|key| text(key).is_some_and(|t| t.trim().is_empty())),
            Breach::TextNone => self.keys.iter().any(|key| text(key).is_some_and(|t| t == "None")),
            Breach::TwoOffsets => self.keys.iter().any(|key| text(key).is_some_and(|t| t.ends_with("+00:00Z"))),
            Breach::NoZone => self.keys.iter().any(|key| text(key).is_some_and(is_naive)),
            Breach::NoDate => self.keys.iter().any(|key| match facts.get(*key) {
                // Before 1980: no clock of a fleet.
                Some(Value::Float(seconds)) => seconds < 315_532_800.0,
                Some(Value::Int(seconds)) => seconds < 315_532_800,
                _ => false,
            }),
            Breach::Bare => message.form == Form::Bare && message.undecodable.is_none(),
            Breach::Unheard => true,
            Breach::AgentIsDeliberation => {
                matches!(self.keys, [a, b] if text(a).is_some() && text(a) == text(b))
            }
        }
    }
}

/// A date and a time of day with neither offset nor `Z`.
fn is_naive(text: &str) -> bool {
    let Some((_, time)) = text.split_once(['T', ' ']) else { return false };
    time.contains(':') && !time.contains(['+', '-', 'Z', 'z'])
}

/// Event types whose rules are remembered: far more than a fleet has.
const MAX_TYPES: usize = 1024;

/// Finds what a message breaks; remembers which rules are about which event type.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// With each rule its name, shared by all who break it.
    of_type: HashMap<Text, Vec<(&'static Rule, Text)>>,
}

impl Rules {
    /// The rules a message breaks.
    pub(super) fn violations(&mut self, message: &Message) -> Vec<Text> {
        if message.undecodable.is_some() {
            return Vec::new();
        }
        if !self.of_type.contains_key(&message.event_type) {
            if self.of_type.len() >= MAX_TYPES {
                self.of_type.clear();
            }
            let rules = RULES.iter().filter(|rule| rule.applies(&message.event_type));
            let rules = rules.map(|rule| (rule, rule.name.into())).collect();
            self.of_type.insert(message.event_type.clone(), rules);
        }
        let broken = self.of_type[&message.event_type].iter().filter(|(rule, _)| rule.broken(message));
        broken.map(|(_, name)| name.clone()).collect()
    }
}
