//! A fleet's agents and their model server for some time, seen as Fleetscope sees them: spans in batches, answers later,
//! clocks apart, some of each lost.

use std::collections::HashMap;
use std::time::Duration;

use fleetscope::correlate::{Correlator, LlmSettings, Output, Settings};
use fleetscope::model::{
    Event, Facts, Form, Key, LlmRequest, LlmSpan, Message, Observed, Payload, Source, SpanId, Timestamp, TraceId,
    Value, What,
};

/// What is simulated.
#[derive(Clone, Debug)]
pub(crate) struct Hour {
    /// Requests at work at a time, on average.
    pub(crate) in_flight: u32,
    /// How long.
    pub(crate) seconds: f64,
    pub(crate) seed: u64,
    /// Share of spans, and of answers, that never come.
    pub(crate) lost: f64,
    /// How far the server's clock is apart, at most, in seconds.
    pub(crate) apart: f64,
}

impl Default for Hour {
    fn default() -> Self {
        Self { in_flight: 10, seconds: 600.0, seed: 7, lost: 0.02, apart: 0.3 }
    }
}

/// How joining went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quality {
    /// Requests that came and whose answer came: those that could be joined.
    pub(crate) requests: u32,
    pub(crate) joined: u32,
    pub(crate) right: u32,
}

impl Quality {
    pub(crate) fn precision(&self) -> f64 {
        if self.joined == 0 { 1.0 } else { f64::from(self.right) / f64::from(self.joined) }
    }

    pub(crate) fn recall(&self) -> f64 {
        f64::from(self.right) / f64::from(self.requests.max(1))
    }
}

/// An event, and when it is seen.
type Seen = (f64, Event);
/// Task and agent of each request.
type Truth = HashMap<String, (String, String)>;

/// When the simulation begins.
const BEGIN: i64 = 1_771_060_000_000;
/// Servers send spans so often.
const BATCH: f64 = 5.0;

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis(BEGIN + (seconds * 1e3).round() as i64)
}

impl Hour {
    /// Lets it go by.
    pub(crate) fn quality(&self) -> Quality {
        let (events, truth, could) = self.events();
        let mut correlator = Correlator::new(settings(), 1);
        let (mut out, mut quality) = (Output::default(), Quality { requests: could, ..Quality::default() });
        let mut clock = 0.0;
        let mut events = events.into_iter().peekable();
        while clock < self.seconds + 120.0 {
            clock += 0.5;
            while let Some((_, event)) = events.next_if(|(seen, _)| *seen <= clock) {
                correlator.apply(event, &mut out);
            }
            correlator.apply(Event::Tick(at(clock)), &mut out);
            for record in out.records.drain(..) {
                let Some((message, resolved)) = record.entry() else { continue };
                let Some(What::LlmJoined(joined)) = message.observed.as_ref().map(|o| &o.what) else { continue };
                quality.joined += 1;
                let found = resolved.ids.task.as_deref().zip(resolved.ids.agent.as_deref());
                let is = truth.get(&*joined.request.request_id).map(|(task, agent)| (&**task, &**agent));
                quality.right += u32::from(is.is_some() && is == found);
            }
            out.measures.clear();
            out.closed.clear();
        }
        quality
    }

