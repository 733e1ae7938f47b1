//! From ids to the tree of spans.

use super::fixtures::*;
use crate::model::{AgentState, Change, Event, Measure, Outcome, SpanStatus, TraceKey};

const ROLE: &str = "agent.response.completed.backlog-review.role";

fn story(run: &mut Run, subject: &str, seq: u64, facts: &[(&str, &str)]) -> Option<String> {
    run.send(subject, seq, seq as f64, facts).entry().and_then(|(_, r)| r.ids.story.as_ref()).map(ToString::to_string)
}

#[test]
fn a_story_is_found_in_the_contracts_order() {
    let run = &mut Run::new();
    let by = |run: &mut Run, seq: u64, facts: &[(&str, &str)]| story(run, "context.x", seq, facts);
    let all = [
        ("story_id", "a"),
        ("case_id", "b"),
        ("constraints.story_id", "c"),
        ("metadata.story_id", "d"),
        ("task_id", "ceremony-BRC-1:story-e:role-QA"),
    ];
    for (seq, expected) in ["a", "b", "c", "d", "e"].iter().enumerate() {
        assert_eq!(by(run, seq as u64, &all[seq..]).as_deref(), Some(*expected));
    }
    assert_eq!(by(run, 10, &[("story_id", ""), ("case_id", "b")]).as_deref(), Some("b"));
    assert_eq!(by(run, 11, &[("task_id", "ceremony-BRC-1:story-f:task-extraction")]).as_deref(), Some("f"));
    assert_eq!(by(run, 12, &[("plan_id", "PL-1")]), None);
    assert_eq!(by(run, 13, &[("story_id", "g"), ("plan_id", "PL-1")]).as_deref(), Some("g"));
    assert_eq!(by(run, 14, &[("plan_id", "PL-1")]).as_deref(), Some("g"));
    assert_eq!(by(run, 15, &[("task_id", "derive-PL-1")]).as_deref(), Some("g"));
    assert_eq!(by(run, 16, &[("plan_id", "None")]), None);
}

#[test]
fn what_has_no_story_hangs_on_the_next_best_id() {
    let run = &mut Run::new();
    let trace = |run: &mut Run, seq, facts: &[(&str, &str)]| {
        let record = run.send("workspace.events.x", seq, 1.0, facts);
        record.entry().and_then(|(_, r)| r.trace.clone()).map(|t| t.as_str().to_owned())
    };
    assert_eq!(trace(run, 1, &[("ceremony_id", "BRC-1"), ("plan_id", "P")]).as_deref(), Some("ceremony:BRC-1"));
    assert_eq!(trace(run, 2, &[("epic_id", "E-1"), ("project_id", "PROJ-1")]).as_deref(), Some("epic:E-1"));
    assert_eq!(trace(run, 3, &[("task_id", "task-9")]).as_deref(), Some("task:task-9"));
    assert_eq!(trace(run, 4, &[("session_id", "session-1")]).as_deref(), Some("session:session-1"));
    assert_eq!(trace(run, 5, &[]), None);
    let roots = run.spans().iter().filter(|s| s.parent.is_none()).count();
    assert_eq!(roots, 4, "{:?}", run.names());
}

#[test]
fn a_failure_without_ids_finds_story_role_and_ceremony_in_its_task() {
    let run = &mut Run::new();
    let facts =
        [("task_id", ARCHITECT), ("agent_id", "agent-architect-002"), ("error", "no route"), ("error_type", "OSError")];
    let record = run.send("agent.response.failed", 1, 1.0, &facts);
    let (_, resolved) = record.entry().expect("an entry");
    assert_eq!(resolved.ids.story.as_deref(), Some("s-1"));
    assert_eq!(resolved.ids.ceremony.as_deref(), Some("BRC-1"));
    assert_eq!(resolved.ids.role.as_deref(), Some("ARCHITECT"));
    assert_eq!(resolved.severity.name(), "error");
    assert_eq!(&*resolved.summary, "agent-architect-002 failed: no route");
    assert_eq!(resolved.violations, vec!["agent_failure_lacks_story_id".into()]);
}

#[test]
fn phases_run_from_one_transition_to_the_next() {
    let run = &mut Run::new();
    run.send("planning.story.created", 1, 0.0, &[("story_id", "s-1"), ("title", "Health")]);
    run.send(
        "planning.story.transitioned",
        2,
        10.0,
        &[("story_id", "s-1"), ("from_state", "DRAFT"), ("to_state", "PO_REVIEW")],
    );
    run.send(
        "planning.story.transitioned",
        3,
        40.0,
        &[("story_id", "s-1"), ("from_state", "PO_REVIEW"), ("to_state", "DONE")],
    );
    let draft = run.span("phase DRAFT");
    assert_eq!((draft.start, draft.end), (at(0.0), at(10.0)));
    let review = run.span("phase PO_REVIEW");
    assert_eq!((review.start, review.end), (at(10.0), at(40.0)));
    assert_eq!(review.parent, Some(TraceKey::story("s-1").root()));
    assert!(
        run.out
            .measures
            .contains(&Measure::StoryPhase { phase: "PO_REVIEW".into(), duration: std::time::Duration::from_secs(30) })
    );
    assert!(run.out.measures.contains(&Measure::StoryTokens { tokens: 0 }));
}

