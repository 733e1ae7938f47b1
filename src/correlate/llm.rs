//! Requests to language models, and which agent's work each belongs to.
//! Takes: requests as their server told them, answers as agents gave them, in either order. Gives: each request once,
//! with its spans, when nothing else can come that would fit as well.
//! Never: shows a guess as a fact: where two requests fit one answer, or two answers one request, neither is joined.

mod find;
mod place;
mod price;

pub(super) use self::find::said;
pub(super) use self::place::Call;
pub use self::price::Price;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Facts, Form, Ids, Join, Joined, LlmRequest, LlmView, Measure, Message, Observed, Payload, Seq, Severity, Source,
    Text, Timestamp, TraceId, TraceKey, What,
};

use super::bounded::Lru;
use super::deliberation::Answer;
use super::fold::Fold;
use super::memory::Deadline;

/// Requests and answers remembered, at most 8 MiB together: some 90 requests a second.
const MAX_HELD: usize = 8_192;
const MAX_HEARD: usize = 8_192;
/// How much longer than its window a request is remembered, and answers with it: what still comes then is no rival.
const KEEP: Duration = Duration::from_mins(1);
/// How long after an answer its request may still come: servers send spans in batches, every five seconds.
const LAG: Duration = Duration::from_secs(15);
/// Requests shown.
const MAX_SHOWN: usize = 2_000;

/// What joining can be told.
#[derive(Clone, Debug, Default)]
pub struct LlmSettings {
    /// How long a request waits for the answer it belongs to; `None` = requests are not joined by inference.
    pub window: Option<Duration>,
    /// What tokens cost.
    pub prices: Vec<Price>,
    /// What a second of inference costs, in millionths.
    pub gpu_second_micros: u64,
    /// What the prices are in.
    pub currency: Option<Text>,
}

/// A request that came.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Held {
    request: Box<LlmRequest>,
    seq: Seq,
    seen: Timestamp,
    /// When it is settled; `None` = it is.
    deadline: Option<Timestamp>,
}

/// An answer that was heard.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Heard {
    ids: Ids,
    model: Option<Text>,
    tokens: Option<u64>,
    start: Timestamp,
    end: Timestamp,
    seen: Timestamp,
    /// Trace of the message's `traceparent`.
    trace: Option<TraceId>,
}

/// A request that is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) view: LlmView,
    #[serde(skip)]
    pub(super) told: bool,
}

/// Requests and answers, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Calls {
    held: VecDeque<Held>,
    heard: VecDeque<Heard>,
    /// When something had to go too early: what came before that may have had a rival nobody knows any more.
    blind_until: Timestamp,
    pub(super) shown: Lru<Seq, Shown>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { held: VecDeque::new(), heard: VecDeque::new(), blind_until: Timestamp::ZERO, shown: Lru::new(MAX_SHOWN) }
    }
}

impl Calls {
    pub(super) fn set_limits(&mut self) {
        self.shown.set_capacity(MAX_SHOWN);
    }

    fn at(&self, seq: Seq) -> Option<usize> {
        self.held.binary_search_by_key(&seq, |held| held.seq).ok()
    }
}

