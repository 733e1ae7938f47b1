//! What holds for any order of events.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::fixtures::*;
use crate::correlate::{Correlator, LlmSettings, Output, Settings};
use crate::model::{
    Event, LlmRequest, LlmSpan, Message, Observed, Record, SettlementKind, Source, SpanId, Timestamp, TraceId,
    TraceKey, What,
};

const SUBJECTS: [&str; 14] = [
    "planning.story.created",
    "planning.story.transitioned",
    "planning.task.created",
    "orchestration.task.dispatched",
    "orchestration.task.completed",
    "agent.response.completed",
    "agent.response.completed.backlog-review.role",
    "agent.response.failed",
    "agent.response.progress",
    "workflow.state.changed",
    "task.derivation.requested",
    "task.derivation.completed",
    "planning.backlog_review.deliberations.complete",
    "planning.backlog_review.ceremony.completed",
];

#[derive(Clone, Debug)]
enum Step {
    Send {
        subject: usize,
        story: u8,
        task: u8,
        agent: u8,
        time: i64,
        age: i64,
        duration: i64,
    },
    Settle {
        back: u64,
        attempts: u32,
        last: u8,
    },
    Job {
        job: u8,
        story: u8,
        task: u8,
        agent: u8,
    },
    Tick(u32),
    /// A request to a model: which, its tokens, when, and who its caller says it is (story's trace, task, nobody).
    Ask {
        tokens: u64,
        time: i64,
        caller: u8,
        story: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let time = prop_oneof![20 => 0..600_000_i64, 1 => Just(i64::MIN / 2_000_000), 1 => Just(i64::MAX / 2_000_000)];
    let duration = prop_oneof![10 => 0..60_000_i64, 1 => Just(i64::MAX), 1 => Just(-5)];
    prop_oneof![
        6 => (0..SUBJECTS.len(), 0..6_u8, 0..8_u8, 0..5_u8, time, 0..5_000_i64, duration)
            .prop_map(|(subject, story, task, agent, time, age, duration)| Step::Send { subject, story, task, agent, time, age, duration }),
        2 => (0..6_u64, 0..5_u32, 0..4_u8).prop_map(|(back, attempts, last)| Step::Settle { back, attempts, last }),
        1 => (0..10_u8, 0..6_u8, 0..8_u8, 0..5_u8)
            .prop_map(|(job, story, task, agent)| Step::Job { job, story, task, agent }),
        1 => (1..200_u32).prop_map(Step::Tick),
        2 => (10..14_u64, 0..600_000_i64, 0..4_u8, 0..6_u8)
            .prop_map(|(tokens, time, caller, story)| Step::Ask { tokens, time, caller, story }),
    ]
}

/// Turns steps into events: sequences count up per stream, ticks go forward, attempts are powers of two.
fn events(steps: &[Step]) -> Vec<Event> {
    let mut seqs: BTreeMap<&str, u64> = BTreeMap::new();
    let mut clock = 0.0;
    let mut last = (SUBJECTS[0], 0);
    let mut attempted: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    let mut all = Vec::new();
    for step in steps {
        match step {
            Step::Send { subject, story, task, agent, time, age, duration } => {
                let subject = SUBJECTS[*subject];
                let seq = seqs.entry(stream_of(subject)).or_default();
                *seq += 1;
                let message = build(subject, *seq, (*story, *task, *agent), (*time, *age, *duration), clock);
                last = (subject, *seq);
                all.push(Event::Message(Box::new(message)));
            }
            Step::Settle { back, attempts, last: kind } => {
                if last.1 > *back {
                    let kind = match kind {
                        0 => SettlementKind::Ack,
                        1 => SettlementKind::Term { reason: Some("bad".into()) },
                        2 => SettlementKind::Progress,
                        _ => SettlementKind::Nak { delay: None },
                    };
                    let attempts = 1_u64 << attempts;
                    // What is folded between two records is not restored, by design.
                    let before = attempted.entry((stream_of(last.0), last.1 - back)).or_default();
                    if attempts <= std::mem::replace(before, attempts.max(*before)) && *before > 0 {
                        continue;
                    }
                    all.push(Event::Settlement(settlement(last.0, last.1 - back, attempts, clock, kind)));
                }
            }
            Step::Job { job, story, task, agent } => {
                let story = format!("s-{story}");
                let task =
                    if *task < 4 { format!("T-{task}") } else { format!("ceremony-BRC-0:story-{story}:role-QA") };
                let (job, agent) = (format!("job-{job}"), format!("agent-qa-00{agent}"));
                let story = Some(&*story).filter(|story| *story != "s-0");
                let message = super::ray::ended(&job, clock, story, Some(&task), Some(&agent));
                all.push(Event::Message(Box::new(message)));
            }
            Step::Ask { tokens, time, caller, story } => {
                let id = all.len() as u64 + 1;
                all.push(Event::Message(Box::new(ask(id, *tokens, *time, (*caller, *story), clock))));
            }
            Step::Tick(seconds) => {
                clock += f64::from(*seconds);
                all.push(Event::Tick(at(clock)));
            }
        }
    }
    all
}

/// A span of a caller's own, which Fleetscope never sees.
const CALLER: SpanId = SpanId([0xca; 8]);

fn ask(id: u64, tokens: u64, time: i64, (caller, story): (u8, u8), clock: f64) -> Message {
    let end = Timestamp::from_millis(1_771_060_000_000 + time);
    let key = TraceKey::story(&format!("s-{story}"));
    let trace = if caller == 0 { key.trace_id() } else { TraceId([1; 16]) };
    let parent = (caller == 0).then_some(CALLER);
    let request_id = match caller {
        1 => format!("chatcmpl-ceremony-BRC-0:story-s-{story}:role-QA/agent-qa-001"),
        _ => format!("chatcmpl-{id}"),
    };
    let request = LlmRequest {
        request_id: request_id.into(),
        input_tokens: Some(tokens - 3),
        output_tokens: Some(3),
        start: end.minus(std::time::Duration::from_millis(900)),
        end,
        service: "vllm".into(),
        span: Some(LlmSpan { trace, id: SpanId(id.to_be_bytes()), parent }),
        ..LlmRequest::default()
    };
    let base = message("llm.request.completed", 0, clock, &[]);
    let observed = Observed { what: What::LlmRequest(Box::new(request)), ..Observed::default() };
    Message {
        source: Source::Vllm,
        stream: "vllm".into(),
        subject: format!("llm.request.{trace}.{id}").into(),
        stored: end,
        observed: Some(Box::new(observed)),
        ..base
    }
}

fn build(subject: &str, seq: u64, (story, task, agent): (u8, u8, u8), times: (i64, i64, i64), clock: f64) -> Message {
    let (time, age, duration) = times;
    let story_id = format!("s-{story}");
    let task_id = match task {
        0..3 => format!("T-{task}"),
        3..6 => format!("ceremony-BRC-{}:story-{story_id}:role-QA", task - 3),
        6 => format!("derive-PL-{story}"),
        _ => format!("free-{task}"),
    };
    let (agent, duration, plan) = (format!("agent-qa-00{agent}"), duration.to_string(), format!("PL-{story}"));
    let ceremony = format!("BRC-{}", task % 3);
    let phase = ["DRAFT", "PO_REVIEW", "DONE"][usize::from(task % 3)];
    let mut facts =
        vec![("task_id", &*task_id), ("agent_id", &*agent), ("duration_ms", &*duration), ("num_agents", "3")];
    let tokens = (10 + seq % 4).to_string();
    facts.push(("proposal.tokens", &tokens));
    if story > 0 {
        facts.push(("story_id", &story_id));
    }
    if subject.starts_with("task.") {
        facts.push(("plan_id", &plan));
    }
    if subject.contains("backlog_review") {
        facts.push(("ceremony_id", &ceremony));
    }
    facts.push(("to_state", phase));
    let mut message = message(subject, seq, 0.0, &facts);
    let sane = (0..=600_000).contains(&time);
    message.stored = Timestamp::from_millis(if sane { 1_771_060_000_000 + time } else { time });
    message.received = at(clock + age as f64 / 1e3);
    message
}

fn bytes(part: &impl serde::Serialize) -> Vec<u8> {
    postcard::to_allocvec(part).expect("plain data")
}

/// The parts of the state as bytes, to say which differs.
fn parts(correlator: &Correlator) -> Vec<(&'static str, Vec<u8>)> {
    let m = &correlator.memory;
    vec![
        ("stories", bytes(&m.stories)),
        ("traces", bytes(&m.traces)),
        ("owners", bytes(&m.owners)),
        ("ceremonies", bytes(&m.ceremonies)),
        ("deliberations", bytes(&m.deliberations)),
        ("agents", bytes(&m.agents)),
        ("deadlines", bytes(&m.deadlines)),
        ("rings", bytes(&m.rings)),
        ("attempts", bytes(&m.attempts)),
        ("marks", bytes(&m.given_up)),
        ("jobs", bytes(&m.ray_jobs)),
        ("calls", bytes(&m.calls)),
    ]
}

fn small() -> Settings {
    let llm = LlmSettings { window: Some(std::time::Duration::from_secs(30)), ..LlmSettings::default() };
    Settings { max_stories: 4, trace_bytes: 20_000, llm, ..settings() }
}

fn run(correlator: &mut Correlator, events: &[Event]) -> Output {
    let mut out = Output::default();
    for event in events {
        correlator.apply(event.clone(), &mut out);
    }
    out
}

/// One content for each id, ends not before begins, and no span without a parent that was sent too.
fn check_spans(records: &[Record]) -> Result<(), TestCaseError> {
    let mut seen: BTreeMap<(TraceId, SpanId), crate::model::Span> = BTreeMap::new();
    for span in spans(records) {
        prop_assert!(span.end >= span.start);
        if let Some(before) = seen.insert((span.trace_id, span.span_id), span.clone()) {
            prop_assert_eq!(before, span, "one id, two contents");
        }
    }
    let ids: BTreeSet<_> = seen.keys().copied().collect();
    for span in seen.values() {
        if let Some(parent) = span.parent.filter(|parent| *parent != CALLER) {
            prop_assert!(ids.contains(&(span.trace_id, parent)), "{} has no parent", span.name);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spans_are_sound_for_any_order(steps in prop::collection::vec(step(), 1..120)) {
        let mut correlator = Correlator::new(small(), 1);
        let mut all = events(&steps);
        // Let everything that is open come to its end.
        all.extend((1..8).map(|n| Event::Tick(at(1e5 * f64::from(n)))));
        let out = run(&mut correlator, &all);
        check_spans(&out.records)?;
        let seqs: Vec<u64> = out.records.iter().map(|r| r.seq).collect();
        prop_assert_eq!(seqs, (1..=out.records.len() as u64).collect::<Vec<_>>());
        let memory = &correlator.memory;
        prop_assert_eq!(memory.stories.iter().map(|(_, s)| s.weight()).sum::<usize>(), memory.story_bytes);
    }

    #[test]
    fn a_state_made_from_snapshot_and_records_goes_on_alike(
        steps in prop::collection::vec(step(), 1..120),
        cut in 0.0..1.0_f64,
        crash in 0.0..1.0_f64,
    ) {
        let all = events(&steps);
        let crash = (all.len() as f64 * crash) as usize;
        let cut = (crash as f64 * cut) as usize;
        let mut first = Correlator::new(small(), 1);
        run(&mut first, &all[..cut]);
        let (snapshot, next) = (first.snapshot(), first.next_seq);
        let between = run(&mut first, &all[cut..crash]);
        let mut second = Correlator::restore(small(), next, &snapshot).expect("own snapshot");
        for record in &between.records {
            second.replay(record);
        }
        prop_assert_eq!(first.next_seq, second.next_seq);
        let (a, b) = (run(&mut first, &all[crash..]), run(&mut second, &all[crash..]));
        prop_assert_eq!(&a.records, &b.records);
        prop_assert_eq!(&a.measures, &b.measures);
        prop_assert_eq!(&a.closed, &b.closed);
        for ((name, a), (_, b)) in parts(&first).into_iter().zip(parts(&second)) {
            prop_assert!(a == b, "{} differ: {:?} {:?}", name, a, b);
        }
        prop_assert!(first.snapshot() == second.snapshot(), "the states differ");
    }

    #[test]
    fn the_same_events_make_the_same_bytes(steps in prop::collection::vec(step(), 1..80)) {
        let all = events(&steps);
        let (mut a, mut b) = (Correlator::new(small(), 1), Correlator::new(small(), 1));
        let (out_a, out_b) = (run(&mut a, &all), run(&mut b, &all));
        prop_assert_eq!(postcard::to_allocvec(&out_a.records).expect("data"), postcard::to_allocvec(&out_b.records).expect("data"));
        prop_assert_eq!(a.changes(at(1.0)), b.changes(at(1.0)));
    }

    #[test]
    fn duplicates_change_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let mut correlator = Correlator::new(Settings { max_stories: 100, ..settings() }, 1);
        let mut out = Output::default();
        for event in events(&steps) {
            correlator.apply(event.clone(), &mut out);
            correlator.apply(event, &mut out);
        }
        check_spans_of_state(&out.records)?;
    }

    #[test]
    fn garbage_is_no_snapshot(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(mut read) = Correlator::restore(small(), 1, &bytes) {
            run(&mut read, &[Event::Tick(at(1.0))]);
        }
    }
}

/// As `check_spans`, for the spans correlation attached: a publish span may be told again with ids learned since.
fn check_spans_of_state(records: &[Record]) -> Result<(), TestCaseError> {
    let mut seen: BTreeMap<(TraceId, SpanId), crate::model::Span> = BTreeMap::new();
    for span in records.iter().flat_map(|r| &r.spans) {
        prop_assert!(span.end >= span.start);
        if let Some(before) = seen.insert((span.trace_id, span.span_id), span.clone()) {
            prop_assert_eq!(&before, span, "one id, two contents");
        }
    }
    Ok(())
}
