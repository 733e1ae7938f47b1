//! What became of a message at each consumer: the settlements the ack tap sees, and the delivery they add up to.

use serde::{Deserialize, Serialize};

use super::ids::TraceKey;
use super::record::Seq;
use super::text::Text;
use super::time::Timestamp;

/// What a consumer answered to one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SettlementKind {
    /// Processed.
    Ack,
    /// Refused; the server delivers again, after the delay if one was asked for.
    Nak {
        /// Nanoseconds.
        delay: Option<u64>,
    },
    /// Refused for good.
    Term {
        /// As the consumer gave it, shortened and masked.
        reason: Option<Text>,
    },
    /// Still at work; the ack wait starts anew.
    Progress,
    /// The server gave up: the consumer's delivery limit was reached.
    MaxDeliveries,
}

/// One acknowledgement as seen on `$JS.ACK.>`, or an advisory or metric that says the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Stream.
    pub stream: Text,
    /// Durable consumer.
    pub consumer: Text,
    /// The message's sequence in the stream.
    pub stream_seq: u64,
    /// How often the message has been delivered to this consumer, this time included.
    pub deliveries: u64,
    /// When the server stored the message; zero where the signal does not say.
    pub stored: Timestamp,
    /// When Fleetscope saw the settlement.
    pub at: Timestamp,
    /// What the consumer said.
    pub kind: SettlementKind,
    /// The entry it belongs to, where the one who passes it on already looked it up in the journal.
    pub known: Option<Known>,
}

/// What is known of the message a settlement belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The message's entry.
    pub seq: Seq,
    /// Which life of the stream the entry belongs to.
    pub incarnation: u32,
    /// When the server stored it.
    pub stored: Timestamp,
    /// The subject template.
    pub event_type: Text,
    /// The trace it is part of.
    pub trace: Option<TraceKey>,
    /// The story it is part of.
    pub story: Option<Text>,
}

/// Where a message stands at one consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not delivered yet, as far as is known.
    Pending,
    /// Delivered, not settled.
    Delivered,
    /// The consumer asked for more time.
    InProgress,
    /// Refused; will be delivered again.
    Nacked,
    /// Processed.
    Acked,
    /// Refused for good.
    Terminated,
    /// The server gave up.
    MaxDeliveries,
    /// Below the consumer's ack floor, but Fleetscope did not see when.
    Settled,
}

impl DeliveryState {
    /// Name in the API and in labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::InProgress => "in_progress",
            Self::Nacked => "nacked",
            Self::Acked => "acked",
            Self::Terminated => "terminated",
            Self::MaxDeliveries => "max_deliveries",
            Self::Settled => "settled",
        }
    }

    /// Whether nothing more is expected.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Acked | Self::Terminated | Self::MaxDeliveries | Self::Settled)
    }
}

/// The state of one message at one consumer, folded: a loop of naks is one delivery with a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The message's entry.
    pub event: Known,
    /// Stream.
    pub stream: Text,
    /// Sequence in the stream.
    pub stream_seq: u64,
    /// Durable consumer.
    pub consumer: Text,
    /// Where it stands.
    pub state: DeliveryState,
    /// Deliveries so far.
    pub attempts: u64,
    /// When the first settlement of this message at this consumer was seen.
    pub first: Timestamp,
    /// When the last one was seen.
    pub last: Timestamp,
    /// Naks seen so far.
    pub naks: u64,
    /// The reason given with a term.
    pub reason: Option<Text>,
    /// True where the time is only as exact as the poll interval (no tap).
    pub polled: bool,
}

impl Delivery {
    /// Stored → last settlement, in milliseconds; `None` where the settling itself was not seen.
    pub fn latency_ms(&self) -> Option<f64> {
        match self.state {
            DeliveryState::Settled | DeliveryState::Pending | DeliveryState::Delivered => None,
            _ => Some(self.last.since(self.event.stored).as_secs_f64() * 1e3),
        }
    }
}
