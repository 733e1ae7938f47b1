//! `planning-service` and `backlog-review-processor`: the backlog review ceremony.

use super::planning::generic;
use crate::sources::simulator::draft::Draft;
use crate::sources::simulator::json::Object;
use crate::sources::simulator::moment::Moment;
use crate::sources::simulator::things::Story;

const PROCESSOR: &str = "backlog-review-processor";
const SUBJECT: &str = "planning.backlog_review.";

pub(in crate::sources::simulator) fn created(m: Moment, ceremony: &str, stories: &[Story], by: &str) -> Draft {
    let payload = Object::new()
        .text("ceremony_id", ceremony)
        .text("created_by", by)
        .texts("story_ids", stories.iter().map(|story| story.id.as_str()))
        .text("status", "DRAFT")
        .text("created_at", &m.earlier(6).iso());
    generic(&format!("{SUBJECT}created"), ceremony, payload)
}

pub(in crate::sources::simulator) fn started(
    m: Moment,
    ceremony: &str,
    stories: usize,
    submitted: usize,
    by: &str,
) -> Draft {
    let payload = Object::new()
        .text("ceremony_id", ceremony)
        .text("status", "IN_PROGRESS")
        .int("total_stories", stories as u64)
        .int("deliberations_submitted", submitted as u64)
        .text("started_by", by)
        .text("started_at", &m.earlier(6).iso());
    generic(&format!("{SUBJECT}ceremony.started"), ceremony, payload).operation("start")
}

/// Carries no time at all.
pub(in crate::sources::simulator) fn reviewing(ceremony: &str, stories: usize) -> Draft {
    let payload = Object::new()
        .text("ceremony_id", ceremony)
        .text("status", "REVIEWING")
        .int("total_stories", stories as u64)
        .int("total_reviews", stories as u64);
    generic(&format!("{SUBJECT}ceremony.reviewing"), ceremony, payload)
}

pub(in crate::sources::simulator) fn completed(
    m: Moment,
    ceremony: &str,
    approved: usize,
    rejected: usize,
    by: &str,
) -> Draft {
    let payload = Object::new()
        .text("ceremony_id", ceremony)
        .text("completed_by", by)
        .text("completed_at", &m.earlier(6).iso())
        .int("total_stories", (approved + rejected) as u64)
        .int("approved_count", approved as u64)
        .int("rejected_count", rejected as u64);
    generic(&format!("{SUBJECT}ceremony.completed"), ceremony, payload)
}

/// What one agent said in a review.
#[derive(Clone, Debug)]
pub(in crate::sources::simulator) struct Opinion {
    pub(in crate::sources::simulator) agent: String,
    pub(in crate::sources::simulator) role: &'static str,
    pub(in crate::sources::simulator) content: String,
    pub(in crate::sources::simulator) tokens: u64,
    pub(in crate::sources::simulator) when: Moment,
}

/// The proposals are JSON inside text.
pub(in crate::sources::simulator) fn deliberations_complete(story: &Story, opinions: &[Opinion]) -> Draft {
    let opinions = opinions.iter().map(|opinion| {
        let proposal = Object::new().text("content", &opinion.content).int("tokens", opinion.tokens).finish();
        Object::new()
            .text("agent_id", &opinion.agent)
            .text("role", opinion.role)
            .text("proposal", &proposal)
            .text("deliberated_at", &opinion.when.iso())
    });
    let payload = Object::new()
        .text("ceremony_id", &story.ceremony)
        .text("story_id", &story.id)
        .objects("agent_deliberations", opinions);
    processor("deliberations.complete", story, payload)
}

pub(in crate::sources::simulator) fn tasks_complete(story: &Story) -> Draft {
    let payload = Object::new()
        .text("ceremony_id", &story.ceremony)
        .text("story_id", &story.id)
        .int("tasks_created", story.tasks.len() as u64);
    processor("tasks.complete", story, payload)
}

fn processor(what: &str, story: &Story, payload: Object) -> Draft {
    Draft::new(PROCESSOR, &format!("{SUBJECT}{what}"), &format!("{}:{}", story.ceremony, story.id), payload)
}
