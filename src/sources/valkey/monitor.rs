//! MONITOR, only where it is switched on, and only for a time: it halves the server's speed and prints every value.
//! Takes: the commands. Gives: how many there were by name and by pattern of key. Never: keeps a value, or runs twice.

use std::sync::Arc;
use std::time::Duration;

use fred::types::Value;
use futures::StreamExt as _;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::connect::Server;
use super::pattern::Patterns;
use crate::model::{CacheMonitor, NotAvailable, Text, printable, shorten};
use crate::privacy::Masker;

/// Commands read: fred keeps what waits without a bound, so a flood is left early.
const MAX_COMMANDS: u64 = 1_000_000;
/// Names told apart.
const MAX_NAMES: usize = 300;

/// Its one time.
pub(super) struct Monitor {
    lasts: Duration,
    patterns: Arc<Patterns>,
    masker: Arc<Masker>,
    seen: Arc<Mutex<CacheMonitor>>,
    task: Option<JoinHandle<()>>,
}

impl Drop for Monitor {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Monitor {
    pub(super) fn new(lasts: Duration, patterns: Arc<Patterns>, masker: Arc<Masker>) -> Self {
        let off = NotAvailable::new("switched_off", "valkey.monitor is 0s: MONITOR slows the server down");
        let seen = CacheMonitor { not_available: Some(off), ..CacheMonitor::default() };
        Self { lasts, patterns, masker, seen: Arc::new(Mutex::new(seen)), task: None }
    }

    /// Starts it, once.
    pub(super) fn tend(&mut self, server: &Server) {
        if self.lasts.is_zero() || self.task.is_some() {
            return;
        }
        self.seen.lock().not_available = None;
        let (server, lasts, masker) = (server.clone(), self.lasts, Arc::clone(&self.masker));
        let (seen, patterns) = (Arc::clone(&self.seen), Arc::clone(&self.patterns));
        self.task = Some(tokio::spawn(async move {
            // Its end closes the connection, and with it MONITOR at the server.
            let failed = tokio::time::timeout(lasts, listen(&server, &seen, &patterns)).await;
            if let Ok(Err(why)) = failed {
                seen.lock().not_available = Some(NotAvailable::new("refused", &masker.text(&why)));
            }
        }));
    }

    pub(super) fn seen(&self) -> CacheMonitor {
        self.seen.lock().clone()
    }
}

async fn listen(server: &Server, seen: &Mutex<CacheMonitor>, patterns: &Patterns) -> Result<(), String> {
    let password = server.password().await.map_err(|failure| failure.to_string())?;
    let config = server.fred(password).map_err(|failure| failure.to_string())?;
    let commands = fred::monitor::run(config).await.map_err(|error| error.details().to_owned())?;
    futures::pin_mut!(commands);
    let mut count = 0;
    while let Some(command) = commands.next().await {
        count += 1;
        if count > MAX_COMMANDS {
            return Ok(());
        }
        let name: Text = shorten(&printable(&command.command.to_lowercase()), 40).into();
        let key = command.args.first().and_then(Value::as_bytes).map(|key| patterns.name(patterns.place(key)));
        let mut seen = seen.lock();
        if seen.commands.contains_key(&name) || seen.commands.len() < MAX_NAMES {
            *seen.commands.entry(name).or_default() += 1;
        }
        if let Some(prefix) = key {
            *seen.key_prefixes.entry(prefix).or_default() += 1;
        }
    }
    Ok(())
}
