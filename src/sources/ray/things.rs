//! Actors, nodes and failed tasks: as they are shown, and what is told of them.
//! Takes: rows of the state API. Gives: what people see, and an entry for each that died or failed.
//! Never: shows Ray's own actors.

use serde_json::json;

use super::ids;
use super::job::{observed_ids, time};
use super::plain::{error_line, short};
use super::wire::{ActorRow, NodeRow, TaskRow};
use crate::model::{Event, Observed, RayActor, RayIds, RayNode, Severity, Source, Text, Timestamp, clean_id};
use crate::privacy::Masker;
use crate::sources::observe::{Sight, message};

/// Namespaces and classes of Ray's own actors.
const OWN_NAMESPACES: [&str; 2] = ["SUPERVISOR_ACTOR_RAY_NAMESPACE", "_ray_internal_dashboard"];
const OWN_NAME: &str = "_ray_internal_";

/// The actor of a row; `None` for one of Ray's own.
pub(super) fn actor(row: &ActorRow, masker: &Masker) -> Option<RayActor> {
    let text = |raw: &Option<String>| raw.as_deref().map(|t| short(t, 200, masker));
    let id = |raw: &Option<String>| raw.as_deref().and_then(clean_id);
    let own = row.ray_namespace.as_deref().is_some_and(|n| OWN_NAMESPACES.contains(&n))
        || row.name.as_deref().is_some_and(|n| n.starts_with(OWN_NAME));
    if own {
        return None;
    }
    let death = row.death_cause.as_ref().and_then(|cause| cause.actor_died_error_context.as_ref());
    Some(RayActor {
        actor_id: id(&row.actor_id)?,
        class: text(&row.class_name).unwrap_or_else(|| "unknown".into()),
        state: text(&row.state).unwrap_or_else(|| "unknown".into()),
        name: text(&row.name),
        namespace: text(&row.ray_namespace),
        job_id: id(&row.job_id),
        node_id: id(&row.node_id),
        about: row.name.as_deref().map(ids::of_name).unwrap_or_default(),
        restarts: row.num_restarts.map(|n| n.max(0.0) as u64),
        death_reason: death.and_then(|d| text(&d.reason)),
        death_message: death.and_then(|d| d.error_message.as_deref()).map(|t| error_line(t, masker)),
    })
}

/// Whether an actor died because it was meant to.
fn was_meant(actor: &RayActor) -> bool {
    let reason = actor.death_reason.as_deref().unwrap_or_default();
    let message = actor.death_message.as_deref().unwrap_or_default();
    matches!(reason, "RAY_KILL" | "OUT_OF_SCOPE" | "REF_DELETED" | "OWNER_DIED")
        || message.contains("INTENDED")
        || message.contains("exit_actor")
}

/// That an actor died. `about` = its job's ids, for what its own name does not hold.
pub(super) fn died(actor: &RayActor, about: &RayIds, now: Timestamp, masker: &Masker) -> Event {
    let mut about_all = actor.about.clone();
    ids::complete(&mut about_all, about);
    let name: &str = actor.name.as_ref().unwrap_or(&actor.class);
    let reason = actor.death_reason.as_deref().unwrap_or("without a reason");
    // Without a cause there is nothing to worry about yet.
    let severity = if actor.death_reason.is_none() || was_meant(actor) { Severity::Info } else { Severity::Warning };
    let sight = Sight {
        source: Source::Ray,
        kind: "ray.actor.died",
        thing: &format!("ray.actor.{}", actor.actor_id),
        producer: Some("ray"),
        at: Timestamp::ZERO,
        observed: Observed {
            ids: observed_ids(&about_all),
            severity,
            summary: format!("Ray actor {name} died ({reason})").into(),
            ..Observed::default()
        },
        body: &json!({
            "actor_id": actor.actor_id, "class": actor.class, "name": actor.name, "namespace": actor.namespace,
            "job_id": actor.job_id, "reason": actor.death_reason, "message": actor.death_message,
        }),
    };
    Event::Message(Box::new(message(sight, now, masker)))
}

/// The node of a row.
pub(super) fn node(row: &NodeRow, masker: &Masker) -> Option<RayNode> {
    let has = |what: &str| row.resources_total.as_ref().and_then(|r| r.get(what).copied());
    Some(RayNode {
        node_id: row.node_id.as_deref().and_then(clean_id)?,
        ip: row.node_ip.as_deref().and_then(clean_id),
        head: row.is_head_node.unwrap_or(false),
        state: row.state.as_deref().map_or_else(|| "unknown".into(), |t| short(t, 40, masker)),
        message: row.state_message.as_deref().map(|t| short(t, 300, masker)),
        cpus: has("CPU"),
        gpus: has("GPU"),
        memory_bytes: has("memory"),
    })
}

/// That a node died.
pub(super) fn node_died(node: &RayNode, now: Timestamp, masker: &Masker) -> Event {
    let ip = node.ip.as_deref().unwrap_or(&node.node_id);
    let sight = Sight {
        source: Source::Ray,
        kind: "ray.node.dead",
        thing: &format!("ray.node.{}", node.node_id),
        producer: Some("ray"),
        at: Timestamp::ZERO,
        observed: Observed {
            severity: Severity::Error,
            summary: format!("Ray node {ip} is dead").into(),
            ..Observed::default()
        },
        body: &json!({"node_id": node.node_id, "ip": node.ip, "head": node.head, "message": node.message}),
    };
    Event::Message(Box::new(message(sight, now, masker)))
}

/// A failed task: its id, and its entry.
pub(super) fn task_failed(row: &TaskRow, about: &RayIds, now: Timestamp, masker: &Masker) -> Option<(Text, Event)> {
    let id = row.task_id.as_deref().and_then(clean_id)?;
    let attempt = row.attempt_number.unwrap_or(0.0) as u64;
    let name = row.name.as_deref().or(row.func_or_class_name.as_deref()).unwrap_or("unnamed");
    let mut about_all = ids::of_name(name);
    ids::complete(&mut about_all, about);
    let name = short(name, 120, masker);
    let kind = row.error_type.as_deref().map_or_else(|| "unknown".into(), |t| short(t, 80, masker));
    let why: Text = row.error_message.as_deref().map_or_else(|| "no reason given".into(), |t| error_line(t, masker));
    let sight = Sight {
        source: Source::Ray,
        kind: "ray.task.failed",
        thing: &format!("ray.task.{id}.{attempt}"),
        producer: Some("ray"),
        at: time(row.end_time_ms).unwrap_or(Timestamp::ZERO),
        observed: Observed {
            ids: observed_ids(&about_all),
            severity: Severity::Warning,
            summary: format!("Ray task {name} failed: {why}").into(),
            ..Observed::default()
        },
        body: &json!({
            "task_id": id, "name": name, "job_id": row.job_id.as_deref().and_then(clean_id), "attempt": attempt,
            "error_type": kind, "error_message": why,
        }),
    };
    Some((format!("{id}.{attempt}").into(), Event::Message(Box::new(message(sight, now, masker)))))
}