impl Fold<'_> {
    /// A request came: it waits until nothing else can come that fits.
    pub(super) fn request_came(&mut self, request: &LlmRequest, ids: &Ids, trace: Option<&TraceKey>) {
        let view = LlmView { request: request.clone(), join: None, ids: ids.clone(), seq: self.seq };
        self.state.calls.shown.insert(self.seq, Shown { view, told: false });
        let joinable = request.total_tokens().is_some() || request.span.is_some_and(|own| own.parent.is_some());
        let said = ids.task.is_some() || ids.agent.is_some();
        let Some(window) = self.settings.llm.window.filter(|_| joinable || said) else {
            let join = if ids.story.is_some() || said { Join::Exact } else { Join::None };
            return self.finish(request, self.seq, join, ids, trace);
        };
        self.forget_old();
        if self.state.calls.held.len() >= MAX_HELD
            && let Some(oldest) = self.state.calls.held.pop_front()
        {
            self.state.calls.blind_until = self.seen;
            self.evicted("llm_request");
            self.abandon(&oldest);
        }
        let deadline = self.seen.plus(window);
        self.state.deadlines.insert((deadline, Deadline::Llm(self.seq)));
        let request = Box::new(request.clone());
        self.state.calls.held.push_back(Held { request, seq: self.seq, seen: self.seen, deadline: Some(deadline) });
    }

    /// An agent answered.
    pub(super) fn heard(&mut self, answer: &Answer, ids: &Ids) {
        if self.settings.llm.window.is_none() {
            return;
        }
        self.forget_old();
        if self.state.calls.heard.len() >= MAX_HEARD {
            self.state.calls.heard.pop_front();
            self.state.calls.blind_until = self.seen;
            self.evicted("llm_answer");
        }
        let ids =
            Ids { agent: Some(answer.agent.clone()), role: answer.role.clone().or(ids.role.clone()), ..ids.clone() };
        self.state.calls.heard.push_back(Heard {
            ids,
            model: answer.model.clone(),
            tokens: answer.tokens.filter(|tokens| *tokens > 0),
            start: answer.start,
            end: answer.end,
            seen: self.seen,
            trace: self.message.and_then(|m| find::trace_of(m.traceparent.as_deref()?)),
        });
    }

    /// Lets go of what is so old that nothing can come for it.
    fn forget_old(&mut self) {
        let old = self.seen.minus(self.settings.llm.window.unwrap_or_default() + KEEP);
        let calls = &mut self.state.calls;
        while calls.heard.front().is_some_and(|heard| heard.seen < old) {
            calls.heard.pop_front();
        }
        while calls.held.front().is_some_and(|held| held.seen < old && held.deadline.is_none()) {
            calls.held.pop_front();
        }
    }

    /// A request goes before its time.
    fn abandon(&mut self, held: &Held) {
        if let Some(deadline) = held.deadline {
            self.state.deadlines.remove(&(deadline, Deadline::Llm(held.seq)));
            self.finish(&held.request, held.seq, Join::None, &Ids::default(), None);
        }
    }

    /// The window of a request closed.
    pub(super) fn settle_request(&mut self, seq: Seq) {
        let Some(at) = self.state.calls.at(seq) else { return };
        let held = self.state.calls.held[at].clone();
        let found = find::whose(self.state, &held.request, seq, held.seen);
        if let Some(heard) = found.inferred_from
            && self.at < heard.plus(LAG)
        {
            // The answer is so fresh that another request for it may still be on its way.
            let deadline = heard.plus(LAG);
            self.state.calls.held[at].deadline = Some(deadline);
            self.state.deadlines.insert((deadline, Deadline::Llm(seq)));
            return;
        }
        self.state.calls.held[at].deadline = None;
        if found.join == Join::None {
            self.finish(&held.request, seq, Join::None, &Ids::default(), None);
        } else {
            self.joined.push(joined(&held, found.join, found.ids, self.at));
        }
    }

    /// What came of a request is known, and told.
    pub(super) fn finish(&mut self, request: &LlmRequest, seq: Seq, join: Join, ids: &Ids, trace: Option<&TraceKey>) {
        let unknown = || Text::from("unknown");
        self.measures.push(Measure::LlmRequest {
            model: request.model.clone().unwrap_or_else(unknown),
            council: ids.role.clone().unwrap_or_else(unknown),
            outcome: request.status.name(),
            seconds: request.total_tokens().map(|_| request.end.since(request.start).as_secs_f64()),
            first_token: request.times.first_token,
            tokens: [request.input_tokens.unwrap_or(0), request.output_tokens.unwrap_or(0)],
        });
        let spend = price::spend(request, join, &self.settings.llm);
        if let Some(story) = ids.story.as_ref().and_then(|story| self.state.stories.get_mut(story)) {
            story.spend.add(&spend);
            story.dirty.changed = true;
        }
        if let Some(agent) = ids.agent.as_ref().and_then(|agent| self.state.agents.get_mut(agent)) {
            agent.spend.add(&spend);
            agent.told = None;
        }
        if let Some(shown) = self.state.calls.shown.get_mut(&seq) {
            shown.view.ids = ids.clone();
            (shown.view.join, shown.told) = (Some(join), false);
        }
        self.place_call(request, join, ids, trace);
    }
}

/// The entry that says what a request belongs to.
fn joined(held: &Held, join: Join, ids: Ids, at: Timestamp) -> Message {
    let request = (*held.request).clone();
    let agent = ids.agent.clone().unwrap_or_else(|| "unknown".into());
    let how = match join {
        Join::Exact => "by the ids it carries",
        _ => "by time and tokens, as nothing else fits",
    };
    let summary = format!("LLM request {} belongs to {agent}, {how}", request.request_id);
    let own = request.span.map_or_else(String::new, |own| format!(".{}", own.id));
    let subject: Text = format!("llm.request.{}{own}.joined", request.request_id).into();
    let stored = request.end.min(at);
    let what = What::LlmJoined(Box::new(Joined { request, seq: held.seq, join }));
    Message {
        source: Source::Vllm,
        stream: Source::Vllm.key().into(),
        incarnation: 0,
        stream_seq: 0,
        subject,
        event_type: "llm.request.joined".into(),
        stored,
        received: at,
        size: 0,
        form: Form::Bare,
        producer: Some("fleetscope".into()),
        producer_inferred: false,
        message_id: None,
        traceparent: None,
        claimed: None,
        facts: Facts::default(),
        undecodable: None,
        payload: Payload::default(),
        observed: Some(Box::new(Observed { ids, severity: Severity::Info, summary: summary.into(), what })),
    }
}