#[test]
fn a_review_holds_its_deliberation_and_answers_until_it_ends() {
    let run = &mut Run::new();
    run.send(ROLE, 1, 10.0, &answer("agent-architect-001", ARCHITECT));
    run.send(ROLE, 2, 12.0, &answer("agent-architect-002", ARCHITECT));
    assert!(!run.names().iter().any(|n| n.starts_with("invoke")), "{:?}", run.names());
    run.send(
        "planning.backlog_review.deliberations.complete",
        3,
        13.0,
        &[("ceremony_id", "BRC-1"), ("story_id", "s-1")],
    );
    let review = run.span("review BRC-1");
    let workflow = run.span("invoke_workflow deliberation");
    let agent = run.span("invoke_agent agent-architect-001");
    assert_eq!(review.links[0].trace_id, TraceKey::of("ceremony", "BRC-1").trace_id());
    assert_eq!(workflow.parent, Some(review.span_id));
    assert_eq!(agent.parent, Some(workflow.span_id));
    assert_eq!((agent.start, agent.end), (at(6.0), at(10.0)));
    assert_eq!((workflow.start, workflow.end), (at(6.0), at(12.0)));
    assert_eq!(attribute(&agent, "gen_ai.operation.name").as_deref(), Some("invoke_agent"));
    assert_eq!(attribute(&agent, "gen_ai.conversation.id").as_deref(), Some("s-1"));
    assert_eq!(attribute(&agent, "fleet.tokens.total").as_deref(), Some("Int(812)"));
    // Told again on each further response: nothing is sent twice.
    run.send(
        "planning.backlog_review.deliberations.complete",
        4,
        14.0,
        &[("ceremony_id", "BRC-1"), ("story_id", "s-1")],
    );
    run.span("review BRC-1");
}

#[test]
fn a_task_is_sent_when_it_completes_with_what_is_beneath_it() {
    let run = &mut Run::new();
    let task = [("story_id", "s-1"), ("task_id", "T-1"), ("title", "Add route"), ("assigned_to", "DEV")];
    run.send("planning.task.created", 1, 0.0, &task);
    let dispatched = [("story_id", "s-1"), ("task_id", "T-1"), ("agent_id", "agent-dev-001"), ("role", "DEV")];
    run.send("orchestration.task.dispatched", 1, 5.0, &dispatched);
    let mut given = answer("agent-dev-001", "T-1");
    given.retain(|(k, _)| *k != "num_agents");
    given.push(("num_agents", "1"));
    run.send("agent.response.completed", 2, 20.0, &given);
    assert!(!run.names().iter().any(|n| n.starts_with("task")));
    run.send("orchestration.task.completed", 2, 21.0, &dispatched);
    let span = run.span("task T-1");
    assert_eq!((span.start, span.end), (at(0.0), at(21.0)));
    assert_eq!(run.span("invoke_workflow deliberation").parent, Some(span.span_id));
    let answers = run.out.measures.iter().filter(|m| matches!(m, Measure::AgentTask { .. })).count();
    assert_eq!(answers, 1, "the orchestrator's word is no second answer");
}

#[test]
fn what_stays_open_is_sent_once_under_an_id_of_its_own() {
    let run = &mut Run::new();
    run.send("planning.task.created", 1, 0.0, &[("story_id", "s-1"), ("task_id", "T-1")]);
    run.tick(299.0);
    run.tick(301.0);
    run.tick(900.0);
    let open = run.span("task T-1");
    assert_eq!(open.span_id, TraceKey::story("s-1").span_id("task:T-1:open"));
    run.send("workflow.task.completed", 2, 1000.0, &[("story_id", "s-1"), ("task_id", "T-1"), ("final_state", "done")]);
    let ids: Vec<_> = run.spans().iter().filter(|s| &*s.name == "task T-1").map(|s| s.span_id).collect();
    assert_eq!(ids, vec![open.span_id, TraceKey::story("s-1").span_id("task:T-1")]);
}

