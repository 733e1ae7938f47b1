//! The simulated fleet against a real server: its services publish, its durables pull and answer.
//! Takes: a server and settings. Gives: what a fleet would leave there, and a summary.
//! Never: deletes or changes what it finds; writes beside foreign messages unless told to.

mod durables;
mod publish;
mod streams;
mod summary;

use std::time::Duration;

use async_nats::{Client, jetstream};
use tokio_util::sync::CancellationToken;

use self::summary::Tally;
pub use self::summary::{Answers, Progress, Summary};
use super::settings::Settings;
use crate::config;
use crate::sources::nats;

/// Most publishes waiting for the server's word.
const IN_FLIGHT: usize = 4096;
/// How long the server may take to acknowledge.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long consumers may still work after the last publish.
const LEAVE: Duration = Duration::from_mins(1);

/// A run against a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to, and as whom.
    pub nats: config::Nats,
    /// The fleet. `start` is what its claimed times count from: give it the wall clock.
    pub settings: Settings,
    /// Virtual seconds per second; 0 = as fast as the server takes it.
    pub speed: f64,
    /// End after so many messages.
    pub max_messages: Option<u64>,
    /// End after so long.
    pub duration: Option<Duration>,
    /// Make the streams that are missing. Those that exist are left as they are.
    pub create_streams: bool,
    /// Make the fleet's durables and run its consumers.
    pub with_consumers: bool,
    /// Refuse when a stream or durable of the fleet's names exists that no simulation made, and when there is no stream
    /// to write into.
    pub check_empty: bool,
    /// Ends the run early.
    pub stop: CancellationToken,
}

/// Why a run did not begin or go on.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message says it")]
pub enum RunError {
    #[error("no server given: set nats.url")]
    NoUrl,
    #[error("cannot connect to {url}")]
    Connect { url: String, source: async_nats::ConnectError },
    #[error("stream {stream} holds messages that no simulation published: this looks like a real fleet")]
    ForeignMessages { stream: String },
    #[error("durable {durable} of stream {stream} was not made by a simulation: this looks like a real fleet")]
    ForeignDurable { stream: String, durable: String },
    #[error("none of the fleet's streams is there, so nothing would be stored: make them with --create-streams")]
    NoStreams,
    #[error("stream {stream}: {cause}")]
    Stream { stream: String, cause: String },
    #[error("durable {durable} of stream {stream}: {cause}")]
    Durable { stream: String, durable: String, cause: String },
}

/// Runs the fleet against a server until a limit, or until stopped. `progress` is told about each second.
pub async fn run_on_nats(options: Options, mut progress: impl FnMut(&Progress)) -> Result<Summary, RunError> {
    let client = connect(&options.nats).await?;
    let jetstream = jetstream::context::ContextBuilder::new()
        .timeout(ACK_TIMEOUT)
        .ack_timeout(ACK_TIMEOUT)
        .max_ack_inflight(IN_FLIGHT)
        .backpressure_on_inflight(true)
        .build(client.clone());
    if options.check_empty {
        streams::refuse_foreign(&jetstream, options.settings.successors).await?;
    }
    if options.create_streams {
        streams::create(&jetstream, options.settings.successors).await?;
    } else if options.check_empty {
        streams::require(&jetstream, options.settings.successors).await?;
    }
    let tally = Tally::default();
    let ending = CancellationToken::new();
    let consumers = if options.with_consumers {
        durables::start(&jetstream, &options, &tally, &ending).await?
    } else {
        tokio::task::JoinSet::new()
    };
    publish::all(&client, &jetstream, &options, &tally, &mut progress).await;
    ending.cancel();
    durables::leave(consumers, &options.stop).await;
    if client.flush().await.is_err() {
        tally.error("flush");
    }
    Ok(tally.summary())
}

/// Connects as the source would.
async fn connect(config: &config::Nats) -> Result<Client, RunError> {
    let url = config.url.as_deref().ok_or(RunError::NoUrl)?;
    let connecting = nats::options(config, "fleetscope simulate").connect(nats::servers(config));
    connecting.await.map_err(|source| RunError::Connect { url: url.to_owned(), source })
}
