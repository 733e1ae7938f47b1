//! Stories: what is remembered of each, and how one leaves memory.

use serde::{Deserialize, Serialize};

use crate::model::{
    Attribute, Ids, LinkKind, Measure, Seq, Severity, Spend, StoryPhase, StoryView, Text, Timestamp, TraceKey,
};

use super::fold::Fold;
use super::trace::{SPAN_BYTES, Trace, span, story_attributes};
use super::work::{Work, WorkKind};

/// Caps of what one story lists. What is beyond them is journaled and traced, but not listed.
pub(super) const MAX_TASKS: usize = 200;
pub(super) const MAX_PHASES: usize = 100;
const MAX_AGENTS: usize = 50;
const MAX_IDS: usize = 50;

/// A story.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Story {
    pub(super) trace: Trace,
    pub(super) title: Option<Text>,
    pub(super) epic: Option<Text>,
    pub(super) phases: Vec<StoryPhase>,
    /// What made the current phase's span id: where the transition stands in its stream.
    pub(super) phase_origin: Text,
    /// When `planning.story.created` was stored.
    pub(super) created: Option<Timestamp>,
    pub(super) work: Vec<Work>,
    pub(super) plans: Vec<Text>,
    pub(super) ceremonies: Vec<Text>,
    pub(super) agents: Vec<Text>,
    pub(super) tokens: u64,
    pub(super) agent_ms: u64,
    pub(super) spend: Spend,
    pub(super) failures: u32,
    pub(super) events: u64,
    pub(super) first_seq: Seq,
    pub(super) first_event: Timestamp,
    pub(super) last_event: Timestamp,
    /// Its last phase is a final one.
    pub(super) ended: bool,
    /// Added to span ids when the story had been given up and came back: its earlier spans keep theirs.
    pub(super) suffix: Option<Text>,
    #[serde(skip)]
    pub(super) dirty: Dirty,
}

/// What the board has been told of something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dirty {
    pub(super) changed: bool,
    pub(super) told: bool,
}

impl Default for Dirty {
    /// After a restart the board knows nothing.
    fn default() -> Self {
        Self { changed: true, told: false }
    }
}

impl Story {
    /// Estimated bytes in memory.
    pub(super) fn weight(&self) -> usize {
        let texts = self.plans.len() + self.ceremonies.len() + self.agents.len();
        700 + 24 * texts + 48 * self.phases.len() + self.work.iter().map(Work::weight).sum::<usize>()
    }

    pub(super) fn phase(&self) -> Text {
        self.phases.last().map_or_else(|| "unknown".into(), |p| p.phase.clone())
    }

    pub(super) fn view(&self, id: &Text, closed: bool) -> StoryView {
        StoryView {
            story_id: id.clone(),
            title: self.title.clone(),
            epic_id: self.epic.clone(),
            phase: self.phase(),
            phases: self.phases.clone(),
            tasks: self.work.iter().filter(|w| w.kind == WorkKind::Task).map(Work::view).collect(),
            plans: self.plans.clone(),
            ceremonies: self.ceremonies.clone(),
            agents: self.agents.clone(),
            tokens: self.tokens,
            agent_ms: self.agent_ms,
            spend: self.spend.clone(),
            failures: self.failures,
            events: self.events,
            first_seq: self.first_seq,
            first_event: self.first_event,
            last_event: self.last_event,
            closed: closed || self.ended,
            trace_id: self.trace.key.trace_id().to_string().into(),
        }
    }

    /// What a span of this story is, kept apart from what it was before the story was given up.
    pub(super) fn what(&self, what: String) -> String {
        match &self.suffix {
            None => what,
            Some(suffix) => format!("{what}@{suffix}"),
        }
    }
}

fn push_new(list: &mut Vec<Text>, id: &Text, max: usize) -> bool {
    if list.len() >= max || list.contains(id) {
        return false;
    }
    list.push(id.clone());
    true
}

