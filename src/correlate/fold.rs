//! One step of the state: what a message, a settlement or time changes, and what comes of it.

use crate::model::{Link, LinkKind, Measure, Message, Seq, Span, StoryView, Text, Timestamp};

use super::Settings;
use super::memory::Memory;

/// Most links one record makes.
const MAX_LINKS: usize = 256;

/// A step under way.
pub(super) struct Fold<'a> {
    pub(super) state: &'a mut Memory,
    pub(super) settings: &'a Settings,
    pub(super) seq: Seq,
    /// The time the step stands for.
    pub(super) at: Timestamp,
    /// When Fleetscope saw it: what deadlines count from, so that a backlog is not overdue when it is read.
    pub(super) seen: Timestamp,
    /// The message, if the step is one.
    pub(super) message: Option<&'a Message>,
    pub(super) spans: Vec<Span>,
    pub(super) links: Vec<Link>,
    pub(super) measures: Vec<Measure>,
    pub(super) closed: Vec<StoryView>,
    /// Entries that come of the step besides its own.
    pub(super) joined: Vec<Message>,
}

impl<'a> Fold<'a> {
    pub(super) fn new(state: &'a mut Memory, settings: &'a Settings, seq: Seq, at: Timestamp) -> Self {
        Self {
            state,
            settings,
            seq,
            at,
            seen: at,
            message: None,
            spans: Vec::new(),
            links: Vec::new(),
            measures: Vec::new(),
            closed: Vec::new(),
            joined: Vec::new(),
        }
    }

    /// What names this step in span ids: where its message stands in its stream.
    pub(super) fn origin(&self) -> String {
        self.message.map_or_else(|| format!("at:{}", self.at.nanos()), Message::origin)
    }

    pub(super) fn evicted(&mut self, what: &'static str) {
        self.measures.push(Measure::Evicted { what });
    }

    /// Notes that an id belongs to a story, and tells it when that is new.
    pub(super) fn own(&mut self, story: &Text, kind: LinkKind, id: &Text) {
        let key = (kind, id.clone());
        if let Some(owner) = self.state.owners.touch(&key) {
            if owner == story {
                return;
            }
            *owner = story.clone();
        } else if self.state.owners.insert(key, story.clone()).is_some() {
            self.evicted("id");
        }
        self.link(story, kind, id);
    }

    pub(super) fn link(&mut self, story: &Text, kind: LinkKind, id: &Text) {
        if self.links.len() < MAX_LINKS {
            self.links.push(Link { story: story.clone(), kind, id: id.clone() });
        }
    }
}
