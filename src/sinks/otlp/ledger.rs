//! The ledger of spans, or of log records: created = exported + dead-lettered + skipped + open, at any moment.
//! Takes: what was read, refused and settled. Gives: counters that add up. Never: counts a span twice, however often it
//! is read or sent.

use std::collections::HashMap;

use super::settle::Settled;
use super::signal::{ItemId, Meter};
use crate::model::Seq;

/// Dead letters remembered until the position has passed them. Reading waits above this.
const REMEMBERED: usize = 65_536;

/// Counts spans by what became of them.
#[derive(Debug)]
pub(super) struct Ledger {
    meter: Meter,
    open: i64,
    counted: Seq,
    dead: HashMap<ItemId, Seq>,
}

impl Ledger {
    /// Spans of records after `position` are new.
    pub(super) fn new(meter: Meter, position: Seq) -> Self {
        for outcome in ["created", "exported", "dead_lettered", "skipped"] {
            meter.items.with_label_values(&[outcome]).inc_by(0);
        }
        Self { meter, open: 0, counted: position, dead: HashMap::new() }
    }

    fn count(&mut self, outcome: &str, spans: u64) {
        if spans > 0 {
            self.meter.items.with_label_values(&[outcome]).inc_by(spans);
            self.open += if outcome == "created" { spans as i64 } else { -(spans as i64) };
            self.meter.open.with_label_values::<&str>(&[]).set(self.open as f64);
        }
    }

    /// Whether the spans of record `seq` have not been counted yet. They are, from then on.
    pub(super) fn is_new(&mut self, seq: Seq) -> bool {
        let new = seq > self.counted;
        self.counted = self.counted.max(seq);
        new
    }

    /// Spans read for the first time.
    pub(super) fn created(&mut self, spans: u64) {
        self.count("created", spans);
    }

    /// Spans that are not sent, by rule.
    pub(super) fn skipped(&mut self, spans: u64) {
        self.count("skipped", spans);
    }

    /// A span is a dead letter. `false` = it already was.
    pub(super) fn dead(&mut self, seq: Seq, id: ItemId) -> bool {
        let new = self.dead.insert(id, seq).is_none();
        if new {
            self.count("dead_lettered", 1);
        }
        new
    }

    /// A span that will never be sent, told once: when its record is read for the first time.
    pub(super) fn invalid(&mut self) {
        self.count("dead_lettered", 1);
    }

    /// Whether the backend has already refused this span.
    pub(super) fn is_dead(&self, id: ItemId) -> bool {
        self.dead.contains_key(&id)
    }

    /// Whether too many dead letters wait for the position to pass them.
    pub(super) fn is_full(&self) -> bool {
        self.dead.len() >= REMEMBERED
    }

    /// Spans became settled.
    pub(super) fn settled(&mut self, settled: Settled) {
        self.count("exported", settled.exported);
        self.count("dead_lettered", settled.rejected);
    }

    /// The position passed these records: their dead letters need not be remembered.
    pub(super) fn forget(&mut self, position: Seq) {
        if !self.dead.is_empty() {
            self.dead.retain(|_, seq| *seq > position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::sinks::otlp::signal::Signal;

    #[test]
    fn reading_waits_for_the_position_when_too_many_dead_letters_are_remembered() {
        let metrics = Metrics::new();
        let mut ledger = Ledger::new(Meter::new(&metrics, Signal::Spans), 0);
        let id = |n: usize| ItemId::from(n as Seq + 1);
        ledger.created(REMEMBERED as u64);
        for n in 0..REMEMBERED {
            assert!(!ledger.is_full(), "{n} are remembered");
            assert!(ledger.dead(n as Seq + 1, id(n)));
        }
        assert!(ledger.is_full());
        assert!(!ledger.dead(1, id(0)), "a letter is counted once");
        let count = |outcome| metrics.otlp.spans.with_label_values(&[outcome]).get();
        assert_eq!((count("created"), count("dead_lettered")), (REMEMBERED as u64, REMEMBERED as u64));
        ledger.forget(1);
        assert!(!ledger.is_full() && !ledger.is_dead(id(0)) && ledger.is_dead(id(1)));
        ledger.forget(REMEMBERED as Seq);
        assert!(ledger.dead.is_empty());
    }
}
