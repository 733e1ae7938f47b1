//! How each part of the daemon is doing: behind `/ready` and `/status`.
//! Takes: short reports of the parts. Gives: one picture. Never: decides anything.

use std::collections::BTreeMap;

use parking_lot::RwLock;
use serde::Serialize;

use crate::model::Timestamp;

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Not configured.
    Off,
    /// On its way up.
    Starting,
    /// Works.
    Up,
    /// Does not work; it is being retried.
    Down,
}

/// What is known of a part.
#[derive(Clone, Debug, Serialize)]
pub struct PartStatus {
    /// How it is.
    pub health: Health,
    /// One line for people: what it does, or why it does not.
    pub detail: String,
    /// Whether `/ready` waits for it.
    pub required: bool,
    /// Since when it is so.
    pub since: String,
}

/// The parts by name: `source/nats`, `journal`, `sink/otlp`, ….
#[derive(Debug, Default)]
pub struct Status {
    parts: RwLock<BTreeMap<String, PartStatus>>,
}

impl Status {
    /// Reports a part. Logs one line when its health changes, none when only the detail does.
    pub fn report(&self, part: &str, health: Health, detail: impl Into<String>) {
        self.set(part, health, detail.into(), None);
    }

    /// Names a part that `/ready` waits for.
    pub fn require(&self, part: &str) {
        self.set(part, Health::Starting, "starting".to_owned(), Some(true));
    }

    fn set(&self, part: &str, health: Health, detail: String, required: Option<bool>) {
        let mut parts = self.parts.write();
        let before = parts.get(part);
        let changed = before.is_none_or(|p| p.health != health);
        let required = required.unwrap_or_else(|| before.is_some_and(|p| p.required));
        let since = match before {
            Some(p) if !changed => p.since.clone(),
            _ => Timestamp::now().to_string(),
        };
        if changed {
            match health {
                Health::Down => tracing::warn!(part, detail, "down"),
                Health::Up => tracing::info!(part, detail, "up"),
                Health::Off | Health::Starting => tracing::debug!(part, detail, ?health, "state"),
            }
        }
        parts.insert(part.to_owned(), PartStatus { health, detail, required, since });
    }

    /// One part.
    pub fn part(&self, part: &str) -> Option<PartStatus> {
        self.parts.read().get(part).cloned()
    }

    /// All parts.
    pub fn parts(&self) -> BTreeMap<String, PartStatus> {
        self.parts.read().clone()
    }

    /// The required parts that are not up; empty = ready.
    pub fn not_ready(&self) -> Vec<(String, PartStatus)> {
        let parts = self.parts.read();
        parts
            .iter()
            .filter(|(_, p)| p.required && p.health != Health::Up)
            .map(|(n, p)| (n.clone(), p.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_waits_for_required_parts_only() {
        let status = Status::default();
        status.require("journal");
        status.report("sink/otlp", Health::Down, "refused");
        assert_eq!(status.not_ready().len(), 1);
        status.report("journal", Health::Up, "open");
        assert!(status.not_ready().is_empty());
        status.report("journal", Health::Down, "disk full");
        assert_eq!(status.not_ready()[0].0, "journal");
    }
}
