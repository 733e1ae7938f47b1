//! The fleet's successors, at work beside it.

use fastrand::Rng;

use crate::sources::simulator::bodies::successors as say;
use crate::sources::simulator::script::Script;
use crate::sources::simulator::things::{agent_id, pick, uuid};

const TOOLS: &[&str] = &["fs.read_file", "fs.write_file", "git.diff", "tests.run", "search.grep"];

/// One runtime session, one choreographed deliberation, one materialized node, now and then an alert and a policy.
pub(super) fn beside(script: &mut Script<'_>) {
    let session = format!("session-{}", short(script.rng));
    let agent = agent_id("DEV", script.rng.u32(1..4));
    script.wait(0.5..3.0);
    let begin = script.at;
    let created = say::session_created(script.moment());
    runtime(script, "session.created", &session, &agent, created);
    let invocations = script.rng.u64(2..8);
    for _ in 0..invocations {
        let id = format!("inv-{}", short(script.rng));
        let (tool, correlation) = (pick(script.rng, TOOLS), format!("corr-{}", script.rng.u32(1..1000)));
        script.wait(0.5..4.0);
        runtime(script, "invocation.started", &session, &agent, say::invocation_started(&id, tool, &correlation));
        let millis = script.rng.u64(5..900);
        script.at += std::time::Duration::from_millis(millis);
        let done = say::invocation_completed(&id, tool, &correlation, millis);
        runtime(script, "invocation.completed", &session, &agent, done);
    }
    script.wait(0.5..3.0);
    let closed = say::session_closed(script.at.saturating_sub(begin).as_secs(), invocations);
    runtime(script, "session.closed", &session, &agent, closed);

    let moment = script.moment();
    let (task, millis) = (format!("task-{}", script.rng.u32(1..1000)), script.rng.u64(900..9_000));
    let draft = say::choreographed(moment, script.rng, &task, millis);
    script.send(draft);
    let incident = format!("incident-{}", script.rng.u32(1..1000));
    let draft = say::node_materialized(moment, script.rng, &incident);
    script.send(draft);
    if script.chance(0.2) {
        let written = script.rng.u64(1..60);
        script.send(say::policy_updated(moment, written));
    }
    if script.chance(0.1) {
        let draft = say::alert_fired(script.rng);
        script.send(draft);
    }
}

fn runtime(
    script: &mut Script<'_>,
    what: &str,
    session: &str,
    agent: &str,
    payload: crate::sources::simulator::json::Object,
) {
    let moment = script.moment();
    let draft = say::runtime(moment, script.rng, what, session, agent, payload);
    script.send(draft);
}

fn short(rng: &mut Rng) -> String {
    let id = uuid(rng);
    id[..12].to_owned()
}
