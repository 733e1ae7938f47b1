//! The state people look at: agents, councils, deliberations, stories, consumers, streams.
//! Takes: changes correlation tells (at most once a second) and polls. Gives: consistent copies.
//! Never: derives anything itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::model::{
    AgentView, Change, ConsumersReport, CouncilView, DeliberationView, LlmView, Panel, Seq, Source, StoryView,
    StreamsReport, Text, Timestamp,
};

/// Everything on the board.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field is the state of that name")]
pub struct State {
    pub agents: BTreeMap<Text, Arc<AgentView>>,
    pub councils: BTreeMap<Text, Arc<CouncilView>>,
    pub deliberations: HashMap<Text, Arc<DeliberationView>>,
    pub stories: HashMap<Text, Arc<StoryView>>,
    pub consumers: BTreeMap<Text, Arc<ConsumersReport>>,
    pub streams: Option<Arc<StreamsReport>>,
    /// The last requests to language models, by their entries.
    pub calls: BTreeMap<Seq, Arc<LlmView>>,
    /// The last good state of each watched system, by its source.
    pub panels: BTreeMap<Source, Arc<Panel>>,
    /// When anything last changed.
    pub as_of: Timestamp,
}

/// Agents and councils shown. Correlation follows as many; ids made up without end push out the longest silent.
const MAX_AGENTS: usize = 2_000;
const MAX_COUNCILS: usize = 200;
/// Requests to language models shown, as many as correlation remembers.
const MAX_CALLS: usize = 2_000;

/// Removes the longest silent view if `key` is new and there is no room for it.
fn make_room<V>(views: &mut BTreeMap<Text, Arc<V>>, key: &Text, most: usize, last: impl Fn(&V) -> Timestamp) {
    if views.len() < most || views.contains_key(key) {
        return;
    }
    if let Some(silent) = views.iter().min_by_key(|(_, view)| last(view)).map(|(id, _)| id.clone()) {
        views.remove(&silent);
    }
}

/// What changed since a reader last looked.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Number of this set; readers compare it with the last they saw.
    pub version: u64,
    /// What changed.
    pub items: Arc<Vec<Change>>,
}

/// Shared by ingest (the only writer), the feed and the API.
#[derive(Debug)]
pub struct Board {
    state: RwLock<State>,
    changes: watch::Sender<Changes>,
}

impl Default for Board {
    fn default() -> Self {
        let changes = watch::Sender::new(Changes { version: 0, items: Arc::default() });
        Self { state: RwLock::default(), changes }
    }
}

impl Board {
    /// Puts changes on the board and tells the readers.
    pub fn apply(&self, changes: Vec<Change>, at: Timestamp) {
        if changes.is_empty() {
            return;
        }
        let mut state = self.state.write();
        state.as_of = at;
        for change in &changes {
            match change {
                Change::Agent(view) => {
                    make_room(&mut state.agents, &view.agent_id, MAX_AGENTS, |v| v.last_event);
                    state.agents.insert(view.agent_id.clone(), Arc::clone(view));
                }
                Change::Council(view) => {
                    make_room(&mut state.councils, &view.council, MAX_COUNCILS, |v| v.last_event);
                    state.councils.insert(view.council.clone(), Arc::clone(view));
                }
                Change::Deliberation(view) => {
                    state.deliberations.insert(view.deliberation_id.clone(), Arc::clone(view));
                }
                Change::Story(view) => {
                    state.stories.insert(view.story_id.clone(), Arc::clone(view));
                }
                Change::StoryClosed(id) => {
                    state.stories.remove(id);
                }
                Change::DeliberationClosed(id) => {
                    state.deliberations.remove(id);
                }
                Change::Llm(view) => {
                    state.calls.insert(view.seq, Arc::clone(view));
                    while state.calls.len() > MAX_CALLS {
                        state.calls.pop_first();
                    }
                }
            }
        }
        drop(state);
        self.changes.send_modify(|c| *c = Changes { version: c.version + 1, items: Arc::new(changes) });
    }

    /// Puts a poll of a stream's consumers on the board.
    pub fn consumers(&self, report: ConsumersReport) {
        self.state.write().consumers.insert(report.stream.clone(), Arc::new(report));
    }

    /// Puts a poll of the streams on the board; consumers of streams that are gone go too.
    pub fn streams(&self, report: StreamsReport) {
        let mut state = self.state.write();
        state.consumers.retain(|stream, _| report.streams.iter().any(|s| s.name == *stream));
        state.streams = Some(Arc::new(report));
    }

    /// Puts the state of a watched system on the board, in the place of the one before.
    pub fn panel(&self, panel: Arc<Panel>) {
        self.state.write().panels.insert(panel.source(), panel);
    }

    /// All that is on it, once nobody looks any more.
    pub fn into_state(self) -> State {
        self.state.into_inner()
    }

    /// Looks at the state without copying it.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read())
    }

    /// Tells when something changes.
    pub fn watch(&self) -> watch::Receiver<Changes> {
        self.changes.subscribe()
    }
}
