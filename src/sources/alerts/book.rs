//! The alerts that are known, and what is told of them.
//! Takes: alerts as they were said. Gives: an entry where one began or ended, and the panel.
//! Never: forgets one that fires before its bound.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::wire::Said;
use crate::model::{
    Alert, AlertsPanel, Event, Ids, Observed, Panel, Severity, Source, Text, Timestamp, clean_id, printable, shorten,
};
use crate::privacy::Masker;
use crate::sources::named::named;
use crate::sources::observe::{Sight, message_looking};

/// Alerts held. More than these nobody reads; those that ended longest ago go first.
const MAX_ALERTS: usize = 2_000;
/// How long one that ended is shown.
const SHOWN_FOR: Duration = Duration::from_hours(24);
/// Longest text of a label or annotation, and most of each.
const MAX_TEXT: usize = 1_000;
const MAX_PAIRS: usize = 64;

/// All alerts that are known.
#[derive(Clone, Debug)]
pub(super) struct Book {
    alerts: BTreeMap<Text, Arc<Alert>>,
    masker: Arc<Masker>,
}

impl Book {
    pub(super) const fn new(masker: Arc<Masker>) -> Self {
        Self { alerts: BTreeMap::new(), masker }
    }

    /// How many fire.
    pub(super) fn firing(&self) -> usize {
        self.alerts.values().filter(|alert| alert.is_firing()).count()
    }

    /// Takes what was said; gives what is new, and the panel.
    pub(super) fn take(&mut self, said: Vec<Said>, now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        for said in said {
            let mut alert = self.alert(said, now);
            let before = self.alerts.get(&alert.fingerprint);
            // Sent: whether it is silenced is known to the list alone.
            alert.silenced = alert.silenced.or_else(|| before.filter(|b| b.status == alert.status)?.silenced);
            let is_known =
                before.is_some_and(|before| before.status == alert.status && before.starts_at == alert.starts_at);
            if !is_known {
                events.push(self.entry(&alert, now));
            }
            self.alerts.insert(alert.fingerprint.clone(), Arc::new(alert));
        }
        self.forget(now);
        events.push(self.panel(now));
        events
    }

    /// Takes the whole list of what fires: what is no longer in it has ended.
    pub(super) fn take_list(&mut self, said: Vec<Said>, now: Timestamp) -> Vec<Event> {
        let listed: HashSet<Text> = said.iter().map(fingerprint).collect();
        let ended: Vec<Arc<Alert>> = self
            .alerts
            .values()
            .filter(|alert| alert.is_firing() && !listed.contains(&alert.fingerprint))
            .cloned()
            .collect();
        let mut events = Vec::new();
        for alert in ended {
            let alert = Alert { status: "resolved".into(), ends_at: Some(now), ..Arc::unwrap_or_clone(alert) };
            events.push(self.entry(&alert, now));
            self.alerts.insert(alert.fingerprint.clone(), Arc::new(alert));
        }
        events.extend(self.take(said, now));
        events
    }

    fn alert(&self, said: Said, now: Timestamp) -> Alert {
        let fingerprint = fingerprint(&said);
        let (labels, annotations) = (self.texts(&said.labels), self.texts(&said.annotations));
        let mut ids = Ids::default();
        named(&mut ids, labels.iter().chain(&annotations).map(|(name, value)| (&**name, &**value)));
        let word = |name: &str| labels.get(name).or_else(|| annotations.get(name)).and_then(|text| clean_id(text));
        Alert {
            fingerprint,
            name: labels.get("alertname").cloned().unwrap_or_else(|| "alert".into()),
            severity: labels.get("severity").cloned().unwrap_or_else(|| "none".into()),
            status: if said.firing { "firing" } else { "resolved" }.into(),
            silenced: said.silenced,
            starts_at: said.starts_at,
            ends_at: said.ends_at.or_else(|| (!said.firing).then_some(now)),
            summary: annotations.get("summary").cloned(),
            description: annotations.get("description").or_else(|| annotations.get("message")).cloned(),
            runbook_url: annotations.get("runbook_url").cloned(),
            generator_url: said.generator_url.map(|url| self.text(&url)),
            story_id: ids.story,
            task_id: ids.task,
            agent_id: ids.agent.or_else(|| word("agent")),
            role: word("role").or_else(|| word("council")),
            labels,
            annotations,
        }
    }