#[test]
fn missing_answers_time_out_and_name_who_is_missing() {
    let run = &mut Run::new();
    run.send(ROLE, 1, 10.0, &answer("agent-architect-001", ARCHITECT));
    let changes = run.correlator.changes(at(11.0));
    let state = |changes: &[Change], id: &str| {
        changes.iter().find_map(|c| match c {
            Change::Agent(view) if &*view.agent_id == id => Some((view.state, view.silent)),
            _ => None,
        })
    };
    assert_eq!(state(&changes, "agent-architect-001"), Some((AgentState::Completed, false)));
    assert_eq!(state(&changes, "agent-architect-002"), Some((AgentState::Deliberating, false)));
    assert_eq!(state(&run.correlator.changes(at(41.0)), "agent-architect-002"), Some((AgentState::Deliberating, true)));
    assert!(run.correlator.changes(at(42.0)).is_empty());
    run.tick(10.0 + 300.0);
    assert!(run.out.measures.iter().any(|m| matches!(m, Measure::Deliberation { outcome: Outcome::TimedOut, .. })));
    let workflow = run.span("invoke_workflow deliberation");
    assert_eq!(workflow.status, SpanStatus::Error("answers are missing".into()));
    assert_eq!(workflow.end, at(306.0));
    // A late answer is shown beneath it, and does not change what was sent.
    run.send(ROLE, 2, 400.0, &answer("agent-architect-002", ARCHITECT));
    assert_eq!(run.span("invoke_agent agent-architect-002").parent, Some(workflow.span_id));
    let changes = run.correlator.changes(at(401.0));
    assert_eq!(state(&changes, "agent-architect-002"), Some((AgentState::Completed, false)));
    let councils: Vec<_> = changes.iter().filter(|c| matches!(c, Change::Council(_))).collect();
    assert_eq!(councils.len(), 1);
}

#[test]
fn a_backlog_is_not_overdue_when_it_is_read() {
    let run = &mut Run::new();
    run.tick(100_000.0);
    for (seq, agent) in [(1, "agent-architect-001"), (2, "agent-architect-002")] {
        let mut late = message(ROLE, seq, 10.0 + seq as f64, &answer(agent, ARCHITECT));
        late.received = at(100_001.0);
        run.apply(Event::Message(Box::new(late)));
        run.tick(100_002.0);
    }
    assert!(run.out.measures.iter().any(|m| matches!(m, Measure::Deliberation { outcome: Outcome::Completed, .. })));
    assert!(!run.out.measures.iter().any(|m| matches!(m, Measure::Deliberation { outcome: Outcome::TimedOut, .. })));
}

#[test]
fn a_retried_task_is_a_deliberation_of_its_own() {
    let run = &mut Run::new();
    let task = "derive-PL-1";
    let mut first = answer("task-deriver-001", task);
    first.retain(|(k, _)| *k != "num_agents");
    let mut second = first.clone();
    second.retain(|(k, _)| *k != "duration_ms");
    second.push(("duration_ms", "5000"));
    run.send("agent.response.completed", 1, 10.0, &first);
    run.send("agent.response.completed", 2, 11.0, &first);
    run.send("agent.response.completed", 3, 60.0, &second);
    let workflows: Vec<_> = run.spans().into_iter().filter(|s| &*s.name == "invoke_workflow deliberation").collect();
    assert_eq!(workflows.len(), 2);
    assert_ne!(workflows[0].span_id, workflows[1].span_id);
    assert_eq!(workflows[1].start, at(55.0));
}

#[test]
fn links_tell_each_id_once() {
    let run = &mut Run::new();
    let facts = [("story_id", "s-1"), ("task_id", "T-1"), ("plan_id", "PL-1"), ("ceremony_id", "BRC-1")];
    assert_eq!(run.send("planning.task.created", 1, 0.0, &facts).links.len(), 3);
    assert_eq!(run.send("planning.task.created", 2, 1.0, &facts).links.len(), 0);
}

#[test]
fn every_rule_of_the_contract_can_be_broken() {
    use crate::model::{Form, Key, Message, Value};
    let text = |m: &mut Message, key: Key, value: &str| m.facts.insert(key, Value::Text(value));
    let mut rules = crate::correlate::drift::Rules::default();
    let mut broken = std::collections::BTreeSet::new();
    let mut check = |subject: &str, change: &dyn Fn(&mut Message)| {
        let mut m = message(subject, 1, 0.0, &[]);
        change(&mut m);
        broken.extend(rules.violations(&m).iter().map(ToString::to_string));
    };
    check("planning.story.transitioned", &|m| text(m, Key::Timestamp, "2026-02-14T09:12:38.123456+00:00Z"));
    check("planning.plan.approved", &|_| {});
    check("planning.project.created", &|_| {});
    check("planning.epic.created", &|_| {});
    check("agent.response.failed", &|m| m.form = Form::Bare);
    check("orchestration.task.completed", &|m| text(m, Key::StoryId, ""));
    check("planning.task.created", &|m| text(m, Key::PlanId, "None"));
    check("workflow.state.changed", &|m| text(m, Key::Timestamp, "2026-02-14T09:12:38.123456"));
    check("context.events.updated", &|m| m.facts.insert(Key::Timestamp, Value::Float(8123.5)));
    check("vllm.streaming.*", &|m| {
        text(m, Key::AgentId, "deliberation-x-1");
        text(m, Key::DeliberationId, "deliberation-x-1");
    });
    let all: std::collections::BTreeSet<String> = crate::correlate::RULES.iter().map(|r| r.name.to_owned()).collect();
    assert_eq!(broken, all);
    let good = message("context.update.request", 1, 0.0, &[("story_id", "s-1")]);
    assert!(crate::correlate::drift::Rules::default().violations(&good).is_empty());
}
