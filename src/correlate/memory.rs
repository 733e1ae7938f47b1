//! Everything correlation remembers, each part with its limit.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{CouncilView, Ids, Seq, Settlement, Text, Timestamp};

use super::Settings;
use super::agent::Agent;
use super::bounded::{Lru, Marks};
use super::deliberation::Deliberation;
use super::delivery::{Attempt, DeliveryKey};
use super::llm::Calls;
use super::resolve::Owners;
use super::ring::Ring;
use super::story::Story;
use super::trace::Trace;
use super::work::WorkKind;

/// Agents followed at a time. A fleet has a council of three for each of five roles.
const MAX_AGENTS: usize = 2_000;
/// Deliveries remembered, so that a repeated settlement is recognised.
const MAX_DELIVERIES: usize = 16_384;
/// Things of watched systems remembered (jobs, pods, nodes of the graph), so that one that has not changed is told once.
const MAX_OBSERVED: usize = 32_768;
/// Bytes a story may take on average.
const STORY_BYTES: usize = 1_400;

/// What time brings to an end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Deadline {
    /// Answers are overdue.
    Deliberation(Text),
    /// Work of a story has been open for long.
    Work(Text, WorkKind, Text),
    /// No answer can come any more for the request of this entry.
    Llm(Seq),
}

/// The state.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) stories: Lru<Text, Story>,
    /// Estimated bytes of all stories.
    pub(super) story_bytes: usize,
    /// Most of it.
    #[serde(skip)]
    pub(super) max_story_bytes: usize,
    pub(super) traces: Lru<Text, Trace>,
    /// Roots and deliberations whose spans were sent, but which are no longer in memory.
    pub(super) given_up: Marks,
    pub(super) owners: Owners,
    /// Stories of a ceremony.
    pub(super) ceremonies: Lru<Text, Vec<Text>>,
    pub(super) deliberations: Lru<Text, Deliberation>,
    pub(super) agents: Lru<Text, Agent>,
    pub(super) deadlines: BTreeSet<(Timestamp, Deadline)>,
    pub(super) rings: BTreeMap<Text, Ring>,
    pub(super) attempts: Lru<DeliveryKey, Attempt>,
    /// Ack floors by stream and consumer, as last polled.
    pub(super) floors: BTreeMap<(Text, Text), u64>,
    /// How each thing a watching source told of looked when it was last told.
    pub(super) observed: Lru<Text, [u8; 8]>,
    /// Jobs of Ray whose end was taken in.
    pub(super) ray_jobs: Marks,
    /// Requests to language models, and the answers they may belong to.
    pub(super) calls: Calls,
    /// Settlements whose message has not been read yet, by stream and sequence.
    pub(super) early: BTreeMap<(Text, u64), Vec<Settlement>>,
    /// What was last told, to tell only what changed.
    #[serde(skip)]
    pub(super) told: Told,
}

/// What the board knows.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) councils: BTreeMap<Text, CouncilView>,
    pub(super) stories_closed: Vec<Text>,
    pub(super) deliberations_closed: Vec<Text>,
}

/// One copy of a text that is held as a key already.
fn share<V>(held: &Lru<Text, V>, id: &mut Option<Text>) {
    if let Some(id) = id
        && let Some(key) = held.key(id)
    {
        *id = key.clone();
    }
}

impl Memory {
    /// Lets a message's ids share the texts held: most of what is remembered is ids.
    pub(super) fn share(&self, ids: &mut Ids) {
        let ray = ids.task == ids.deliberation;
        share(&self.stories, &mut ids.story);
        share(&self.agents, &mut ids.agent);
        share(&self.ceremonies, &mut ids.ceremony);
        share(&self.deliberations, &mut ids.task);
        if ray {
            ids.deliberation.clone_from(&ids.task);
        }
    }

    pub(super) fn new(settings: &Settings) -> Self {
        let mut memory = Self {
            stories: Lru::new(1),
            story_bytes: 0,
            max_story_bytes: 0,
            traces: Lru::new(1),
            given_up: Marks::default(),
            owners: Lru::new(1),
            ceremonies: Lru::new(1),
            deliberations: Lru::new(1),
            agents: Lru::new(1),
            deadlines: BTreeSet::new(),
            rings: BTreeMap::new(),
            attempts: Lru::new(1),
            floors: BTreeMap::new(),
            observed: Lru::new(1),
            ray_jobs: Marks::default(),
            calls: Calls::default(),
            early: BTreeMap::new(),
            told: Told::default(),
        };
        memory.set_limits(settings);
        memory
    }

    /// Sets the limits; what is too much goes as things come in.
    pub(super) fn set_limits(&mut self, settings: &Settings) {
        let stories = settings.max_stories.max(1);
        self.stories.set_capacity(stories);
        self.max_story_bytes = stories.saturating_mul(STORY_BYTES);
        self.traces.set_capacity((stories / 2).max(16));
        self.owners.set_capacity(stories.saturating_mul(2).max(64));
        self.ceremonies.set_capacity((stories / 10).max(16));
        self.deliberations.set_capacity((stories / 2).max(64));
        self.agents.set_capacity(MAX_AGENTS);
        self.attempts.set_capacity(MAX_DELIVERIES);
        self.observed.set_capacity(MAX_OBSERVED);
        self.calls.set_limits();
        // Only after a restart with lower limits. Stories are closed in order, with their spans.
        while self.traces.is_over() {
            self.traces.pop_oldest();
        }
        while self.owners.is_over() {
            self.owners.pop_oldest();
        }
        while self.ceremonies.is_over() {
            self.ceremonies.pop_oldest();
        }
        while self.deliberations.is_over() {
            self.deliberations.pop_oldest();
        }
    }
}
