//! One stream, read for as long as it exists.
//! Takes: deliveries of an ordered consumer. Gives: messages in stream order, each once, with the position.
//! Never: gives up because of an error, or waits for a consumer that the server forgot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::{Message, Position, Text, Timestamp};

use super::api::Api;
use super::begin::{self, Begin};
use super::decode::{self, Raw};
use super::error::ApiError;
use super::gap::Gaps;
use super::outlet::{Gone, Outlet};
use super::pull::{Broken, Puller};
use super::{SOURCE, Shared, ack, backoff, walk, wire};

/// The server says that there is more, yet nothing comes for this long: the consumer is stuck.
const STUCK: Duration = Duration::from_secs(8);

/// A stream as reader, discovery and poll share it.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: Text,
    /// How far it was handed to ingest.
    pub(super) position: Arc<Mutex<Option<Position>>>,
    /// Its last sequence, as the last poll saw it.
    pub(super) last_seq: AtomicU64,
    /// When the last message read was stored.
    pub(super) last_stored: Mutex<Timestamp>,
    /// Told to look at the stream anew.
    pub(super) look: Notify,
    /// Ends this reader only.
    pub(super) stop: CancellationToken,
}

/// Why a turn at a stream ended.
#[derive(Debug)]
enum End {
    /// For good: stopped, or ingest is gone.
    Stopped,
    /// The stream does not exist.
    Missing,
    /// To be tried again at once.
    Again,
    /// To be tried again: counted under this word.
    Failed(&'static str),
}

impl std::convert::From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Stopped
    }
}

impl std::convert::From<ApiError> for End {
    fn from(error: ApiError) -> Self {
        if error.is_missing() {
            return Self::Missing;
        }
        tracing::debug!(error = &error as &dyn std::error::Error, "a stream cannot be read now");
        Self::Failed(error.reason())
    }
}

/// Reads until stopped or until the stream is gone.
pub(super) async fn run(shared: Arc<Shared>, stream: Arc<Stream>) {
    let mut attempt = 0;
    loop {
        let connect = tokio::select! {
            () = stream.stop.cancelled() => return,
            connect = shared.api.signals().connected() => connect,
        };
        let began = Instant::now();
        match turn(&shared, &stream, connect).await {
            End::Stopped | End::Missing => return,
            End::Again => attempt = 0,
            End::Failed(reason) => {
                shared.failed(reason);
                tracing::debug!(stream = &*stream.name, reason, "reading begins anew");
                attempt = if began.elapsed() > STUCK { 0 } else { attempt + 1 };
                backoff(attempt, &stream.stop).await;
            }
        }
    }
}

/// From a look at the stream to the first failure.
async fn turn(shared: &Shared, stream: &Stream, connect: u64) -> End {
    let info = match shared.api.stream(&stream.name).await {
        Ok(info) => info,
        Err(error) => return error.into(),
    };
    let committed = stream.position.lock().clone();
    let start = begin::begin(&info, committed.as_ref(), shared.start, shared.began);
    report(shared, &stream.name, &start);
    let mut outlet = Outlet::new(shared.events.clone(), start.position.clone(), Arc::clone(&stream.position));
    if start.moved && outlet.commit().await.is_err() {
        return End::Stopped;
    }
    let ended = if reads_by_consumer(&info) {
        consume(shared, stream, connect, &info, &start, &mut outlet).await
    } else {
        walk::walk(shared, stream, connect, &mut outlet).await.map_or_else(End::from_walk, |()| End::Again)
    };
    match outlet.flush().await {
        Ok(()) => ended,
        Err(Gone) => End::Stopped,
    }
}

impl End {
    fn from_walk(error: walk::WalkError) -> Self {
        match error {
            walk::WalkError::Stopped => Self::Stopped,
            walk::WalkError::Api(error) => error.into(),
        }
    }
}

/// A consumer without acks takes messages out of a work queue, and holds or frees those of an interest stream.
pub(super) fn reads_by_consumer(info: &wire::Stream) -> bool {
    !matches!(info.config.retention.as_str(), "workqueue" | "interest")
}

fn report(shared: &Shared, stream: &str, start: &Begin) {
    if let Some(reset) = start.reset {
        shared.failed(reset.reason());
        tracing::warn!(
            stream,
            reason = reset.reason(),
            incarnation = start.position.incarnation,
            "the stream is not the one that was read before: it is read again from its first message"
        );
    }
    missed(shared, stream, start.missed);
}

