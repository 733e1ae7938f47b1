//! What is worth an entry: new nodes, and counts that changed, at most once a minute.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use super::created::made;
use super::shape::NodeRow;
use crate::model::{Event, GraphPanel, Observed, Severity, Source, Text, Timestamp};
use crate::privacy::Masker;
use crate::sources::observe::{Sight, message};

/// Least time between two entries about counts.
const EVERY: Duration = Duration::from_mins(1);

/// What was told of counts.
#[derive(Debug, Default)]
pub(super) struct Told {
    last: Option<(Instant, BTreeMap<Text, u64>)>,
}

impl Told {
    /// The entries of a poll.
    pub(super) fn entries(&mut self, panel: &GraphPanel, new: &[NodeRow], masker: &Masker) -> Vec<Event> {
        let mut events: Vec<Event> = new.iter().map(|row| node(row, panel.at, masker)).collect();
        let counts: BTreeMap<Text, u64> = panel.labels.iter().map(|label| (label.label.clone(), label.count)).collect();
        if self.last.as_ref().is_none_or(|(at, told)| *told != counts && at.elapsed() >= EVERY) {
            let before = self.last.replace((Instant::now(), counts.clone()));
            events.push(sample(panel, &counts, before.map(|(_, told)| told).as_ref(), masker));
        }
        events
    }
}

fn node(row: &NodeRow, now: Timestamp, masker: &Masker) -> Event {
    let node = row.node(masker);
    let by = node.created_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    let summary = format!("{} {} created{by}", node.subtitle, node.title);
    // Nothing that changes later is in it: after a restart a node that is told again must look as it did.
    let body = json!({
        "id": node.id, "labels": node.labels, "title": node.title, "created_by": node.created_by,
        "created_by_not_available": node.created_by_not_available,
    });
    let sight = Sight {
        source: Source::Neo4j,
        kind: "graph.node.created",
        thing: &row.thing(),
        producer: Some("neo4j"),
        at: made(row).unwrap_or(now),
        observed: Observed { ids: row.ids(), summary: summary.into(), ..Observed::default() },
        body: &body,
    };
    entry(sight, now, masker)
}

fn sample(
    panel: &GraphPanel,
    counts: &BTreeMap<Text, u64>,
    before: Option<&BTreeMap<Text, u64>>,
    masker: &Masker,
) -> Event {
    let change = |label: &Text| {
        let held = before.and_then(|before| before.get(label)).copied().unwrap_or(0);
        counts.get(label).copied().unwrap_or(0).cast_signed() - held.cast_signed()
    };
    let names = counts.keys().chain(before.into_iter().flat_map(BTreeMap::keys));
    let changed: BTreeMap<&Text, i64> =
        names.filter(|_| before.is_some()).map(|l| (l, change(l))).filter(|(_, n)| *n != 0).collect();
    let told: Vec<String> = changed.iter().take(5).map(|(label, n)| format!("{label} {n:+}")).collect();
    let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
    let summary = format!("the graph has {} nodes and {} relationships{told}", panel.nodes, panel.relationships);
    let body = json!({
        "nodes": panel.nodes, "relationships": panel.relationships, "labels": counts, "types": panel.types,
        "changed": changed,
    });
    let sight = Sight {
        source: Source::Neo4j,
        kind: "graph.counts",
        thing: "graph.counts",
        producer: Some("neo4j"),
        at: panel.at,
        observed: Observed { severity: Severity::Info, summary: summary.into(), ..Observed::default() },
        body: &body,
    };
    entry(sight, panel.at, masker)
}

fn entry<B: Serialize>(sight: Sight<'_, B>, now: Timestamp, masker: &Masker) -> Event {
    Event::Message(Box::new(message(sight, now, masker)))
}
