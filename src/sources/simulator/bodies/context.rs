//! `context-service` and those who ask it. The requests are always bare.

use crate::sources::simulator::draft::{Draft, Wrap};
use crate::sources::simulator::json::Object;
use crate::sources::simulator::moment::Moment;
use crate::sources::simulator::things::{Story, Task};

const FROM: &str = "context-service";

pub(in crate::sources::simulator) fn update_request(m: Moment, story: &Story, task: &Task, decision: &str) -> Draft {
    let change = Object::new()
        .text("operation", "CREATE")
        .text("entity_type", "DECISION")
        .text("entity_id", decision)
        .text("payload", &Object::new().text("title", task.title).finish())
        .text("reason", "agreed in review");
    let payload = Object::new()
        .text("story_id", &story.id)
        .text("task_id", &task.id)
        .text("role", task.role)
        .objects("changes", [change])
        .text("timestamp", &m.earlier(2).iso());
    Draft::new("orchestrator-service", "context.update.request", &story.id, payload).wrap(Wrap::Bare)
}

pub(in crate::sources::simulator) fn update_response(story: &Story, hash: u64) -> Draft {
    let payload = Object::new()
        .text("story_id", &story.id)
        .text("status", "success")
        .int("version", story.version)
        .text("hash", &format!("{hash:016x}"))
        .raw("warnings", "[]");
    Draft::new(FROM, "context.update.response", &story.id, payload)
}

/// Its time is a monotonic clock's, not a date; subject and type differ.
pub(in crate::sources::simulator) fn updated(m: Moment, story: &Story) -> Draft {
    let payload =
        Object::new().text("story_id", &story.id).int("version", story.version).float("timestamp", m.monotonic(), 3);
    Draft::new(FROM, "context.events.updated", &story.id, payload).typed("context.updated")
}

pub(in crate::sources::simulator) fn rehydrate_request(story: &Story, roles: &[&str]) -> Draft {
    let payload = Object::new()
        .text("case_id", &story.id)
        .texts("roles", roles.iter().copied())
        .flag("include_timeline", true)
        .flag("include_summaries", true)
        .int("timeline_events", 50)
        .flag("persist_bundle", true)
        .int("ttl_seconds", 3600);
    Draft::new("orchestrator-service", "context.rehydrate.request", &story.id, payload).wrap(Wrap::Bare)
}

pub(in crate::sources::simulator) fn rehydrate_response(m: Moment, story: &Story, roles: &[&str]) -> Draft {
    let stats = Object::new()
        .int("decisions", story.tasks.len() as u64)
        .int("decision_edges", story.tasks.len().saturating_sub(1) as u64)
        .int("impacts", story.version)
        .int("events", story.version * 3)
        .texts("roles", roles.iter().copied());
    let payload = Object::new()
        .text("case_id", &story.id)
        .text("status", "success")
        .int("generated_at_ms", (m.epoch() * 1e3) as u64)
        .int("packs_count", roles.len() as u64)
        .object("stats", stats);
    Draft::new(FROM, "context.rehydrate.response", &story.id, payload)
}
