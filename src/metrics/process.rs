//! The daemon itself.

use super::family::families;

families! {
    /// Families about the daemon.
    pub struct ProcessMetrics {
        /// Version; always 1.
        build: gauge = "fleetscope_build_info" ["version"],
        /// When the daemon started.
        started: gauge = "fleetscope_start_time_seconds" [],
        /// Resident memory of the daemon, memory-mapped journal pages included.
        resident: gauge = "fleetscope_resident_memory_bytes" [],
        /// Anonymous memory of the daemon: what it allocated itself.
        anonymous: gauge = "fleetscope_anonymous_memory_bytes" [],
        /// Log lines written, by level.
        log_lines: counter = "fleetscope_log_lines_total" ["level"],
    }
}
