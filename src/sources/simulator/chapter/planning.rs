//! From an approved plan to tasks that are ready to be worked on.

use super::execution;
use crate::sources::simulator::bodies::agents::{self, Run, Work};
use crate::sources::simulator::bodies::{derivation, orchestrator, planning as say};
use crate::sources::simulator::script::Script;
use crate::sources::simulator::things::{Story, uuid};

const ROLES: &[&str] = &["DEV", "QA"];
/// A derivation that fails is asked for again at most so often.
const TRIES: u32 = 3;

/// Everything after the plan of a story was approved.
pub(super) fn approved(script: &mut Script<'_>, mut story: Story, by: &str) {
    script.send(say::story_transitioned(script.moment(), &story, "PO_REVIEW", "READY_FOR_PLANNING", by));
    script.wait(0.1..0.4);
    script.send(orchestrator::plan_approved(script.moment(), &story, by, ROLES));
    script.wait(0.5..3.0);
    script.send(say::story_transitioned(script.moment(), &story, "READY_FOR_PLANNING", "PLANNED", by));
    for attempt in 1..=TRIES {
        script.wait(0.3..1.5);
        let fails = script.chance(script.settings.faults.derivation_failure) && attempt < TRIES;
        if derive(script, &story, fails) {
            break;
        }
        script.wait(5.0..30.0);
    }
    if script.chance(0.08) {
        script.wait(0.2..1.0);
        script.send(say::tasks_not_ready(script.moment(), &story));
        script.wait(5.0..20.0);
    }
    script.wait(0.2..2.0);
    script.send(say::story_transitioned(script.moment(), &story, "PLANNED", "READY_FOR_EXECUTION", by));
    execution::run(script, &mut story, by);
}

/// One derivation; gives whether it worked.
fn derive(script: &mut Script<'_>, story: &Story, fails: bool) -> bool {
    let request = format!("derive-{}", uuid(script.rng));
    let task = format!("derive-{}", story.plan);
    script.send(say::derivation_requested(script.moment(), story, &request, ROLES));
    script.wait(0.02..0.09);
    let model = script.settings.model.as_str();
    script.send(agents::stream_started(script.moment(), &task, "DEV", model, story.title));
    let took = script.seconds(4.0..15.0);
    script.at += took;
    let content = story.tasks.iter().map(|task| format!("TITLE: {}\n...", task.title)).collect::<Vec<_>>().join("\n");
    let run = Run {
        work: Work::Derivation,
        task: &task,
        story,
        agent: "task-deriver-001",
        role: "DEV",
        model,
        agents: 1,
        millis: took.as_millis() as u64,
        content: &content,
        reasoning: "",
        tokens: script.rng.u64(400..3_000),
    };
    if fails {
        let error = ("vLLM API request failed: 503, message='Service Unavailable'", "RuntimeError");
        script.send(agents::failed(script.moment(), &run, error, true));
        script.wait(0.05..0.2);
        script.send(derivation::failed(script.moment(), story, "no answer from the model", &request));
        script.wait(0.05..0.2);
        script.send(say::derivation_failed(script.moment(), story, "no answer from the model"));
        return false;
    }
    script.send(agents::completed(script.moment(), &run));
    script.wait(0.05..0.2);
    script.send(derivation::completed(script.moment(), story, story.tasks.len(), &request));
    script.wait(0.05..0.2);
    script.send(say::tasks_derived(script.moment(), story, story.tasks.len()));
    true
}
