//! Keyspace events, where the operator has them on: hints, for the server keeps none for who is away.
//! Never: switches them on, or fails the poll.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use fred::clients::SubscriberClient;
use fred::interfaces::{EventInterface as _, PubsubInterface as _};
use fred::types::{ConnectHandle, KeyspaceEvent, Value};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use super::connect::{Link, Server};
use super::sample::shown;
use crate::model::{CacheEvent, CacheEvents, NotAvailable, Text, Timestamp, printable, shorten};
use crate::privacy::Masker;
use crate::sources::failure::Failure;

/// Events shown.
const MAX_RECENT: usize = 100;
/// Kinds told apart.
const MAX_KINDS: usize = 100;
/// Names of evicted keys told with the entry.
const MAX_EVICTED: usize = 20;

/// Who listens.
pub(super) struct Listener {
    wanted: bool,
    open: Option<Open>,
    recent: VecDeque<CacheEvent>,
    counts: BTreeMap<Text, u64>,
    missed: u64,
    evicted: Vec<Text>,
    not_available: Option<NotAvailable>,
    masker: Arc<Masker>,
}

/// A connection that listens.
struct Open {
    // Held for as long as it is to listen.
    _client: SubscriberClient,
    task: ConnectHandle,
    /// fred keeps these apart from other messages, and reads both kinds of channels.
    messages: Receiver<KeyspaceEvent>,
    /// Whether channels are named after the key, not after the event.
    by_key: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    pub(super) fn new(wanted: bool, masker: Arc<Masker>) -> Self {
        Self {
            wanted,
            open: None,
            recent: VecDeque::new(),
            counts: BTreeMap::new(),
            missed: 0,
            evicted: Vec::new(),
            not_available: Some(NotAvailable::new("starting", "the server was not asked yet")),
            masker,
        }
    }

    /// Opens, reads what came, closes where they were switched off.
    pub(super) async fn tend(&mut self, server: &Server, link: &Link) {
        self.evicted.clear();
        if !self.wanted {
            return self.close("switched_off", "valkey.keyspace_events is false");
        }
        // Asked each time: it may change at run time, and a listener without events looks like a quiet server.
        let flags = match link.ask("CONFIG", &["GET", "notify-keyspace-events"]).await {
            Ok(answer) => flags(answer),
            Err(failure) => {
                let detail = format!("whether they are on cannot be asked: {failure}");
                return self.close("not_permitted", &detail);
            }
        };
        let (by_event, by_key) = (flags.contains('E'), flags.contains('K'));
        if !by_event && !by_key {
            let detail = "the server has keyspace events off (notify-keyspace-events is empty); Fleetscope never \
                          switches them on";
            return self.close("not_enabled", detail);
        }
        let fits = self.open.as_ref().is_some_and(|open| open.by_key != by_event && !open.task.is_finished());
        if !fits {
            if self.open.take().is_some() {
                // Nobody tells how many came while nobody listened.
                self.missed += 1;
            }
            match open(server, !by_event).await {
                Ok(opened) => self.open = Some(opened),
                Err(failure) => return self.close("not_reachable", &failure.to_string()),
            }
        }
        self.not_available = None;
        self.read();
    }

    fn close(&mut self, code: &str, detail: &str) {
        self.open = None;
        self.not_available = Some(NotAvailable::new(code, detail));
    }

    fn read(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        loop {
            match open.messages.try_recv() {
                Ok(event) => self.take(&event),
                Err(TryRecvError::Lagged(count)) => self.missed += count,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.open = Some(open);
    }

    fn take(&mut self, event: &KeyspaceEvent) {
        let key = shown(event.key.as_bytes(), &self.masker);
        let event: Text = shorten(&printable(&event.operation), 40).into();
        if &*event == "evicted" && self.evicted.len() < MAX_EVICTED {
            self.evicted.push(key.clone());
        }
        if self.counts.contains_key(&event) || self.counts.len() < MAX_KINDS {
            *self.counts.entry(event.clone()).or_default() += 1;
        }
        self.recent.push_front(CacheEvent { at: Timestamp::now(), event, key });
        self.recent.truncate(MAX_RECENT);
    }

    /// Names of keys that were heard to be thrown out since the poll before.
    pub(super) fn evicted(&self) -> Vec<Text> {
        self.evicted.clone()
    }

    /// All that was heard.
    pub(super) fn heard(&self) -> CacheEvents {
        CacheEvents {
            recent: self.recent.iter().cloned().collect(),
            counts: self.counts.clone(),
            missed: self.missed,
            not_available: self.not_available.clone(),
        }
    }
}

async fn open(server: &Server, by_key: bool) -> Result<Open, Failure> {
    let (client, task) = server.subscriber().await?;
    let messages = client.keyspace_event_rx();
    let opened = Open { _client: client.clone(), task, messages, by_key };
    let kind = if by_key { "keyspace" } else { "keyevent" };
    // One of the two: where the server sends both, each event would be heard twice.
    let pattern = format!("__{kind}@{}__:*", server.database());
    let asked: Result<(), _> = client.psubscribe(pattern).await;
    asked.map_err(|error| server.failed(&error))?;
    Ok(opened)
}

/// The flags among `["notify-keyspace-events", "AKE"]`.
fn flags(answer: Value) -> String {
    answer.into_array().into_iter().nth(1).and_then(|flags| flags.as_string()).unwrap_or_default()
}