impl Fold<'_> {
    /// The message's story: begins it at first sight, notes its ids. Gives the continuation its spans go to.
    pub(super) fn enter_story(&mut self, id: &Text, ids: &Ids) -> (TraceKey, u32) {
        let trace = match self.state.stories.touch(id) {
            Some(story) => Some(story.trace.clone()),
            None => None,
        };
        let mut trace = match trace {
            Some(trace) => trace,
            None => self.begin_story(id),
        };
        self.roll_over(&mut trace);
        trace.bytes += SPAN_BYTES;
        let (key, part) = (trace.key.clone(), trace.part);
        let (seq, at) = (self.seq, self.at);
        if let Some(story) = self.state.stories.get_mut(id) {
            story.trace = trace;
            story.dirty.changed = true;
            if story.events == 0 {
                (story.first_seq, story.first_event) = (seq, at);
            }
            story.events += 1;
            story.last_event = story.last_event.max(at);
            let mut grown = 0;
            for (list, id, max) in [
                (&mut story.plans, &ids.plan, MAX_IDS),
                (&mut story.ceremonies, &ids.ceremony, MAX_IDS),
                (&mut story.agents, &ids.agent, MAX_AGENTS),
            ] {
                grown += usize::from(id.as_ref().is_some_and(|id| push_new(list, id, max)));
            }
            self.state.story_bytes += 24 * grown;
        }
        self.own_ids(id, ids);
        (key, part)
    }

    fn begin_story(&mut self, id: &Text) -> Trace {
        let mut trace = Trace::new(TraceKey::story(id));
        let resumed = self.begin_trace(&mut trace);
        let story = Story {
            trace: trace.clone(),
            title: None,
            epic: None,
            phases: Vec::new(),
            phase_origin: "".into(),
            created: None,
            work: Vec::new(),
            plans: Vec::new(),
            ceremonies: Vec::new(),
            agents: Vec::new(),
            tokens: 0,
            agent_ms: 0,
            spend: Spend::default(),
            failures: 0,
            events: 0,
            first_seq: self.seq,
            first_event: self.at,
            last_event: self.at,
            ended: false,
            suffix: resumed.then(|| self.origin().into()),
            dirty: Dirty::default(),
        };
        self.state.story_bytes += story.weight();
        if let Some((id, gone)) = self.state.stories.insert(id.clone(), story) {
            self.close_story(&id, gone);
        }
        let too_much = |state: &super::memory::Memory| {
            state.stories.is_over() || (state.story_bytes > state.max_story_bytes && state.stories.len() > 1)
        };
        while too_much(self.state) {
            let Some((id, gone)) = self.state.stories.pop_oldest() else { break };
            self.close_story(&id, gone);
        }
        trace
    }

    fn own_ids(&mut self, story: &Text, ids: &Ids) {
        if let Some(task) = &ids.task {
            self.own(story, LinkKind::Task, task);
        }
        if let Some(plan) = &ids.plan {
            self.own(story, LinkKind::Plan, plan);
        }
        if let Some(deliberation) = &ids.deliberation
            && ids.task.as_ref() != Some(deliberation)
        {
            self.own(story, LinkKind::Deliberation, deliberation);
        }
        if let Some(ceremony) = &ids.ceremony {
            self.take_part(story, ceremony);
        }
    }

    /// Notes that a story takes part in a ceremony; a ceremony has many stories.
    pub(super) fn take_part(&mut self, story: &Text, ceremony: &Text) {
        if let Some(stories) = self.state.ceremonies.touch(ceremony) {
            if stories.contains(story) || stories.len() >= MAX_IDS {
                return;
            }
            stories.push(story.clone());
        } else if self.state.ceremonies.insert(ceremony.clone(), vec![story.clone()]).is_some() {
            self.evicted("ceremony");
        }
        self.link(story, LinkKind::Ceremony, ceremony);
    }

    /// Facts of the story itself, and the failures counted for it.
    pub(super) fn note_story(&mut self, id: &Text, title: Option<&str>, epic: Option<&Text>, severity: Severity) {
        if let Some(story) = self.state.stories.get_mut(id) {
            if let Some(title) = title {
                story.title = Some(crate::model::shorten(&crate::model::printable(title), 160).into());
            }
            if epic.is_some() {
                story.epic = epic.cloned();
            }
            if severity == Severity::Error {
                story.failures = story.failures.saturating_add(1);
            }
        }
    }

    /// A story leaves memory: what is still open is sent as far as it is known, then a marker.
    pub(super) fn close_story(&mut self, id: &Text, mut story: Story) {
        self.state.story_bytes = self.state.story_bytes.saturating_sub(story.weight());
        for at in 0..story.work.len() {
            self.send_open_work(id, &mut story, at);
        }
        self.send_open_phase(id, &mut story);
        let what = format!("closed:{}", self.origin());
        let root = Some(story.trace.current.root());
        let mut marker = span(&story.trace.current, &what, root, "close story", (story.last_event, story.last_event));
        marker.attributes = story_attributes(Some(id));
        marker.attributes.push(Attribute::text("fleet.close.reason", "least recently used"));
        self.spans.push(marker);
        if !story.ended {
            self.measures.push(Measure::StoryTokens { tokens: story.tokens });
        }
        self.evicted("story");
        self.give_up_trace(&story.trace);
        if story.dirty.told {
            self.state.told.stories_closed.push(id.clone());
        }
        self.closed.push(story.view(id, true));
    }
}
