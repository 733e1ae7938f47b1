//! Agents and councils that an orchestrator has registered, beside those that were heard of.
//! Takes: the board. Gives: views of both. Never: believes a registered status: it is a constant. What an agent does
//! follows from events alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::board::State;
use crate::model::{
    AgentView, CouncilView, OrchestratorPanel, Panel, RegisteredAgent, RegisteredCouncil, Source, Text,
};
use crate::sinks::feed::{AgentJson, CouncilJson};

/// The registry, if an orchestrator is asked.
pub(super) struct Registry<'a>(Option<&'a OrchestratorPanel>);

impl<'a> Registry<'a> {
    /// What is on the board.
    pub(super) fn of(state: &'a State) -> Self {
        match state.panels.get(&Source::Orchestrator).map(AsRef::as_ref) {
            Some(Panel::Orchestrator(panel)) => Self(Some(panel)),
            _ => Self(None),
        }
    }

    fn registered(&self) -> impl Iterator<Item = (&'a RegisteredCouncil, &'a RegisteredAgent)> {
        let councils = self.0.into_iter().flat_map(|panel| &panel.councils);
        councils.flat_map(|council| council.agents.iter().map(move |agent| (council, agent)))
    }

    /// All agents: those that were heard of, and those that never spoke, which are idle.
    pub(super) fn agents(&self, state: &State) -> Vec<Arc<AgentView>> {
        let mut all: BTreeMap<Text, Arc<AgentView>> = state.agents.clone();
        for (council, agent) in self.registered() {
            match all.get_mut(&agent.agent_id) {
                Some(view) => with_model(view, agent),
                None => {
                    all.insert(agent.agent_id.clone(), Arc::new(silent(council, agent)));
                }
            }
        }
        all.into_values().collect()
    }

    /// One agent.
    pub(super) fn agent(&self, state: &State, id: &str) -> Option<Arc<AgentView>> {
        let registered = self.registered().find(|(_, agent)| &*agent.agent_id == id);
        match (state.agents.get(id).cloned(), registered) {
            (Some(mut view), Some((_, agent))) => {
                with_model(&mut view, agent);
                Some(view)
            }
            (None, Some((council, agent))) => Some(Arc::new(silent(council, agent))),
            (view, None) => view,
        }
    }

    /// All councils, with the agents that never spoke counted among the idle.
    pub(super) fn councils(&self, state: &State) -> Vec<Arc<CouncilView>> {
        let mut all: BTreeMap<Text, Arc<CouncilView>> = state.councils.clone();
        for (council, agent) in self.registered() {
            let name = upper(&council.role);
            let view = Arc::make_mut(all.entry(name.clone()).or_default());
            view.council = name;
            if !view.agents.contains(&agent.agent_id) {
                view.agents.push(agent.agent_id.clone());
                view.idle += 1;
            }
            if let Some(model) = agent.model.as_ref().filter(|model| !view.models.contains(model)) {
                view.models.push(model.clone());
            }
        }
        all.into_values().collect()
    }

    pub(super) fn mark_agent<'j>(&self, mut json: AgentJson<'j>, id: &str) -> AgentJson<'j> {
        json.registered = self.0.map(|_| self.registered().any(|(_, agent)| &*agent.agent_id == id));
        json
    }

    pub(super) fn mark_council<'j>(&self, mut json: CouncilJson<'j>, name: &str) -> CouncilJson<'j> {
        json.registered = self.0.map(|panel| panel.councils.iter().any(|c| *upper(&c.role) == *name));
        json
    }
}

fn upper(role: &str) -> Text {
    role.to_ascii_uppercase().into()
}

/// The registry knows the model before the agent's first answer tells it.
fn with_model(view: &mut Arc<AgentView>, agent: &RegisteredAgent) {
    if view.model.is_none() && agent.model.is_some() {
        Arc::make_mut(view).model.clone_from(&agent.model);
    }
}

fn silent(council: &RegisteredCouncil, agent: &RegisteredAgent) -> AgentView {
    AgentView {
        agent_id: agent.agent_id.clone(),
        role: upper(&agent.role),
        council: upper(&council.role),
        model: agent.model.clone().or_else(|| council.model.clone()),
        ..AgentView::default()
    }
}
