//! The server that is published into.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use async_nats::jetstream::context::{ContextBuilder, PublishAckFuture};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::{Client, HeaderMap, jetstream};
use bytes::Bytes;
use futures::TryStreamExt as _;
use tokio::time::timeout;

use crate::cli::term;
use crate::config::{self, shown_texts};
use crate::model::{Text, subject_matches};
use crate::sources::nats;

/// Longest wait for the server.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What a stream made here holds at most.
const MAX_AGE: Duration = Duration::from_hours(24);
const MAX_BYTES: i64 = 1 << 30;

/// A stream of the server.
#[derive(Debug)]
struct Stream {
    name: String,
    subjects: Vec<String>,
}

/// What the server told of its streams.
#[derive(Debug)]
enum Streams {
    Known(Vec<Stream>),
    /// It has none to tell of: no JetStream, or not for this account.
    None,
    /// It does not say.
    Unknown(String),
}

/// A server one is connected to.
#[derive(Debug)]
pub(super) struct Target {
    /// Its address, without what may let others in.
    url: String,
    client: Client,
    jetstream: jetstream::Context,
    streams: Streams,
}

impl Target {
    pub(super) async fn connect(url: &str, creds: Option<&PathBuf>) -> anyhow::Result<Self> {
        let shown = shown_texts(url);
        let config = config::Nats { url: Some(url.to_owned()), creds_file: creds.cloned(), ..config::Nats::default() };
        let options = nats::options(&config, "fleetscope replay").connection_timeout(TIMEOUT);
        let connected = options.connect(nats::servers(&config)).await;
        let client = connected.with_context(|| format!("--into-nats: no connection to {shown}"))?;
        let jetstream = ContextBuilder::new().timeout(TIMEOUT).ack_timeout(TIMEOUT).build(client.clone());
        let streams = if client.server_info().jetstream { list(&jetstream).await } else { Streams::None };
        Ok(Self { url: shown, client, jetstream, streams })
    }

    /// Refuses a server that has a stream of the history, or one that stores its subjects.
    pub(super) fn refuse_fleet(&self, streams: &BTreeSet<Text>, subjects: &BTreeSet<Text>) -> anyhow::Result<()> {
        let url = &self.url;
        match &self.streams {
            Streams::None => Ok(()),
            Streams::Unknown(why) => bail!(
                "--into-nats: {url} does not tell its streams ({why}), so it may be the fleet's own; publish all the \
                 same with --even-the-fleet"
            ),
            Streams::Known(held) => {
                let is_fleets = |stream: &&Stream| {
                    let stores = |subject: &Text| stream.subjects.iter().any(|filter| subject_matches(filter, subject));
                    streams.contains(&*stream.name) || subjects.iter().any(stores)
                };
                let Some(found) = held.iter().find(is_fleets) else { return Ok(()) };
                bail!(
                    "--into-nats: {url} looks like the fleet's own server: its stream {} is one this history came from; \
                     name another server, or publish all the same with --even-the-fleet",
                    found.name
                )
            }
        }
    }

    /// Sees to it that what is published is stored, where that is wanted.
    pub(super) async fn provide(&mut self, prefix: &str, make: Option<&str>) -> anyhow::Result<()> {
        let all = format!("{prefix}.>");
        let probe = format!("{prefix}.x");
        let held = match &mut self.streams {
            Streams::Known(held) => held,
            Streams::None if make.is_some() => bail!("--create-stream: {} has no JetStream", self.url),
            Streams::None | Streams::Unknown(_) => return Ok(()),
        };
        let there = held.iter().find(|stream| stream.subjects.iter().any(|filter| subject_matches(filter, &probe)));
        match (there, make) {
            (Some(_), _) => {}
            (None, None) => {
                let url = &self.url;
                term::note(&format!(
                    "no stream of {url} stores {all}: only who has subscribed gets the messages (--create-stream makes one)"
                ));
            }
            (None, Some(name)) => {
                let config = stream::Config {
                    name: name.to_owned(),
                    subjects: vec![all.clone()],
                    retention: RetentionPolicy::Limits,
                    storage: StorageType::File,
                    discard: DiscardPolicy::Old,
                    max_age: MAX_AGE,
                    max_bytes: MAX_BYTES,
                    duplicate_window: Duration::from_hours(1),
                    description: Some("history played once more by fleetscope replay".to_owned()),
                    ..stream::Config::default()
                };
                let created = self.jetstream.create_stream(config).await;
                created.map_err(|error| anyhow!("--create-stream: {name} cannot be made: {error}"))?;
                held.push(Stream { name: name.to_owned(), subjects: vec![all] });
            }
        }
        Ok(())
    }

    /// Sends a message; what waits for the server's word where a stream stores it.
    pub(super) async fn publish(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Option<PublishAckFuture>, String> {
        let stores = |stream: &Stream| stream.subjects.iter().any(|filter| subject_matches(filter, &subject));
        if matches!(&self.streams, Streams::Known(held) if held.iter().any(stores)) {
            let message = PublishMessage::build().payload(payload).headers(headers);
            return self.jetstream.send_publish(subject, message).await.map(Some).map_err(|e| e.to_string());
        }
        self.client.publish_with_headers(subject, headers, payload).await.map(|()| None).map_err(|e| e.to_string())
    }

    /// Waits until the server has what was sent.
    pub(super) async fn flush(&self) -> anyhow::Result<()> {
        let flushed = timeout(TIMEOUT, self.client.flush()).await;
        flushed.context("the server did not take all of it in time")?.context("the connection broke off")
    }
}

async fn list(jetstream: &jetstream::Context) -> Streams {
    use async_nats::jetstream::ErrorCode;
    use async_nats::jetstream::context::AccountErrorKind;
    if let Err(error) = jetstream.query_account().await {
        let off = [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT];
        match error.kind() {
            AccountErrorKind::JetStream(error) if off.contains(&error.error_code()) => return Streams::None,
            AccountErrorKind::JetStreamUnavailable => return Streams::None,
            _ => {}
        }
    }
    let named = |info: stream::Info| Stream { name: info.config.name, subjects: info.config.subjects };
    match timeout(TIMEOUT, jetstream.streams().map_ok(named).try_collect()).await {
        Ok(Ok(held)) => Streams::Known(held),
        Ok(Err(error)) => Streams::Unknown(error.to_string()),
        Err(_) => Streams::Unknown("it took too long".to_owned()),
    }
}
