//! What is worth an entry: keys thrown out, a restart, memory near its limit.

use serde_json::{Value, json};

use super::counters::Turn;
use crate::model::{CachePanel, Event, Observed, Severity, Source, Text};
use crate::privacy::Masker;
use crate::sources::observe::{Sight, message};

/// Share of the limit that is near it, and the one below which it is near no more.
const NEAR: f64 = 0.9;
const FAR: f64 = 0.8;

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    near: bool,
}

impl Told {
    /// The entries of a poll.
    pub(super) fn entries(
        &mut self,
        panel: &CachePanel,
        turn: &Turn,
        run_id: &str,
        names: &[Text],
        masker: &Masker,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let mut tell = |kind, thing: &str, severity, summary: String, body: &Value| {
            let sight = Sight {
                source: Source::Valkey,
                kind,
                thing,
                producer: Some("valkey"),
                at: panel.at,
                observed: Observed { severity, summary: summary.into(), ..Observed::default() },
                body,
            };
            events.push(Event::Message(Box::new(message(sight, panel.at, masker))));
        };
        if turn.restarted {
            let body = json!({"run_id": run_id, "version": panel.version, "keys": panel.keys});
            let summary = format!("{} restarted; it holds {} keys", panel.version, panel.keys);
            tell("cache.restarted", "cache.server", Severity::Warning, summary, &body);
        }
        if turn.evicted > 0 {
            let count = turn.evicted;
            // The total makes two losses of the same size two entries; an old loss told again after our own restart one.
            let body = json!({
                "evicted": count, "evicted_total": panel.totals.evicted, "run_id": run_id, "policy": panel.policy,
                "maxmemory": panel.memory_limit_bytes, "keys": names,
            });
            let (thing, since) = if turn.first {
                ("cache.evicted.before", "since the server started")
            } else {
                ("cache.evicted", "since the last look")
            };
            let summary = format!("{count} keys were thrown out for want of memory {since}: their data is lost");
            tell("cache.evicted", thing, Severity::Error, summary, &body);
        }
        if let Some(limit) = panel.memory_limit_bytes {
            let share = panel.memory_bytes as f64 / limit as f64;
            let near = share >= NEAR || (self.near && share >= FAR);
            if near != self.near {
                let body = json!({"maxmemory": limit, "policy": panel.policy, "near": near});
                let (kind, severity, said) = if near {
                    ("cache.memory_near_limit", Severity::Warning, "is near")
                } else {
                    ("cache.memory_below_limit", Severity::Info, "is no longer near")
                };
                let summary = format!("memory {said} its limit of {} MiB ({})", limit >> 20, panel.policy);
                tell(kind, "cache.memory", severity, summary, &body);
            }
            self.near = near;
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Content;

    fn kinds(told: &mut Told, used: u64, turn: &Turn) -> Vec<String> {
        let masker = Masker::new(Content::Full, 1 << 16);
        let panel = CachePanel { memory_bytes: used, memory_limit_bytes: Some(100), ..CachePanel::default() };
        let kind = |event: &Event| match event {
            Event::Message(message) => format!("{} {}", message.event_type, message.subject),
            other => format!("{other:?}"),
        };
        told.entries(&panel, turn, "r", &[], &masker).iter().map(kind).collect()
    }

    #[test]
    fn memory_that_comes_and_goes_around_its_limit_is_told_once_each_way() {
        let (mut told, quiet) = (Told::default(), Turn::default());
        assert!(kinds(&mut told, 89, &quiet).is_empty());
        assert_eq!(kinds(&mut told, 91, &quiet), ["cache.memory_near_limit cache.memory"]);
        assert!(kinds(&mut told, 85, &quiet).is_empty() && kinds(&mut told, 99, &quiet).is_empty());
        assert_eq!(kinds(&mut told, 70, &quiet), ["cache.memory_below_limit cache.memory"]);
    }

    #[test]
    fn a_restart_and_lost_keys_are_told() {
        let turn = Turn { restarted: true, evicted: 3, ..Turn::default() };
        let expected = ["cache.restarted cache.server", "cache.evicted cache.evicted"];
        assert_eq!(kinds(&mut Told::default(), 0, &turn), expected);
        let first = Turn { first: true, evicted: 3, ..Turn::default() };
        assert_eq!(kinds(&mut Told::default(), 0, &first), ["cache.evicted cache.evicted.before"]);
    }
}