    fn texts(&self, pairs: &BTreeMap<String, String>) -> BTreeMap<Text, Text> {
        pairs.iter().take(MAX_PAIRS).map(|(name, text)| (self.text(name), self.text(text))).collect()
    }

    fn text(&self, text: &str) -> Text {
        shorten(&printable(&self.masker.text(text)), MAX_TEXT).into()
    }

    /// That it began or ended: the same for ever, whenever it is told again.
    fn entry(&self, alert: &Alert, now: Timestamp) -> Event {
        let firing = alert.is_firing();
        let severity = match &*alert.severity {
            _ if !firing => Severity::Info,
            "critical" | "error" | "page" => Severity::Error,
            "info" | "none" => Severity::Info,
            _ => Severity::Warning,
        };
        let about = alert.summary.as_ref().or(alert.description.as_ref());
        let words = about.map_or_else(String::new, |about| format!(": {about}"));
        let verb = if firing { "fires" } else { "has ended" };
        let when = if firing { alert.starts_at } else { alert.ends_at };
        let start = alert.starts_at.map_or(0, Timestamp::nanos);
        let sight = Sight {
            source: Source::Alert,
            kind: if firing { "alert.firing" } else { "alert.resolved" },
            thing: &format!("alert.{}", alert.fingerprint),
            producer: Some("alertmanager"),
            // One that began long ago is news of now: among old entries nobody would see it, or retention would take it.
            at: when.filter(|at| now.since(*at) < SHOWN_FOR).unwrap_or(Timestamp::ZERO),
            observed: Observed {
                ids: Ids {
                    story: alert.story_id.clone(),
                    task: alert.task_id.clone(),
                    agent: alert.agent_id.clone(),
                    role: alert.role.clone(),
                    ..Ids::default()
                },
                severity,
                summary: format!("Alert {} {verb}{words}", alert.name).into(),
                ..Observed::default()
            },
            body: &json!(alert),
        };
        Event::Message(Box::new(message_looking(sight, &format!("{}.{start}", alert.status), now, &self.masker)))
    }

    fn forget(&mut self, now: Timestamp) {
        self.alerts.retain(|_, alert| alert.is_firing() || alert.ends_at.is_some_and(|at| now.since(at) < SHOWN_FOR));
        while self.alerts.len() > MAX_ALERTS {
            let oldest = self.alerts.values().min_by_key(|alert| (alert.is_firing(), alert.ends_at, alert.starts_at));
            let Some(key) = oldest.map(|alert| alert.fingerprint.clone()) else { break };
            self.alerts.remove(&key);
        }
    }

    fn panel(&self, now: Timestamp) -> Event {
        let mut alerts: Vec<Arc<Alert>> = self.alerts.values().cloned().collect();
        alerts.sort_by_key(|alert| Reverse((alert.is_firing(), alert.starts_at)));
        Event::Panel(Arc::new(Panel::Alerts(AlertsPanel { at: now, alerts })))
    }
}

/// Alertmanager's id of the alert; made from its labels where it was not said.
fn fingerprint(said: &Said) -> Text {
    let own = said.fingerprint.as_deref().and_then(clean_id);
    own.unwrap_or_else(|| {
        let mut hash = Sha256::new();
        for (name, value) in &said.labels {
            hash.update(format!("{name}\u{ff}{value}\u{ff}"));
        }
        let hash = hash.finalize();
        let first = hash.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
        format!("{first:016x}").into()
    })
}
