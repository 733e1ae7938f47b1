//! A whole journal → a trace backend, once.
//! Takes: a journal nobody writes to. Gives: every span it holds to the backend, and an account of them.
//! Never: ends while a span is neither taken nor told as refused, unless the backend takes nothing more.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Context, Signal, run};
use crate::config;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::model::Seq;
use crate::status::Status;
use crate::tail::Tail;

/// How often it is looked how far it is.
const LOOK: Duration = Duration::from_millis(100);
/// Nothing taken for this long, and it is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// What became of the spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Read from the journal.
    pub(crate) created: u64,
    /// Kept by the backend.
    pub(crate) exported: u64,
    /// Refused by it for good, or larger than anything it takes.
    pub(crate) refused: u64,
}

/// Sends until all is settled. `told` hears how many spans were kept, and which record of how many it has come to. The
/// account is there also when it ended early.
pub(crate) async fn once(
    journal: Arc<dyn Journal>,
    config: config::Otlp,
    stop: CancellationToken,
    mut told: impl FnMut(u64, Seq, Seq),
) -> anyhow::Result<(Account, anyhow::Result<()>)> {
    let (signal, head) = (Signal::Spans, journal.stats()?.last_seq);
    let (metrics, status, done) = (Arc::new(Metrics::new()), Arc::new(Status::default()), CancellationToken::new());
    let sink = tokio::spawn(run(Context {
        signal,
        config,
        journal: Arc::clone(&journal),
        tail: Arc::new(Tail::new(head)),
        metrics: Arc::clone(&metrics),
        status: Arc::clone(&status),
        stop: done.clone(),
    }));
    let spans = |outcome| metrics.otlp.spans.with_label_values(&[outcome]).get();
    let (mut position, mut moved) = (0, Instant::now());
    let ended = loop {
        let now = journal.sink_position(signal.sink())?;
        if now >= head {
            break Ok(());
        }
        if now > position {
            (position, moved) = (now, Instant::now());
        }
        if moved.elapsed() > PATIENCE {
            let why = status.part(signal.part()).map_or_else(String::new, |part| part.detail);
            break Err(anyhow!("the trace backend takes nothing more: {why}"));
        }
        told(spans("exported"), position, head);
        tokio::select! {
            () = sleep(LOOK) => {}
            () = stop.cancelled() => break Err(anyhow!("stopped before the end")),
        }
    };
    done.cancel();
    sink.await.context("the sink broke off")??;
    let refused = spans("dead_lettered") + spans("skipped");
    Ok((Account { created: spans("created"), exported: spans("exported"), refused }, ended))
}
