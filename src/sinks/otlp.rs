//! Records → spans at a trace backend, at least once.
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
mod pass;
mod proof;
mod pulse;
mod pump;
mod read;
mod retry;
mod settle;
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
use self::pass::Origin;
use self::proof::Proof;
use self::pulse::{PART, Pulse};
use self::pump::{Pump, SINK};
use self::retry::Backoff;
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
    /// Where and how to send.
    pub config: config::Otlp,
    /// What to send, and where the sink's position is.
    pub journal: Arc<dyn Journal>,
    /// The journal's live end.
    pub tail: Arc<Tail>,
    /// Families `fleetscope_spans_*` and `fleetscope_otlp_*`.
    pub metrics: Arc<Metrics>,
    /// Part `sink/otlp`.
    pub status: Arc<Status>,
    /// Asks the sink to finish.
    pub stop: CancellationToken,
}

/// Sends spans until stopped, then finishes what is under way (5 s at most) and writes its position.
///
/// Without an endpoint the sink is off and only waits for the stop. An error means that the sink cannot work at all with
/// this configuration; a backend that is away is no error.
pub async fn run(context: Context) -> anyhow::Result<()> {
    let Context { config, journal, tail, metrics, status, stop } = context;
    if config.endpoint.is_none() {
        status.report(PART, Health::Off, "otlp.endpoint is not set");
        stop.cancelled().await;
        return Ok(());
    }
    let (link, events) = Link::new();
    let transport = Transport::new(&config, Some(link.clone())).context("the trace backend cannot be used")?;
    let Some(position) = position(&journal, &stop).await else { return Ok(()) };
    let pulse = Pulse::new(Arc::clone(&metrics), status, transport.name.clone());
    let post = Post {
        transport,
        permits: Semaphore::new(config.in_flight as usize),
        link,
        pulse,
        proof: Proof::new(),
        letters: Letters::new(Arc::clone(&journal)),
        stop,
        hold: config.settle,
        patience: config.patience,
        control: Mutex::default(),
        in_doubt: AtomicUsize::new(0),
    };
    let origin = Origin { journal, tail };
    Pump::new(Arc::new(post), origin, config, metrics, position).run(events, DRAIN).await;
    Ok(())
}

/// Where the sink stands; `None` = stopped before the journal said so.
async fn position(journal: &Arc<dyn Journal>, stop: &CancellationToken) -> Option<Seq> {
    let mut backoff = Backoff::default();
    loop {
        let reader = Arc::clone(journal);
        match tokio::task::spawn_blocking(move || reader.sink_position(SINK)).await {
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

/// Sends a request without spans and tells what answered, for people; `Err` tells what is wrong.
pub async fn probe(config: &config::Otlp) -> Result<String, String> {
    let transport = Transport::new(config, None).map_err(|e| chain(&e))?;
    let name = &transport.name;
    match transport.send(Bytes::new()).await {
        Answer::Accepted { message, .. } if message.is_empty() => Ok(format!("{name} takes spans")),
        Answer::Accepted { message, .. } => Ok(format!("{name} takes spans and says: {message}")),
        Answer::Retry { why, .. } | Answer::Unknown { why, .. } => Err(format!("{name} is not available: {why}")),
        Answer::Blocked { why } | Answer::TooLarge { why } | Answer::Refused { why, .. } => {
            Err(format!("{name} refuses a request without spans: {why}"))
        }
    }
}
