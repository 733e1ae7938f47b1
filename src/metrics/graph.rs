//! The fleet's graph.

use super::family::families;

families! {
    /// Families about the graph.
    pub struct GraphMetrics {
        /// Nodes by label.
        nodes: gauge = "fleet_graph_nodes" ["label"],
        /// Relationships by type.
        relationships: gauge = "fleet_graph_relationships" ["type"],
        /// New nodes seen: told by their time, or by a count that grew.
        created: counter = "fleet_graph_nodes_created_total" ["label"],
        /// When a count was last seen to change, or the newest node was made.
        last_change: gauge = "fleet_graph_last_change_timestamp_seconds" [],
    }
}
