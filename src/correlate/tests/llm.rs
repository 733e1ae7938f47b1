//! Requests to language models: whose each is, its spans, what it took.

use std::collections::BTreeSet;
use std::time::Duration;

use super::fixtures::*;
use crate::correlate::{Correlator, LlmSettings, Output, Price, Settings};
use crate::model::{
    Change, Event, Glob, Join, LlmRequest, LlmSpan, LlmView, Measure, Message, Observed, Source, Span, SpanId,
    SpanKind, TraceId, TraceKey, What,
};

const WINDOW: f64 = 30.0;
const MODEL: &str = "Qwen/Qwen3-0.6B";

fn joining() -> Settings {
    let price = Price { model: Glob::new("Qwen/*"), input_micros: 1_000_000, output_micros: 2_000_000 };
    let llm = LlmSettings {
        window: Some(Duration::from_secs(30)),
        prices: vec![price],
        gpu_second_micros: 0,
        currency: None,
    };
    Settings { llm, ..settings() }
}

fn own_span(n: u8) -> LlmSpan {
    LlmSpan { trace: TraceId([n; 16]), id: SpanId([n; 8]), parent: None }
}

/// A request of `tokens` in all, a tenth of them the answer, that ended at `end`.
fn request(n: u8, tokens: u64, (start, end): (f64, f64)) -> LlmRequest {
    LlmRequest {
        request_id: format!("chatcmpl-{n:016x}").into(),
        model: Some(MODEL.into()),
        input_tokens: Some(tokens - tokens / 10),
        output_tokens: Some(tokens / 10),
        start: at(start),
        end: at(end),
        service: "vllm-server".into(),
        span: Some(own_span(n)),
        ..LlmRequest::default()
    }
}

fn entry(request: LlmRequest, seen: f64) -> Event {
    let subject = format!("llm.request.{}", request.request_id);
    let stored = request.end.min(at(seen));
    let observed = Observed { what: What::LlmRequest(Box::new(request)), ..Observed::default() };
    let base = message("llm.request.completed", 0, seen, &[]);
    Event::Message(Box::new(Message {
        source: Source::Vllm,
        stream: "vllm".into(),
        subject: subject.into(),
        stored,
        observed: Some(Box::new(observed)),
        ..base
    }))
}

/// An answer of 812 tokens that took four seconds.
fn answer_at(run: &mut Run, seq: u64, agent: &str, seconds: f64) {
    run.send("agent.response.completed", seq, seconds, &answer(agent, ARCHITECT));
}

fn views(run: &mut Run) -> Vec<LlmView> {
    let changes = run.correlator.changes(at(10_000.0));
    let of = |change: Change| if let Change::Llm(view) = change { Some((*view).clone()) } else { None };
    changes.into_iter().filter_map(of).collect()
}

fn join_of(run: &mut Run) -> Option<Join> {
    views(run).last().expect("a request").join
}

fn servers(run: &Run) -> Vec<Span> {
    run.spans().into_iter().filter(|s| s.kind == SpanKind::Server).collect()
}

/// Of several spans of one id all have one content.
fn each_id_once(run: &Run) {
    let mut ids = BTreeSet::new();
    for span in run.spans() {
        assert!(ids.insert((span.trace_id, span.span_id)), "{} is sent twice", span.name);
    }
}

