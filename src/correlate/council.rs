//! What changed, for the board: agents, their councils, deliberations, stories.

use std::collections::BTreeMap;

use crate::model::{AgentState, Change, CouncilView, LlmView, Text, Timestamp};

use super::Correlator;

impl Correlator {
    /// Everything that changed since the last call, in a stable order.
    pub(super) fn changed(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.calls_changed(&mut changes);
        self.agents_changed(now, &mut changes);
        self.councils_changed(now, &mut changes);
        self.deliberations_changed(&mut changes);
        self.stories_changed(&mut changes);
        changes
    }

    fn calls_changed(&mut self, changes: &mut Vec<Change>) {
        let untold = self.memory.calls.shown.iter_mut().filter(|(_, shown)| !shown.told);
        let mut views: Vec<LlmView> = untold
            .map(|(_, shown)| {
                shown.told = true;
                shown.view.clone()
            })
            .collect();
        views.sort_unstable_by_key(|view| view.seq);
        changes.extend(views.into_iter().map(|view| Change::Llm(view.into())));
    }

    fn agents_changed(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let mut views = BTreeMap::new();
        for (id, agent) in self.memory.agents.iter_mut() {
            let (state, _, silent) = agent.state(&self.settings, now);
            if agent.told != Some((state, silent)) {
                agent.told = Some((state, silent));
                views.insert(id.clone(), agent.view(id, &self.settings, now));
            }
        }
        changes.extend(views.into_values().map(|view| Change::Agent(view.into())));
    }

    fn councils_changed(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let mut councils: BTreeMap<Text, CouncilView> = BTreeMap::new();
        for (id, agent) in self.memory.agents.iter() {
            let (state, ..) = agent.state(&self.settings, now);
            let council = councils.entry(agent.council()).or_default();
            council.agents.push(id.clone());
            let count = match state {
                AgentState::Idle => &mut council.idle,
                AgentState::Deliberating => &mut council.deliberating,
                AgentState::Completed => &mut council.completed,
                AgentState::Failed => &mut council.failed,
            };
            *count += 1;
            council.spend.add(&agent.spend);
            if let Some(model) = agent.model.as_ref().filter(|model| !council.models.contains(model)) {
                council.models.push(model.clone());
            }
            council.last_event = council.last_event.max(agent.last_event());
        }
        for (_, deliberation) in self.memory.deliberations.iter() {
            if deliberation.ended.is_none()
                && let Some(council) = councils.get_mut(&deliberation.council())
            {
                council.open_deliberations += 1;
            }
        }
        for (name, council) in &mut councils {
            council.council = name.clone();
            council.agents.sort_unstable();
            council.models.sort_unstable();
        }
        let told = std::mem::take(&mut self.memory.told.councils);
        // A council whose agents were all forgotten is told once more, empty.
        for (name, _) in told.iter().filter(|(name, view)| !councils.contains_key(*name) && !view.agents.is_empty()) {
            let empty = CouncilView { council: name.clone(), ..CouncilView::default() };
            changes.push(Change::Council(empty.into()));
        }
        changes.extend(
            councils
                .iter()
                .filter(|(name, view)| told.get(*name) != Some(*view))
                .map(|(_, v)| Change::Council(v.clone().into())),
        );
        self.memory.told.councils = councils;
    }

    fn deliberations_changed(&mut self, changes: &mut Vec<Change>) {
        let mut closed = std::mem::take(&mut self.memory.told.deliberations_closed);
        closed.sort_unstable();
        closed.retain(|id| !self.memory.deliberations.contains(id));
        changes.extend(closed.into_iter().map(Change::DeliberationClosed));
        let mut views = BTreeMap::new();
        for (id, deliberation) in self.memory.deliberations.iter_mut() {
            if deliberation.dirty.changed {
                (deliberation.dirty.changed, deliberation.dirty.told) = (false, true);
                views.insert(id.clone(), deliberation.view(id));
            }
        }
        changes.extend(views.into_values().map(|view| Change::Deliberation(view.into())));
    }

    fn stories_changed(&mut self, changes: &mut Vec<Change>) {
        let mut closed = std::mem::take(&mut self.memory.told.stories_closed);
        closed.sort_unstable();
        closed.retain(|id| !self.memory.stories.contains(id));
        changes.extend(closed.into_iter().map(Change::StoryClosed));
        let mut views = BTreeMap::new();
        for (id, story) in self.memory.stories.iter_mut() {
            if story.dirty.changed {
                (story.dirty.changed, story.dirty.told) = (false, true);
                views.insert(id.clone(), story.view(id, false));
            }
        }
        changes.extend(views.into_values().map(|view| Change::Story(view.into())));
    }
}
