//! One stream, read for as long as it exists.
//! Takes: looks at the stream, and failures of its reader. Gives: readings that begin where the last one ended.
//! Never: gives up because of an error, or asks for ever for a stream that is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::{Position, Text, Timestamp};

use super::begin::{self, Begin, Memory};
use super::deliver::{self, STUCK};
use super::error::ApiError;
use super::gap::Gaps;
use super::outlet::{Gone, Outlet};
use super::pull::Broken;
use super::{SOURCE, Shared, backoff, walk, wire};

/// A stream as reader, discovery and poll share it.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: Text,
    /// How far it was handed to ingest.
    pub(super) position: Arc<Mutex<Option<Position>>>,
    /// Its last sequence, as the last poll saw it.
    pub(super) last_seq: AtomicU64,
    /// The last message read, and when it was stored.
    pub(super) last_read: Mutex<Option<(u64, Timestamp)>>,
    /// The life of the stream in which another message was found in place of one that was read.
    pub(super) replaced: Mutex<Option<u32>>,
    /// Why it cannot be read now.
    pub(super) trouble: Mutex<Option<Text>>,
    /// Told to look at the stream anew.
    pub(super) look: Notify,
    /// Told when something was heard of the stream that a message must have come before.
    pub(super) stirred: Notify,
    /// Ends this reader only.
    pub(super) stop: CancellationToken,
}

impl Stream {
    /// A stream that nobody reads yet.
    pub(super) fn new(name: Text, position: Option<Position>) -> Self {
        Self {
            name,
            position: Arc::new(Mutex::new(position)),
            last_seq: AtomicU64::new(0),
            last_read: Mutex::default(),
            replaced: Mutex::default(),
            trouble: Mutex::default(),
            look: Notify::new(),
            stirred: Notify::new(),
            stop: CancellationToken::new(),
        }
    }
}

/// Why a reading ended.
#[derive(Debug)]
pub(super) enum End {
    /// For good: stopped, or ingest is gone.
    Stopped,
    /// The stream or the connection is not what it was: look again.
    Again,
    /// The consumer must be made again.
    Broken(Broken),
    /// The server says that there is more, and nothing comes.
    Stuck,
    /// The server does not give what it was asked for.
    Api(ApiError),
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Stopped
    }
}

impl From<ApiError> for End {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// Reads until stopped or until the stream is gone.
pub(super) async fn run(shared: Arc<Shared>, stream: Arc<Stream>) {
    let (mut attempt, mut gaps) = (0, Gaps::default());
    loop {
        let connect = tokio::select! {
            () = stream.stop.cancelled() => return,
            connect = shared.api.signals().connected() => connect,
        };
        let began = Instant::now();
        let reason = match reading(&shared, &stream, connect, &mut gaps).await {
            Ok(()) | Err(End::Stopped) => return,
            Err(End::Again) => {
                attempt = 0;
                continue;
            }
            Err(End::Api(error)) if error.is_missing() => return,
            Err(End::Api(error)) => {
                *stream.trouble.lock() = Some(error.to_string().into());
                error.reason()
            }
            Err(End::Broken(broken)) => broken.reason(),
            Err(End::Stuck) => "stuck",
        };
        shared.failed(reason);
        tracing::debug!(stream = &*stream.name, reason, "reading begins anew");
        attempt = if began.elapsed() > STUCK { 0 } else { attempt + 1 };
        backoff(attempt, &stream.stop).await;
    }
}

/// From a look at the stream to the first failure.
async fn reading(shared: &Shared, stream: &Stream, connect: u64, gaps: &mut Gaps) -> Result<(), End> {
    let info = tokio::select! {
        () = stream.stop.cancelled() => return Ok(()),
        info = shared.api.stream(&stream.name) => info?,
    };
    stream.last_seq.store(info.state.last_seq, Ordering::Relaxed);
    let committed = stream.position.lock().clone();
    let memory = Memory {
        stored: stream.last_read.lock().map(|(_, stored)| stored),
        replaced: committed.as_ref().is_some_and(|p| *stream.replaced.lock() == Some(p.incarnation)),
    };
    let start = begin::begin(&info, committed.as_ref(), memory, shared.start, shared.began);
    if start.reset.is_some() {
        gaps.forget();
    }
    missed(shared, &stream.name, gaps.judge(info.state.first_seq));
    report(shared, &stream.name, &start);
    // Not the stream's own end: what was read of a stream that is gone must still be sent.
    let (events, stop) = (shared.events.clone(), shared.stop.clone());
    let mut outlet = Outlet::new(events, stop, start.position.clone(), Arc::clone(&stream.position));
    if start.moved {
        outlet.commit().await?;
    }
    let ended = if reads_by_consumer(&info) {
        deliver::deliver(shared, stream, connect, &info, start.from, gaps, &mut outlet).await
    } else {
        walk::walk(shared, stream, connect, start.from, &mut outlet).await
    };
    outlet.flush().await?;
    ended
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
            "the stream is not the one that was read before: what it holds now is read as a new life of it"
        );
    }
    missed(shared, stream, start.missed);
}

/// Counts messages that went before they could be read.
pub(super) fn missed(shared: &Shared, stream: &str, count: u64) {
    if count > 0 {
        let name = shared.metrics.cap.value("fleetscope_source_missed_messages_total", "stream", stream);
        shared.metrics.sources.missed.with_label_values(&[SOURCE, &*name]).inc_by(count);
        tracing::warn!(stream, count, "messages were removed from the stream before they could be read");
    }
}
