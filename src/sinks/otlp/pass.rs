//! A pass over a piece of the journal: the main one without end, and one for what a restarted backend may have lost.
//! Takes: records. Gives: batches in order, and how far they are settled. Never: sends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::batch::{Batch, Builder};
use super::encode;
use super::ledger::Ledger;
use super::read::Reader;
use super::settle::Track;
use super::signal::{ItemId, Signal};
use crate::config;
use crate::journal::{Journal, JournalError};
use crate::model::{Message, Record, Resolved, Seq, Source, log_of, spans_of};
use crate::tail::Tail;

/// Where records come from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) tail: Arc<Tail>,
    /// What is made of them.
    pub(super) signal: Signal,
}

/// A span that must not be sent, and why.
pub(super) type Flawed = (Seq, ItemId, &'static str);

/// One pass.
#[derive(Debug)]
pub(super) struct Pass {
    /// Tells the batches of one pass from those of another.
    pub(super) id: u64,
    /// The last record of it; `None` = goes on for ever.
    pub(super) end: Option<Seq>,
    /// Nothing of it is sent before this.
    pub(super) not_before: Option<Instant>,
    /// Whether the backend has taken anything of it.
    pub(super) heard: bool,
    /// How far it is settled.
    pub(super) track: Track,
    /// Spans that must not be sent, found in records read for the first time.
    pub(super) flawed: Vec<Flawed>,
    signal: Signal,
    reader: Reader,
    builder: Builder,
    ready: VecDeque<(u64, Arc<Batch>)>,
}

impl Pass {
    /// Begins after `position`.
    pub(super) fn new(id: u64, position: Seq, origin: &Origin, config: &config::Otlp) -> Self {
        let bytes = usize::try_from(config.batch_bytes.0).unwrap_or(usize::MAX);
        Self {
            id,
            end: None,
            not_before: None,
            heard: false,
            track: Track::new(position, config.settle),
            flawed: Vec::new(),
            signal: origin.signal,
            reader: Reader::new(Arc::clone(&origin.journal), Arc::clone(&origin.tail), position),
            builder: Builder::new(config.batch_spans as usize, bytes, position),
            ready: VecDeque::new(),
        }
    }

    /// The last record read.
    pub(super) fn cursor(&self) -> Seq {
        self.reader.cursor()
    }

    /// When the first span not yet in a batch came in.
    pub(super) fn since(&self) -> Option<Instant> {
        self.builder.since
    }

    /// Whether there is nothing left to read or to send.
    pub(super) fn is_read(&self) -> bool {
        self.end.is_some_and(|end| self.cursor() >= end) && self.builder.is_empty() && self.ready.is_empty()
    }

    /// The next batch, with its number. `None` = nothing is ready: spans may wait for company (see [`Pass::flush`]).
    pub(super) async fn next(&mut self, ledger: &mut Ledger) -> Result<Option<(u64, Arc<Batch>)>, JournalError> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Ok(Some(ready));
            }
            if self.end.is_some_and(|end| self.cursor() >= end) {
                self.flush();
                return Ok(self.ready.pop_front());
            }
            let record = self.reader.next().await?;
            let missed = self.reader.take_missed();
            if missed > 0 && self.end.is_none() {
                let items = self.signal.items();
                tracing::warn!(missed, "records expired before their {items} were sent");
                ledger.created(missed);
                ledger.skipped(missed);
            }
            let Some(record) = record else { return Ok(None) };
            self.take(&record, ledger);
        }
    }

    fn take(&mut self, record: &Record, ledger: &mut Ledger) {
        let new = self.end.is_none() && ledger.is_new(record.seq);
        match self.signal {
            Signal::Spans => self.take_spans(record, new, ledger),
            Signal::Logs { payload } => self.take_log(record, payload, new, ledger),
        }
        self.builder.complete(record.seq);
        if self.builder.is_empty() {
            self.track.extend(record.seq);
        }
    }

    fn take_log(&mut self, record: &Record, payload: bool, new: bool, ledger: &mut Ledger) {
        let Some(log) = log_of(record, payload) else { return };
        if !ledger.is_dead(record.seq.into())
            && let Some(batch) = self.builder.push_log(record.seq, &log)
        {
            self.ready.push_back(number(&mut self.track, batch));
        }
        if new {
            ledger.created(1);
        }
    }

    fn take_spans(&mut self, record: &Record, new: bool, ledger: &mut Ledger) {
        let Self { builder, track, ready, flawed, .. } = self;
        let spans = spans_of(record, &mut |span| {
            if let Some(why) = encode::flaw(span) {
                if new {
                    flawed.push((record.seq, span.span_id.into(), why));
                    ledger.invalid();
                }
            } else if !ledger.is_dead(span.span_id.into())
                && let Some(batch) = builder.push(record.seq, span)
            {
                ready.push_back(number(track, batch));
            }
        });
        if new {
            ledger.created(spans as u64);
            let traceless =
                |(message, resolved): (&Message, &Resolved)| message.source == Source::Nats && resolved.trace.is_none();
            if record.entry().is_some_and(traceless) {
                // Its publish span has no trace to be in.
                ledger.created(1);
                ledger.skipped(1);
            }
        }
    }

    /// Makes a batch of the spans that wait for company.
    pub(super) fn flush(&mut self) {
        if let Some(batch) = self.builder.seal() {
            let numbered = number(&mut self.track, batch);
            self.ready.push_back(numbered);
        }
    }
}

fn number(track: &mut Track, batch: Batch) -> (u64, Arc<Batch>) {
    (track.sent(batch.upto, batch.items.len() as u64), Arc::new(batch))
}
