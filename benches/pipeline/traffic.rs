//! A simulated fleet's messages: some at once, then more of the same fleet at a steady rate.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use async_nats::jetstream;
use fleetscope::sources::simulator::{Action, Fleet, Publish, Settings};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Publishes unanswered at a time.
const UNANSWERED: usize = 2048;
/// Turns a second in which live messages are published.
const TURNS: u64 = 200;

/// The fleet, as far as it has been published.
#[derive(Debug)]
pub(crate) struct Traffic {
    js: jetstream::Context,
    fleet: Fleet,
}

impl Traffic {
    pub(crate) fn new(js: jetstream::Context) -> Self {
        Self { js, fleet: Fleet::new(Settings { stories_per_minute: 400.0, ..Settings::default() }) }
    }

    fn next(&mut self) -> Publish {
        loop {
            if let Some(Action::Publish(publish)) = self.fleet.next().map(|step| step.action)
                && !publish.stream.is_empty()
            {
                return publish;
            }
        }
    }

    /// Publishes the next `count` messages as fast as the server takes them.
    pub(crate) async fn fill(&mut self, count: u64) -> Result<()> {
        let mut acks = FuturesUnordered::new();
        for _ in 0..count {
            let publish = self.next();
            acks.push(self.js.publish(publish.subject, publish.body.into()).await?.into_future());
            if acks.len() >= UNANSWERED {
                acks.next().await.transpose()?;
            }
        }
        while let Some(ack) = acks.next().await {
            ack?;
        }
        Ok(())
    }

    /// Goes on at `rate` messages a second until it is stopped.
    pub(crate) fn live(self, rate: u64) -> Live {
        let (published, stop) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
        let task = tokio::spawn(live(self, rate, Arc::clone(&published), stop.clone()));
        Live { published, stop, task }
    }
}

/// Traffic that goes on beside the measuring.
#[derive(Debug)]
pub(crate) struct Live {
    published: Arc<AtomicU64>,
    stop: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl Live {
    /// Messages the server has said it has.
    pub(crate) fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Ends it; gives the number of messages, all of them in the stream.
    pub(crate) async fn stop(self) -> Result<u64> {
        self.stop.cancel();
        self.task.await??;
        Ok(self.published.load(Ordering::Relaxed))
    }
}

async fn live(mut of: Traffic, rate: u64, published: Arc<AtomicU64>, stop: CancellationToken) -> Result<()> {
    // A turn that comes late is made up for, so the rate is kept on average.
    let mut every = tokio::time::interval(Duration::from_micros(1_000_000 / TURNS));
    let mut acks = FuturesUnordered::new();
    while !stop.is_cancelled() {
        every.tick().await;
        for _ in 0..rate / TURNS {
            let publish = of.next();
            let ack = of.js.publish(publish.subject, publish.body.into()).await?;
            acks.push(ack.into_future());
        }
        while acks.len() >= UNANSWERED {
            acks.next().await.transpose()?;
            published.fetch_add(1, Ordering::Relaxed);
        }
        while let Some(Some(ack)) = acks.next().now_or_never() {
            ack?;
            published.fetch_add(1, Ordering::Relaxed);
        }
    }
    while let Some(ack) = acks.next().await {
        ack?;
        published.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
