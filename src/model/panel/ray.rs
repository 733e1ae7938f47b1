//! Ray: jobs, actors, nodes, tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{Text, Timestamp};

/// A job, whoever told of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RayJob {
    /// What it is asked for by: its submission id, a driver's job id, or a deliberation's id.
    #[schema(value_type = String)]
    pub id: Text,
    /// `submission`, `driver` (it called Ray by itself; a whole Ray Client session is one) or `deliberation` (told by the
    /// Ray executor).
    #[schema(value_type = String)]
    pub kind: Text,
    /// Ray's own id; null until the driver has connected, and for ever where it never does.
    #[schema(value_type = Option<String>)]
    pub job_id: Option<Text>,
    /// The id it was submitted under.
    #[schema(value_type = Option<String>)]
    pub submission_id: Option<Text>,
    /// What it is for, where its submitter said so.
    #[schema(value_type = Option<String>)]
    pub description: Option<Text>,
    /// The command.
    #[schema(value_type = Option<String>)]
    pub entrypoint: Option<Text>,
    /// `PENDING`, `RUNNING`, `SUCCEEDED`, `FAILED`, `STOPPED`; `ENDED` where nobody told how; `LOST` where Ray forgot it.
    #[schema(value_type = String)]
    pub status: Text,
    /// Ids of the fleet it is about.
    #[serde(flatten)]
    pub about: RayIds,
    /// When it was submitted.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub submitted: Option<Timestamp>,
    /// When it was first seen to run, or its driver was told to have begun.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Timestamp>,
    /// From submission to end, the time it waited included.
    pub duration_seconds: Option<f64>,
    /// What went wrong: Ray's own word for it.
    #[schema(value_type = Option<String>)]
    pub error_type: Option<Text>,
    /// The exception, or Ray's message, on one line.
    #[schema(value_type = Option<String>)]
    pub error_message: Option<Text>,
    /// Exit code of its driver; null where it was stopped or never ran.
    pub exit_code: Option<i64>,
    /// Node its driver runs on.
    #[schema(value_type = Option<String>)]
    pub node_id: Option<Text>,
    /// Address of that node.
    #[schema(value_type = Option<String>)]
    pub node_ip: Option<Text>,
    /// Process of its driver.
    #[schema(value_type = Option<String>)]
    pub pid: Option<Text>,
    /// Namespaces of its actors.
    #[schema(value_type = Vec<String>)]
    pub namespaces: Vec<Text>,
    /// Names of its actors, as far as they have one.
    #[schema(value_type = Vec<String>)]
    pub actors: Vec<Text>,
    /// Names of its tasks, most of them first.
    #[schema(value_type = Vec<String>)]
    pub task_names: Vec<Text>,
    /// Its tasks by state; null = not known.
    pub tasks: Option<RayTasks>,
    /// Why a field is null, by field; served with what others know of it.
    #[serde(skip)]
    #[schema(ignore)]
    pub unknown: BTreeMap<Text, Text>,
}

/// Ids of the fleet that something in Ray is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RayIds {
    /// Story.
    #[schema(value_type = Option<String>)]
    pub story_id: Option<Text>,
    /// Task.
    #[schema(value_type = Option<String>)]
    pub task_id: Option<Text>,
    /// Agent.
    #[schema(value_type = Option<String>)]
    pub agent_id: Option<Text>,
    /// Role.
    #[schema(value_type = Option<String>)]
    pub role: Option<Text>,
    /// Ceremony.
    #[schema(value_type = Option<String>)]
    pub ceremony_id: Option<Text>,
    /// Plan.
    #[schema(value_type = Option<String>)]
    pub plan_id: Option<Text>,
    /// What the ids were read from: `metadata`, `name` (a submission id, an actor's or a task's name), or both.
    #[schema(value_type = Option<String>)]
    pub ids_from: Option<Text>,
}

/// Tasks by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RayTasks {
    /// All that Ray remembers.
    pub total: u64,
    /// Waiting for their arguments, a node or a worker.
    pub pending: u64,
    /// At work.
    pub running: u64,
    /// Done.
    pub finished: u64,
    /// Failed.
    pub failed: u64,
    /// Attempts beyond the first of each.
    pub retries: u64,
}

/// An actor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RayActor {
    /// Its id.
    #[schema(value_type = String)]
    pub actor_id: Text,
    /// Its class.
    #[schema(value_type = String)]
    pub class: Text,
    /// `DEPENDENCIES_UNREADY`, `PENDING_CREATION`, `ALIVE`, `RESTARTING` or `DEAD`.
    #[schema(value_type = String)]
    pub state: Text,
    /// Its name, where it was given one.
    #[schema(value_type = Option<String>)]
    pub name: Option<Text>,
    /// Its namespace.
    #[schema(value_type = Option<String>)]
    pub namespace: Option<Text>,
    /// Ray's id of the job that made it.
    #[schema(value_type = Option<String>)]
    pub job_id: Option<Text>,
    /// Node it is on.
    #[schema(value_type = Option<String>)]
    pub node_id: Option<Text>,
    /// Ids of the fleet it is about, read from its name.
    #[serde(flatten)]
    pub about: RayIds,
    /// How often it was started again.
    pub restarts: Option<u64>,
    /// Why it died, in Ray's own word.
    #[schema(value_type = Option<String>)]
    pub death_reason: Option<Text>,
    /// The same in a sentence.
    #[schema(value_type = Option<String>)]
    pub death_message: Option<Text>,
}

/// A node of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RayNode {
    /// Its id.
    #[schema(value_type = String)]
    pub node_id: Text,
    /// Its address.
    #[schema(value_type = Option<String>)]
    pub ip: Option<Text>,
    /// Whether it is the head.
    pub head: bool,
    /// `ALIVE` or `DEAD`.
    #[schema(value_type = String)]
    pub state: Text,
    /// Why it is dead.
    #[schema(value_type = Option<String>)]
    pub message: Option<Text>,
    /// Processors it has.
    pub cpus: Option<f64>,
    /// Graphics processors it has.
    pub gpus: Option<f64>,
    /// Memory it has for tasks, in bytes.
    pub memory_bytes: Option<f64>,
}

/// Ray as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RayPanel {
    /// When it was asked.
    pub at: Timestamp,
    /// Its version.
    pub version: Option<Text>,
    /// This life of the cluster.
    pub session: Option<Text>,
    /// Jobs, latest first.
    pub jobs: Vec<Arc<RayJob>>,
    /// Actors, Ray's own left out.
    pub actors: Vec<Arc<RayActor>>,
    /// Nodes.
    pub nodes: Vec<RayNode>,
    /// All tasks.
    pub tasks: Option<RayTasks>,
    /// What could not be asked, and why: what is shown of it is older.
    pub incomplete: Vec<Text>,
}

impl RayJob {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        !matches!(&*self.status, "PENDING" | "RUNNING")
    }
}
