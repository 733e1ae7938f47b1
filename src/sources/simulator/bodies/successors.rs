//! The fleet's successors: runtime, tool learning, alert relay, choreographer, rehydration kernel.

use fastrand::Rng;

use crate::sources::simulator::draft::{Draft, Wrap};
use crate::sources::simulator::json::Object;
use crate::sources::simulator::moment::Moment;
use crate::sources::simulator::things::uuid;

/// An event of a runtime session; the type inside lacks `events.`, and the id is also the message's id.
pub(in crate::sources::simulator) fn runtime(
    m: Moment,
    rng: &mut Rng,
    what: &str,
    session: &str,
    agent: &str,
    payload: Object,
) -> Draft {
    let id = uuid(rng);
    let body = Object::new()
        .text("id", &id)
        .text("type", &format!("workspace.{what}"))
        .text("version", "v1")
        .text("timestamp", &m.zulu())
        .text("session_id", session)
        .text("tenant_id", "acme")
        .text("actor_id", agent)
        .object("payload", payload);
    Draft::new("workspace", &format!("workspace.events.{what}"), &id, body).wrap(Wrap::Bare).header("Nats-Msg-Id", &id)
}

pub(in crate::sources::simulator) fn session_created(m: Moment) -> Object {
    Object::new()
        .text("runtime_kind", "kubernetes")
        .text("repo_url", "https://example.org/app.git")
        .text("repo_ref", "main")
        .text("expires_at", &m.zulu())
}

pub(in crate::sources::simulator) fn session_closed(seconds: u64, invocations: u64) -> Object {
    Object::new().text("runtime_kind", "kubernetes").int("duration_sec", seconds).int("invocation_count", invocations)
}

pub(in crate::sources::simulator) fn invocation_started(id: &str, tool: &str, correlation: &str) -> Object {
    Object::new().text("invocation_id", id).text("tool_name", tool).text("correlation_id", correlation)
}

pub(in crate::sources::simulator) fn invocation_completed(
    id: &str,
    tool: &str,
    correlation: &str,
    millis: u64,
) -> Object {
    invocation_started(id, tool, correlation)
        .text("status", "succeeded")
        .int("exit_code", 0)
        .int("duration_ms", millis)
        .int("output_bytes", 512 + millis * 3)
}

/// Flat; the key is `event`.
pub(in crate::sources::simulator) fn policy_updated(m: Moment, written: u64) -> Draft {
    let subject = "tool_learning.policy.updated";
    let body = Object::new()
        .text("event", subject)
        .text("ts", &m.zulu())
        .text("schedule", "hourly")
        .int("policies_written", written)
        .int("policies_filtered", 3);
    Draft::new("tool-learning", subject, "", body).wrap(Wrap::Bare)
}

/// Flat, with a `traceparent` made for this publish.
pub(in crate::sources::simulator) fn choreographed(m: Moment, rng: &mut Rng, task: &str, millis: u64) -> Draft {
    let id = uuid(rng);
    let body = Object::new()
        .text("event_id", &id)
        .text("emitted_at", &m.zulu())
        .text("source", "underpass-choreographer")
        .null("correlation_id")
        .text("task_id", task)
        .text("specialty", "triage")
        .text("winner_proposal_id", "prop-2")
        .float("winner_score", 0.91, 2)
        .int("num_candidates", 3)
        .int("duration", millis);
    let parent = format!("00-{:032x}-{:016x}-01", rng.u128(1..), rng.u64(1..));
    Draft::new("underpass-choreographer", "choreo.deliberation.completed", &id, body)
        .wrap(Wrap::Bare)
        .header("traceparent", &parent)
}

/// The kernel's input.
pub(in crate::sources::simulator) fn node_materialized(m: Moment, rng: &mut Rng, incident: &str) -> Draft {
    let related = Object::new().text("node_id", "node:decision:reroute").text("relation_type", "mitigated_by").object(
        "explanation",
        Object::new().text("semantic_class", "causal").text("confidence", "high").int("sequence", 1),
    );
    let data = Object::new()
        .text("node_id", &format!("node:incident:{incident}"))
        .text("node_kind", "incident")
        .text("title", "Latency spike")
        .text("summary", "p95 over 2 s")
        .text("status", "investigating")
        .texts("labels", ["payments"])
        .object("properties", Object::new().text("severity", "p1"))
        .objects("related_nodes", [related]);
    let body = Object::new()
        .text("event_id", &format!("evt-{:08x}", rng.u32(..)))
        .text("correlation_id", incident)
        .text("causation_id", "alert-latency-spike")
        .text("occurred_at", &m.zulu())
        .text("aggregate_id", incident)
        .text("aggregate_type", "incident")
        .text("schema_version", "v1beta1")
        .object("data", data);
    Draft::new("rehydration-kernel", "rehydration.graph.node.materialized", incident, body).wrap(Wrap::Bare)
}

/// An alert as the relay passes it on.
pub(in crate::sources::simulator) fn alert_fired(rng: &mut Rng) -> Draft {
    let body = Object::new()
        .text("id", &uuid(rng))
        .text("type", "observability.alert.fired")
        .text("alert_name", "WorkspaceInvocationFailureRateHigh")
        .text("status", "firing")
        .text("severity", "warning")
        .text("summary", "More than 5 % of invocations fail")
        .object("labels", Object::new().text("service", "workspace"));
    Draft::new("alert-relay", "observability.alert.fired", "", body).wrap(Wrap::Bare)
}
