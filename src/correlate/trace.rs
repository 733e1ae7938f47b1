//! Traces: their roots, their size, and how a story that grows too large goes on in a linked trace.
//! Takes: a trace key. Gives: its root at first sight, the key spans go to now.
//! Never: sends two spans of one id with different content.

use serde::{Deserialize, Serialize};

use super::fold::Fold;
use crate::model::{Attribute, Span, SpanId, SpanKind, SpanLink, SpanStatus, Text, Timestamp, TraceKey};

/// What one span is taken to weigh in a backend, publish and process spans included.
pub(super) const SPAN_BYTES: u64 = 600;
/// The service that spans are shown under when no real service made them.
pub(super) const FLEET: &str = "fleet";

/// A trace that is being written to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Trace {
    pub(super) key: TraceKey,
    /// The continuation spans go to now.
    pub(super) part: u32,
    pub(super) current: TraceKey,
    /// Estimated bytes of the current part.
    pub(super) bytes: u64,
}

impl Trace {
    pub(super) fn new(key: TraceKey) -> Self {
        Self { current: key.clone(), key, part: 0, bytes: 0 }
    }
}

/// A span of Fleetscope's own making.
pub(super) fn span(
    key: &TraceKey,
    what: &str,
    parent: Option<SpanId>,
    name: impl Into<Text>,
    (start, end): (Timestamp, Timestamp),
) -> Span {
    Span {
        trace_id: key.trace_id(),
        span_id: key.span_id(what),
        parent,
        name: name.into(),
        kind: SpanKind::Internal,
        start,
        end: end.max(start),
        service: FLEET.into(),
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: SpanStatus::Unset,
    }
}

/// The attributes every span of a story carries.
pub(super) fn story_attributes(story: Option<&Text>) -> Vec<Attribute> {
    let mut attributes = Vec::with_capacity(8);
    if let Some(story) = story {
        attributes.push(Attribute::text("fleet.story.id", story.clone()));
        attributes.push(Attribute::text("gen_ai.conversation.id", story.clone()));
    }
    attributes
}

/// The root of a trace: the moment of first sight.
fn root(key: &TraceKey, current: &TraceKey, part: u32, at: Timestamp) -> Span {
    let (kind, id) = key.as_str().split_once(':').unwrap_or(("", key.as_str()));
    let mut span = span(current, current.as_str(), None, format!("{kind} {id}"), (at, at));
    let attribute = match kind {
        "story" => "fleet.story.id",
        "ceremony" => "fleet.ceremony.id",
        "epic" => "fleet.epic.id",
        "project" => "fleet.project.id",
        "plan" => "fleet.plan.id",
        "task" => "fleet.task.id",
        "deliberation" => "fleet.deliberation.id",
        "session" => "fleet.session.id",
        _ => "fleet.subject.id",
    };
    span.attributes.push(Attribute::text(attribute, id));
    if kind == "story" {
        span.attributes.push(Attribute::text("gen_ai.conversation.id", id));
    }
    if part > 0 {
        span.attributes.push(Attribute::int("fleet.trace.part", i64::from(part)));
        let before = key.continuation(part - 1);
        span.links.push(link(&before, "continues"));
    }
    span
}

/// A link to the root of another trace.
pub(super) fn link(key: &TraceKey, why: &'static str) -> SpanLink {
    SpanLink { trace_id: key.trace_id(), span_id: key.root(), attributes: vec![Attribute::text("fleet.link", why)] }
}

impl Fold<'_> {
    /// Begins a trace: its root, or, when it was given up before, a marker beneath the root sent then. Gives whether it
    /// was given up before.
    pub(super) fn begin_trace(&mut self, trace: &mut Trace) -> bool {
        let root_id = trace.key.root();
        let resumed = self.state.given_up.has(root_id.0);
        let made = if resumed {
            let what = format!("resumed:{}", self.origin());
            let name = format!("resume {}", trace.key.kind());
            span(&trace.key, &what, Some(root_id), name, (self.at, self.at))
        } else {
            root(&trace.key, &trace.current, 0, self.at)
        };
        self.spans.push(made);
        trace.bytes += SPAN_BYTES;
        resumed
    }

    /// Goes on in a linked trace when the current one nears the limit.
    pub(super) fn roll_over(&mut self, trace: &mut Trace) {
        if trace.bytes.saturating_add(2 * SPAN_BYTES) <= self.settings.trace_bytes.max(4 * SPAN_BYTES) {
            return;
        }
        loop {
            trace.part = trace.part.saturating_add(1);
            trace.current = trace.key.continuation(trace.part);
            // A part written before the trace was given up has its root already.
            if !self.state.given_up.has(trace.current.root().0) {
                break;
            }
        }
        trace.bytes = SPAN_BYTES;
        self.spans.push(root(&trace.key, &trace.current, trace.part, self.at));
    }

    /// The trace of something that is no story; gives the continuation its spans go to.
    pub(super) fn enter_trace(&mut self, key: &TraceKey) -> u32 {
        if let Some(mut trace) = self.state.traces.touch(key.as_str()).map(|t| t.clone()) {
            trace.bytes += SPAN_BYTES;
            self.roll_over(&mut trace);
            let part = trace.part;
            if let Some(held) = self.state.traces.get_mut(key.as_str()) {
                *held = trace;
            }
            return part;
        }
        let mut trace = Trace::new(key.clone());
        self.begin_trace(&mut trace);
        trace.bytes += SPAN_BYTES;
        let gone = self.state.traces.insert(key.as_str().into(), trace);
        if let Some((_, gone)) = gone {
            self.give_up_trace(&gone);
            self.evicted("trace");
        }
        0
    }

    /// Remembers the roots of a trace that leaves memory.
    pub(super) fn give_up_trace(&mut self, trace: &Trace) {
        // More parts than this would need gigabytes of one story.
        for part in 0..=trace.part.min(1000) {
            self.state.given_up.add(trace.key.continuation(part).root().0);
        }
    }
}
