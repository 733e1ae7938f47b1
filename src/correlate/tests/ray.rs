//! Jobs of Ray in the traces of their stories.

use super::fixtures::*;
use crate::model::{
    Event, Form, Ids, Measure, Message, Observed, RayEnd, Severity, Source, Span, SpanStatus, Text, TraceKey, What,
};

/// That a job ended at this second.
pub(super) fn ended(id: &str, seconds: f64, story: Option<&str>, task: Option<&str>, agent: Option<&str>) -> Message {
    let ids = Ids {
        story: story.map(Text::from),
        task: task.map(Text::from),
        agent: agent.map(Text::from),
        ..Ids::default()
    };
    let end = RayEnd {
        id: id.into(),
        job_id: Some("02000000".into()),
        status: "FAILED".into(),
        start: at(seconds - 10.0),
        end: Some(at(seconds)),
        error: Some(("job_entrypoint_command_error".into(), "ValueError: no".into())),
        exit_code: Some(1),
        node: None,
    };
    let subject = format!("ray.job.{id}");
    Message {
        source: Source::Ray,
        stream: "ray".into(),
        stream_seq: 0,
        event_type: "ray.job.failed".into(),
        form: Form::Bare,
        producer: Some("ray".into()),
        observed: Some(Box::new(Observed {
            ids,
            severity: Severity::Error,
            summary: "it failed".into(),
            what: What::RayJob(end),
        })),
        ..message(&subject, 0, seconds, &[])
    }
}

fn job(run: &Run) -> Span {
    run.span("ray.job")
}

#[test]
fn a_job_is_beneath_the_answer_of_its_agent() {
    let run = &mut Run::new();
    for (seq, agent) in [(1, "agent-architect-001"), (2, "agent-architect-002")] {
        run.send("agent.response.completed", seq, 10.0, &answer(agent, ARCHITECT));
    }
    run.send(
        "planning.backlog_review.deliberations.complete",
        3,
        11.0,
        &[("story_id", "s-1"), ("ceremony_id", "BRC-1")],
    );
    let message = ended("job-1", 12.0, Some("s-1"), Some(ARCHITECT), Some("agent-architect-002"));
    run.apply(Event::Message(Box::new(message)));
    let (job, agent) = (job(run), run.span("invoke_agent agent-architect-002"));
    assert_eq!((job.trace_id, job.parent), (agent.trace_id, Some(agent.span_id)));
    assert_eq!((job.start, job.end, &*job.service), (at(2.0), at(12.0), "ray"));
    assert_eq!(attribute(&job, "fleet.ray.submission.id").as_deref(), Some("job-1"));
    assert_eq!(attribute(&job, "error.type").as_deref(), Some("job_entrypoint_command_error"));
    assert_eq!(job.status, SpanStatus::Error("ValueError: no".into()));
}

#[test]
fn a_job_that_ends_before_its_deliberation_waits_for_it() {
    let run = &mut Run::new();
    run.send("agent.response.completed", 1, 10.0, &answer("agent-architect-001", ARCHITECT));
    let message = ended("job-1", 11.0, Some("s-1"), Some(ARCHITECT), Some("agent-architect-001"));
    run.apply(Event::Message(Box::new(message)));
    assert!(!run.names().contains(&"ray.job".to_owned()), "its parent is not sent yet");
    run.send("agent.response.completed", 2, 12.0, &answer("agent-architect-002", ARCHITECT));
    run.send(
        "planning.backlog_review.deliberations.complete",
        3,
        13.0,
        &[("story_id", "s-1"), ("ceremony_id", "BRC-1")],
    );
    assert_eq!(job(run).parent, Some(run.span("invoke_agent agent-architect-001").span_id));
}

