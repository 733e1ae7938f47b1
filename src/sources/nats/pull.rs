//! An ordered pull consumer of one stream: ephemeral, without acks, never more asked for than the client can hold.
//!
//! The client library's own ordered consumer is not used: made again before its first message it starts from the
//! stream's beginning, it asks for ever for a stream that is gone, and its batch is fixed.

use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures::StreamExt as _;
use futures::stream::ReadyChunks;
use tokio::time::Instant;

use crate::model::Timestamp;

use super::api::Api;
use super::begin::Deliver;
use super::error::ApiError;
use super::wire::{NewConsumer, Pull};
use super::{OWN_PREFIX, ack};

/// The server forgets a consumer of ours that nobody asks for this long.
const INACTIVE: Duration = Duration::from_secs(20);
/// How long a pull waits on the server.
const EXPIRES: Duration = Duration::from_secs(10);
/// A pull that waits is heard of this often…
const HEARTBEAT: Duration = Duration::from_secs(2);
/// …or it is dead.
const SILENCE: Duration = Duration::from_secs(5);
/// Bytes of one pull, unless a single message may be larger.
const MAX_BYTES: usize = 2 << 20;

/// Why the consumer has to be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Neither messages nor heartbeats.
    Silent,
    /// A delivery is missing: lost on the way, or dropped by a full subscription.
    Hole,
    /// The server says that it is gone.
    Deleted,
    /// Nothing answers a pull.
    NoResponders,
    /// The server refuses the pull.
    Refused,
    /// The subscription ended.
    Closed,
}

impl Broken {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Silent => "missing_heartbeat",
            Self::Hole => "delivery_gap",
            Self::Deleted => "consumer_deleted",
            Self::NoResponders => "no_responders",
            Self::Refused => "pull_refused",
            Self::Closed => "subscription_closed",
        }
    }
}

/// A message, with where and since when it is stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) message: Message,
}

/// A consumer on the server, and our end of it.
#[derive(Debug)]
pub(super) struct Puller {
    api: Api,
    stream: String,
    name: String,
    inbox: String,
    messages: ReadyChunks<Subscriber>,
    batch: usize,
    /// Asked for and not yet here.
    outstanding: usize,
    consumer_seq: u64,
    heard: Instant,
    /// Messages the server still had when it sent the last one.
    pub(super) pending: u64,
}

impl Puller {
    /// Makes the consumer. Nothing is asked for yet.
    pub(super) async fn create(api: &Api, stream: &str, from: Deliver, batch: u32) -> Result<Self, ApiError> {
        let name = format!("{OWN_PREFIX}{:016x}", fastrand::u64(..));
        let inbox = api.inbox();
        let batch = batch as usize;
        let messages = api.subscribe(&inbox).await?.ready_chunks(batch.max(64));
        let consumer = api.create_consumer(stream, config(&name, from, INACTIVE)).await?;
        Ok(Self {
            api: api.clone(),
            stream: stream.to_owned(),
            name,
            inbox,
            messages,
            batch,
            outstanding: 0,
            consumer_seq: 0,
            heard: Instant::now(),
            pending: consumer.num_pending,
        })
    }

    /// The messages at hand, status messages left out; empty when there were only those. Cancel-safe.
    pub(super) async fn next(&mut self, into: &mut Vec<Stored>) -> Result<(), Broken> {
        if self.outstanding <= self.batch / 2 {
            self.pull().await?;
        }
        // A chunk is bounded, so it may be taken in one go; else tokio's budget would cut it at 128 messages.
        let chunk = tokio::task::unconstrained(self.messages.next());
        let chunk = match tokio::time::timeout_at(self.heard + SILENCE, chunk).await {
            Err(_) => return Err(Broken::Silent),
            Ok(None) => return Err(Broken::Closed),
            Ok(Some(chunk)) => chunk,
        };
        self.heard = Instant::now();
        for message in chunk {
            match message.status {
                None => {
                    let delivered = message.reply.as_deref().and_then(ack::subject).ok_or(Broken::Hole)?;
                    if delivered.consumer_seq != self.consumer_seq + 1 {
                        return Err(Broken::Hole);
                    }
                    self.consumer_seq = delivered.consumer_seq;
                    self.pending = delivered.pending;
                    self.outstanding = self.outstanding.saturating_sub(1);
                    into.push(Stored { seq: delivered.stream_seq, at: delivered.stored, message });
                }
                Some(status) => self.status(status.as_u16(), &message)?,
            }
        }
        Ok(())
    }

    fn status(&mut self, status: u16, message: &Message) -> Result<(), Broken> {
        let text = message.description.as_deref().unwrap_or_default();
        match status {
            100 => Ok(()),
            503 => Err(Broken::NoResponders),
            400 => Err(Broken::Refused),
            409 if text.contains("Deleted") || text.contains("Shutdown") || text.contains("Leadership") => {
                Err(Broken::Deleted)
            }
            409 if text.starts_with("Exceeded") || text.contains("push based") => Err(Broken::Refused),
            _ => {
                // The pull is over: what it did not bring will not come.
                let left = message.headers.as_ref().and_then(|h| h.get("Nats-Pending-Messages"));
                let left = left.and_then(|v| v.as_str().parse().ok()).unwrap_or(self.outstanding);
                self.outstanding = self.outstanding.saturating_sub(left);
                Ok(())
            }
        }
    }

    async fn pull(&mut self) -> Result<(), Broken> {
        let pull = Pull {
            batch: self.batch,
            max_bytes: MAX_BYTES.max(self.api.max_payload() + (64 << 10)),
            expires: EXPIRES.as_nanos() as u64,
            idle_heartbeat: HEARTBEAT.as_nanos() as u64,
        };
        self.api.pull(&self.stream, &self.name, &self.inbox, &pull).await.map_err(|_| Broken::Closed)?;
        self.outstanding += self.batch;
        self.heard = Instant::now();
        Ok(())
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Starts the silence anew: for one who let messages wait.
    pub(super) fn excuse(&mut self) {
        self.heard = Instant::now();
    }

    /// Removes the consumer from the server, as far as that is possible and allowed.
    pub(super) async fn remove(self) {
        let gone = self.api.delete_consumer(&self.stream, &self.name);
        let _ = tokio::time::timeout(Duration::from_millis(500), gone).await;
    }
}

/// The consumer we make. `inactive`: how long it outlives us.
pub(super) fn config(name: &str, from: Deliver, inactive: Duration) -> NewConsumer<'_> {
    let (deliver_policy, opt_start_seq, opt_start_time) = match from {
        Deliver::Seq(seq) => ("by_start_sequence", Some(seq), None),
        Deliver::Time(time) => ("by_start_time", None, Some(time.to_string())),
    };
    NewConsumer {
        name,
        description: "Fleetscope reads along; it goes away by itself",
        deliver_policy,
        opt_start_seq,
        opt_start_time,
        ack_policy: "none",
        replay_policy: "instant",
        max_deliver: 1,
        inactive_threshold: inactive.as_nanos() as u64,
        num_replicas: 1,
        mem_storage: true,
    }
}
