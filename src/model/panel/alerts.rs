//! Alerts.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{Text, Timestamp};

/// One alert, as Alertmanager tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// Alertmanager's own id: the same for the same labels.
    #[schema(value_type = String)]
    pub fingerprint: Text,
    /// Its name: label `alertname`.
    #[schema(value_type = String)]
    pub name: Text,
    /// Label `severity`; `none` where there is none.
    #[schema(value_type = String)]
    pub severity: Text,
    /// `firing` or `resolved`.
    #[schema(value_type = String)]
    pub status: Text,
    /// Whether somebody silenced it, or another alert inhibits it; null where only what was sent is known.
    pub silenced: Option<bool>,
    /// When it began to fire.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// When it ended; null while it fires.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
    /// Annotation `summary`.
    #[schema(value_type = Option<String>)]
    pub summary: Option<Text>,
    /// Annotation `description`, or `message`.
    #[schema(value_type = Option<String>)]
    pub description: Option<Text>,
    /// Annotation `runbook_url`.
    #[schema(value_type = Option<String>)]
    pub runbook_url: Option<Text>,
    /// Where its expression can be looked at.
    #[schema(value_type = Option<String>)]
    pub generator_url: Option<Text>,
    /// The story it is about, by its labels or annotations.
    #[schema(value_type = Option<String>)]
    pub story_id: Option<Text>,
    /// The task.
    #[schema(value_type = Option<String>)]
    pub task_id: Option<Text>,
    /// The agent.
    #[schema(value_type = Option<String>)]
    pub agent_id: Option<Text>,
    /// The role, or council.
    #[schema(value_type = Option<String>)]
    pub role: Option<Text>,
    /// All labels.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: BTreeMap<Text, Text>,
    /// All annotations.
    #[schema(value_type = BTreeMap<String, String>)]
    pub annotations: BTreeMap<Text, Text>,
}

impl Alert {
    /// Whether it fires.
    pub fn is_firing(&self) -> bool {
        &*self.status == "firing"
    }
}

/// All alerts known: those that fire, and those that ended lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertsPanel {
    /// When something was last heard of them.
    pub at: Timestamp,
    /// Those that fire first, the newest first.
    pub alerts: Vec<Arc<Alert>>,
}
