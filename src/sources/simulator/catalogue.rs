//! The fleet's streams and durables, as its manifests and services create them.

use std::time::Duration;

/// A stream as `nats-streams-init` creates it: limits retention, file storage, discard old, 1 replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// Name.
    pub name: &'static str,
    /// The subjects it stores.
    pub subjects: &'static [&'static str],
    /// Longest age of a message.
    pub max_age: Duration,
    /// Most messages.
    pub max_messages: i64,
}

/// A durable pull consumer: explicit ack, deliver all, ack wait 30 s, no delivery limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurableSpec {
    /// Its stream.
    pub stream: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The subject it wants.
    pub filter: &'static str,
    /// The service that runs it.
    pub service: &'static str,
    /// How many messages it asks for at a time.
    pub batch: usize,
    /// Left behind by an older version: nobody asks for its messages, its pending count only grows.
    pub stale: bool,
}

/// The server waits this long for an acknowledgement before it delivers again.
pub const ACK_WAIT: Duration = Duration::from_secs(30);
/// Most unacknowledged messages of a durable.
pub const MAX_ACK_PENDING: i64 = 1000;

const fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

const fn stream(
    name: &'static str,
    subjects: &'static [&'static str],
    max_age: Duration,
    max_messages: i64,
) -> StreamSpec {
    StreamSpec { name, subjects, max_age, max_messages }
}

/// The eight streams.
pub const STREAMS: [StreamSpec; 8] = [
    stream("PLANNING_EVENTS", &["planning.>"], days(30), 1_000_000),
    stream("CONTEXT", &["context.>"], days(7), 100_000),
    stream("ORCHESTRATOR_EVENTS", &["orchestration.>"], days(7), 50_000),
    stream("AGENT_COMMANDS", &["agent.cmd.>"], Duration::from_hours(1), 10_000),
    stream("AGENT_RESPONSES", &["agent.response.>"], Duration::from_hours(1), 10_000),
    stream("AGENT_WORK", &["agent.work.>"], Duration::from_hours(2), 50_000),
    stream("WORKFLOW_EVENTS", &["workflow.>"], days(7), 100_000),
    stream("task_derivation", &["task.derivation.>"], days(7), 100_000),
];

/// The streams of the fleet's successors. Their limits are not known; these are examples.
pub const SUCCESSOR_STREAMS: [StreamSpec; 2] = [
    stream("WORKSPACE_EVENTS", &["workspace.events.>"], days(7), 100_000),
    stream("REHYDRATION_PROJECTION", &["rehydration.>"], days(7), 100_000),
];

const fn durable(
    stream: &'static str,
    name: &'static str,
    filter: &'static str,
    service: &'static str,
    batch: usize,
) -> DurableSpec {
    DurableSpec { stream, name, filter, service, batch, stale: false }
}

const PLANNING: &str = "PLANNING_EVENTS";
const RESPONSES: &str = "AGENT_RESPONSES";

