//! The parts of the fleet.

use super::family::families;

families! {
    /// Families about the parts of the fleet.
    pub struct ComponentMetrics {
        /// Whether the component answers: 1 or 0; absent where nobody can tell.
        up: gauge = "fleet_component_up" ["component"],
        /// The version of the component: 1.
        info: gauge = "fleet_component_info" ["component", "version"],
        /// When the component started: the longest running of its pods.
        start_time: gauge = "fleet_component_start_time_seconds" ["component"],
        /// Pods of the component.
        pods: gauge = "fleet_component_pods" ["component", "phase"],
        /// Restarts of the component's containers seen since Fleetscope began to look.
        restarts: counter = "fleet_component_restarts_total" ["component"],
    }
}
