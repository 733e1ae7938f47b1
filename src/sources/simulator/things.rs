//! The things the fleet works on, and what they are called.

use fastrand::Rng;

/// A UUID in version 4 form, from the simulation's own randomness.
pub(super) fn uuid(rng: &mut Rng) -> String {
    let high = (rng.u64(..) & !0xf000) | 0x4000;
    let low = (rng.u64(..) >> 2) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// A project.
#[derive(Clone, Debug)]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) name: &'static str,
}

/// An epic of a project.
#[derive(Clone, Debug)]
pub(super) struct Epic {
    pub(super) id: String,
    pub(super) project: String,
    pub(super) title: &'static str,
}

/// A task of a story.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) title: &'static str,
    pub(super) role: &'static str,
    pub(super) hours: u64,
}

/// A story with all that is known of it so far.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) id: String,
    pub(super) epic: String,
    pub(super) title: &'static str,
    pub(super) ceremony: String,
    pub(super) plan: String,
    pub(super) tasks: Vec<Task>,
    /// Version of its context.
    pub(super) version: u64,
}

/// People who own products.
pub(super) const OWNERS: &[&str] = &["po-001", "po-002", "po-maria"];
/// Roles of the backlog review.
pub(super) const REVIEW_ROLES: [&str; 3] = ["ARCHITECT", "QA", "DEVOPS"];
/// Roles of the councils that work on tasks.
pub(super) const TASK_ROLES: &[&str] = &["DEV", "DEV", "DEV", "QA", "DEVOPS", "DATA"];
/// Projects: name.
pub(super) const PROJECTS: &[&str] =
    &["Checkout service", "Customer portal", "Inventory platform", "Fraud watch", "Mobile wallet"];
/// Epics.
pub(super) const EPICS: &[&str] = &[
    "Operational readiness",
    "Faster search",
    "Self-service returns",
    "Fewer false alarms",
    "Account security",
    "Reporting",
];
/// Stories.
pub(super) const STORIES: &[&str] = &[
    "Health check endpoint",
    "Rate limit the public API",
    "Export orders as CSV",
    "Retry failed webhooks",
    "Two-factor sign-in",
    "Cache product pages",
    "Archive old invoices",
    "Search by order number",
    "Show stock per warehouse",
    "Mask card numbers in logs",
    "Notify on late shipments",
    "Paginate the customer list",
];
/// Tasks.
pub(super) const TASKS: &[&str] = &[
    "Add the HTTP route",
    "Readiness probe tests",
    "Write the migration",
    "Cover degraded dependencies",
    "Add the dashboard panel",
    "Document the endpoint",
    "Handle timeouts",
    "Add input validation",
    "Load test the new path",
    "Wire the feature flag",
];
/// What agents answer.
pub(super) const ANSWERS: &[&str] = &[
    "Expose /healthz and /readyz; keep the checks free of database calls.",
    "Add readiness that checks NATS and Valkey with a 200 ms limit.",
    "Needs acceptance criteria for degraded dependencies.",
    "Split the handler from the storage port, then test the port with a fake clock and a fake store.",
    "Start with the migration: add the column nullable, backfill in batches of 500, then add the constraint.",
    "Use the existing retry policy (3 attempts, exponential backoff) and make the call idempotent by order number.",
];
/// Why agents answer so.
pub(super) const REASONS: &[&str] = &[
    "The story is small; probes need a cheap endpoint.",
    "Failure modes matter more than throughput here.",
    "The domain model already has the port we need.",
];
/// What goes wrong in an agent: message, type.
pub(super) const AGENT_ERRORS: &[(&str, &str)] = &[
    ("vLLM API request failed: Cannot connect to host vllm-server-service:8000", "RuntimeError"),
    ("vLLM API request failed: 500, message='Internal Server Error'", "RuntimeError"),
    ("CUDA out of memory. Tried to allocate 2.00 GiB", "OutOfMemoryError"),
    ("Agent timed out after 300s", "TimeoutError"),
];

/// One of a list.
pub(super) fn pick<T: Copy>(rng: &mut Rng, list: &[T]) -> T {
    list[rng.usize(..list.len())]
}

/// The Ray task id of a role's review of a story.
pub(super) fn review_task(ceremony: &str, story: &str, role: &str) -> String {
    format!("ceremony-{ceremony}:story-{story}:role-{role}")
}

/// The id of a council's agent.
pub(super) fn agent_id(role: &str, number: u32) -> String {
    format!("agent-{}-{number:03}", role.to_lowercase())
}
