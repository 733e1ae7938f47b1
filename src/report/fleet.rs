//! Entries and spans of a time → the report of the fleet.
//! Takes: all entries of the time with their deliveries, then all spans. Gives: a document.
//! Never: holds more of the time than its tables may show.

mod document;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::bounded::{Durations, Spread};
use super::said::{failed, line, maybe};
use super::tally::Tally;
use super::timeline::{Consumer, LlmRequest, Outcome, answer_of, consumer_of};
use crate::model::{
    AttributeValue, Delivery, Join, Key, Message, Record, Resolved, Severity, Span, SpanStatus, StoryView, Text,
    Timestamp, What,
};

pub(crate) use document::{MAX_LISTED, document};

/// Most that are told apart.
const MAX_STORIES: usize = 5_000;
const MAX_CONSUMERS: usize = 200;
const MAX_CAUSES: usize = 200;
const MAX_ROLES: usize = 100;
const MAX_DELIBERATIONS: usize = 100_000;

/// A story, as far as the time saw it.
#[derive(Clone, Debug)]
pub(crate) struct StoryLine {
    pub(crate) id: Text,
    pub(crate) title: Option<String>,
    pub(crate) events: u64,
    pub(crate) errors: u64,
    pub(crate) answers: u64,
    pub(crate) tokens: u64,
    pub(crate) begun: bool,
    pub(crate) ended: Option<Outcome>,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// What it cost from its begin on, where it is known.
    pub(crate) cost: Option<(f64, Option<String>)>,
}

/// A cause of failures.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    what: String,
    kind: String,
    count: u64,
    example: String,
    seq: u64,
}

/// Deliberations of a role.
#[derive(Debug, Default)]
pub(super) struct Talks {
    completed: u64,
    failed: u64,
    timed_out: u64,
    took: Durations,
}

/// A report in the making.
#[derive(Debug)]
pub(crate) struct Fleet {
    since: Timestamp,
    until: Timestamp,
    tally: Tally,
    stories: HashMap<Text, StoryLine>,
    /// Events of stories that are not told apart.
    others: u64,
    begun: u64,
    ended: BTreeMap<&'static str, u64>,
    consumers: BTreeMap<(Text, Text), (Consumer, Durations)>,
    other_consumers: u64,
    causes: HashMap<(Text, String), Cause>,
    other_causes: u64,
    talks: BTreeMap<String, Talks>,
    /// Ray task ids of deliberations somebody answered in.
    asked: HashSet<Text>,
    answers: u64,
    failed_answers: u64,
    left_out: Vec<String>,
}

impl Fleet {
    pub(crate) fn new(since: Timestamp, until: Timestamp) -> Self {
        Self {
            since,
            until,
            tally: Tally::default(),
            stories: HashMap::new(),
            others: 0,
            begun: 0,
            ended: BTreeMap::new(),
            consumers: BTreeMap::new(),
            other_consumers: 0,
            causes: HashMap::new(),
            other_causes: 0,
            talks: BTreeMap::new(),
            asked: HashSet::new(),
            answers: 0,
            failed_answers: 0,
            left_out: Vec::new(),
        }
    }

    /// Events so far.
    pub(crate) const fn events(&self) -> u64 {
        self.tally.all.events
    }

    /// Why not all was looked at.
    pub(crate) fn leaves_out(&mut self, why: String) {
        self.left_out.push(why);
    }

    /// An entry of the time, with its deliveries.
    pub(crate) fn entry(&mut self, record: &Record, deliveries: &[Delivery]) {
        let Some((message, resolved)) = record.entry() else { return };
        self.tally.add(record, message, resolved);
        for delivery in deliveries {
            self.delivery(delivery);
        }
        if resolved.severity == Severity::Error {
            self.cause(record, message, resolved);
        }
        let answer = answer_of(record, message, resolved);
        if let Some(answer) = &answer {
            self.answers += 1;
            self.failed_answers += u64::from(!answer.ok);
            self.tally.credit(answer);
            if let Some(task) = resolved.ids.task.clone().filter(|_| self.asked.len() < MAX_DELIBERATIONS) {
                self.asked.insert(task);
            }
        }
        match message.observed.as_ref().map(|observed| &observed.what) {
            Some(What::LlmJoined(joined)) => {
                let listed = LlmRequest::of(joined.seq, &joined.request, joined.join, &resolved.ids);
                self.tally.request(&listed, joined.join, joined.request.times.inference);
            }
            Some(What::LlmRequest(request)) if resolved.ids.story.is_none() && resolved.ids.agent.is_some() => {
                let listed = LlmRequest::of(record.seq, request, Join::Exact, &resolved.ids);
                self.tally.request(&listed, Join::Exact, request.times.inference);
            }
            _ => {}
        }
        self.story(record, message, resolved, answer.as_ref().and_then(|answer| answer.tokens));
    }

