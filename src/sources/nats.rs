//! NATS JetStream → events.
//! Takes: one ordered consumer per stream, the ack tap, advisories, polls. Gives: events in stream order.
//! Never: interprets an event, acks one, publishes anything but API requests, or leaves a consumer behind.

mod ack;
mod advisory;
mod api;
mod auth;
mod begin;
mod connect;
mod core;
mod deliver;
mod discover;
mod ending;
mod error;
mod fold;
mod gap;
mod outlet;
mod poll;
mod probe;
mod pull;
mod read;
mod shield;
mod signals;
mod tap;
mod walk;
mod wire;

pub(crate) use connect::{options, servers};
pub use probe::{Permission, ProbeReport, StreamProbe, probe};

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config;
use crate::metrics::Metrics;
use crate::model::{Batch, Position, Text, Timestamp, shorten};
use crate::privacy::Masker;
use crate::status::{Health, Status};

use self::api::Api;
use self::begin::Start;
use self::discover::Streams;

/// The `source` label and the first part of position keys.
const SOURCE: &str = "nats";
/// Name in `/status`.
const PART: &str = "source/nats";
/// Our consumers' names begin with this: so they are told from the fleet's.
const OWN_PREFIX: &str = "fleetscope-";
/// The server makes no stream and no consumer of a longer name.
const MAX_NAME: usize = 255;

/// What the source is built from.
#[derive(Debug)]
pub struct Context {
    /// `[nats]`.
    pub config: config::Nats,
    /// Masks what is decoded.
    pub masker: Arc<Masker>,
    /// Where the journal says each stream stands.
    pub positions: Vec<Position>,
    /// To ingest.
    pub events: mpsc::Sender<Batch>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Health.
    pub status: Arc<Status>,
    /// Ends the source.
    pub stop: CancellationToken,
}

/// What the tasks of the source share.
#[derive(Debug)]
struct Shared {
    config: config::Nats,
    masker: Arc<Masker>,
    events: mpsc::Sender<Batch>,
    metrics: Arc<Metrics>,
    status: Arc<Status>,
    stop: CancellationToken,
    api: Api,
    start: Start,
    began: Timestamp,
}

impl Shared {
    fn failed(&self, reason: &str) {
        self.metrics.sources.errors.with_label_values(&[SOURCE, reason]).inc();
    }

    /// The name of a stream or consumer as anybody may write it into a subject or an advisory.
    fn name(&self, name: &str) -> Text {
        if name.len() <= MAX_NAME {
            return name.into();
        }
        self.failed("long_name");
        shorten(name, MAX_NAME).into()
    }
}

/// Reads the fleet's NATS until stopped. A server that is away, refuses or forgets is waited for.
pub async fn run(context: Context) -> anyhow::Result<()> {
    let Context { config, masker, positions, events, metrics, status, stop } = context;
    if config.url.is_none() {
        tracing::warn!("nats.url is not set: nothing is read (FLEETSCOPE_NATS__URL=nats://127.0.0.1:4222 sets it)");
        status.report(PART, Health::Off, "nats.url is not set");
        return Ok(());
    }
    let began = Timestamp::now();
    status.report(PART, Health::Starting, "connecting");
    metrics.sources.up.with_label_values(&[SOURCE]).set(0.0);
    let Some(api) = connect::until_connected(&config, &metrics, &status, &stop).await else { return Ok(()) };
    let shared = Arc::new(Shared {
        start: Start::from_config(&config.start, began),
        began,
        config,
        masker,
        events,
        metrics,
        status,
        stop,
        api,
    });
    let streams = Arc::new(Streams::new(positions));
    let tasks = TaskTracker::new();
    tasks.spawn(connect::watch(Arc::clone(&shared)));
    tasks.spawn(tap::run(Arc::clone(&shared), Arc::clone(&streams)));
    tasks.spawn(advisory::run(Arc::clone(&shared), Arc::clone(&streams)));
    for subject in shared.config.core_subjects.clone() {
        tasks.spawn(core::run(Arc::clone(&shared), subject));
    }
    discover::run(Arc::clone(&shared), streams, tasks.clone()).await;
    tasks.close();
    tasks.wait().await;
    shared.api.close().await;
    shared.metrics.sources.up.with_label_values(&[SOURCE]).set(0.0);
    Ok(())
}

/// Waits before trying again: longer each time, never in step with others.
async fn backoff(attempt: u32, stop: &CancellationToken) {
    let wait = Duration::from_millis((50 << attempt.min(6)).min(2_000));
    let _ = tokio::time::timeout(wait.mul_f64(0.5 + fastrand::f64() / 2.0), stop.cancelled()).await;
}