    /// Events by the time they are seen, whose each request is, and how many could be joined.
    fn events(&self) -> (Vec<Seen>, Truth, u32) {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let (mut events, mut truth, mut could) = (Vec::new(), Truth::new(), 0);
        let (mut clock, mut task, mut number) = (0.0, 0, 0);
        // A council of three works on one prompt; a request takes four seconds, and every fourth agent asks twice.
        let pause = 3.0 * 1.25 * 4.0 / f64::from(self.in_flight);
        while clock < self.seconds {
            clock += -random.f64().max(1e-9).ln() * pause;
            task += 1;
            let prompt = random.u64(200..3_000);
            let id = format!("ceremony-BRC-{}:story-s-{}:role-DEV", task / 50, task % 400);
            for member in 1..=3 {
                let agent = format!("agent-dev-{member:03}");
                let begin = clock + random.f64() * 0.3;
                let (mut now, mut tokens) = (begin + 0.05, 0);
                let asks = 1 + u32::from(random.u8(0..4) == 0);
                let mut came = false;
                for _ in 0..asks {
                    let output = random.u64(50..1_500);
                    let took = 0.4 + 3.6 * output as f64 / 775.0 * (0.8 + random.f64() * 0.4);
                    number += 1;
                    tokens = prompt + output;
                    came = random.f64() >= self.lost;
                    if came {
                        let skew = (random.f64() * 2.0 - 1.0) * self.apart;
                        let request = request(number, (prompt, output), (now + skew, now + took + skew));
                        let seen = ((now + took) / BATCH).ceil() * BATCH + 0.1;
                        truth.insert(request.request_id.to_string(), (id.clone(), agent.clone()));
                        events.push((seen, entry(request, at(seen))));
                    }
                    now += took;
                }
                now += 0.05 + random.f64() * 0.5;
                if random.f64() >= self.lost {
                    could += u32::from(came);
                    let seq = events.len() as u64 + 1;
                    let answer = (&*id, &*agent, tokens, ((now - begin) * 1e3) as i64);
                    events.push((now + 0.01, Event::Message(Box::new(answered(seq, answer, at(now))))));
                }
            }
        }
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        (events, truth, could)
    }
}

fn settings() -> Settings {
    Settings {
        silent_after: Duration::from_secs(30),
        idle_after: Duration::from_mins(1),
        timeout: Duration::from_mins(5),
        derive_timeout: Duration::from_mins(2),
        open_span_max: Duration::from_mins(5),
        trace_bytes: 4 << 20,
        max_stories: 10_000,
        llm: LlmSettings { window: Some(Duration::from_secs(30)), ..LlmSettings::default() },
    }
}

fn request(n: u64, (input, output): (u64, u64), (start, end): (f64, f64)) -> LlmRequest {
    let mut trace = [7; 16];
    trace[..8].copy_from_slice(&n.to_be_bytes());
    LlmRequest {
        request_id: format!("chatcmpl-{n:016x}").into(),
        input_tokens: Some(input),
        output_tokens: Some(output),
        start: at(start),
        end: at(end),
        service: "vllm".into(),
        span: Some(LlmSpan { trace: TraceId(trace), id: SpanId(n.to_be_bytes()), parent: None }),
        ..LlmRequest::default()
    }
}

fn entry(request: LlmRequest, seen: Timestamp) -> Event {
    let subject = format!("llm.request.{}", request.request_id);
    let stored = request.end;
    let observed = Observed { what: What::LlmRequest(Box::new(request)), ..Observed::default() };
    let message = message(Source::Vllm, &subject, "llm.request.completed", (stored, seen));
    Event::Message(Box::new(Message { observed: Some(Box::new(observed)), ..message }))
}

fn answered(seq: u64, (task, agent, tokens, ms): (&str, &str, u64, i64), at: Timestamp) -> Message {
    let mut facts = Facts::default();
    for (key, text) in [(Key::TaskId, task), (Key::AgentId, agent), (Key::Role, "DEV"), (Key::Status, "completed")] {
        facts.insert(key, Value::Text(text));
    }
    for (key, n) in [(Key::DurationMs, ms), (Key::ProposalTokens, tokens as i64), (Key::NumAgents, 3)] {
        facts.insert(key, Value::Int(n));
    }
    let kind = "agent.response.completed";
    Message { stream_seq: seq, facts, ..message(Source::Nats, kind, kind, (at, at)) }
}

fn message(source: Source, subject: &str, kind: &str, (stored, received): (Timestamp, Timestamp)) -> Message {
    let stream = if source == Source::Nats { "AGENT_RESPONSES" } else { source.key() };
    Message {
        source,
        stream: stream.into(),
        incarnation: 0,
        stream_seq: 0,
        subject: subject.into(),
        event_type: kind.into(),
        stored,
        received,
        size: 100,
        form: Form::Bare,
        producer: None,
        producer_inferred: false,
        message_id: None,
        traceparent: None,
        claimed: None,
        facts: Facts::default(),
        undecodable: None,
        payload: Payload::default(),
        observed: None,
    }
}