/// The durables that run.
pub const DURABLES: &[DurableSpec] = &[
    durable(PLANNING, "orch-planning-story-transitions", "planning.story.transitioned", "orchestrator", 1),
    durable(PLANNING, "orch-planning-plan-approved", "planning.plan.approved", "orchestrator", 1),
    durable(PLANNING, "context-planning-project-created", "planning.project.created", "context", 1),
    durable(PLANNING, "context-planning-epic-created", "planning.epic.created", "context", 1),
    durable(PLANNING, "context-planning-story-created", "planning.story.created", "context", 1),
    durable(PLANNING, "context-planning-task-created", "planning.task.created", "context", 1),
    durable(PLANNING, "context-planning-plan-approved", "planning.plan.approved", "context", 1),
    durable(PLANNING, "context-planning-story-transitions", "planning.story.transitioned", "context", 10),
    durable(PLANNING, "workflow-planning-events-v1", "planning.story.transitioned", "workflow", 10),
    durable(
        PLANNING,
        "planning-deliberations-complete-progress",
        "planning.backlog_review.deliberations.complete",
        "planning",
        1,
    ),
    durable(PLANNING, "planning-tasks-complete-progress", "planning.backlog_review.tasks.complete", "planning", 1),
    durable(PLANNING, "planning-dualwrite-reconciler", "planning.dualwrite.reconcile.requested", "planning", 1),
    durable(
        PLANNING,
        "backlog-review-processor-deliberations-complete-consumer",
        "planning.backlog_review.deliberations.complete",
        "backlog-review-processor",
        1,
    ),
    durable(RESPONSES, "orch-agent-response-completed-v3", "agent.response.completed", "orchestrator", 1),
    durable(RESPONSES, "orch-agent-response-failed-v3", "agent.response.failed", "orchestrator", 1),
    durable(RESPONSES, "orch-agent-response-progress-v3", "agent.response.progress", "orchestrator", 1),
    durable(RESPONSES, "deliberation-collector-completed-v3", "agent.response.completed", "orchestrator", 1),
    durable(RESPONSES, "deliberation-collector-failed-v3", "agent.response.failed", "orchestrator", 1),
    durable(RESPONSES, "planning-task-derivation-result-consumer", "agent.response.completed", "planning", 1),
    durable(RESPONSES, "task-derivation-result-consumer", "agent.response.completed", "task-derivation", 1),
    durable(
        RESPONSES,
        "backlog-review-processor-backlog-review-role-v2",
        "agent.response.completed.backlog-review.role",
        "backlog-review-processor",
        1,
    ),
    durable(
        RESPONSES,
        "backlog-review-processor-task-extraction-v2",
        "agent.response.completed.task-extraction",
        "backlog-review-processor",
        1,
    ),
    durable(
        RESPONSES,
        "planning-ceremony-processor-agent-response-completed-v1",
        "agent.response.completed",
        "planning-ceremony-processor",
        1,
    ),
    durable(
        "ORCHESTRATOR_EVENTS",
        "context-orch-deliberation-completed",
        "orchestration.deliberation.completed",
        "context",
        1,
    ),
    durable("ORCHESTRATOR_EVENTS", "context-orch-task-dispatched", "orchestration.task.dispatched", "context", 1),
    durable("CONTEXT", "orch-context-updated", "context.updated", "orchestrator", 1),
    durable("CONTEXT", "orch-context-milestone", "context.milestone.reached", "orchestrator", 1),
    durable("CONTEXT", "orch-context-decision", "context.decision.added", "orchestrator", 1),
    durable("CONTEXT", "context-update-handler", "context.update.request", "context", 1),
    durable("CONTEXT", "context-rehydrate-handler", "context.rehydrate.request", "context", 1),
    durable("AGENT_WORK", "workflow-agent-work-completed-v1", "agent.work.completed", "workflow", 1),
    durable("task_derivation", "task-derivation-request-consumer", "task.derivation.requested", "task-derivation", 1),
    DurableSpec {
        stale: true,
        ..durable(RESPONSES, "orch-agent-response-completed-v2", "agent.response.completed", "orchestrator", 1)
    },
];

/// The stream that stores `subject`; empty where none does.
pub fn stream_of(subject: &str) -> &'static str {
    STREAMS
        .iter()
        .chain(&SUCCESSOR_STREAMS)
        .find(|stream| stream.subjects.iter().any(|filter| under(filter, subject)))
        .map_or("", |stream| stream.name)
}

/// The durables that are given a message, with their places in `DURABLES`.
pub fn wanted_by<'a>(stream: &'a str, subject: &'a str) -> impl Iterator<Item = (usize, &'static DurableSpec)> + 'a {
    DURABLES.iter().enumerate().filter(move |(_, durable)| durable.stream == stream && durable.filter == subject)
}

/// Whether the wildcard `filter` (`a.b.>`) holds `subject`.
fn under(filter: &str, subject: &str) -> bool {
    filter.strip_suffix('>').is_some_and(|head| subject.len() > head.len() && subject.starts_with(head))
}