#[test]
fn a_request_is_joined_to_the_one_answer_that_fits_whichever_comes_first() {
    for answer_first in [true, false] {
        let run = &mut Run::with(joining());
        let ask = entry(request(1, 812, (7.0, 9.5)), 10.5);
        if !answer_first {
            run.apply(ask.clone());
        }
        answer_at(run, 1, "agent-arch-001", 10.0);
        answer_at(run, 2, "agent-arch-002", 60.0);
        if answer_first {
            run.apply(ask);
        }
        run.tick(10.5 + WINDOW - 1.0);
        assert_eq!(join_of(run), None, "its window is open");
        assert!(servers(run).is_empty());
        run.tick(10.5 + WINDOW + 1.0);
        assert_eq!(join_of(run), Some(Join::Inferred));
        // The deliberation ended; its work is sent when that is open for too long.
        run.tick(600.0);
        let agent = run.span("invoke_agent agent-arch-001");
        let chat = run.span(&format!("chat {MODEL}"));
        let server = run.span("llm_request");
        assert_eq!((chat.parent, chat.kind), (Some(agent.span_id), SpanKind::Client));
        assert_eq!((server.parent, server.span_id), (Some(chat.span_id), SpanId([1; 8])));
        let story = TraceKey::story("s-1").trace_id();
        assert_eq!((chat.trace_id, server.trace_id), (story, story));
        assert_eq!(attribute(&server, "fleet.join").as_deref(), Some("inferred"));
        assert_eq!(attribute(&server, "fleet.agent.id").as_deref(), Some("agent-arch-001"));
        assert_eq!(attribute(&server, "fleet.story.id").as_deref(), Some("s-1"));
        each_id_once(run);
        let joined =
            run.out.records.iter().filter_map(|r| r.entry()).find(|(m, _)| &*m.event_type == "llm.request.joined");
        assert_eq!(joined.expect("an entry of the story").1.ids.story.as_deref(), Some("s-1"));
    }
}

#[test]
fn what_is_joined_after_its_agent_was_sent_comes_beneath_it() {
    let run = &mut Run::with(joining());
    answer_at(run, 1, "agent-arch-001", 10.0);
    answer_at(run, 2, "agent-arch-002", 11.0);
    run.send(
        "planning.backlog_review.deliberations.complete",
        1,
        12.0,
        &[("story_id", "s-1"), ("ceremony_id", "BRC-1")],
    );
    let agent = run.span("invoke_agent agent-arch-002");
    run.apply(entry(request(1, 812, (13.1, 13.2)), 13.5));
    run.tick(60.0);
    assert_eq!(join_of(run), Some(Join::None), "after both answers");
    let run = &mut Run::with(joining());
    answer_at(run, 1, "agent-arch-001", 10.0);
    answer_at(run, 2, "agent-arch-002", 20.0);
    run.send(
        "planning.backlog_review.deliberations.complete",
        1,
        21.0,
        &[("story_id", "s-1"), ("ceremony_id", "BRC-1")],
    );
    run.apply(entry(request(1, 812, (16.5, 19.0)), 22.0));
    run.tick(60.0);
    let chat = run.span(&format!("chat {MODEL}"));
    assert_eq!(chat.parent, Some(run.span("invoke_agent agent-arch-002").span_id));
    assert_eq!(chat.parent, Some(agent.span_id), "the same id in every life");
    each_id_once(run);
}

#[test]
fn two_that_fit_leave_it_open() {
    let run = &mut Run::with(joining());
    answer_at(run, 1, "agent-arch-001", 10.0);
    answer_at(run, 2, "agent-arch-002", 10.1);
    run.apply(entry(request(1, 812, (7.0, 9.5)), 10.5));
    run.tick(60.0);
    assert_eq!(join_of(run), Some(Join::None), "two answers");
    assert_eq!(servers(run)[0].trace_id, TraceId([1; 16]), "it stays in its own trace");
    let run = &mut Run::with(joining());
    answer_at(run, 1, "agent-arch-001", 10.0);
    run.apply(entry(request(1, 812, (7.0, 9.5)), 10.5));
    run.apply(entry(request(2, 812, (7.1, 9.4)), 10.5));
    run.tick(60.0);
    assert!(views(run).iter().all(|view| view.join == Some(Join::None)), "two requests");
    assert_eq!(servers(run).len(), 2);
    each_id_once(run);
}