    fn story(&mut self, record: &Record, message: &Message, resolved: &Resolved, tokens: Option<u64>) {
        let kind = &*message.event_type;
        let to = message.facts.first_text(&[Key::ToState, Key::ToPhase]);
        let ended = (kind == "planning.story.transitioned").then(|| Outcome::of(to)).filter(|o| *o != Outcome::Open);
        let begun = kind == "planning.story.created";
        self.begun += u64::from(begun);
        if let Some(outcome) = ended {
            *self.ended.entry(outcome.name()).or_default() += 1;
        }
        let Some(id) = &resolved.ids.story else { return };
        if self.stories.len() >= MAX_STORIES && !self.stories.contains_key(id) {
            self.others += 1;
            return;
        }
        let story = self.stories.entry(id.clone()).or_insert_with(|| StoryLine {
            id: id.clone(),
            title: None,
            events: 0,
            errors: 0,
            answers: 0,
            tokens: 0,
            begun: false,
            ended: None,
            first: record.at,
            last: record.at,
            cost: None,
        });
        story.events += 1;
        story.errors += u64::from(resolved.severity == Severity::Error);
        story.answers += u64::from(tokens.is_some());
        story.tokens += tokens.unwrap_or(0);
        story.begun |= begun;
        story.ended = ended.or(story.ended);
        story.first = story.first.min(record.at);
        story.last = story.last.max(record.at);
        if begun {
            story.title = message.facts.text(Key::Title).map(line).or(story.title.take());
        }
    }

    fn delivery(&mut self, delivery: &Delivery) {
        let key = (delivery.stream.clone(), delivery.consumer.clone());
        if self.consumers.len() >= MAX_CONSUMERS && !self.consumers.contains_key(&key) {
            self.other_consumers += 1;
            return;
        }
        let (consumer, took) =
            self.consumers.entry(key).or_insert_with(|| (consumer_of(delivery), Durations::default()));
        consumer.add(delivery);
        if let Some(latency) = super::timeline::latency_of(delivery) {
            took.add(latency);
        }
    }

    fn cause(&mut self, record: &Record, message: &Message, resolved: &Resolved) {
        let kind = failed(&message.facts).and_then(|failed| failed.kind).unwrap_or_else(|| "–".to_owned());
        let key = (message.event_type.clone(), kind.clone());
        let room = self.causes.len() < MAX_CAUSES;
        match self.causes.get_mut(&key) {
            Some(cause) => cause.count += 1,
            None if room => {
                let (what, example) = (line(&message.event_type), line(&resolved.summary));
                self.causes.insert(key, Cause { what, kind, count: 1, example, seq: record.seq });
            }
            None => self.other_causes += 1,
        }
    }

    /// A span of any record of the time: how deliberations ended.
    pub(crate) fn span(&mut self, span: &Span) {
        let text = |key: &str| {
            span.attributes.iter().find(|a| a.key == key).and_then(|a| match &a.value {
                AttributeValue::Text(text) => Some(&**text),
                _ => None,
            })
        };
        let open = span.attributes.iter().any(|a| a.key == "fleet.open");
        if text("gen_ai.operation.name") != Some("invoke_workflow") || open {
            return;
        }
        let role = line(text("fleet.role").unwrap_or("unknown"));
        if self.talks.len() >= MAX_ROLES && !self.talks.contains_key(&role) {
            return;
        }
        let talks = self.talks.entry(role).or_default();
        talks.took.add(span.end.since(span.start));
        match (&span.status, text("error.type")) {
            (SpanStatus::Unset, _) => talks.completed += 1,
            (_, Some("timeout")) => talks.timed_out += 1,
            _ => talks.failed += 1,
        }
    }

    /// The stories to list, the ones with the most tokens first, then with the most events.
    pub(crate) fn listed(&self, most: usize) -> Vec<Text> {
        let mut stories: Vec<&StoryLine> = self.stories.values().collect();
        stories.sort_by(|a, b| (b.tokens, b.events).cmp(&(a.tokens, a.events)).then_with(|| a.id.cmp(&b.id)));
        stories.into_iter().take(most).map(|story| story.id.clone()).collect()
    }

    /// What is known of a story besides.
    pub(crate) fn know(&mut self, view: &StoryView) {
        let Some(story) = self.stories.get_mut(&view.story_id) else { return };
        story.title = maybe(view.title.as_ref()).or(story.title.take());
        if view.spend.currency.is_some() {
            story.cost = Some((view.spend.micros as f64 / 1e6, maybe(view.spend.currency.as_ref())));
        }
    }

    /// Consumers with their latency, those with the most naks and losses first.
    fn consumers(&mut self) -> Vec<Consumer> {
        let told = |(mut consumer, took): (Consumer, Durations)| {
            consumer.latency = took.spread();
            consumer
        };
        let mut consumers: Vec<_> = std::mem::take(&mut self.consumers).into_values().map(told).collect();
        let trouble = |c: &Consumer| (c.terminated + c.max_deliveries, c.naks, c.redeliveries);
        let slow = |c: &Consumer| c.latency.map_or(0.0, |spread: Spread| spread.p95_ms);
        consumers.sort_by(|a, b| {
            trouble(b)
                .cmp(&trouble(a))
                .then_with(|| slow(b).total_cmp(&slow(a)))
                .then_with(|| a.consumer.cmp(&b.consumer))
        });
        consumers
    }
}
