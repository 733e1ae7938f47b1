//! Which streams there are, asked again and again: they may be absent, come later, go, and come back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::config;
use crate::model::{Glob, Position, Text};
use crate::status::Health;

use super::error::ApiError;
use super::read::{self, Stream};
use super::{PART, SOURCE, Shared, begin, connect, poll, wire};

/// Streams read at a time; more are listed, not read.
pub(super) const MAX_STREAMS: usize = 256;

/// The streams known, and what else the tasks tell each other.
#[derive(Debug)]
pub(super) struct Streams {
    known: Mutex<HashMap<Text, Known>>,
    /// Positions of streams not seen yet.
    committed: Mutex<HashMap<Text, Position>>,
    /// Asks for a listing now.
    pub(super) look: Notify,
}

#[derive(Debug)]
struct Known {
    stream: Arc<Stream>,
    created: String,
    running: Arc<AtomicBool>,
    /// How far it was read before the present listing was asked for.
    read: u64,
}

impl Streams {
    pub(super) fn new(positions: Vec<Position>) -> Self {
        let committed = positions.into_iter().map(|p| (p.key.clone(), p)).collect();
        Self { known: Mutex::default(), committed: Mutex::new(committed), look: Notify::new() }
    }

    /// Makes room for a stream: one that is gone goes, and its position waits for it to come back.
    fn forget_one(&self, known: &mut HashMap<Text, Known>) {
        let gone = known.iter().find(|(_, k)| !k.running.load(Ordering::Acquire)).map(|(name, _)| Text::clone(name));
        if let Some(gone) = gone.and_then(|name| known.remove(&name))
            && let Some(position) = gone.stream.position.lock().take()
        {
            self.committed.lock().insert(position.key.clone(), position);
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Stream>> {
        self.known.lock().get(name).map(|known| Arc::clone(&known.stream))
    }

    /// Something was heard of a stream: wakes its reader. Gives whether it is read, or will be once it is found.
    pub(super) fn stir(&self, config: &config::Nats, name: &str) -> bool {
        let known = self.known.lock();
        match known.get(name) {
            Some(known) => {
                known.stream.stirred.notify_one();
                true
            }
            None => known.len() < MAX_STREAMS && is_wanted(config, name),
        }
    }
}

/// Falls when a reader ends, however it ends: the next listing starts another one.
#[derive(Debug)]
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Lists, starts readers, polls, until stopped.
pub(super) async fn run(shared: Arc<Shared>, streams: Arc<Streams>, tasks: TaskTracker) {
    loop {
        let connects = shared.api.signals().line.borrow().connects;
        tokio::select! {
            () = shared.stop.cancelled() => break,
            () = round(&shared, &streams, &tasks) => {}
        }
        tokio::select! {
            () = shared.stop.cancelled() => break,
            () = tokio::time::sleep(shared.config.poll_interval) => {}
            () = streams.look.notified() => {}
            () = shared.api.signals().connected_after(connects) => {}
        }
    }
    for known in streams.known.lock().values() {
        known.stream.stop.cancel();
    }
}

async fn round(shared: &Arc<Shared>, streams: &Arc<Streams>, tasks: &TaskTracker) {
    shared.api.signals().connected().await;
    for known in streams.known.lock().values_mut() {
        known.read = known.stream.position.lock().as_ref().map_or(0, |p| p.seq);
    }
    let listed = match list(shared).await {
        Ok(listed) => listed,
        Err(error) => {
            shared.failed(error.reason());
            shared.metrics.sources.up.with_label_values(&[SOURCE]).set(0.0);
            let why = if error.is_jetstream_off() {
                "JetStream is not enabled for this account".to_owned()
            } else {
                connect::chain(&error)
            };
            shared.status.report(PART, Health::Down, why);
            return;
        }
    };
    for info in &listed {
        if is_wanted(&shared.config, &info.config.name) {
            meet(shared, streams, tasks, info);
        }
    }
    poll::report(shared, streams, &listed).await;
}

/// All streams, or those named literally where listing is not permitted.
pub(super) async fn list(shared: &Shared) -> Result<Vec<wire::Stream>, ApiError> {
    let denied = match shared.api.streams().await {
        Err(error @ (ApiError::Denied(_) | ApiError::TimedOut(_))) => error,
        listed => return listed,
    };
    let mut named = Vec::new();
    for name in shared.config.streams.iter().filter(|name| !name.contains('*')) {
        match shared.api.stream(name).await {
            Ok(info) => named.push(info),
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
    }
    if named.is_empty() { Err(denied) } else { Ok(named) }
}

/// Whether the configuration asks for a stream. Names are compared without case.
pub(super) fn is_wanted(config: &config::Nats, name: &str) -> bool {
    let fits = |patterns: &[String]| patterns.iter().any(|p| Glob::new(p.as_str()).matches(name));
    (config.streams.is_empty() || fits(&config.streams)) && !fits(&config.streams_exclude)
}

/// Makes sure that a stream is being read, and by a reader that knows its present life.
fn meet(shared: &Arc<Shared>, streams: &Streams, tasks: &TaskTracker, info: &wire::Stream) {
    let name: Text = info.config.name.as_str().into();
    let mut all = streams.known.lock();
    if all.len() >= MAX_STREAMS && !all.contains_key(&name) {
        streams.forget_one(&mut all);
        if all.len() >= MAX_STREAMS {
            return;
        }
    }
    let known = all.entry(Text::clone(&name)).or_insert_with(|| {
        let position = streams.committed.lock().remove(&begin::key(&name));
        Known {
            stream: Arc::new(Stream::new(name, position)),
            created: info.created.clone(),
            running: Arc::default(),
            read: 0,
        }
    });
    let behind = known.read > info.state.last_seq;
    if known.created != info.created {
        known.created.clone_from(&info.created);
        known.stream.look.notify_one();
    } else if behind && known.running.load(Ordering::Acquire) {
        known.stream.look.notify_one();
    }
    known.stream.last_seq.store(info.state.last_seq, Ordering::Relaxed);
    if !known.running.swap(true, Ordering::AcqRel) {
        let (shared, stream, running) =
            (Arc::clone(shared), Arc::clone(&known.stream), Running(Arc::clone(&known.running)));
        tasks.spawn(async move {
            read::run(shared, stream).await;
            drop(running);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_chosen_by_patterns() {
        let mut config = config::Nats::default();
        assert!(is_wanted(&config, "PLANNING_EVENTS"));
        assert!(!is_wanted(&config, "KV_settings"));
        config.streams = vec!["AGENT_*".to_owned(), "task_derivation".to_owned()];
        assert!(is_wanted(&config, "agent_responses"));
        assert!(is_wanted(&config, "TASK_DERIVATION"));
        assert!(!is_wanted(&config, "CONTEXT"));
    }
}
