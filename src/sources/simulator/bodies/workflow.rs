//! `workflow-service`: a task's way from todo to done. Its times are naive local times.

use crate::sources::simulator::draft::Draft;
use crate::sources::simulator::json::Object;
use crate::sources::simulator::moment::Moment;
use crate::sources::simulator::things::{Story, Task};

const FROM: &str = "workflow-service";

/// One change of state.
#[derive(Clone, Copy, Debug)]
pub(in crate::sources::simulator) struct Change {
    pub(in crate::sources::simulator) from: &'static str,
    pub(in crate::sources::simulator) to: &'static str,
    pub(in crate::sources::simulator) action: &'static str,
    pub(in crate::sources::simulator) actor: &'static str,
    pub(in crate::sources::simulator) in_charge: Option<&'static str>,
    pub(in crate::sources::simulator) required: Option<&'static str>,
    pub(in crate::sources::simulator) feedback: Option<&'static str>,
}

pub(in crate::sources::simulator) fn state_changed(
    m: Moment,
    story: &Story,
    task: &Task,
    change: &Change,
    retries: u64,
) -> Draft {
    let payload = Object::new()
        .text("event_type", "workflow.state.changed")
        .text("task_id", &task.id)
        .text("story_id", &story.id)
        .text("from_state", change.from)
        .text("to_state", change.to)
        .text("action", change.action)
        .text("actor_role", change.actor)
        .maybe("role_in_charge", change.in_charge)
        .maybe("required_action", change.required)
        .maybe("feedback", change.feedback)
        .int("retry_count", retries)
        .text("timestamp", &m.earlier(2).local());
    Draft::new(FROM, "workflow.state.changed", &task.id, payload)
}

pub(in crate::sources::simulator) fn task_assigned(
    m: Moment,
    story: &Story,
    task: &Task,
    role: &str,
    action: &str,
) -> Draft {
    let payload = Object::new()
        .text("task_id", &task.id)
        .text("story_id", &story.id)
        .text("role", role)
        .text("action_required", action)
        .text("timestamp", &m.earlier(2).local());
    Draft::new(FROM, "workflow.task.assigned", &task.id, payload)
}

pub(in crate::sources::simulator) fn validation_required(m: Moment, story: &Story, task: &Task, role: &str) -> Draft {
    let payload = Object::new()
        .text("task_id", &task.id)
        .text("story_id", &story.id)
        .text("validator_role", role)
        .text("artifact_type", "code")
        .text("timestamp", &m.earlier(2).local());
    Draft::new(FROM, "workflow.validation.required", &task.id, payload)
}

pub(in crate::sources::simulator) fn task_completed(m: Moment, story: &Story, task: &Task, last: &str) -> Draft {
    let payload = Object::new()
        .text("task_id", &task.id)
        .text("story_id", &story.id)
        .text("final_state", last)
        .text("timestamp", &m.earlier(2).local());
    Draft::new(FROM, "workflow.task.completed", &task.id, payload)
}

/// What the workflow listens for. No publisher of it is known: the sender is invented.
pub(in crate::sources::simulator) fn work_completed(m: Moment, task: &Task, action: &str, actor: &str) -> Draft {
    let payload = Object::new()
        .text("task_id", &task.id)
        .text("action", action)
        .text("actor_role", actor)
        .text("timestamp", &m.earlier(2).iso())
        .null("feedback");
    Draft::new("agent-runtime", "agent.work.completed", &task.id, payload)
}
