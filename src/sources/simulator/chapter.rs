//! One group of stories, from created to done.
//! Takes: a script with a cursor. Gives: all their messages, written into it.
//! Never: a consumer's answer; those follow from the messages.

mod council;
mod execution;
mod planning;
mod review;
mod successors;
mod workflow;

use super::bodies::planning as say;
use super::script::Script;
use super::settings::Era;
use super::things::{EPICS, Epic, OWNERS, PROJECTS, Project, STORIES, Story, TASK_ROLES, TASKS, Task, pick, uuid};

/// Writes the group's whole life. `size` stories of one epic.
pub(super) fn write(script: &mut Script<'_>, size: usize) {
    let by = pick(script.rng, OWNERS);
    let project = Project { id: format!("PROJ-{}", uuid(script.rng)), name: pick(script.rng, PROJECTS) };
    let epic =
        Epic { id: format!("E-{}", uuid(script.rng)), project: project.id.clone(), title: pick(script.rng, EPICS) };
    if script.era > Era::A {
        script.send(say::project_created(script.moment(), &project, by));
        script.wait(0.4..2.0);
        script.send(say::epic_created(script.moment(), &epic));
    }
    let mut stories = Vec::with_capacity(size);
    for _ in 0..size {
        script.wait(0.5..4.0);
        let story = create(script, &epic, by);
        stories.push(story);
    }
    if script.era == Era::A {
        for story in stories {
            first_form(script, story, by);
        }
    } else {
        review::ceremony(script, stories, by);
    }
    if script.settings.successors {
        successors::beside(script);
    }
}

fn create(script: &mut Script<'_>, epic: &Epic, by: &str) -> Story {
    let prefix = if script.era == Era::A { "US-" } else { "s-" };
    let story = Story {
        id: format!("{prefix}{}", uuid(script.rng)),
        epic: epic.id.clone(),
        title: pick(script.rng, STORIES),
        ceremony: String::new(),
        plan: format!("PL-{}", uuid(script.rng)),
        tasks: Vec::new(),
        version: 0,
    };
    script.send(say::story_created(script.moment(), &story, by));
    if script.chance(0.05) && script.era > Era::A {
        let operation = uuid(script.rng);
        script.send(say::reconcile_requested(&story, &operation, by));
    }
    script.wait(0.5..3.0);
    script.send(say::story_transitioned(script.moment(), &story, "DRAFT", "PO_REVIEW", by));
    story
}

/// Era A: no ceremony and no derivation; an approved plan goes straight to the councils.
fn first_form(script: &mut Script<'_>, mut story: Story, by: &str) {
    let at = script.at + script.seconds(3.0..20.0);
    script.beside(at, |script| {
        story.tasks = tasks(script, "TSK");
        script.send(say::plan_approved_first_form(script.moment(), &story, by));
        script.wait(0.2..1.0);
        script.send(say::story_transitioned(script.moment(), &story, "PO_REVIEW", "READY_FOR_EXECUTION", by));
        execution::run(script, &mut story, by);
    });
}

/// Two to four tasks.
fn tasks(script: &mut Script<'_>, prefix: &str) -> Vec<Task> {
    (0..script.rng.usize(2..=4))
        .map(|_| Task {
            id: format!("{prefix}-{}", uuid(script.rng)),
            title: pick(script.rng, TASKS),
            role: pick(script.rng, TASK_ROLES),
            hours: script.rng.u64(1..=8),
        })
        .collect()
}
