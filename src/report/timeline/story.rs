//! The course of a story: its phases, and its tasks, reviews and derivations.
//! Takes: messages for names, spans for times. Gives: both lists, in order of time.

use std::collections::BTreeMap;

use super::fold::{line, maybe};
use super::{Capped, Failed, Phase, Work};
use crate::model::{
    AttributeValue, Ids, Key, Message, Span, SpanStatus, StoryView, Text, Timestamp, printable, shorten,
};

/// Most that are listed.
const MAX_PHASES: usize = 200;
const MAX_WORK: usize = 500;
/// Titles remembered.
const MAX_TITLES: usize = 2_000;

/// The text of an attribute.
pub(super) fn course_of<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    span.attributes.iter().find(|a| a.key == key).and_then(|a| match &a.value {
        AttributeValue::Text(text) => Some(&**text),
        _ => None,
    })
}

/// Whether a span tells of something that had not ended.
pub(super) fn is_open(span: &Span) -> bool {
    span.attributes.iter().any(|a| a.key == "fleet.open" && a.value == AttributeValue::Bool(true))
}

/// What a span says went wrong.
pub(super) fn failed(span: &Span) -> Option<Failed> {
    match &span.status {
        SpanStatus::Unset => None,
        SpanStatus::Error(message) => {
            Some(Failed { kind: course_of(span, "error.type").map(line), message: line(message) })
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) title: Option<String>,
    pub(super) epic: Option<String>,
    phases: BTreeMap<(Timestamp, String), Option<Timestamp>>,
    more_phases: u64,
    /// By begin, kind and id: what is taken up again is listed again.
    work: BTreeMap<(Timestamp, &'static str, String), Work>,
    more_work: u64,
    titles: BTreeMap<Text, String>,
}

impl Course {
    /// What a message says of names.
    pub(super) fn entry(&mut self, message: &Message, ids: &Ids) {
        let title = message.facts.text(Key::Title).map(|title| shorten(&printable(title), 160));
        match &*message.event_type {
            "planning.story.created" => {
                self.title = title.or(self.title.take());
                self.epic = maybe(ids.epic.as_ref()).or(self.epic.take());
            }
            "planning.task.created" => {
                if let (Some(task), Some(title)) = (&ids.task, title)
                    && self.titles.len() < MAX_TITLES
                {
                    self.titles.insert(task.clone(), title);
                }
            }
            _ => {}
        }
    }

    pub(super) fn span(&mut self, span: &Span) {
        if let Some(phase) = course_of(span, "fleet.story.phase") {
            let key = (span.start, line(phase));
            if self.phases.len() >= MAX_PHASES && !self.phases.contains_key(&key) {
                self.more_phases += 1;
            } else if !is_open(span) {
                self.phases.insert(key, Some(span.end));
            } else {
                self.phases.entry(key).or_insert(None);
            }
        } else if let Some(state) = course_of(span, "fleet.state") {
            let known = [("task", "fleet.task.id"), ("review", "fleet.ceremony.id"), ("derivation", "fleet.plan.id")];
            let is = |kind: &str| span.name.strip_prefix(kind).is_some_and(|rest| rest.starts_with(' '));
            let Some((kind, id)) = known.into_iter().find(|(kind, _)| is(kind)) else { return };
            let Some(id) = course_of(span, id) else { return };
            let work = Work {
                kind,
                id: line(id),
                title: None,
                role: course_of(span, "fleet.role").map(line),
                agent_id: course_of(span, "fleet.agent.id").map(line),
                state: Some(line(state)),
                from: span.start,
                until: span.end,
                error: failed(span),
            };
            self.work(work);
        }
    }

    /// Lists it; one of the same kind, id and begin gives way to what ended later.
    fn work(&mut self, work: Work) {
        let key = (work.from, work.kind, work.id.clone());
        let room = self.work.len() < MAX_WORK;
        match self.work.get_mut(&key) {
            Some(held) if held.until <= work.until => *held = work,
            Some(_) => {}
            None if room => drop(self.work.insert(key, work)),
            None => self.more_work += 1,
        }
    }

    pub(super) fn finish(&mut self, view: Option<&StoryView>, last: Timestamp) -> (Capped<Phase>, Capped<Work>) {
        for phase in view.into_iter().flat_map(|view| &view.phases) {
            let key = (phase.from, line(&phase.phase));
            if self.phases.len() < MAX_PHASES || self.phases.contains_key(&key) {
                self.phases.insert(key, phase.until);
            }
        }
        let listed: Vec<Phase> = std::mem::take(&mut self.phases)
            .into_iter()
            .map(|((from, phase), until)| Phase { phase, from, until })
            .collect();
        let phases = Capped::of(listed, MAX_PHASES).and(self.more_phases);
        for task in view.into_iter().flat_map(|view| &view.tasks) {
            self.task(task, last);
        }
        let mut work: Vec<Work> = std::mem::take(&mut self.work).into_values().collect();
        for work in work.iter_mut().filter(|work| work.kind == "task" && work.title.is_none()) {
            work.title = self.titles.get(&*work.id).cloned();
        }
        (phases, Capped::of(work, MAX_WORK).and(self.more_work))
    }

    /// A task as the story lists it: the state is newer than its last span's.
    fn task(&mut self, task: &crate::model::TaskView, last: Timestamp) {
        let id = line(&task.task_id);
        let held = self.work.values_mut().rev().find(|work| work.kind == "task" && work.id == id);
        if let Some(held) = held {
            held.title = maybe(task.title.as_ref()).or(held.title.take());
            held.state = Some(line(&task.state));
            held.until = held.until.max(task.last_event);
            return;
        }
        self.work(Work {
            kind: "task",
            id,
            title: maybe(task.title.as_ref()),
            role: maybe(task.role.as_ref()),
            agent_id: maybe(task.agent_id.as_ref()),
            state: Some(line(&task.state)),
            from: task.since,
            until: task.last_event.max(task.since).min(last.max(task.since)),
            error: None,
        });
    }
}
