//! What the journal keeps: one ordered log of messages, deliveries and expiries, with what correlation made of them.

use serde::{Deserialize, Serialize};

use super::delivery::Delivery;
use super::ids::{Ids, TraceKey};
use super::message::Message;
use super::span::Span;
use super::text::Text;
use super::time::Timestamp;

/// Position in the journal. Grows by one per record; never reused.
pub type Seq = u64;

/// How much an entry asks for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing to do.
    #[default]
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
}

impl Severity {
    /// Name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What correlation found out about a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// The ids it is searched by.
    pub ids: Ids,
    /// The trace it is part of; `None` = no id to hang it on.
    pub trace: Option<TraceKey>,
    /// Continuation of the trace the spans go to, 0 = the first.
    pub part: u32,
    /// How much it asks for attention.
    pub severity: Severity,
    /// One line for people.
    pub summary: Text,
    /// Contract rules the message breaks.
    pub violations: Vec<Text>,
}

/// What kind of id a story was found to own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LinkKind {
    /// A task of the story.
    Task,
    /// A plan of the story.
    Plan,
    /// A ceremony the story takes part in.
    Ceremony,
    /// A deliberation about the story.
    Deliberation,
}

/// An id that belongs to a story: a search by the story finds what carries only this id, also what came before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The story.
    pub story: Text,
    /// What kind of id.
    pub kind: LinkKind,
    /// The id.
    pub id: Text,
}

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// A message of a source: an entry of the history.
    Message(Box<Message>, Box<Resolved>),
    /// A message's state at a consumer changed.
    Delivery(Box<Delivery>),
    /// Time went by and something expired.
    Tick,
}

/// One record of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its place in the journal.
    pub seq: Seq,
    /// The time it stands for: stored time of a message, time of a settlement or tick.
    pub at: Timestamp,
    /// What it is about.
    pub body: Body,
    /// Spans that depend on more than this record; the publish and process spans are not among them (see `spans_of`).
    pub spans: Vec<Span>,
    /// Ids newly known to belong to a story.
    pub links: Vec<Link>,
}

impl Record {
    /// When it happened, as far as that can be true: nothing was stored after it was received.
    pub fn happened(&self) -> Timestamp {
        match &self.body {
            Body::Message(message, _) if message.received != Timestamp::ZERO => self.at.min(message.received),
            _ => self.at,
        }
    }

    /// The message and what was resolved, if this record is an entry.
    pub fn entry(&self) -> Option<(&Message, &Resolved)> {
        match &self.body {
            Body::Message(message, resolved) => Some((message, resolved)),
            _ => None,
        }
    }

    /// The delivery, if this record is one.
    pub fn delivery(&self) -> Option<&Delivery> {
        match &self.body {
            Body::Delivery(delivery) => Some(delivery),
            _ => None,
        }
    }
}
