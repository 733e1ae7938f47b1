//! Records and state → what browsers get.
//! Takes: the tail, the board, the journal for what lies further back. Gives: frames for each client's filter.
//! Never: slows ingest for a slow client, or leaves a hole unmarked.

mod entry;
mod frame;
mod hub;
mod parts;
mod past;
mod plan;
mod queue;
mod replay;
mod seats;
mod selection;
mod standing;
mod state;
mod subscriber;
mod subscription;
mod time;
mod view;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub(crate) use entry::{Detail, Event, event_json};
pub(crate) use frame::{Frame, Kind};
pub(crate) use parts::Parts;
pub(crate) use plan::{longest_wait, pace};
pub(crate) use replay::{Clock, Control, Pace, Plan, Replay};
pub(crate) use seats::{Full, Seat, Seats};
pub(crate) use selection::{FIELDS, Invalid, detail, narrow};
pub(crate) use standing::Polls;
pub(crate) use subscriber::Subscriber;
pub(crate) use subscription::{ClientMessage, MAX_SUBSCRIPTIONS, Said, Since, Subscription, SubscriptionId};
pub(crate) use time::Time;
pub(crate) use view::{AgentJson, ConsumerJson, CouncilJson, DeliberationJson, StoryJson, StreamJson, consumers};

use crate::model::{Seq, Timestamp};

/// Clients that may wait to go live; each is answered within a round.
const JOINS: usize = 64;

/// Handle to the live feed.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    parts: Arc<Parts>,
    joins: mpsc::Sender<hub::Join>,
    position: watch::Receiver<Seq>,
}

impl Feed {
    /// Starts the hub; it ends with `stop`. Who takes nothing for as long as `patience` is sent away.
    pub(crate) fn start(
        parts: Arc<Parts>,
        patience: Duration,
        stop: CancellationToken,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (joins, waiting) = mpsc::channel(JOINS);
        let (at, position) = watch::channel(parts.tail.head());
        let hub = hub::Hub::new(Arc::clone(&parts), patience, waiting, at);
        (Self { parts, joins, position }, tokio::spawn(hub.run(stop)))
    }

    /// The frame a connection begins with.
    pub(crate) async fn hello(&self) -> Frame {
        let oldest = self.parts.blocking(|p| p.journal.stats()).await.map_or(0, |stats| stats.first_seq);
        Frame::hello(self.parts.tail.head(), oldest, Timestamp::now())
    }

    /// What there was, once more.
    pub(crate) fn replay(&self, plan: Plan) -> Replay {
        Replay::new(Arc::clone(&self.parts), plan)
    }

    /// A client's frames from where it asked to begin.
    pub(crate) fn subscribe(&self, subscription: Subscription) -> Subscriber {
        Subscriber::new(self.clone(), subscription)
    }
}
