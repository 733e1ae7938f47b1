//! `planning-service`: projects, epics, stories, tasks, plans.

use crate::sources::simulator::draft::{Draft, Wrap};
use crate::sources::simulator::json::Object;
use crate::sources::simulator::moment::Moment;
use crate::sources::simulator::things::{Epic, Project, Story, Task};

const FROM: &str = "planning-service";

/// A publish by the generic path: operation `publish`, enveloped late.
pub(super) fn generic(subject: &str, entity: &str, payload: Object) -> Draft {
    Draft::new(FROM, subject, entity, payload).operation("publish").wrap(Wrap::Late)
}

pub(in crate::sources::simulator) fn project_created(m: Moment, project: &Project, owner: &str) -> Draft {
    let payload = Object::new()
        .text("project_id", &project.id)
        .text("name", project.name)
        .text("description", project.name)
        .text("owner", owner)
        .text("created_at", &m.earlier(9).iso());
    generic("planning.project.created", &project.id, payload)
}

pub(in crate::sources::simulator) fn epic_created(m: Moment, epic: &Epic) -> Draft {
    let payload = Object::new()
        .text("epic_id", &epic.id)
        .text("project_id", &epic.project)
        .text("title", epic.title)
        .text("description", epic.title)
        .text("created_at", &m.earlier(9).iso());
    generic("planning.epic.created", &epic.id, payload)
}

pub(in crate::sources::simulator) fn story_created(m: Moment, story: &Story, by: &str) -> Draft {
    let payload = Object::new()
        .text("event_type", "story.created")
        .text("story_id", &story.id)
        .text("epic_id", &story.epic)
        .text("title", story.title)
        .text("created_by", by)
        .text("timestamp", &m.earlier(4).malformed());
    Draft::new(FROM, "planning.story.created", &story.id, payload)
}

pub(in crate::sources::simulator) fn story_transitioned(
    m: Moment,
    story: &Story,
    from: &str,
    to: &str,
    by: &str,
) -> Draft {
    let payload = Object::new()
        .text("event_type", "story.transitioned")
        .text("story_id", &story.id)
        .text("from_state", from)
        .text("to_state", to)
        .text("transitioned_by", by)
        .text("timestamp", &m.earlier(4).malformed());
    Draft::new(FROM, "planning.story.transitioned", &story.id, payload).operation(format!("{from}->{to}"))
}

pub(in crate::sources::simulator) fn tasks_not_ready(m: Moment, story: &Story) -> Draft {
    let payload = Object::new()
        .text("story_id", &story.id)
        .text("reason", "Tasks without priority")
        .texts("task_ids_without_priority", story.tasks.last().map(|task| task.id.as_str()))
        .int("total_tasks", story.tasks.len() as u64)
        .text("occurred_at", &m.earlier(6).iso());
    generic("planning.story.tasks_not_ready", &story.id, payload)
}

/// `plan` is null when the tasks come from the backlog review.
pub(in crate::sources::simulator) fn task_created(
    m: Moment,
    story: &Story,
    task: &Task,
    plan: Option<&str>,
    priority: u64,
) -> Draft {
    let kind = if task.role == "QA" { "QA" } else { "DEVELOPMENT" };
    let payload = Object::new()
        .text("task_id", &task.id)
        .maybe("plan_id", plan)
        .text("story_id", &story.id)
        .text("title", task.title)
        .text("description", task.title)
        .text("type", kind)
        .text("assigned_to", task.role)
        .int("estimated_hours", task.hours)
        .int("priority", priority)
        .text("created_at", &m.earlier(5).iso());
    generic("planning.task.created", plan.unwrap_or(&story.id), payload)
}

pub(in crate::sources::simulator) fn tasks_derived(m: Moment, story: &Story, count: usize) -> Draft {
    let payload = Object::new()
        .text("event_type", "tasks.derived")
        .text("plan_id", &story.plan)
        .int("task_count", count as u64)
        .text("timestamp", &m.earlier(5).iso());
    generic("planning.tasks.derived", &story.plan, payload)
}

