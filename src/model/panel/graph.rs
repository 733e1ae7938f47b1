//! The fleet's graph.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::NotAvailable;
use crate::model::{Text, Timestamp};

/// How many nodes a label has, and how new ones are told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LabelCount {
    /// The label.
    #[schema(value_type = String)]
    pub label: Text,
    /// Nodes.
    pub count: u64,
    /// New ones seen since Fleetscope started.
    pub created: u64,
    /// `property` = each new node is told, by its time; `count` = only how many more there are.
    #[schema(value_type = String)]
    pub new_nodes_by: Text,
    /// The property that tells the time.
    #[schema(value_type = Option<String>)]
    pub time_property: Option<Text>,
}

/// How many relationships a type has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TypeCount {
    /// The type.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: Text,
    /// Relationships.
    pub count: u64,
}

/// A node, as a node graph shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GraphNode {
    /// Its id in the database.
    #[schema(value_type = String)]
    pub id: Text,
    /// What it is called.
    #[schema(value_type = String)]
    pub title: Text,
    /// Its labels in one line.
    #[schema(value_type = String)]
    pub subtitle: Text,
    /// Its status, where it has one.
    #[schema(value_type = String)]
    pub mainstat: Text,
    /// Its labels.
    #[schema(value_type = Vec<String>)]
    pub labels: Vec<Text>,
    /// Its properties as text, masked and cut.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub properties: BTreeMap<Text, Text>,
    /// When it was made, where a property tells.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// Why it is not known when.
    pub created_at_not_available: Option<NotAvailable>,
    /// Who made it, where a property or a relationship tells.
    #[schema(value_type = Option<String>)]
    pub created_by: Option<Text>,
    /// Why it is not known who made it.
    pub created_by_not_available: Option<NotAvailable>,
}

/// A relationship, as a node graph shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GraphEdge {
    /// Its id in the database.
    #[schema(value_type = String)]
    pub id: Text,
    /// The node it begins at.
    #[schema(value_type = String)]
    pub source: Text,
    /// The node it ends at.
    #[schema(value_type = String)]
    pub target: Text,
    /// Its type.
    #[schema(value_type = String)]
    pub mainstat: Text,
    /// Its properties as text, masked and cut.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub properties: BTreeMap<Text, Text>,
}

/// The whole graph, counted, and its newest nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GraphPanel {
    /// When it was asked.
    pub at: Timestamp,
    /// `Neo4j Kernel 5.26.30 (community)`.
    pub version: Text,
    /// All nodes.
    pub nodes: u64,
    /// All relationships.
    pub relationships: u64,
    /// Nodes by label.
    pub labels: Vec<LabelCount>,
    /// Relationships by type.
    pub types: Vec<TypeCount>,
    /// Transactions a second, this source's own among them.
    pub transactions_per_second: Option<f64>,
    /// When a count was last seen to change, or the newest node was made.
    pub last_change: Option<Timestamp>,
    /// The newest nodes, newest first.
    pub recent: Vec<GraphNode>,
}
