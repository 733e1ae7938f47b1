//! One term of the filter language: a field and its values, or texts; wanted or not.

use serde::{Deserialize, Serialize};

use super::{Glob, says};
use crate::model::delivery::Known;
use crate::model::message::{Message, Source};
use crate::model::record::{Resolved, Severity};
use crate::model::text::Text;

/// A field of an entry that holds a text, compared as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    /// Story. In history it also stands for the story's plans, tasks, deliberations and ceremonies.
    Story,
    /// Task.
    Task,
    /// Ceremony.
    Ceremony,
    /// Plan.
    Plan,
    /// Role, case ignored.
    Role,
    /// Agent.
    Agent,
    /// Publishing service.
    Producer,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Story, Self::Task, Self::Ceremony, Self::Plan, Self::Role, Self::Agent, Self::Producer];

    /// Its word in the filter language and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Story => "story",
            Self::Task => "task",
            Self::Ceremony => "ceremony",
            Self::Plan => "plan",
            Self::Role => "role",
            Self::Agent => "agent",
            Self::Producer => "producer",
        }
    }

    /// What an entry holds there.
    pub fn of<'a>(self, message: &'a Message, resolved: &'a Resolved) -> Option<&'a Text> {
        let ids = &resolved.ids;
        match self {
            Self::Story => ids.story.as_ref(),
            Self::Task => ids.task.as_ref(),
            Self::Ceremony => ids.ceremony.as_ref(),
            Self::Plan => ids.plan.as_ref(),
            Self::Role => ids.role.as_ref(),
            Self::Agent => ids.agent.as_ref(),
            Self::Producer => message.producer.as_ref(),
        }
    }

    fn is(self, have: &str, wanted: &str) -> bool {
        if self == Self::Role { have.eq_ignore_ascii_case(wanted) } else { have == wanted }
    }
}

/// What is asked of an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Test {
    /// The field holds one of these.
    Is(Column, Vec<String>),
    /// The type fits one of these.
    Type(Vec<Glob>),
    /// It comes from one of these.
    Source(Vec<Source>),
    /// At least this.
    Severity(Severity),
    /// Payload, subject or summary holds one of these, ASCII case ignored.
    Text(Vec<String>),
}

/// A term: a test that an entry must pass, or must not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clause {
    /// Whether the term begins with `-`: entries that pass the test are left out.
    pub not: bool,
    /// The test.
    pub test: Test,
}

impl Clause {
    /// Whether it is about text, which is looked at last.
    pub const fn is_text(&self) -> bool {
        matches!(self.test, Test::Text(_))
    }

    /// The stories it names.
    pub fn stories(&self) -> Option<&[String]> {
        match &self.test {
            Test::Is(Column::Story, stories) => Some(stories),
            _ => None,
        }
    }

    /// Whether an entry passes, as far as no text is asked for.
    pub(super) fn fits_columns(&self, message: &Message, resolved: &Resolved) -> bool {
        let passes = match &self.test {
            Test::Is(column, wanted) => {
                column.of(message, resolved).is_some_and(|have| wanted.iter().any(|w| column.is(have, w)))
            }
            Test::Type(globs) => globs.iter().any(|glob| glob.matches(&message.event_type)),
            Test::Source(sources) => sources.contains(&message.source),
            Test::Severity(least) => resolved.severity >= *least,
            Test::Text(_) => return true,
        };
        passes != self.not
    }

    /// Whether an entry passes, as far as text is asked for.
    pub(super) fn fits_text(&self, message: &Message, resolved: &Resolved) -> bool {
        match &self.test {
            Test::Text(texts) => texts.iter().any(|text| says(message, resolved, text)) != self.not,
            _ => true,
        }
    }

    /// Whether an entry of which only this much is known may pass.
    pub fn may_fit(&self, event: &Known) -> bool {
        let passes = match &self.test {
            Test::Is(Column::Story, wanted) => event.story.as_deref().is_some_and(|s| wanted.iter().any(|w| w == s)),
            Test::Type(globs) => globs.iter().any(|glob| glob.matches(&event.event_type)),
            _ => return true,
        };
        passes != self.not
    }
}
