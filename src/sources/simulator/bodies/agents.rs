//! `ray-executor` and `ray-executor-service`: what agents answer, and that they were asked.

use crate::sources::simulator::draft::{Draft, Wrap};
use crate::sources::simulator::json::Object;
use crate::sources::simulator::moment::Moment;
use crate::sources::simulator::things::{Story, Task};

const WORKER: &str = "ray-executor";
const SERVICE: &str = "ray-executor-service";

/// Which kind of work an agent was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sources::simulator) enum Work {
    /// Review of a story in a ceremony.
    Review,
    /// Derivation of tasks from a plan.
    Derivation,
    /// A task of a story.
    Task,
}

/// One run of one agent.
#[derive(Clone, Debug)]
pub(in crate::sources::simulator) struct Run<'a> {
    pub(in crate::sources::simulator) work: Work,
    /// Ray task id.
    pub(in crate::sources::simulator) task: &'a str,
    pub(in crate::sources::simulator) story: &'a Story,
    pub(in crate::sources::simulator) agent: &'a str,
    pub(in crate::sources::simulator) role: &'a str,
    pub(in crate::sources::simulator) model: &'a str,
    pub(in crate::sources::simulator) agents: u32,
    pub(in crate::sources::simulator) millis: u64,
    pub(in crate::sources::simulator) content: &'a str,
    pub(in crate::sources::simulator) reasoning: &'a str,
    pub(in crate::sources::simulator) tokens: u64,
}

pub(in crate::sources::simulator) fn completed(m: Moment, run: &Run<'_>) -> Draft {
    let mut proposal = Object::new()
        .text("content", run.content)
        .text("author_id", run.agent)
        .text("author_role", run.role)
        .text("model", run.model)
        .float("temperature", 0.7, 1)
        .int("tokens", run.tokens);
    if run.work != Work::Derivation {
        proposal = proposal.text("reasoning", run.reasoning);
    }
    let payload = Object::new()
        .text("task_id", run.task)
        .text("agent_id", run.agent)
        .text("role", run.role)
        .text("status", "completed")
        .int("duration_ms", run.millis)
        .text("timestamp", &m.earlier(12).iso())
        .object("proposal", proposal)
        .raw("operations", "[]")
        .raw("artifacts", "{}")
        .raw("audit_trail", "[]")
        .flag("success", true)
        .text("model", run.model)
        .flag("enable_tools", false)
        .flag("diversity", false)
        .int("num_agents", u64::from(run.agents))
        .object("constraints", constraints(run));
    let subject = match run.work {
        Work::Review => "agent.response.completed.backlog-review.role",
        _ => "agent.response.completed",
    };
    Draft::new(WORKER, subject, run.task, payload).typed("agent.response.completed")
}

fn constraints(run: &Run<'_>) -> Object {
    let metadata = match run.work {
        Work::Derivation => Object::new(),
        Work::Review => Object::new()
            .text("story_id", &run.story.id)
            .text("ceremony_id", &run.story.ceremony)
            .text("task_id", run.task)
            .text("task_type", "BACKLOG_REVIEW_ROLE")
            .int("num_agents", u64::from(run.agents)),
        Work::Task => Object::new()
            .text("story_id", &run.story.id)
            .text("task_id", run.task)
            .int("num_agents", u64::from(run.agents)),
    };
    let (plan, timeout) = match run.work {
        Work::Review => ("", 300),
        Work::Derivation => (run.story.plan.as_str(), 120),
        Work::Task => (run.story.plan.as_str(), 300),
    };
    Object::new()
        .text("story_id", &run.story.id)
        .text("plan_id", plan)
        .int("timeout", timeout)
        .int("max_retries", 3)
        .object("metadata", metadata)
}

/// Carries no story: only the task id may hold it. `caught` = the run returned an error, not an uncaught exception.
pub(in crate::sources::simulator) fn failed(m: Moment, run: &Run<'_>, error: (&str, &str), caught: bool) -> Draft {
    let mut payload = Object::new()
        .text("task_id", run.task)
        .text("agent_id", run.agent)
        .text("role", run.role)
        .text("status", "failed")
        .int("duration_ms", run.millis)
        .text("timestamp", &m.earlier(12).iso())
        .text("error", error.0)
        .text("error_type", error.1)
        .flag("success", false)
        .text("model", run.model);
    if caught {
        payload = payload
            .int("num_agents", u64::from(run.agents))
            .object("metadata", Object::new().text("task_id", run.task));
    }
    Draft::new(WORKER, "agent.response.failed", run.task, payload).operation("failed").wrap(Wrap::Late)
}

/// Names no agent, role, status or proposal.
pub(in crate::sources::simulator) fn tasks_extracted(m: Moment, story: &Story, model: &str, millis: u64) -> Draft {
    let task_id = format!("ceremony-{}:story-{}:task-extraction", story.ceremony, story.id);
    let tasks = story.tasks.iter().enumerate().map(|(i, task): (usize, &Task)| {
        Object::new()
            .text("title", task.title)
            .text("description", task.title)
            .int("estimated_hours", task.hours)
            .raw("deliberation_indices", &format!("[{}]", i % 3))
    });
    let payload = Object::new()
        .text("task_id", &task_id)
        .text("story_id", &story.id)
        .text("ceremony_id", &story.ceremony)
        .objects("tasks", tasks)
        .text("model", model)
        .text("timestamp", &m.earlier(14).iso())
        .int("duration_ms", millis)
        .text("validated_at", &m.earlier(11).iso());
    Draft::new(WORKER, "agent.response.completed.task-extraction", &task_id, payload).typed("agent.response.completed")
}

/// Sent once when a deliberation is submitted, to no stream. Its `agent_id` is the deliberation's id.
pub(in crate::sources::simulator) fn stream_started(
    m: Moment,
    task: &str,
    role: &str,
    model: &str,
    title: &str,
) -> Draft {
    let epoch = m.epoch();
    let deliberation = format!("deliberation-{task}-{}", epoch as i64);
    let payload = Object::new()
        .text("type", "vllm_stream_start")
        .text("agent_id", &deliberation)
        .float("timestamp", epoch, 3)
        .text("task_description", &format!("Work on '{title}' from the {role} point of view ..."))
        .text("role", role)
        .text("status", "streaming")
        .text("model", model)
        .text("deliberation_id", &deliberation);
    Draft::new(SERVICE, &format!("vllm.streaming.{deliberation}"), &deliberation, payload)
        .typed("vllm.streaming.vllm_stream_start")
}
