//! What runs on Kubernetes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{Text, Timestamp};

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pod {
    /// Namespace.
    #[schema(value_type = String)]
    pub namespace: Text,
    /// Name.
    #[schema(value_type = String)]
    pub pod: Text,
    /// Its own id: another pod of the same name has another.
    #[schema(value_type = String)]
    pub uid: Text,
    /// Component it belongs to: label `app`, `app.kubernetes.io/name` or `component`, `ray` for pods of a Ray cluster,
    /// else the name of what made it.
    #[schema(value_type = String)]
    pub component: Text,
    /// `pending`, `running`, `succeeded`, `failed`, `terminating` or `unknown`.
    #[schema(value_type = String)]
    pub phase: Text,
    /// What is wrong with it now: `CrashLoopBackOff`, `ImagePullBackOff`, `Unschedulable`, `Evicted`, ….
    #[schema(value_type = Option<String>)]
    pub reason: Option<Text>,
    /// Containers that are ready.
    pub ready: u32,
    /// Containers there are.
    pub containers: u32,
    /// Restarts of all its containers.
    pub restarts: u32,
    /// Node it is on.
    #[schema(value_type = Option<String>)]
    pub node: Option<Text>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When its node took it up.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Timestamp>,
    /// Images of its containers.
    #[schema(value_type = Vec<String>)]
    pub images: Vec<Text>,
    /// Tag of its first image.
    #[schema(value_type = Option<String>)]
    pub version: Option<Text>,
    /// The latest crash of any of its containers that the server still tells of.
    pub last_crash: Option<Crash>,
    /// Story it works for, by its labels or annotations.
    #[schema(value_type = Option<String>)]
    pub story_id: Option<Text>,
    /// Task it works for, by its labels or annotations.
    #[schema(value_type = Option<String>)]
    pub task_id: Option<Text>,
}

/// How a container ended that should not have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Crash {
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// Container; absent where the whole pod was thrown out.
    #[schema(value_type = Option<String>)]
    pub container: Option<Text>,
    /// `OOMKilled`, `Error`, `Evicted`, ….
    #[schema(value_type = String)]
    pub reason: Text,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// How often it had been restarted before.
    pub restart_count: u32,
}

/// A deployment or stateful set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Workload {
    /// Namespace.
    #[schema(value_type = String)]
    pub namespace: Text,
    /// `deployment` or `statefulset`.
    #[schema(value_type = String)]
    pub kind: Text,
    /// Name.
    #[schema(value_type = String)]
    pub name: Text,
    /// Component it belongs to.
    #[schema(value_type = String)]
    pub component: Text,
    /// Pods wanted.
    pub wanted: u32,
    /// Pods ready.
    pub ready: u32,
    /// Images it asks for.
    #[schema(value_type = Vec<String>)]
    pub images: Vec<Text>,
}

/// A `RayJob` object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RayJobObject {
    /// Namespace.
    #[schema(value_type = String)]
    pub namespace: Text,
    /// Name.
    #[schema(value_type = String)]
    pub name: Text,
    /// Its own id.
    #[schema(value_type = String)]
    pub uid: Text,
    /// State of the job: `PENDING`, `RUNNING`, `SUCCEEDED`, `FAILED`, `STOPPED`; absent before it is submitted.
    #[schema(value_type = Option<String>)]
    pub job_status: Option<Text>,
    /// State of its deployment: `Initializing`, `Running`, `Complete`, `Failed`, `Suspended`, ….
    #[schema(value_type = Option<String>)]
    pub deployment_status: Option<Text>,
    /// Its submission id.
    #[schema(value_type = Option<String>)]
    pub job_id: Option<Text>,
    /// Cluster it runs on.
    #[schema(value_type = Option<String>)]
    pub ray_cluster: Option<Text>,
    /// Why it failed: `AppFailed`, `DeadlineExceeded`, ….
    #[schema(value_type = Option<String>)]
    pub reason: Option<Text>,
    /// What is said about it.
    #[schema(value_type = Option<String>)]
    pub message: Option<Text>,
    /// What it runs.
    #[schema(value_type = Option<String>)]
    pub entrypoint: Option<Text>,
    /// Tries that failed.
    pub failed: u32,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When it started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Timestamp>,
    /// Story it works for, by its labels, annotations or metadata.
    #[schema(value_type = Option<String>)]
    pub story_id: Option<Text>,
    /// Task it works for, by its labels, annotations or metadata.
    #[schema(value_type = Option<String>)]
    pub task_id: Option<Text>,
}

/// A `RayCluster` object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RayClusterObject {
    /// Namespace.
    #[schema(value_type = String)]
    pub namespace: Text,
    /// Name.
    #[schema(value_type = String)]
    pub name: Text,
    /// Its own id.
    #[schema(value_type = String)]
    pub uid: Text,
    /// `ready`, `failed`, `suspended`; absent before it is set up.
    #[schema(value_type = Option<String>)]
    pub state: Option<Text>,
    /// Why it is so.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Text>,
    /// Workers wanted.
    pub wanted_workers: u32,
    /// Workers available.
    pub available_workers: u32,
    /// Version of Ray it asks for.
    #[schema(value_type = Option<String>)]
    pub ray_version: Option<Text>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
}

/// All pods of a component, those too that are too many to be shown one by one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PodsOf {
    /// Pods by phase.
    pub phases: BTreeMap<Text, u32>,
    /// Pods whose containers are all ready.
    pub ready: u32,
    /// Restarts of those there are.
    pub restarts: u32,
    /// Restarts seen since Fleetscope began to look: never less than before.
    pub restarts_seen: u64,
    /// When the longest running of them started.
    pub started: Option<Timestamp>,
    /// Versions of their images.
    pub versions: Vec<Text>,
    /// Cores in use, where the cluster measures it.
    pub cpu_cores: Option<f64>,
    /// Memory in use, where the cluster measures it.
    pub memory_bytes: Option<f64>,
}

/// What runs in the namespaces watched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterPanel {
    /// When the server last answered.
    pub at: Timestamp,
    /// Its version.
    pub version: Option<Text>,
    /// Pods by namespace and name; the first of them where there are too many.
    pub pods: Vec<Arc<Pod>>,
    /// Pods there are.
    pub pods_found: usize,
    /// Deployments and stateful sets.
    pub workloads: Vec<Arc<Workload>>,
    /// `RayJob` objects.
    pub ray_jobs: Vec<Arc<RayJobObject>>,
    /// `RayCluster` objects.
    pub ray_clusters: Vec<Arc<RayClusterObject>>,
    /// Pods by component.
    pub components: BTreeMap<Text, PodsOf>,
}
