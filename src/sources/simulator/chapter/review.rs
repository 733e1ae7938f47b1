//! The backlog review ceremony: three roles look at each story, tasks are extracted, the owner decides.

use std::time::Duration;

use super::council::{self, Asked, Part};
use super::{planning, tasks};
use crate::sources::simulator::bodies::agents::{Work, tasks_extracted};
use crate::sources::simulator::bodies::ceremony::{self as say, Opinion};
use crate::sources::simulator::bodies::planning as plan;
use crate::sources::simulator::moment::Moment;
use crate::sources::simulator::script::Script;
use crate::sources::simulator::things::{REVIEW_ROLES, Story, review_task, uuid};

/// The ceremony of these stories, and what follows for those approved.
pub(super) fn ceremony(script: &mut Script<'_>, mut stories: Vec<Story>, by: &str) {
    let id = format!("BRC-{}", uuid(script.rng));
    for story in &mut stories {
        story.ceremony.clone_from(&id);
    }
    script.wait(1.0..8.0);
    script.send(say::created(script.moment(), &id, &stories, by));
    script.wait(0.5..4.0);
    let begin = script.at;
    let submitted = stories.len() * REVIEW_ROLES.len();
    script.send(say::started(script.moment(), &id, stories.len(), submitted, by));
    let mut end = begin;
    for story in &mut stories {
        let done = script.beside(begin + Duration::from_millis(120), |script| review(script, story));
        end = end.max(done);
    }
    script.at = end;
    script.wait(0.1..0.6);
    script.send(say::reviewing(&id, stories.len()));

    let (mut approved, mut rejected) = (0, 0);
    for story in stories {
        script.wait(2.0..15.0);
        if script.chance(script.settings.faults.plan_rejected) {
            rejected += 1;
            script.send(plan::plan_rejected(script.moment(), &story, by));
            script.wait(0.1..0.5);
            script.send(plan::story_transitioned(script.moment(), &story, "PO_REVIEW", "DRAFT", by));
        } else {
            approved += 1;
            script.send(plan::plan_approved(script.moment(), &story, by));
            let next = script.at + script.seconds(0.1..0.6);
            script.beside(next, |script| planning::approved(script, story, by));
        }
    }
    script.wait(0.5..3.0);
    script.send(say::completed(script.moment(), &id, approved, rejected, by));
}

/// Reviews one story; gives when it was through.
fn review(script: &mut Script<'_>, story: &mut Story) -> Duration {
    let mut parts: Vec<(&'static str, Part)> = Vec::new();
    for role in REVIEW_ROLES {
        let task = review_task(&story.ceremony, &story.id, role);
        script.wait(0.02..0.2);
        let asked = Asked { work: Work::Review, story, task: &task, title: story.title, role };
        let outcome = council::deliberate(script, &asked, false);
        parts.extend(outcome.parts.into_iter().map(|part| (role, part)));
    }
    parts.sort_by_key(|(_, part)| part.at);

    let mut opinions: Vec<Opinion> = Vec::new();
    let mut through = script.at;
    for (role, part) in parts {
        let Some(content) = part.content else { continue };
        let when = Moment::new(script.settings, part.at);
        opinions.push(Opinion { agent: part.agent, role, content, tokens: part.tokens, when });
        // Once all roles are in, each further answer makes the processor say so again.
        if REVIEW_ROLES.iter().all(|role| opinions.iter().any(|opinion| opinion.role == *role)) {
            through = part.at + script.seconds(0.02..0.09);
            script.beside(through, |script| script.send(say::deliberations_complete(story, &opinions)));
        }
    }
    script.at = through;
    let took = script.seconds(3.0..12.0);
    script.at += took;
    story.tasks = tasks(script, "T");
    let (model, millis) = (script.settings.model.as_str(), took.as_millis() as u64);
    script.send(tasks_extracted(script.moment(), story, model, millis));
    for (i, task) in story.tasks.iter().enumerate() {
        script.wait(0.02..0.15);
        script.send(plan::task_created(script.moment(), story, task, None, i as u64 + 1));
    }
    script.wait(0.02..0.1);
    script.send(say::tasks_complete(story));
    script.at
}
