//! A council at work: some agents answer, some fail, some stay silent.

use std::time::Duration;

use crate::sources::simulator::bodies::agents::{self, Run, Work};
use crate::sources::simulator::script::Script;
use crate::sources::simulator::step::{self, Ending};
use crate::sources::simulator::things::{AGENT_ERRORS, ANSWERS, REASONS, Story, agent_id, pick};

/// When an agent that says nothing is given up.
const GIVEN_UP: Duration = Duration::from_mins(5);

/// What a council is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) work: Work,
    pub(super) story: &'a Story,
    /// Ray task id.
    pub(super) task: &'a str,
    pub(super) title: &'a str,
    pub(super) role: &'static str,
}

/// One agent's part.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) agent: String,
    pub(super) at: Duration,
    pub(super) millis: u64,
    pub(super) tokens: u64,
    /// None when the agent failed.
    pub(super) content: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// In the order of time.
    pub(super) parts: Vec<Part>,
    /// Agents that never said anything.
    pub(super) silent: Vec<String>,
}

/// The answers of a deliberation that begins at the cursor; the cursor stays. `mute` = nobody answers.
pub(super) fn deliberate(script: &mut Script<'_>, asked: &Asked<'_>, mute: bool) -> Outcome {
    let settings = script.settings;
    let agents = settings.agents_per_council.clamp(1, 50);
    script.send(agents::stream_started(script.moment(), asked.task, asked.role, &settings.model, asked.title));
    let mut outcome = Outcome::default();
    for number in 1..=agents {
        let agent = agent_id(asked.role, number);
        // The first agent of a council always speaks, so that a single silent one does not end its story.
        let silent = script.chance(settings.faults.silent_agent) && number > 1;
        if mute || silent {
            let tokens = settings.seed % 700 + 180;
            run(script, asked, &agent, (script.at, script.at + GIVEN_UP), (tokens, Ending::Silent));
            outcome.silent.push(agent);
            continue;
        }
        let took = script.seconds(1.0..20.0);
        let part = script.beside(script.at + took, |script| answer(script, asked, agent, number, took));
        outcome.parts.push(part);
    }
    outcome.parts.sort_by_key(|part| part.at);
    outcome
}

fn answer(script: &mut Script<'_>, asked: &Asked<'_>, agent: String, number: u32, took: Duration) -> Part {
    let settings = script.settings;
    let failed = script.chance(settings.faults.agent_failure) && number > 1;
    let millis = (took.as_millis() as u64).saturating_sub(script.rng.u64(20..200));
    let tokens = script.rng.u64(180..2_400);
    let mut content = pick(script.rng, ANSWERS).to_owned();
    for _ in 0..tokens / 400 {
        content.push('\n');
        content.push_str(pick(script.rng, ANSWERS));
    }
    if script.chance(settings.faults.leaked_secret) {
        content.push_str("\nI used Authorization: Bearer simulated-0123456789abcdef0123456789 to try it.");
    }
    let told = Run {
        work: asked.work,
        task: asked.task,
        story: asked.story,
        agent: &agent,
        role: asked.role,
        model: &settings.model,
        agents: settings.agents_per_council.clamp(1, 50),
        millis,
        content: &content,
        reasoning: pick(script.rng, REASONS),
        tokens,
    };
    let ending = if failed { Ending::Failed } else { Ending::Answered };
    let begin = script.at.saturating_sub(Duration::from_millis(millis));
    self::run(script, asked, &agent, (begin, script.at), (tokens, ending));
    if failed {
        let (error, caught) = (pick(script.rng, AGENT_ERRORS), script.rng.bool());
        script.send(agents::failed(script.moment(), &told, error, caught));
    } else {
        script.send(agents::completed(script.moment(), &told));
    }
    Part { agent, at: script.at, millis, tokens, content: (!failed).then_some(content) }
}

/// Notes a run for the systems beside NATS.
fn run(
    script: &mut Script<'_>,
    asked: &Asked<'_>,
    agent: &str,
    (begin, end): (Duration, Duration),
    (tokens, ending): (u64, Ending),
) {
    let run = step::Run {
        agent: agent.to_owned(),
        role: asked.role,
        task: asked.task.to_owned(),
        story: asked.story.id.clone(),
        model: script.settings.model.clone(),
        end,
        tokens,
        ending,
    };
    script.runs.push((begin, run));
}
