//! What counts up, across restarts of the server: its counters begin again, ours do not.

use std::collections::BTreeMap;
use std::time::Instant;

use super::info::Info;
use crate::model::{CacheTotals, Text};

/// A counter that never goes back.
#[derive(Clone, Copy, Debug, Default)]
struct Rebased {
    base: u64,
    last: u64,
}

impl Rebased {
    /// Takes what the server says; it began anew where it restarted or says less than before.
    fn update(&mut self, value: u64, restarted: bool) {
        if restarted || value < self.last {
            self.base = self.base.saturating_add(self.last);
        }
        self.last = value;
    }

    const fn total(&self) -> u64 {
        self.base.saturating_add(self.last)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Counters {
    run_id: Option<Text>,
    hits: Rebased,
    misses: Rebased,
    evicted: Rebased,
    expired: Rebased,
    processed: Rebased,
    commands: BTreeMap<Text, Rebased>,
    before: Option<(Instant, u64, CacheTotals)>,
}

/// What a poll brought.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Whether it is the first.
    pub(super) first: bool,
    /// Whether the server is another process than at the poll before.
    pub(super) restarted: bool,
    /// Keys thrown out since the poll before; at the first one, since the server's start.
    pub(super) evicted: u64,
    pub(super) ops_per_second: Option<f64>,
    pub(super) hit_ratio: Option<f64>,
}

impl Counters {
    /// Takes an answer.
    pub(super) fn update(&mut self, info: &Info) -> Turn {
        let first = self.run_id.is_none();
        let restarted = self.run_id.as_ref().is_some_and(|held| *held != info.run_id);
        self.run_id = Some(info.run_id.clone());
        let pairs = [
            (&mut self.hits, info.hits),
            (&mut self.misses, info.misses),
            (&mut self.evicted, info.evicted),
            (&mut self.expired, info.expired),
            (&mut self.processed, info.processed),
        ];
        for (counter, value) in pairs {
            counter.update(value, restarted);
        }
        for (command, calls) in &info.commands {
            self.commands.entry(command.clone()).or_default().update(*calls, restarted);
        }
        // A command that nobody has called since the restart is not in the answer, and begins at nothing.
        for (_, counter) in self.commands.iter_mut().filter(|(command, _)| !info.commands.contains_key(*command)) {
            counter.update(0, restarted);
        }
        self.turn(first, restarted)
    }

    fn turn(&mut self, first: bool, restarted: bool) -> Turn {
        let (now, totals, processed) = (Instant::now(), self.totals(), self.processed.total());
        let before = self.before.replace((now, processed, totals));
        let held = before.map(|(_, _, totals)| totals).unwrap_or_default();
        let ops = before.map(|(at, count, _)| {
            (processed.saturating_sub(count)) as f64 / now.duration_since(at).as_secs_f64().max(0.001)
        });
        let (hits, misses) = (totals.hits - held.hits, totals.misses - held.misses);
        let ratio = (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64);
        let evicted = totals.evicted - held.evicted;
        Turn { first, restarted, evicted, ops_per_second: ops, hit_ratio: ratio }
    }

    pub(super) const fn totals(&self) -> CacheTotals {
        CacheTotals {
            hits: self.hits.total(),
            misses: self.misses.total(),
            evicted: self.evicted.total(),
            expired: self.expired.total(),
        }
    }

    pub(super) fn commands(&self) -> BTreeMap<Text, u64> {
        self.commands.iter().map(|(command, counter)| (command.clone(), counter.total())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(run_id: &str, hits: u64, evicted: u64, gets: u64) -> Info {
        let commands = [("get".into(), gets)].into_iter().filter(|(_, n)| *n > 0).collect();
        Info { run_id: run_id.into(), hits, evicted, commands, ..Info::default() }
    }

    #[test]
    fn a_restart_takes_nothing_away_and_adds_what_came_since() {
        let mut counters = Counters::default();
        let first = counters.update(&info("a", 100, 5, 40));
        assert!(first.first && !first.restarted && first.evicted == 5);
        let turn = counters.update(&info("a", 130, 5, 50));
        assert_eq!((turn.evicted, turn.restarted), (0, false));
        // More hits since the restart than before it: only the run id tells.
        let turn = counters.update(&info("b", 150, 2, 0));
        assert_eq!((turn.evicted, turn.restarted), (2, true));
        assert_eq!((counters.totals().hits, counters.totals().evicted), (280, 7));
        assert_eq!(counters.commands()["get"], 50);
        counters.update(&info("b", 150, 2, 3));
        assert_eq!(counters.commands()["get"], 53);
    }

    #[test]
    fn counters_set_back_by_hand_are_no_restart() {
        let mut counters = Counters::default();
        counters.update(&info("a", 100, 5, 40));
        let turn = counters.update(&info("a", 3, 0, 1));
        assert_eq!((turn.restarted, turn.evicted, counters.totals().hits), (false, 0, 103));
        assert_eq!(counters.commands()["get"], 41);
    }
}
