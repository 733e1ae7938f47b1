//! Where an entry stands at each consumer: what the journal saw, and what follows from the consumers' last poll.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::board::Board;
use crate::model::{ConsumerInfo, ConsumersReport, Delivery, DeliveryState, Message, Seq, StreamInfo, Timestamp};

/// A message at one consumer.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Standing<'a> {
    /// The durable consumer.
    pub(crate) consumer: &'a str,
    /// `pending`, `delivered`, `in_progress`, `nacked`, `acked`, `terminated`, `max_deliveries` or `settled`.
    pub(crate) state: &'static str,
    /// Deliveries so far.
    pub(crate) attempts: u64,
    /// Stored → last settlement in milliseconds; null where that was not seen.
    pub(crate) latency_ms: Option<f64>,
}

impl<'a> From<&'a Delivery> for Standing<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        Self {
            consumer: &delivery.consumer,
            state: delivery.state.name(),
            attempts: delivery.attempts,
            latency_ms: delivery.latency_ms().map(|ms| (ms * 1e3).round() / 1e3),
        }
    }
}

/// A standing as the `deliveries` frame tells it: with the entry it belongs to.
#[derive(Debug, Serialize)]
pub(crate) struct Settled<'a> {
    pub(crate) seq: Seq,
    #[serde(flatten)]
    pub(crate) standing: Standing<'a>,
}

/// What was seen, then what follows for the other consumers that want the message: below the ack floor it is settled
/// at an unknown time, up to the last delivery it is delivered, above it is pending.
pub(crate) fn standings<'a>(
    message: &Message,
    seen: &'a [Delivery],
    consumers: Option<&'a ConsumersReport>,
) -> Vec<Standing<'a>> {
    let mut all: Vec<Standing<'a>> = seen.iter().map(Standing::from).collect();
    let Some(report) = consumers else { return all };
    for consumer in &report.consumers {
        let told = seen.iter().any(|d| d.consumer == consumer.name);
        if !told && consumer.wants(&message.subject) && addressed(consumer, message) {
            let state = derived(consumer, message.stream_seq);
            let attempts = u64::from(state != DeliveryState::Pending);
            all.push(Standing { consumer: &consumer.name, state: state.name(), attempts, latency_ms: None });
        }
    }
    all
}

/// A consumer made after the message, and already past it, may never have been given it: nothing is known then.
fn addressed(consumer: &ConsumerInfo, message: &Message) -> bool {
    !(consumer.created > message.stored && message.stream_seq <= consumer.ack_floor_seq)
}

fn derived(consumer: &ConsumerInfo, stream_seq: u64) -> DeliveryState {
    if stream_seq <= consumer.ack_floor_seq {
        DeliveryState::Settled
    } else if stream_seq <= consumer.delivered_seq {
        DeliveryState::Delivered
    } else {
        DeliveryState::Pending
    }
}

/// The consumers as last polled, by stream: a cheap copy of the board's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Polls(Vec<(Timestamp, Arc<ConsumersReport>)>);

impl Polls {
    pub(crate) fn of(board: &Board) -> Self {
        board.read(|state| {
            let Some(streams) = &state.streams else { return Self::default() };
            let polled = |s: &StreamInfo| Some((s.created, Arc::clone(state.consumers.get(&s.name)?)));
            Self(streams.streams.iter().filter_map(polled).collect())
        })
    }

    /// The consumers of the message's stream, unless the stream was made anew since: sequences then mean something
    /// else.
    pub(crate) fn for_message(&self, message: &Message) -> Option<&ConsumersReport> {
        let (created, report) = self.0.iter().find(|(_, report)| report.stream == message.stream)?;
        (message.stored >= *created).then_some(report)
    }
}