pub(super) fn missed(shared: &Shared, stream: &str, count: u64) {
    if count > 0 {
        shared.metrics.sources.missed.with_label_values(&[SOURCE, stream]).inc_by(count);
        tracing::warn!(stream, count, "messages were removed from the stream before they could be read");
    }
}

async fn consume(
    shared: &Shared,
    stream: &Stream,
    connect: u64,
    info: &wire::Stream,
    start: &Begin,
    outlet: &mut Outlet,
) -> End {
    let made = Puller::create(&shared.api, &stream.name, start.from, shared.config.batch).await;
    let mut puller = match made {
        Ok(puller) => puller,
        Err(error) => return error.into(),
    };
    if puller.pending == 0 && info.state.last_seq > outlet.position().seq {
        // Nothing deliverable up to the last sequence: the tail was deleted, which is no sign of being stuck.
        outlet.skip_to(info.state.last_seq);
        if outlet.commit().await.is_err() {
            return End::Stopped;
        }
    }
    let mut gaps = Gaps::new(info.state.first_seq, start.position.seq);
    let ended = deliver(shared, stream, connect, &mut puller, &mut gaps, outlet).await;
    puller.remove().await;
    ended
}

async fn deliver(
    shared: &Shared,
    stream: &Stream,
    connect: u64,
    puller: &mut Puller,
    gaps: &mut Gaps,
    outlet: &mut Outlet,
) -> End {
    let mut messages = Vec::new();
    let mut delivered = Instant::now();
    loop {
        let waiting = outlet.is_waiting();
        let came = tokio::select! {
            biased;
            () = stream.stop.cancelled() => return End::Stopped,
            () = shared.api.signals().connected_after(connect) => return End::Again,
            () = stream.look.notified() => return End::Again,
            came = puller.next(&mut messages) => came,
            () = tokio::time::sleep(Duration::from_millis(5)), if waiting => Ok(()),
        };
        if !messages.is_empty() {
            delivered = Instant::now();
            if let Err(end) = take(shared, stream, &mut messages, gaps, outlet).await {
                return end;
            }
            puller.excuse();
        }
        if let Err(broken) = came {
            return if broken == Broken::Closed { End::Again } else { End::Failed(broken.reason()) };
        }
        if outlet.rest().await.is_err() {
            return End::Stopped;
        }
        let more = puller.pending > 0 || stream.last_seq.load(Ordering::Relaxed) > outlet.position().seq;
        if more && delivered.elapsed() > STUCK {
            return End::Failed("stuck");
        }
    }
}

async fn take(
    shared: &Shared,
    stream: &Stream,
    messages: &mut Vec<async_nats::Message>,
    gaps: &mut Gaps,
    outlet: &mut Outlet,
) -> Result<(), End> {
    let received = Timestamp::now();
    for message in messages.drain(..) {
        let Some(delivered) = message.reply.as_deref().and_then(ack::subject) else { continue };
        let (before, seq, stored) = (outlet.position().seq, delivered.stream_seq, delivered.stored);
        if seq <= before {
            continue;
        }
        if before > 0 && seq > before + 1 {
            hole(shared, &stream.name, before, seq, gaps).await;
        }
        let decoded = decode(shared, &stream.name, outlet.position().incarnation, &message, (seq, stored, received));
        outlet.push(decoded);
        *stream.last_stored.lock() = stored;
        if outlet.is_full() {
            outlet.flush().await?;
        }
    }
    Ok(())
}

async fn hole(shared: &Shared, stream: &str, before: u64, after: u64, gaps: &mut Gaps) {
    if gaps.must_ask(before, after)
        && let Ok(info) = Api::stream(&shared.api, stream).await
    {
        gaps.learn(info.state.first_seq);
    }
    missed(shared, stream, gaps.lost(before, after));
}

fn decode(
    shared: &Shared,
    stream: &Text,
    incarnation: u32,
    message: &async_nats::Message,
    (stream_seq, stored, received): (u64, Timestamp, Timestamp),
) -> Message {
    let headers: SmallVec<[(&str, &str); 4]> = headers(message);
    let raw = Raw {
        stream: Text::clone(stream),
        incarnation,
        stream_seq,
        subject: &message.subject,
        headers: &headers,
        body: message.payload.clone(),
        stored,
        received,
    };
    decode::message(raw, &shared.masker)
}

/// The headers as pairs; a name given twice is there twice.
pub(super) fn headers(message: &async_nats::Message) -> SmallVec<[(&str, &str); 4]> {
    let Some(headers) = &message.headers else { return SmallVec::new() };
    headers.iter().flat_map(|(name, values)| values.iter().map(move |v| (name.as_ref(), v.as_str()))).collect()
}
