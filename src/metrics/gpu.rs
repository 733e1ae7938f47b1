//! Graphics processors.

use super::family::families;

families! {
    /// Families about graphics processors.
    pub struct GpuMetrics {
        /// Share of the time the processor computed, 0 to 1.
        utilization: gauge = "fleet_gpu_utilization_ratio" ["gpu", "uuid", "model", "node"],
        /// Memory of the processor in use.
        memory_used: gauge = "fleet_gpu_memory_used_bytes" ["gpu", "uuid", "model", "node"],
        /// Memory of the processor.
        memory_total: gauge = "fleet_gpu_memory_total_bytes" ["gpu", "uuid", "model", "node"],
        /// Power the processor draws.
        power: gauge = "fleet_gpu_power_watts" ["gpu", "uuid", "model", "node"],
        /// Temperature of the processor.
        temperature: gauge = "fleet_gpu_temperature_celsius" ["gpu", "uuid", "model", "node"],
    }
}