#[test]
fn a_job_without_a_known_agent_is_beneath_its_deliberation_and_one_of_a_task_beneath_that() {
    let run = &mut Run::new();
    for (seq, agent) in [(1, "agent-architect-001"), (2, "agent-architect-002")] {
        run.send("agent.response.completed", seq, 10.0, &answer(agent, ARCHITECT));
    }
    run.send(
        "planning.backlog_review.deliberations.complete",
        3,
        11.0,
        &[("story_id", "s-1"), ("ceremony_id", "BRC-1")],
    );
    run.apply(Event::Message(Box::new(ended("job-1", 12.0, Some("s-1"), Some(ARCHITECT), None))));
    assert_eq!(job(run).parent, Some(run.span("invoke_workflow deliberation").span_id));

    let run = &mut Run::new();
    run.send("planning.task.created", 1, 1.0, &[("story_id", "s-1"), ("task_id", "T-1")]);
    // Its story is known by its task.
    run.apply(Event::Message(Box::new(ended("job-1", 12.0, None, Some("T-1"), None))));
    assert!(!run.names().contains(&"ray.job".to_owned()));
    run.send("workflow.task.completed", 2, 20.0, &[("story_id", "s-1"), ("task_id", "T-1")]);
    assert_eq!(job(run).parent, Some(run.span("task T-1").span_id));
    run.apply(Event::Message(Box::new(ended("job-2", 21.0, None, Some("T-1"), None))));
    let parents: Vec<_> = run.spans().iter().filter(|s| &*s.name == "ray.job").map(|s| s.parent).collect();
    assert_eq!(parents, [Some(run.span("task T-1").span_id); 2]);
}

#[test]
fn a_job_of_a_story_alone_is_beneath_its_root_and_one_of_none_nowhere() {
    let run = &mut Run::new();
    run.apply(Event::Message(Box::new(ended("job-1", 12.0, Some("s-1"), Some("T-unheard"), None))));
    assert_eq!(job(run).parent, Some(TraceKey::story("s-1").root()));
    run.apply(Event::Message(Box::new(ended("job-2", 12.0, None, None, None))));
    run.apply(Event::Message(Box::new(ended("job-3", 12.0, None, Some("T-9"), None))));
    assert_eq!(run.names().iter().filter(|name| *name == "ray.job").count(), 1);
    let measured = run.out.measures.iter().filter(|m| matches!(m, Measure::RayJob { .. })).count();
    assert_eq!(measured, 3);
}

#[test]
fn a_job_whose_end_is_told_again_is_sent_and_measured_once() {
    let run = &mut Run::new();
    let first = ended("job-1", 12.0, Some("s-1"), None, None);
    let mut second = first.clone();
    if let Some(observed) = &mut second.observed {
        observed.ids.role = Some("DEV".into());
    }
    run.apply(Event::Message(Box::new(first)));
    run.apply(Event::Message(Box::new(second)));
    assert_eq!(run.out.records.len(), 2, "both are entries");
    job(run);
    assert_eq!(run.out.measures.iter().filter(|m| matches!(m, Measure::RayJob { .. })).count(), 1);
    // The same name in another life of the cluster is another job.
    run.apply(Event::Message(Box::new(ended("job-1", 99.0, Some("s-1"), None, None))));
    let ids: std::collections::BTreeSet<_> =
        run.spans().iter().filter(|s| &*s.name == "ray.job").map(|s| s.span_id).collect();
    assert_eq!(ids.len(), 2);
}

#[test]
fn a_job_whose_story_is_learned_after_its_end_finds_its_place() {
    let run = &mut Run::new();
    run.apply(Event::Message(Box::new(ended("job-1", 12.0, None, None, None))));
    assert!(!run.names().contains(&"ray.job".to_owned()));
    run.apply(Event::Message(Box::new(ended("job-1", 12.0, Some("s-1"), None, None))));
    assert_eq!(job(run).parent, Some(TraceKey::story("s-1").root()));
    assert_eq!(run.out.measures.iter().filter(|m| matches!(m, Measure::RayJob { .. })).count(), 1);
}

#[test]
fn a_flood_of_jobs_that_wait_is_bounded_and_none_is_lost() {
    let run = &mut Run::new();
    run.send("planning.task.created", 1, 1.0, &[("story_id", "s-1"), ("task_id", "T-1")]);
    for n in 0..1_000 {
        let id = format!("job-{n}");
        run.apply(Event::Message(Box::new(ended(&id, 12.0, Some("s-1"), Some("T-1"), None))));
    }
    let memory = &run.correlator.memory;
    let weight: usize = memory.stories.iter().map(|(_, story)| story.weight()).sum();
    assert_eq!(weight, memory.story_bytes, "the estimate is kept as it changes");
    assert!(memory.stories.get("s-1").expect("held").work[0].jobs.len() <= 8);
    run.tick(10_000.0);
    assert_eq!(run.names().iter().filter(|name| *name == "ray.job").count(), 1_000);
}