#[test]
fn a_rival_that_comes_late_is_waited_for() {
    let late = entry(request(2, 812, (8.1, 9.4)), 44.0);
    let held = &mut Run::with(joining());
    held.apply(entry(request(1, 812, (7.0, 9.5)), 10.5));
    // The answer comes just before the window closes; what else fits it may still be on its way.
    let mut message = message("agent.response.completed", 1, 12.0, &answer("agent-arch-001", ARCHITECT));
    message.received = at(40.0);
    held.apply(Event::Message(Box::new(message)));
    held.tick(41.0);
    assert_eq!(join_of(held), None, "the answer is a second old");
    held.apply(late);
    held.tick(56.0);
    let joins: Vec<_> = views(held).into_iter().filter_map(|view| view.join).collect();
    assert_eq!(joins, [Join::None]);
}

#[test]
fn other_tokens_another_time_or_another_model_do_not_fit() {
    let wrong = [
        LlmRequest { output_tokens: Some(1), ..request(1, 812, (7.0, 9.5)) },
        request(1, 812, (1.0, 9.5)),
        request(1, 812, (7.0, 13.0)),
        LlmRequest { model: Some("mistral".into()), ..request(1, 812, (7.0, 9.5)) },
        LlmRequest { input_tokens: None, ..request(1, 812, (7.0, 9.5)) },
    ];
    for request in wrong {
        let run = &mut Run::with(joining());
        answer_at(run, 1, "agent-arch-001", 10.0);
        run.apply(entry(request.clone(), 10.5));
        run.tick(60.0);
        assert_eq!(join_of(run), Some(Join::None), "{request:?}");
    }
    let short = LlmRequest { model: Some("qwen3-0.6b".into()), ..request(1, 812, (7.0, 9.5)) };
    let run = &mut Run::with(joining());
    answer_at(run, 1, "agent-arch-001", 10.0);
    run.apply(entry(short, 10.5));
    run.tick(60.0);
    assert_eq!(join_of(run), Some(Join::Inferred), "a model without its owner");
}

#[test]
fn a_request_that_names_its_task_and_agent_is_joined_exactly() {
    let run = &mut Run::with(joining());
    answer_at(run, 1, "agent-arch-001", 10.0);
    // Tokens of no answer: nothing could be inferred.
    let named =
        LlmRequest { request_id: format!("chatcmpl-{ARCHITECT}/agent-arch-001").into(), ..request(1, 55, (7.0, 9.5)) };
    run.apply(entry(named, 10.5));
    run.tick(60.0);
    let views = views(run);
    let view = views.last().expect("a request");
    assert_eq!((view.join, view.ids.agent.as_deref()), (Some(Join::Exact), Some("agent-arch-001")));
    assert_eq!((view.ids.story.as_deref(), view.ids.role.as_deref()), (Some("s-1"), Some("ARCHITECT")));
    run.tick(600.0);
    let chat = run.span(&format!("chat {MODEL}"));
    assert_eq!(chat.parent, Some(run.span("invoke_agent agent-arch-001").span_id));
}

#[test]
fn a_caller_in_a_storys_trace_joins_exactly_and_stays_where_it_is() {
    let run = &mut Run::with(joining());
    answer_at(run, 1, "agent-arch-001", 10.0);
    let key = TraceKey::story("s-1");
    let parent = Some(SpanId([9; 8]));
    let span = Some(LlmSpan { trace: key.trace_id(), id: SpanId([1; 8]), parent });
    run.apply(entry(LlmRequest { span, ..request(1, 55, (7.0, 9.5)) }, 10.5));
    run.tick(60.0);
    let server = run.span("llm_request");
    assert_eq!((server.trace_id, server.parent), (key.trace_id(), parent));
    assert_eq!(attribute(&server, "fleet.join").as_deref(), Some("exact"));
    assert_eq!(attribute(&server, "fleet.agent.id"), None, "which agent is not known");
    // A caller whose span is the agent's own says which.
    let run = &mut Run::with(joining());
    answer_at(run, 1, "agent-arch-001", 10.0);
    let parent = Some(key.span_id(&format!("agent:{ARCHITECT}:agent-arch-001")));
    let span = Some(LlmSpan { trace: key.trace_id(), id: SpanId([1; 8]), parent });
    run.apply(entry(LlmRequest { span, ..request(1, 55, (7.0, 9.5)) }, 10.5));
    run.tick(600.0);
    assert_eq!(attribute(&run.span("llm_request"), "fleet.agent.id").as_deref(), Some("agent-arch-001"));
}

