//! The work on a story's tasks: councils deliberate, the workflow follows, the context grows.

use std::time::Duration;

use super::council::{self, Asked};
use super::workflow;
use crate::sources::simulator::bodies::agents::Work;
use crate::sources::simulator::bodies::orchestrator::{self as say, Answer};
use crate::sources::simulator::bodies::{context, planning};
use crate::sources::simulator::moment::Moment;
use crate::sources::simulator::script::Script;
use crate::sources::simulator::settings::Era;
use crate::sources::simulator::things::{Story, Task, uuid};

/// The collector waits this long for answers.
const TIMEOUT: Duration = Duration::from_mins(5);
/// A task whose council came to nothing is dispatched at most so often.
const TRIES: u32 = 3;

/// Works on all tasks of a story, up to its end.
pub(super) fn run(script: &mut Script<'_>, story: &mut Story, by: &str) {
    script.wait(0.2..1.0);
    script.send(planning::story_transitioned(script.moment(), story, "READY_FOR_EXECUTION", "IN_PROGRESS", by));
    script.send(say::phase_changed(script.moment(), story, "PLAN", "BUILD"));
    rehydrate(script, story);

    let mut end = script.at;
    for task in story.tasks.clone() {
        script.wait(0.5..5.0);
        let done = script.beside(script.at, |script| {
            work_on(script, story, &task, by);
            script.at
        });
        end = end.max(done);
    }
    script.at = end;
    script.wait(0.3..2.0);
    script.send(say::phase_changed(script.moment(), story, "BUILD", "DONE"));
    script.send(planning::story_transitioned(script.moment(), story, "IN_PROGRESS", "DONE", by));
}

fn rehydrate(script: &mut Script<'_>, story: &Story) {
    let roles = ["DEV", "QA"];
    script.wait(0.02..0.2);
    script.send(context::rehydrate_request(story, &roles));
    script.wait(0.03..0.4);
    script.send(context::rehydrate_response(script.moment(), story, &roles));
}

fn work_on(script: &mut Script<'_>, story: &mut Story, task: &Task, by: &str) {
    for attempt in 1..=TRIES {
        let mute = script.chance(script.settings.faults.overdue_deliberation) && attempt < TRIES;
        if deliberate(script, story, task, mute) {
            break;
        }
        script.wait(2.0..10.0);
    }
    script.wait(0.1..0.8);
    remember(script, story, task, by);
    workflow::run(script, story, task);
}

/// One deliberation on a task; gives whether it came to something.
fn deliberate(script: &mut Script<'_>, story: &Story, task: &Task, mute: bool) -> bool {
    let lead = crate::sources::simulator::things::agent_id(task.role, 1);
    script.send(say::task_dispatched(script.moment(), story, task, &lead));
    script.wait(0.02..0.2);
    let begin = script.at;
    let asked = Asked { work: Work::Task, story, task: &task.id, title: task.title, role: task.role };
    let outcome = council::deliberate(script, &asked, mute);
    let mut failed = outcome.silent;
    let waited = !failed.is_empty();
    let mut answers = Vec::new();
    for part in outcome.parts {
        script.at = part.at;
        let when = Moment::new(script.settings, part.at);
        match part.content {
            Some(content) => answers.push(Answer { agent: part.agent, content, millis: part.millis, when }),
            None => failed.push(part.agent),
        }
    }
    if waited {
        script.at = begin + TIMEOUT;
    }
    script.wait(0.02..0.15);
    let Some(winner) = answers.first() else {
        script.send(say::timed_out(script.moment(), task, &failed));
        script.wait(0.02..0.1);
        let error = ("Deliberation timed out", "TimeoutError");
        script.send(say::task_failed(script.moment(), story, task, &lead, error));
        return false;
    };
    let millis = script.at.saturating_sub(begin).as_millis() as u64;
    let (winner, score) = (winner.agent.clone(), 0.5 + script.rng.f64() / 2.0);
    script.send(say::collected(script.moment(), task, &answers, &failed, millis));
    script.wait(0.01..0.06);
    // On automatic dispatch the task id is really the plan's.
    let about = if script.chance(0.2) { &story.plan } else { &task.id };
    script.send(say::deliberation_completed(script.moment(), story, about, task.role, &winner, score));
    script.wait(0.01..0.06);
    let known = if script.chance(0.3) { "" } else { story.id.as_str() };
    script.send(say::task_completed(script.moment(), known, task, &winner));
    true
}

/// What was decided goes into the story's context.
fn remember(script: &mut Script<'_>, story: &mut Story, task: &Task, by: &str) {
    let decision = format!("decision-{}", uuid(script.rng));
    script.send(context::update_request(script.moment(), story, task, &decision));
    script.wait(0.02..0.2);
    story.version += 1;
    let hash = script.rng.u64(..);
    script.send(context::update_response(story, hash));
    script.send(context::updated(script.moment(), story));
    if script.era > Era::A && script.chance(0.25) {
        script.wait(0.5..4.0);
        let approved = script.chance(0.9);
        script.send(planning::decision(script.moment(), story, &decision, by, approved));
    }
}
