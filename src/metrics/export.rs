//! Exports.

use super::family::families;

families! {
    /// Families about exports.
    pub struct ExportMetrics {
        /// Exports being written.
        running: gauge = "fleetscope_exports_running" ["format"],
        /// Exports that ended, by how; `refused` = too many were running.
        ended: counter = "fleetscope_exports_total" ["format", "outcome"],
        /// Entries written by exports.
        entries: counter = "fleetscope_export_entries_total" ["format"],
        /// Bytes written by exports, before compression.
        bytes: counter = "fleetscope_export_bytes_total" ["format"],
    }
}