#[test]
fn what_requests_took_is_told_of_story_agent_and_council() {
    let run = &mut Run::with(joining());
    answer_at(run, 1, "agent-arch-001", 10.0);
    run.apply(entry(request(1, 812, (7.0, 9.5)), 10.5));
    run.tick(60.0);
    let mut seen = 0;
    for change in run.correlator.changes(at(60.0)) {
        let spend = match &change {
            Change::Story(view) => &view.spend,
            Change::Agent(view) if &*view.agent_id == "agent-arch-001" => &view.spend,
            Change::Council(view) => &view.spend,
            _ => continue,
        };
        seen += 1;
        assert_eq!((spend.requests, spend.inferred_requests), (1, 1), "{change:?}");
        assert_eq!((spend.input_tokens, spend.output_tokens), (731, 81));
        assert_eq!(spend.inferred_share(), Some(1.0));
        // 731 millionths of a dollar for the prompt, 162 for the answer.
        assert_eq!((spend.micros, spend.unpriced_tokens), (731 + 162, 0));
    }
    assert_eq!(seen, 3);
    let told = run.out.measures.iter().find_map(|m| match m {
        Measure::LlmRequest { council, outcome, tokens, .. } => Some((council.to_string(), *outcome, *tokens)),
        _ => None,
    });
    assert_eq!(told, Some(("ARCHITECT".to_owned(), "completed", [731, 81])));
}

#[test]
fn a_flood_of_requests_is_bounded_and_loses_no_span() {
    let run = &mut Run::with(joining());
    answer_at(run, 1, "agent-arch-001", 10.0);
    for n in 0..10_000_u64 {
        // The first and the last fit the answer; when the last is settled the first is long forgotten.
        let tokens = if n % 9_999 == 0 { 812 } else { 1_000 + n };
        let mut one = request(1, tokens, (7.0, 9.5));
        one.request_id = format!("chatcmpl-{n}").into();
        one.span = Some(LlmSpan { id: SpanId((n + 1).to_be_bytes()), ..own_span(1) });
        run.apply(entry(one, 10.5));
    }
    for n in 0..200 {
        run.tick(60.0 + f64::from(n) / 2.0);
    }
    assert_eq!(servers(run).len(), 10_000);
    let joined = views(run).iter().filter(|view| view.join == Some(Join::Inferred)).count();
    assert_eq!(joined, 0, "its rivals were forgotten: nothing is certain any more");
    assert!(run.correlator.snapshot().len() < 8 << 20);
    each_id_once(run);
}

#[test]
fn a_restart_with_requests_waiting_gives_what_none_would_have() {
    let whole = &mut Run::with(joining());
    answer_at(whole, 1, "agent-arch-001", 10.0);
    whole.apply(entry(request(1, 812, (7.0, 9.5)), 10.5));
    let (snapshot, next) = (whole.correlator.snapshot(), whole.correlator.next_seq());
    let records = whole.out.records.clone();
    whole.tick(60.0);
    let rest = &whole.out.records[records.len()..];
    let restored = Correlator::restore(joining(), next, &snapshot).expect("own output");
    let mut replayed = Correlator::new(joining(), 1);
    for record in &records {
        replayed.replay(record);
    }
    for mut correlator in [restored, replayed] {
        let mut out = Output::default();
        correlator.apply(Event::Tick(at(60.0)), &mut out);
        assert_eq!(out.records, rest);
        // What was told before a crash is told the same by the records.
        let mut again = Correlator::new(joining(), 1);
        for record in records.iter().chain(&out.records) {
            again.replay(record);
        }
        assert_eq!(again.snapshot(), correlator.snapshot());
    }
}
