//! Bounds: stories, traces, records, memory.

use std::collections::BTreeSet;

use super::fixtures::*;
use crate::correlate::Settings;
use crate::model::{Change, Event, Measure, TraceKey};

#[test]
fn a_story_that_nears_the_limit_goes_on_in_a_linked_trace() {
    let run = &mut Run::with(Settings { trace_bytes: 12_000, ..settings() });
    for seq in 1..=60 {
        run.send("planning.story.updated", seq, seq as f64, &[("story_id", "s-1")]);
    }
    let roots: Vec<_> = run.spans().into_iter().filter(|s| s.parent.is_none()).collect();
    assert!(roots.len() > 2, "{}", roots.len());
    for (n, pair) in roots.windows(2).enumerate() {
        let key = TraceKey::story("s-1").continuation(n as u32 + 1);
        assert_eq!((pair[1].trace_id, pair[1].span_id), (key.trace_id(), key.root()));
        assert_eq!((pair[1].links[0].trace_id, pair[1].links[0].span_id), (pair[0].trace_id, pair[0].span_id));
    }
    for trace in roots.iter().map(|r| r.trace_id) {
        assert!(run.spans().iter().filter(|s| s.trace_id == trace).count() <= 20);
    }
}

#[test]
fn a_story_that_was_given_up_comes_back_under_its_old_root() {
    let run = &mut Run::with(Settings { max_stories: 2, ..settings() });
    run.send("planning.task.created", 1, 1.0, &[("story_id", "s-1"), ("task_id", "T-1")]);
    run.correlator.changes(at(1.0));
    run.send("planning.story.created", 2, 2.0, &[("story_id", "s-2")]);
    run.send("planning.story.created", 3, 3.0, &[("story_id", "s-3")]);
    assert_eq!(run.out.closed.iter().map(|s| &*s.story_id).collect::<Vec<_>>(), vec!["s-1"]);
    assert!(run.out.closed[0].closed);
    run.span("close story");
    run.span("task T-1");
    let changes = run.correlator.changes(at(4.0));
    assert!(changes.contains(&Change::StoryClosed("s-1".into())));
    run.send("workflow.task.completed", 4, 4.0, &[("story_id", "s-1"), ("task_id", "T-1")]);
    run.span("story s-1");
    let resumed = run.span("resume story");
    assert_eq!(resumed.parent, Some(TraceKey::story("s-1").root()));
    let tasks: BTreeSet<_> = run.spans().iter().filter(|s| &*s.name == "task T-1").map(|s| s.span_id).collect();
    assert_eq!(tasks.len(), 2);
}

#[test]
fn many_stories_stay_within_bounds() {
    let run = &mut Run::with(Settings { max_stories: 100, ..settings() });
    for n in 0..20_000_u64 {
        let (story, task) = (format!("s-{n}"), format!("T-{n}"));
        run.send("planning.task.created", n, n as f64 / 100.0, &[("story_id", &story), ("task_id", &task)]);
        run.out.records.clear();
        run.out.measures.clear();
        run.out.closed.clear();
    }
    let memory = &run.correlator.memory;
    assert!(memory.stories.len() <= 100);
    assert!(memory.story_bytes <= memory.max_story_bytes);
    assert!(memory.deadlines.len() <= 200, "{}", memory.deadlines.len());
    let weight: usize = memory.stories.iter().map(|(_, s)| s.weight()).sum();
    assert_eq!(weight, memory.story_bytes, "the estimate is kept as it changes");
    assert!(run.correlator.changes(at(0.0)).len() <= 100);
}

#[test]
fn one_story_with_100_000_events_lists_what_it_may() {
    let run = &mut Run::new();
    let mut parts = 0;
    for n in 0..100_000_u64 {
        let (task, agent) = (format!("T-{n}"), format!("agent-dev-{n}"));
        run.send("planning.task.created", n, 1.0, &[("story_id", "s-1"), ("task_id", &task), ("agent_id", &agent)]);
        parts += run.out.records[0].spans.iter().filter(|s| s.parent.is_none()).count();
        assert!(run.out.records[0].spans.len() < 10);
        run.out.records.clear();
        run.out.measures.clear();
    }
    assert!(parts > 10, "{parts}");
    let story = run.correlator.memory.stories.get("s-1").expect("held");
    assert_eq!((story.work.len(), story.agents.len(), story.events), (200, 50, 100_000));
    assert_eq!(story.weight(), run.correlator.memory.story_bytes);
}

#[test]
fn a_flood_of_settlements_makes_bounded_records() {
    let run = &mut Run::new();
    for seq in 1..=10 {
        run.send("planning.plan.approved", seq, 0.0, &[("story_id", "s-1")]);
    }
    run.out.records.clear();
    let mut random = fastrand::Rng::with_seed(7);
    for n in 0..100_000_u64 {
        let (seq, attempt) = (random.u64(1..=10), random.u64(0..20_000));
        let kind = crate::model::SettlementKind::Nak { delay: None };
        let mut settlement = settlement("planning.plan.approved", seq, attempt, n as f64 / 1e3, kind);
        if n % 3 == 0 {
            settlement.kind = crate::model::SettlementKind::Progress;
        }
        run.apply(Event::Settlement(settlement));
    }
    assert!(run.out.records.len() <= 10 * 17, "{}", run.out.records.len());
    let measured = run.out.measures.iter().filter(|m| matches!(m, Measure::Settlement { .. })).count();
    assert_eq!(measured, 100_000);
}

#[test]
fn a_tick_ends_a_bounded_number_of_things() {
    let run = &mut Run::new();
    for n in 0..1_000_u64 {
        let task = format!("T-{n}");
        let story = format!("s-{}", n % 10);
        run.send("planning.task.created", n, 1.0, &[("story_id", &story), ("task_id", &task)]);
    }
    run.out.records.clear();
    for _ in 0..10 {
        run.tick(1_000.0);
    }
    assert_eq!(run.out.records.len(), 4);
    assert_eq!(run.out.records.iter().map(|r| r.spans.len()).sum::<usize>(), 1_000);
    assert!(run.out.records.iter().all(|r| r.spans.len() <= 256));
}