pub(in crate::sources::simulator) fn derivation_failed(m: Moment, story: &Story, reason: &str) -> Draft {
    let payload = Object::new()
        .text("event_type", "task.derivation.failed")
        .text("plan_id", &story.plan)
        .text("reason", reason)
        .flag("requires_manual_review", true)
        .text("timestamp", &m.earlier(5).iso());
    generic("planning.task.derivation.failed", &story.plan, payload)
}

pub(in crate::sources::simulator) fn plan_approved(m: Moment, story: &Story, by: &str) -> Draft {
    let payload = Object::new()
        .text("ceremony_id", &story.ceremony)
        .text("story_id", &story.id)
        .text("plan_id", &story.plan)
        .text("approved_by", by)
        .text("approved_at", &m.earlier(7).iso())
        .texts("tasks_outline", story.tasks.iter().map(|task| task.title))
        .text("estimated_complexity", if story.tasks.len() > 3 { "HIGH" } else { "MEDIUM" })
        .int("tasks_created", story.tasks.len() as u64)
        .int("tasks_updated", 0)
        .text("po_notes", "Good scope for the sprint")
        .null("po_concerns")
        .null("priority_adjustment")
        .null("po_priority_reason");
    generic("planning.plan.approved", &story.plan, payload)
}

/// The form of era A: no ceremony, but roles and a time.
pub(in crate::sources::simulator) fn plan_approved_first_form(m: Moment, story: &Story, by: &str) -> Draft {
    let payload = Object::new()
        .text("type", "plan.approved")
        .text("story_id", &story.id)
        .text("plan_id", &story.plan)
        .text("approved_by", by)
        .texts("roles", ["DEV"])
        .text("timestamp", &m.earlier(7).zulu())
        .text("title", story.title)
        .text("description", story.title)
        .text("complexity", "basic");
    Draft::new(FROM, "planning.plan.approved", &story.plan, payload).wrap(Wrap::Bare)
}

pub(in crate::sources::simulator) fn plan_rejected(m: Moment, story: &Story, by: &str) -> Draft {
    let payload = Object::new()
        .text("ceremony_id", &story.ceremony)
        .text("story_id", &story.id)
        .text("rejected_by", by)
        .text("rejection_reason", "Unclear value")
        .text("rejected_at", &m.earlier(7).iso());
    generic("planning.plan.rejected", &story.ceremony, payload)
}

pub(in crate::sources::simulator) fn decision(
    m: Moment,
    story: &Story,
    decision: &str,
    by: &str,
    approved: bool,
) -> Draft {
    let head = |kind: &str| {
        Object::new()
            .text("event_type", &format!("decision.{kind}"))
            .text("story_id", &story.id)
            .text("decision_id", decision)
    };
    let (kind, payload) = if approved {
        ("approved", head("approved").text("approved_by", by).null("comment"))
    } else {
        ("rejected", head("rejected").text("rejected_by", by).text("reason", "Costs more than it gives"))
    };
    let payload = payload.text("timestamp", &m.earlier(5).malformed());
    Draft::new(FROM, &format!("planning.decision.{kind}"), decision, payload)
}

pub(in crate::sources::simulator) fn reconcile_requested(story: &Story, operation: &str, by: &str) -> Draft {
    let data = Object::new().text("story_id", &story.id).text("created_by", by).text("initial_state", "DRAFT");
    let payload = Object::new()
        .text("operation_id", operation)
        .text("operation_type", "save_story")
        .object("operation_data", data);
    Draft::new(FROM, "planning.dualwrite.reconcile.requested", operation, payload)
}

pub(in crate::sources::simulator) fn derivation_requested(
    m: Moment,
    story: &Story,
    request: &str,
    roles: &[&str],
) -> Draft {
    let payload = Object::new()
        .text("event_type", "task.derivation.requested")
        .text("deliberation_id", request)
        .text("plan_id", &story.plan)
        .text("story_id", &story.id)
        .texts("roles", roles.iter().copied())
        .text("requested_by", FROM)
        .text("requested_at", &m.earlier(5).iso());
    Draft::new(FROM, "task.derivation.requested", &story.plan, payload).operation("publish")
}
