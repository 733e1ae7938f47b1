//! Phases: a story is in one from a transition to the next.

use crate::model::{Attribute, Measure, Span, StoryPhase, Text, Timestamp};

use super::fold::Fold;
use super::story::{MAX_PHASES, Story};
use super::trace::{SPAN_BYTES, span, story_attributes};

/// Phases after which nothing more is expected of a story.
const FINAL: [&str; 7] = ["DONE", "COMPLETED", "ACCEPTED", "CLOSED", "CANCELLED", "REJECTED", "ARCHIVED"];

fn phase_span(id: &Text, story: &Story, phase: &StoryPhase, until: Timestamp, open: bool) -> Span {
    let what = format!("phase:{}:{}{}", phase.phase, story.phase_origin, if open { ":open" } else { "" });
    let key = &story.trace.current;
    let name = format!("phase {}", phase.phase);
    let mut span = span(key, &story.what(what), Some(key.root()), name, (phase.from, until));
    span.attributes = story_attributes(Some(id));
    span.attributes.push(Attribute::text("fleet.story.phase", phase.phase.clone()));
    if open {
        span.attributes.push(Attribute::bool("fleet.open", true));
    }
    span
}

impl Fold<'_> {
    /// `planning.story.created`: the phase it is created in begins here, though its name is not known yet.
    pub(super) fn story_created(&mut self, id: &Text) {
        let at = self.at;
        if let Some(story) = self.state.stories.get_mut(id)
            && story.phases.is_empty()
        {
            story.created.get_or_insert(at);
        }
    }

    /// `planning.story.transitioned`: the phase left is sent, the next begins.
    pub(super) fn transition(&mut self, id: &Text, from: Option<&Text>, to: &Text) {
        let (at, origin) = (self.at, self.origin());
        let Some(story) = self.state.stories.get_mut(id) else { return };
        if *story.phase_origin == *origin {
            return;
        }
        let before = story.weight();
        if story.phases.is_empty()
            && let (Some(from), Some(created)) = (from, story.created)
        {
            story.phases.push(StoryPhase { phase: from.clone(), from: created, until: None });
            story.phase_origin = "created".into();
        }
        if let Some(mut last) = story.phases.last().filter(|p| p.until.is_none()).cloned() {
            let until = at.max(last.from);
            last.until = Some(until);
            self.spans.push(phase_span(id, story, &last, until, false));
            story.trace.bytes += SPAN_BYTES;
            let duration = until.since(last.from);
            self.measures.push(Measure::StoryPhase { phase: last.phase.clone(), duration });
            if let Some(slot) = story.phases.last_mut() {
                *slot = last;
            }
        }
        if story.phases.len() >= MAX_PHASES {
            story.phases.remove(0);
        }
        story.phases.push(StoryPhase { phase: to.clone(), from: at, until: None });
        story.phase_origin = origin.into();
        let ends = FINAL.iter().any(|f| f.eq_ignore_ascii_case(to));
        if ends && !story.ended {
            self.measures.push(Measure::StoryTokens { tokens: story.tokens });
        }
        story.ended = ends;
        let after = story.weight();
        self.state.story_bytes = (self.state.story_bytes + after).saturating_sub(before);
    }

    /// The phase a story is in when it leaves memory.
    pub(super) fn send_open_phase(&mut self, id: &Text, story: &mut Story) {
        if let Some(last) = story.phases.last().filter(|p| p.until.is_none()) {
            let until = story.last_event.max(last.from);
            self.spans.push(phase_span(id, story, last, until, true));
            story.trace.bytes += SPAN_BYTES;
        }
    }
}
