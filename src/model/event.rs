//! What a source hands to ingest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::delivery::Settlement;
use super::message::Message;
use super::panel::Panel;
use super::report::{ConsumersReport, StreamsReport};
use super::text::Text;
use super::time::Timestamp;

/// One thing a source saw.
#[derive(Clone, Debug)]
pub enum Event {
    /// A message: becomes an entry of the history.
    Message(Box<Message>),
    /// What a consumer answered.
    Settlement(Settlement),
    /// What the server says of its consumers and streams.
    Advisory(Advisory),
    /// A poll of a stream's consumers.
    Consumers(ConsumersReport),
    /// A poll of the streams.
    Streams(StreamsReport),
    /// The last good state of a watched system.
    Panel(Arc<Panel>),
    /// Time goes by: lets correlation expire what is overdue.
    Tick(Timestamp),
}

/// The kinds of advisory that mean something to the fleet's watchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdvisoryKind {
    /// A consumer appeared.
    ConsumerCreated,
    /// A consumer went.
    ConsumerDeleted,
    /// A consumer was paused or resumed.
    ConsumerPaused,
    /// A stream appeared.
    StreamCreated,
    /// A stream's configuration changed.
    StreamUpdated,
    /// A stream went.
    StreamDeleted,
    /// Any other advisory.
    Other,
}

impl AdvisoryKind {
    /// Name in labels and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConsumerCreated => "consumer_created",
            Self::ConsumerDeleted => "consumer_deleted",
            Self::ConsumerPaused => "consumer_paused",
            Self::StreamCreated => "stream_created",
            Self::StreamUpdated => "stream_updated",
            Self::StreamDeleted => "stream_deleted",
            Self::Other => "other",
        }
    }
}

/// An advisory that is no settlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisory {
    /// What happened.
    pub kind: AdvisoryKind,
    /// Stream, where it names one.
    pub stream: Option<Text>,
    /// Consumer, where it names one.
    pub consumer: Option<Text>,
    /// When Fleetscope saw it.
    pub at: Timestamp,
}

/// How far a source has been read; committed together with the entries it led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What is read: `nats/<stream>`.
    pub key: Text,
    /// Last sequence read.
    pub seq: u64,
    /// When the stream was created, in nanoseconds: tells one life of a stream from the next.
    pub created: i64,
    /// Which life of the stream this is, counted from 0.
    pub incarnation: u32,
}

/// Events in the order seen, with the positions they bring their source to.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// In order.
    pub events: Vec<Event>,
    /// To be committed with them.
    pub positions: Vec<Position>,
}
