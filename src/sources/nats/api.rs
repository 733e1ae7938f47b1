//! JetStream's request API: the only thing this source ever publishes.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{Client, Request, Subscriber};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::signals::{Denied, Signals};
use super::wire::{
    Answer, Consumer, ConsumerList, CreateConsumer, Done, GetMessage, GotMessage, NewConsumer, Paged, Pull,
    StoredMessage, Stream, StreamList,
};

const PREFIX: &str = "$JS.API";
const TIMEOUT: Duration = Duration::from_secs(5);
/// A refusal is known this long after the answer to a later request.
const TOLD: Duration = Duration::from_millis(50);
/// A listing that never ends is no listing.
const MAX_LISTED: usize = 10_000;

/// A connection that knows JetStream's API.
#[derive(Clone, Debug)]
pub(super) struct Api {
    client: Client,
    signals: Arc<Signals>,
}

impl Api {
    pub(super) fn new(client: Client, signals: Arc<Signals>) -> Self {
        Self { client, signals }
    }

    pub(super) fn signals(&self) -> &Signals {
        &self.signals
    }

    pub(super) fn version(&self) -> String {
        self.client.server_info().version
    }

    pub(super) fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    /// Whether the server is at least this version.
    pub(super) fn at_least(&self, major: i64, minor: i64, patch: i64) -> bool {
        self.client.is_server_compatible(major, minor, patch)
    }

    /// Whether JetStream is on for the account.
    pub(super) async fn account(&self) -> Result<(), ApiError> {
        self.ask::<Done>("INFO", b"").await.map(|_| ())
    }

    pub(super) async fn streams(&self) -> Result<Vec<Stream>, ApiError> {
        let mut all: Vec<Stream> = Vec::new();
        loop {
            let page: StreamList = self.ask_with("STREAM.LIST", &Paged { offset: all.len() }).await?;
            let streams = page.streams.unwrap_or_default();
            let last = streams.is_empty();
            all.extend(streams);
            if last || all.len() >= page.total.min(MAX_LISTED) {
                return Ok(all);
            }
        }
    }

    pub(super) async fn stream(&self, name: &str) -> Result<Stream, ApiError> {
        self.ask(&format!("STREAM.INFO.{name}"), b"").await
    }

    pub(super) async fn consumers(&self, stream: &str) -> Result<Vec<Consumer>, ApiError> {
        let op = format!("CONSUMER.LIST.{stream}");
        let mut all: Vec<Consumer> = Vec::new();
        loop {
            let page: ConsumerList = self.ask_with(&op, &Paged { offset: all.len() }).await?;
            let consumers = page.consumers.unwrap_or_default();
            let last = consumers.is_empty();
            all.extend(consumers);
            if last || all.len() >= page.total.min(MAX_LISTED) {
                return Ok(all);
            }
        }
    }

    pub(super) async fn create_consumer(&self, stream: &str, config: NewConsumer<'_>) -> Result<Consumer, ApiError> {
        let op = format!("CONSUMER.CREATE.{stream}.{}", config.name);
        self.ask_with(&op, &CreateConsumer { stream_name: stream, config }).await
    }

    /// Removes one of our own. The server would do it anyway, a little later.
    pub(super) async fn delete_consumer(&self, stream: &str, consumer: &str) -> Result<(), ApiError> {
        self.ask::<Done>(&format!("CONSUMER.DELETE.{stream}.{consumer}"), b"").await.map(|_| ())
    }

    /// The first message at or after `seq`.
    pub(super) async fn next_message(&self, stream: &str, seq: u64) -> Result<StoredMessage, ApiError> {
        let op = format!("STREAM.MSG.GET.{stream}");
        let got: GotMessage = self.ask_with(&op, &GetMessage { seq, next_by_subj: ">" }).await?;
        Ok(got.message)
    }

    pub(super) fn pull_subject(stream: &str, consumer: &str) -> String {
        format!("{PREFIX}.CONSUMER.MSG.NEXT.{stream}.{consumer}")
    }

    /// Asks a consumer for messages, to be sent to `inbox`.
    pub(super) async fn pull(&self, stream: &str, consumer: &str, inbox: &str, pull: &Pull) -> Result<(), ApiError> {
        let subject = Self::pull_subject(stream, consumer);
        let body = serde_json::to_vec(pull).expect("numbers become JSON");
        self.client
            .publish_with_reply(subject, inbox.to_owned(), body.into())
            .await
            .map_err(|e| ApiError::Closed(e.into()))
    }

    pub(super) async fn subscribe(&self, subject: &str) -> Result<Subscriber, ApiError> {
        self.client.subscribe(subject.to_owned()).await.map_err(|e| ApiError::Closed(e.into()))
    }

    pub(super) fn inbox(&self) -> String {
        self.client.new_inbox()
    }

    /// Whether the server lets us listen to `subject`: asked by listening and a round trip.
    pub(super) async fn may_subscribe(&self, subject: &str) -> bool {
        let Ok(subscription) = self.subscribe(subject).await else { return false };
        let _ = self.account().await;
        let denied = Denied::Subscribe(subject.to_owned());
        // The refusal came before the answer, but is told by another task.
        let refused = tokio::time::timeout(TOLD, self.signals.refused(&denied)).await.is_ok();
        drop(subscription);
        !refused
    }

    /// Whether the server refused this publication; called after a round trip.
    pub(super) async fn was_refused(&self, subject: String) -> bool {
        tokio::time::timeout(TOLD, self.signals.refused(&Denied::Publish(subject))).await.is_ok()
    }

    /// Leaves the server.
    pub(super) async fn close(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.client.drain()).await;
    }

    async fn ask_with<T: DeserializeOwned>(&self, op: &str, body: &impl Serialize) -> Result<T, ApiError> {
        let body = serde_json::to_vec(body).expect("plain data becomes JSON");
        self.ask(op, &body).await
    }

    async fn ask<T: DeserializeOwned>(&self, op: &str, body: &[u8]) -> Result<T, ApiError> {
        let subject = format!("{PREFIX}.{op}");
        let denied = Denied::Publish(subject.clone());
        self.signals.forget(&denied);
        let request = Request::new().payload(body.to_vec().into()).timeout(Some(TIMEOUT));
        let answer = tokio::select! {
            answer = self.client.send_request(subject.clone(), request) => answer,
            () = self.signals.refused(&denied) => return Err(ApiError::Denied(subject)),
        };
        let answer = answer.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => ApiError::NoResponders(subject.clone()),
            RequestErrorKind::TimedOut => ApiError::TimedOut(subject.clone()),
            _ => ApiError::Closed(error.into()),
        })?;
        match serde_json::from_slice(&answer.payload) {
            Ok(Answer::Is(value)) => Ok(value),
            Ok(Answer::Error { error }) => Err(ApiError::Server { subject, error }),
            Err(source) => Err(ApiError::Answer { subject, source }),
        }
    }
}
