//! `orchestrator-service`: plans taken up, tasks given to councils, deliberations collected.

use crate::sources::simulator::draft::Draft;
use crate::sources::simulator::json::Object;
use crate::sources::simulator::moment::Moment;
use crate::sources::simulator::things::{Story, Task};

const FROM: &str = "orchestrator-service";

fn publish(subject: &str, entity: &str, payload: Object) -> Draft {
    Draft::new(FROM, subject, entity, payload).operation("publish")
}

pub(in crate::sources::simulator) fn plan_approved(m: Moment, story: &Story, by: &str, roles: &[&str]) -> Draft {
    let subject = "orchestration.plan.approved";
    let payload = Object::new()
        .text("event_type", subject)
        .text("story_id", &story.id)
        .text("plan_id", &story.plan)
        .text("approved_by", by)
        .texts("roles", roles.iter().copied())
        .text("timestamp", &m.earlier(3).iso());
    publish(subject, &story.id, payload)
}

pub(in crate::sources::simulator) fn phase_changed(m: Moment, story: &Story, from: &str, to: &str) -> Draft {
    let subject = "orchestration.phase.changed";
    let payload = Object::new()
        .text("event_type", subject)
        .text("story_id", &story.id)
        .text("from_phase", from)
        .text("to_phase", to)
        .text("timestamp", &m.earlier(3).iso());
    publish(subject, &story.id, payload)
}

/// `task` is the plan's id when the deliberation was dispatched by itself.
pub(in crate::sources::simulator) fn deliberation_completed(
    m: Moment,
    story: &Story,
    task: &str,
    role: &str,
    winner: &str,
    score: f64,
) -> Draft {
    let subject = "orchestration.deliberation.completed";
    let decision = Object::new().text("role", role).text("winner_id", winner).float("score", score, 2);
    let payload = Object::new()
        .text("event_type", subject)
        .text("story_id", &story.id)
        .text("task_id", task)
        .objects("decisions", [decision])
        .float("timestamp", m.epoch(), 3);
    publish(subject, task, payload)
}

pub(in crate::sources::simulator) fn task_dispatched(m: Moment, story: &Story, task: &Task, agent: &str) -> Draft {
    let subject = "orchestration.task.dispatched";
    let payload = Object::new()
        .text("event_type", subject)
        .text("story_id", &story.id)
        .text("task_id", &task.id)
        .text("agent_id", agent)
        .text("role", task.role)
        .text("timestamp", &m.earlier(3).iso());
    publish(subject, &task.id, payload)
}

/// The story may be empty text.
pub(in crate::sources::simulator) fn task_completed(m: Moment, story: &str, task: &Task, agent: &str) -> Draft {
    let subject = "orchestration.task.completed";
    let payload = Object::new()
        .text("event_type", subject)
        .text("task_id", &task.id)
        .text("story_id", story)
        .text("agent_id", agent)
        .text("role", task.role)
        .int("duration_ms", 0)
        .flag("checks_passed", true)
        .text("timestamp", &m.earlier(3).iso());
    publish(subject, &task.id, payload)
}

pub(in crate::sources::simulator) fn task_failed(
    m: Moment,
    story: &Story,
    task: &Task,
    agent: &str,
    error: (&str, &str),
) -> Draft {
    let subject = "orchestration.task.failed";
    let payload = Object::new()
        .text("event_type", subject)
        .text("task_id", &task.id)
        .text("story_id", &story.id)
        .text("agent_id", agent)
        .text("role", task.role)
        .text("error", error.0)
        .text("error_type", error.1)
        .text("timestamp", &m.earlier(3).iso());
    publish(subject, &task.id, payload)
}

/// An answer as the collector kept it.
#[derive(Clone, Debug)]
pub(in crate::sources::simulator) struct Answer {
    pub(in crate::sources::simulator) agent: String,
    pub(in crate::sources::simulator) content: String,
    pub(in crate::sources::simulator) millis: u64,
    pub(in crate::sources::simulator) when: Moment,
}

/// To no stream.
pub(in crate::sources::simulator) fn collected(
    m: Moment,
    task: &Task,
    answers: &[Answer],
    failed: &[String],
    millis: u64,
) -> Draft {
    let results = answers.iter().map(|answer| {
        Object::new()
            .text("agent_id", &answer.agent)
            .text("role", task.role)
            .object("proposal", Object::new().text("content", &answer.content))
            .int("duration_ms", answer.millis)
            .text("timestamp", &answer.when.iso())
    });
    let payload = Object::new()
        .text("task_id", &task.id)
        .text("status", "completed")
        .objects("results", results)
        .objects("failed_agents", without_answer(failed))
        .int("total_agents", (answers.len() + failed.len()) as u64)
        .int("successful_responses", answers.len() as u64)
        .int("failed_responses", failed.len() as u64)
        .int("duration_ms", millis)
        .text("completed_at", &m.earlier(2).iso());
    publish("deliberation.completed", &task.id, payload)
}

/// To no stream.
pub(in crate::sources::simulator) fn timed_out(m: Moment, task: &Task, failed: &[String]) -> Draft {
    let payload = Object::new()
        .text("task_id", &task.id)
        .text("status", "failed")
        .text("error", "Deliberation timed out")
        .objects("failed_agents", without_answer(failed))
        .text("timestamp", &m.earlier(2).iso());
    publish("deliberation.failed", &task.id, payload)
}

fn without_answer(agents: &[String]) -> impl Iterator<Item = Object> {
    agents.iter().map(|agent| Object::new().text("agent_id", agent).text("error", "Timeout"))
}
