//! The tools: names, what they are good for, the schemas of their arguments.

use std::sync::{Arc, LazyLock};

use rmcp::handler::server::tool::schema_for_type;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::answer::{self, Told, parse};
use super::ask::{Ask, Refused};
use super::{agent, args, consumers, events, state, story, why};

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    SearchEvents,
    GetEvent,
    StoryTimeline,
    WhyFailed,
    AgentHistory,
    ConsumerHealth,
    StateAt,
    Compare,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::WhyFailed,
        Self::StoryTimeline,
        Self::SearchEvents,
        Self::GetEvent,
        Self::AgentHistory,
        Self::ConsumerHealth,
        Self::StateAt,
        Self::Compare,
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SearchEvents => "search_events",
            Self::GetEvent => "get_event",
            Self::StoryTimeline => "story_timeline",
            Self::WhyFailed => "why_failed",
            Self::AgentHistory => "agent_history",
            Self::ConsumerHealth => "consumer_health",
            Self::StateAt => "state_at",
            Self::Compare => "compare",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::SearchEvents => "Search the fleet's events",
            Self::GetEvent => "All about one event",
            Self::StoryTimeline => "A story from its first event on",
            Self::WhyFailed => "Why something failed",
            Self::AgentHistory => "What an agent did",
            Self::ConsumerHealth => "How consumers keep up",
            Self::StateAt => "The fleet at a time",
            Self::Compare => "Two stories side by side",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::SearchEvents => {
                "Events of the fleet (messages between its services, what Ray, vLLM, Neo4j, Valkey, Kubernetes and \
                 alerts showed) that fit a filter, a page at a time. For each: when, type, producer, story, task, role, \
                 agent, severity, a summary, and where it stands at each consumer. `as_of` tells how current it is."
            }
            Self::GetEvent => {
                "One event by its seq: all ids, the known fields of its payload, rules of the contract it breaks, \
                 deliveries per consumer, trace ids; with a token of role debug the payload as it was sent."
            }
            Self::StoryTimeline => {
                "A story: how it stands, its phases, tasks, deliberations with each agent's answer, deliveries by consumer, \
                 Ray jobs, LLM requests, chains of failures with what followed from them, contract violations, tokens and \
                 cost; and its events, oldest first. Events of its plans, tasks and ceremonies are among them."
            }
            Self::WhyFailed => {
                "What went wrong with a story, a task, an agent or a Ray job: the first failure with its error, the \
                 chain of failures and warnings after it, what came just before and after, deliveries that were refused \
                 or given up, failed Ray jobs, and trouble around it at that time (crashed pods, alerts, language \
                 models). It shows what was recorded; it does not guess a cause."
            }
            Self::AgentHistory => {
                "An agent: state, council, model, success rate, mean duration, tokens, its last ten tasks with their \
                 outcomes, and its events, newest first."
            }
            Self::ConsumerHealth => {
                "The fleet's durable NATS consumers, the worst first: `ok`, `behind`, `unattended` (nobody asks for \
                 messages), `redelivering`, `stuck` (the ack floor stands still) or `paused`, with what is pending, and \
                 the streams they read."
            }
            Self::StateAt => {
                "What the fleet is doing now or was doing at a time: councils, agents with state and task, deliberations, \
                 stories, LLM requests, Ray jobs, components. Of the past it is made again from the journal, and `past` \
                 tells what it stands for; what watched systems showed then is not kept, and `stale_because` says so."
            }
            Self::Compare => {
                "Two stories side by side, one figure a row: durations of phases and deliberations, answers and tokens by \
                 role and model, latency, naks and redeliveries by consumer, requests by model, failures, cost."
            }
        }
    }

    fn schema(self) -> Arc<JsonObject> {
        match self {
            Self::SearchEvents => schema_for_type::<args::SearchEvents>(),
            Self::GetEvent => schema_for_type::<args::GetEvent>(),
            Self::StoryTimeline => schema_for_type::<args::StoryTimeline>(),
            Self::WhyFailed => schema_for_type::<args::WhyFailed>(),
            Self::AgentHistory => schema_for_type::<args::AgentHistory>(),
            Self::ConsumerHealth => schema_for_type::<args::ConsumerHealth>(),
            Self::StateAt => schema_for_type::<args::StateAt>(),
            Self::Compare => schema_for_type::<args::Compare>(),
        }
    }

    /// As clients are told of it.
    pub(super) fn tool(self) -> Tool {
        static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| Kind::ALL.iter().map(|kind| kind.describe()).collect());
        let at = Self::ALL.iter().position(|kind| *kind == self).expect("every kind is among them");
        TOOLS[at].clone()
    }

    fn describe(self) -> Tool {
        let mut schema = (*self.schema()).clone();
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.extend(reading());
        }
        // The type's own words are for those who read the code.
        schema.remove("description");
        schema.remove("title");
        let hints = ToolAnnotations::with_title(self.title()).read_only(true).idempotent(true).open_world(false);
        Tool::new(self.name(), self.description(), schema)
            .with_title(self.title())
            .with_annotations(hints.destructive(false))
    }

    /// Finds out. `room` = bytes that an answer may take.
    pub(super) async fn run<A: Ask>(
        self,
        ask: &A,
        arguments: Map<String, Value>,
        room: usize,
    ) -> Result<Told, Refused> {
        match self {
            Self::SearchEvents => events::search(ask, parse(arguments)?, room).await,
            Self::GetEvent => events::one(ask, &parse(arguments)?).await,
            Self::StoryTimeline => story::timeline(ask, parse(arguments)?, room).await,
            Self::WhyFailed => why::failed(ask, &parse(arguments)?).await,
            Self::AgentHistory => agent::history(ask, parse(arguments)?, room).await,
            Self::ConsumerHealth => consumers::health(ask, &parse(arguments)?).await,
            Self::StateAt => state::at(ask, &parse(arguments)?).await,
            Self::Compare => story::compare(ask, parse(arguments)?).await,
        }
    }
}

/// What every tool takes besides.
fn reading() -> JsonObject {
    let (least, bytes, most) = (answer::LEAST, answer::BYTES, answer::MOST);
    let properties = json!({
        "max_bytes": {
            "type": "integer", "minimum": least, "maximum": most,
            "description": format!("Longest answer in bytes, {bytes} if not said. What does not fit is cut, and `cut` names it."),
        },
        "part": {
            "type": "string",
            "description": "Read only this part of the answer, whole: a JSON pointer, as `cut` of an earlier answer gives it.",
        },
        "offset": {
            "type": "integer", "minimum": 0,
            "description": "Begin within `part` after so many characters or items, as `cut` gives it.",
        },
    });
    let Value::Object(properties) = properties else { unreachable!("an object was written") };
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_described_and_only_read() {
        for kind in Kind::ALL {
            let tool = kind.tool();
            let hints = tool.annotations.as_ref().expect("hints");
            assert_eq!((hints.read_only_hint, hints.destructive_hint), (Some(true), Some(false)));
            assert!(tool.description.as_ref().is_some_and(|d| d.len() > 80));
            assert_eq!(tool.input_schema["additionalProperties"], false, "{}", tool.name);
            let properties = tool.input_schema["properties"].as_object().expect("properties");
            for (name, property) in properties {
                assert!(property["description"].is_string(), "{}.{name}: {property}", tool.name);
            }
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
    }
}
