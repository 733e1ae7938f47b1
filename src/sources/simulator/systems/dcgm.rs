//! Two processors, as busy as the agents.

use std::fmt::Write as _;

use super::Known;

/// Memory of each, in MiB.
const MEMORY: u64 = 24_576;
/// What the model's weights take of it.
const WEIGHTS: u64 = 9_000;

/// The exporter's page.
pub(super) fn page(known: &Known) -> String {
    let running = known.runs.iter().filter(|job| job.is_running()).count() as u64;
    let mut page = String::new();
    let mut family = |name: &str, help: &str, value: fn(u64) -> f64| {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} gauge");
        for gpu in 0..2_u64 {
            let busy = u64::midpoint(running, gpu);
            let _ = writeln!(
                page,
                "{name}{{gpu=\"0\",UUID=\"GPU-51700000-0000-4000-8000-00000000000{gpu}\",\
                 pci_bus_id=\"00000000:01:00.0\",device=\"nvidia0\",modelName=\"NVIDIA GeForce RTX 3090\",\
                 hostname=\"gpu-node-{}\",container=\"ray-worker\",namespace=\"ray\",\
                 pod=\"ray-gpu-workers-{gpu}\"}} {}",
                gpu + 1,
                value(busy)
            );
        }
    };
    family("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", |busy| (100.0 * (busy as f64 / 20.0).min(0.98)).round());
    family("DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).", |busy| {
        (WEIGHTS + (busy * 900).min(MEMORY - WEIGHTS - 500)) as f64
    });
    family("DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB).", |busy| {
        (MEMORY - WEIGHTS - (busy * 900).min(MEMORY - WEIGHTS - 500)) as f64
    });
    family("DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", |busy| 28.0 + 310.0 * (busy as f64 / 20.0).min(1.0));
    family("DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C).", |busy| 33.0 + 38.0 * (busy as f64 / 20.0).min(1.0));
    family("DCGM_FI_DEV_XID_ERRORS", "Value of the last XID error encountered.", |_| 0.0);
    page
}
