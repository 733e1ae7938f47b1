//! Records → spans at a trace backend, or log records at a log backend, at least once.
//! Takes: the journal from the sink's own position. Gives: OTLP requests, encoded once; a position that only moves over
//! what the backend has kept. Never: drops silently, or sends a changed span under the same id.

mod answer;
mod batch;
mod course;
mod deliver;
mod desk;
mod dial;
pub mod encode;
mod grpc;
mod headers;
mod http;
pub mod json;
mod ledger;
mod letters;
mod link;
mod once;
mod pass;
mod proof;
mod pulse;
mod pump;
mod read;
mod retry;
mod settle;
mod signal;
mod transport;
mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::answer::Answer;
use self::deliver::Post;
use self::letters::Letters;
use self::link::Link;
pub(crate) use self::once::{Account, once};
use self::pass::Origin;
use self::proof::Proof;
use self::pulse::Pulse;
use self::pump::Pump;
use self::retry::Backoff;
use self::signal::Meter;
pub use self::signal::Signal;
use self::transport::{Transport, chain};
use crate::config;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::model::Seq;
use crate::status::{Health, Status};
use crate::tail::Tail;

/// How long what is under way may take after the stop.
const DRAIN: Duration = Duration::from_secs(5);

/// What the sink works with.
#[derive(Debug)]
pub struct Context {
    /// What to send: spans, or log records.
    pub signal: Signal,
    /// Where and how to send.
    pub config: config::Otlp,
    /// What to send, and where the sink's position is.
    pub journal: Arc<dyn Journal>,
    /// The journal's live end.
    pub tail: Arc<Tail>,
    /// Families `fleetscope_spans_*` and `fleetscope_otlp_*`, or `fleetscope_log_records_*` and `fleetscope_logs_*`.
    pub metrics: Arc<Metrics>,
    /// Part `sink/otlp`, or `sink/logs`.
    pub status: Arc<Status>,
    /// Asks the sink to finish.
    pub stop: CancellationToken,
}

/// Sends until stopped, then finishes what is under way (5 s at most) and writes its position.
///
/// Without an endpoint the sink is off and only waits for the stop. An error means that the sink cannot work at all with
/// this configuration; a backend that is away is no error.
pub async fn run(context: Context) -> anyhow::Result<()> {
    let Context { signal, config, journal, tail, metrics, status, stop } = context;
    if config.endpoint.is_none() {
        status.report(signal.part(), Health::Off, format!("{}.endpoint is not set", signal.section()));
        stop.cancelled().await;
        return Ok(());
    }
    let (link, events) = Link::new();
    let transport = Transport::new(signal, &config, Some(link.clone()))
        .with_context(|| format!("the {} cannot be used", signal.backend()))?;
    let Some(position) = position(&journal, signal, &stop).await else { return Ok(()) };
    let meter = Meter::new(&metrics, signal);
    let pulse = Pulse::new(signal, meter.clone(), status, transport.name.clone());
    let post = Post {
        signal,
        transport,
        permits: Semaphore::new(config.in_flight as usize),
        link,
        pulse,
        proof: Proof::new(),
        letters: Letters::new(Arc::clone(&journal), signal),
        stop,
        hold: config.settle,
        patience: config.patience,
        control: Mutex::default(),
        in_doubt: AtomicUsize::new(0),
    };
    let origin = Origin { journal, tail, signal };
    Pump::new(Arc::new(post), origin, config, meter, position).run(events, DRAIN).await;
    Ok(())
}

/// Where the sink stands; `None` = stopped before the journal said so.
async fn position(journal: &Arc<dyn Journal>, signal: Signal, stop: &CancellationToken) -> Option<Seq> {
    let mut backoff = Backoff::default();
    loop {
        let reader = Arc::clone(journal);
        match tokio::task::spawn_blocking(move || reader.sink_position(signal.sink())).await {
            Ok(Ok(position)) => return Some(position),
            Ok(Err(e)) => tracing::warn!(error = %e, reason = e.reason(), "the sink's position cannot be read"),
            Err(e) => tracing::warn!(error = %e, "the sink's position was not read"),
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next()) => {}
            () = stop.cancelled() => return None,
        }
    }
}

/// Sends a request with nothing in it and tells what answered, for people; `Err` tells what is wrong.
pub async fn probe(signal: Signal, config: &config::Otlp) -> Result<String, String> {
    let transport = Transport::new(signal, config, None).map_err(|e| chain(&e))?;
    let items = signal.items();
    let name = &transport.name;
    match transport.send(Bytes::new()).await {
        Answer::Accepted { message, .. } if message.is_empty() => Ok(format!("{name} takes {items}")),
        Answer::Accepted { message, .. } => Ok(format!("{name} takes {items} and says: {message}")),
        Answer::Retry { why, .. } | Answer::Unknown { why, .. } => Err(format!("{name} is not available: {why}")),
        Answer::Blocked { why } | Answer::TooLarge { why } | Answer::Refused { why, .. } => {
            Err(format!("{name} refuses a request without {items}: {why}"))
        }
    }
}
