//! `task-derivation-service`: tasks out of plans. Published by core NATS, captured by the stream.

use crate::sources::simulator::draft::Draft;
use crate::sources::simulator::json::Object;
use crate::sources::simulator::moment::Moment;
use crate::sources::simulator::things::Story;

const FROM: &str = "task-derivation-service";

pub(in crate::sources::simulator) fn completed(m: Moment, story: &Story, count: usize, request: &str) -> Draft {
    let payload = Object::new()
        .text("plan_id", &story.plan)
        .text("story_id", &story.id)
        .int("task_count", count as u64)
        .text("status", "success")
        .text("occurred_at", &m.earlier(4).iso())
        .text("derivation_request_id", request);
    Draft::new(FROM, "task.derivation.completed", &story.plan, payload)
}

pub(in crate::sources::simulator) fn failed(m: Moment, story: &Story, reason: &str, request: &str) -> Draft {
    let payload = Object::new()
        .text("plan_id", &story.plan)
        .text("story_id", &story.id)
        .text("status", "failed")
        .text("reason", reason)
        .flag("requires_manual_review", true)
        .text("occurred_at", &m.earlier(4).iso())
        .text("derivation_request_id", request);
    Draft::new(FROM, "task.derivation.failed", &story.plan, payload)
}
