//! The overview: every part of the fleet, whether it answers, and how that was found.
//! Takes: what the other sources know, and probes of its own. Gives: the panel, an entry when a part goes or comes.
//! Never: calls up what nobody asked, or hides that nobody can tell.

mod knock;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use self::knock::{Found, knock};
use super::failure::{Failure, reason};
use super::observe::{Sight, message};
use super::watch::{self, Pace, Poll, Seen, Watcher};
use crate::config::{self, Probe};
use crate::model::{Component, ComponentsPanel, Event, Observed, Panel, Severity, Source, Text, Timestamp};
use crate::privacy::Masker;

/// What is known without asking: by the sources of single systems, and by Kubernetes.
pub type Look = Arc<dyn Fn() -> Vec<Component> + Send + Sync>;

/// Probes made; each is a connection every few seconds.
const MAX_PROBES: usize = 100;
/// Longest reason of a failed probe.
const MAX_DETAIL: usize = 300;

/// Looks until stopped.
pub async fn run(config: config::Components, look: Look, watcher: Watcher) {
    let pace = Pace { every: config.poll_interval, deadline: config.timeout + Duration::from_secs(2) };
    let masker = Arc::clone(&watcher.masker);
    let probes = config.probes().into_iter().take(MAX_PROBES).collect();
    let overview = Overview { probes, timeout: config.timeout, look, masker, before: BTreeMap::new() };
    watch::run(overview, pace, &watcher).await;
}

struct Overview {
    probes: Vec<(String, Probe)>,
    timeout: Duration,
    look: Look,
    masker: Arc<Masker>,
    /// Whether each was up when it was last known.
    before: BTreeMap<Text, bool>,
}

impl Poll for Overview {
    const NAME: &'static str = "components";

    async fn poll(&mut self) -> Result<Seen, Failure> {
        let most = self.timeout;
        let late = || Err(Failure::new(reason::TIMEOUT, format!("no answer within {most:?}")));
        let asked = self.probes.iter().map(|(name, probe)| async move {
            let found = timeout(most, knock(probe, most)).await.unwrap_or_else(|_| late());
            (name.as_str(), probe, found)
        });
        let found = join_all(asked).await;
        let mut components: BTreeMap<Text, Component> =
            (self.look)().into_iter().map(|component| (component.component.clone(), component)).collect();
        for (name, probe, found) in found {
            let name: Text = name.into();
            let component = components.entry(name.clone()).or_default();
            component.component = name;
            probed(component, probe, found, &self.masker);
        }
        let now = Timestamp::now();
        let mut events: Vec<Event> = components.values().filter_map(|of| self.changed(of, now)).collect();
        let (up, down) = (count(&components, true), count(&components, false));
        let detail = format!("{up} up, {down} down, {} unknown", components.len() - up - down);
        let mut components: Vec<Component> = components.into_values().collect();
        for of in &mut components {
            of.uptime_seconds = of.started.map(|started| now.since(started).as_secs_f64());
        }
        events.push(Event::Panel(Arc::new(Panel::Components(ComponentsPanel { at: now, components }))));
        Ok(Seen { events, detail, next: None })
    }
}

impl Overview {
    /// An entry for a part that went, or came back.
    fn changed(&mut self, of: &Component, now: Timestamp) -> Option<Event> {
        let up = of.up?;
        let before = self.before.insert(of.component.clone(), up);
        let (kind, severity) = match (before, up) {
            (Some(true) | None, false) => ("component.down", Severity::Error),
            (Some(false), true) => ("component.up", Severity::Info),
            _ => return None,
        };
        let detail = of.detail.as_ref().filter(|_| !up).map(|detail| format!(": {detail}")).unwrap_or_default();
        let state = if up { "answers again" } else { "does not answer" };
        let summary = format!("{} {state}{detail}", of.component);
        let sight = Sight {
            source: Source::Components,
            kind,
            thing: &format!("component.{}", of.component),
            producer: Some(&of.component),
            at: now,
            observed: Observed { severity, summary: summary.into(), ..Observed::default() },
            body: &serde_json::json!({ "component": of.component, "up": up, "probe": of.probe, "reason": of.reason }),
        };
        Some(Event::Message(Box::new(message(sight, now, &self.masker))))
    }
}

fn count(components: &BTreeMap<Text, Component>, up: bool) -> usize {
    components.values().filter(|of| of.up == Some(up)).count()
}

/// A probe of its own outweighs what others know.
fn probed(component: &mut Component, probe: &Probe, found: Result<Found, Failure>, masker: &Masker) {
    component.probe = match probe {
        Probe::Tcp(_) => "tcp",
        Probe::Http(_) => "http",
        Probe::Grpc(_) => "grpc",
    }
    .into();
    let (up, reason, detail) = match found {
        Ok(Found::Serving) => (true, None, None),
        Ok(Found::NotServing) => (false, Some("not_serving"), Some("its health service says NOT_SERVING".to_owned())),
        Err(failure) => (false, Some(failure.reason), Some(failure.detail)),
    };
    (component.up, component.reason) = (Some(up), reason.map(Into::into));
    let shown =
        |text: String| Text::from(crate::model::shorten(&crate::model::printable(&masker.text(&text)), MAX_DETAIL));
    component.detail = detail.map(shown);
}
