//! A source under test, and a client that plays the fleet.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use fleetscope::config;
use fleetscope::metrics::Metrics;
use fleetscope::model::{Batch, Event, Message, Position};
use fleetscope::privacy::Masker;
use fleetscope::sources::nats::{Context, run};
use fleetscope::status::{Health, Status};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Nothing in these tests takes longer than this.
pub(super) const BOUND: Duration = Duration::from_secs(25);

/// The fleet's streams and subjects.
pub(super) const FLEET: [(&str, &str); 8] = [
    ("PLANNING_EVENTS", "planning.>"),
    ("CONTEXT", "context.>"),
    ("ORCHESTRATOR_EVENTS", "orchestration.>"),
    ("AGENT_COMMANDS", "agent.cmd.>"),
    ("AGENT_RESPONSES", "agent.response.>"),
    ("AGENT_WORK", "agent.work.>"),
    ("WORKFLOW_EVENTS", "workflow.>"),
    ("task_derivation", "task.derivation.>"),
];

/// Runs `test` against each server there is.
macro_rules! on_each_server {
    ($($name:ident => $test:path;)+) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for binary in crate::servers::nats::binaries() {
                $test(&binary).await;
            }
        }
    )+ };
}
pub(super) use on_each_server;

/// A running source.
pub(super) struct Source {
    pub(super) events: mpsc::Receiver<Batch>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) status: Arc<Status>,
    pub(super) positions: Vec<Position>,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

/// A configuration for this server, polling often.
pub(super) fn config(url: &str) -> config::Nats {
    config::Nats { url: Some(url.to_owned()), poll_interval: Duration::from_millis(200), ..config::Nats::default() }
}

impl Source {
    pub(super) fn start(config: config::Nats, positions: Vec<Position>) -> Self {
        Self::start_with_room(config, positions, 64)
    }

    /// With room for so many batches.
    pub(super) fn start_with_room(config: config::Nats, positions: Vec<Position>, room: usize) -> Self {
        let (sender, events) = mpsc::channel(room);
        let (metrics, status) = (Arc::new(Metrics::new()), Arc::new(Status::default()));
        let stop = CancellationToken::new();
        let context = Context {
            config,
            masker: Arc::new(Masker::new(config::Content::Summary, 256 << 10)),
            positions: positions.clone(),
            events: sender,
            metrics: Arc::clone(&metrics),
            status: Arc::clone(&status),
            stop: stop.clone(),
        };
        Self { events, metrics, status, positions, stop, task: tokio::spawn(run(context)) }
    }

    /// The next event that `pick` takes; others are passed by. Positions are kept as a journal would.
    pub(super) async fn next<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        self.gather(what, 1, &mut pick).await.remove(0)
    }

    /// Batches until `pick` took `count` events.
    pub(super) async fn gather<T>(
        &mut self,
        what: &str,
        count: usize,
        mut pick: impl FnMut(Event) -> Option<T>,
    ) -> Vec<T> {
        let mut picked = Vec::new();
        let end = tokio::time::Instant::now() + BOUND;
        while picked.len() < count {
            let batch = tokio::time::timeout_at(end, self.events.recv()).await;
            let batch = batch.unwrap_or_else(|_| panic!("waited in vain: {what}: {} of {count}", picked.len()));
            let batch = batch.expect("the source runs");
            self.keep(batch.positions);
            picked.extend(batch.events.into_iter().filter_map(&mut pick));
        }
        picked
    }

    /// The next messages.
    pub(super) async fn messages(&mut self, count: usize) -> Vec<Message> {
        self.gather("messages", count, |event| match event {
            Event::Message(message) => Some(*message),
            _ => None,
        })
        .await
    }

    /// Takes what comes until the stream was read up to `seq`; gives the messages among it.
    pub(super) async fn until_read(&mut self, stream: &str, seq: u64) -> Vec<Message> {
        let (mut messages, key) = (Vec::new(), format!("nats/{stream}"));
        let end = tokio::time::Instant::now() + BOUND;
        while !self.positions.iter().any(|p| *p.key == *key && p.seq == seq) {
            let batch = tokio::time::timeout_at(end, self.events.recv()).await;
            let batch = batch.unwrap_or_else(|_| panic!("{stream} was not read up to {seq}: {:?}", self.positions));
            let batch = batch.expect("the source runs");
            self.keep(batch.positions);
            messages.extend(batch.events.into_iter().filter_map(|event| match event {
                Event::Message(message) => Some(*message),
                _ => None,
            }));
        }
        messages
    }

    /// Keeps positions as a journal would.
    fn keep(&mut self, positions: Vec<Position>) {
        for position in positions {
            self.positions.retain(|p| p.key != position.key);
            self.positions.push(position);
        }
    }

    pub(super) async fn until_health(&self, health: Health) {
        crate::servers::until("health", BOUND, || async {
            self.status.parts().get("source/nats").filter(|p| p.health == health).map(|_| ())
        })
        .await;
    }

    pub(super) async fn until_reconnects(&self, count: u64) {
        crate::servers::until("reconnects", BOUND, || async {
            (self.metrics.sources.reconnects.with_label_values(&["nats"]).get() >= count).then_some(())
        })
        .await;
    }

    pub(super) fn detail(&self) -> String {
        self.status.parts().get("source/nats").map(|p| p.detail.clone()).unwrap_or_default()
    }

    pub(super) fn errors(&self, reason: &str) -> u64 {
        self.metrics.sources.errors.with_label_values(&["nats", reason]).get()
    }

    pub(super) fn missed(&self, stream: &str) -> u64 {
        self.metrics.sources.missed.with_label_values(&["nats", stream]).get()
    }

    /// Stops it; gives the positions and what came last.
    pub(super) async fn stop(mut self) -> (Vec<Position>, Vec<Event>) {
        self.stop.cancel();
        let mut rest = Vec::new();
        let drained = tokio::time::timeout(BOUND, async {
            while let Some(batch) = self.events.recv().await {
                self.keep(batch.positions);
                rest.extend(batch.events);
            }
        });
        drained.await.expect("it drops its sender");
        self.task.await.expect("no panic").expect("it stops well");
        (self.positions, rest)
    }
}

/// A client of the fleet.
pub(super) async fn fleet(url: &str) -> jetstream::Context {
    let client = async_nats::ConnectOptions::new().name("fleet").connect(url).await.expect("a connection");
    jetstream::new(client)
}

pub(super) async fn make_stream(fleet: &jetstream::Context, name: &str, subject: &str) {
    make(fleet, stream::Config { name: name.to_owned(), subjects: vec![subject.to_owned()], ..Default::default() })
        .await;
}

pub(super) async fn make(fleet: &jetstream::Context, config: stream::Config) {
    fleet.create_stream(config).await.expect("a stream");
}

/// Publishes and waits for the server's receipt; gives the sequence.
pub(super) async fn publish(fleet: &jetstream::Context, subject: &str, body: impl Into<String>) -> u64 {
    let receipt = fleet.publish(subject.to_owned(), body.into().into()).await.expect("sent");
    receipt.await.expect("stored").sequence
}
