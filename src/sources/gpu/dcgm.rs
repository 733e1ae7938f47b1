//! The DCGM exporter's page. Names and units: its default counters (`DCGM_FI_DEV_*`, memory in MiB).

use std::collections::BTreeMap;

use super::{MIB, label};
use crate::model::Gpu;
use crate::sources::exposition::samples;
use crate::sources::failure::{Failure, reason};

/// The processors of a page, in the order of their nodes and numbers.
pub(super) fn gpus(page: &str) -> Result<Vec<Gpu>, Failure> {
    let mut gpus: BTreeMap<(String, String), (Gpu, Memory)> = BTreeMap::new();
    let mut any = false;
    for sample in samples(page) {
        let Some(field) = sample.name.strip_prefix("DCGM_FI_") else { continue };
        any = true;
        let label = |name: &str| label(&sample, name);
        // Written with a capital until May 2026.
        let node = label("Hostname").or_else(|| label("hostname"));
        let number_of = label("gpu").unwrap_or_else(|| "0".into());
        let uuid = label("UUID");
        // Parts of a divided processor have its id, and one of their own.
        let part = label("GPU_I_ID").map(|id| format!("/{id}")).unwrap_or_default();
        let name = format!("{number_of}{part}");
        let key = (node.as_deref().unwrap_or_default().to_owned(), name.clone());
        let (gpu, memory) = gpus.entry(key).or_default();
        gpu.gpu = name.into();
        gpu.node = node;
        gpu.uuid = uuid.or(gpu.uuid.take());
        gpu.model = label("modelName").or(gpu.model.take());
        // On the exporter's own page `pod` is the one that uses the processor.
        if let Some(pod) = label("pod") {
            let namespace = label("namespace").map(|n| format!("{n}/")).unwrap_or_default();
            gpu.pod = Some(format!("{namespace}{pod}").into());
        }
        let value = sample.value;
        if !value.is_finite() {
            continue;
        }
        match field {
            "DEV_GPU_UTIL" => gpu.utilization_ratio = Some(value / 100.0),
            // Where processors are divided only the profiling counter tells.
            "PROF_GR_ENGINE_ACTIVE" if gpu.utilization_ratio.is_none() => gpu.utilization_ratio = Some(value),
            "DEV_FB_USED" => memory.used = Some(value * MIB),
            "DEV_FB_FREE" => memory.free = Some(value * MIB),
            "DEV_FB_RESERVED" => memory.reserved = value * MIB,
            "DEV_FB_TOTAL" => memory.total = Some(value * MIB),
            "DEV_POWER_USAGE" => gpu.power_watts = Some(value),
            "DEV_GPU_TEMP" => gpu.temperature_celsius = Some(value),
            "DEV_XID_ERRORS" => gpu.xid_error = Some(value),
            _ => {}
        }
    }
    if !any {
        let detail = "the page holds no DCGM_FI_ metrics: is gpu.dcgm_url the DCGM exporter's?";
        return Err(Failure::new(reason::MALFORMED, detail));
    }
    Ok(gpus.into_values().map(|(gpu, memory)| memory.into(gpu)).collect())
}

/// Memory comes in pieces.
#[derive(Default)]
struct Memory {
    used: Option<f64>,
    free: Option<f64>,
    reserved: f64,
    total: Option<f64>,
}

impl Memory {
    fn into(self, gpu: Gpu) -> Gpu {
        let sum = self.used.zip(self.free).map(|(used, free)| used + free + self.reserved);
        Gpu { memory_used_bytes: self.used, memory_total_bytes: self.total.or(sum), ..gpu }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../tests/fixtures/gpu/dcgm.txt");

    #[test]
    fn each_processor_is_told_with_its_units() {
        let gpus = gpus(PAGE).expect("a page");
        assert_eq!(gpus.len(), 2);
        let first = &gpus[0];
        assert_eq!((&*first.gpu, first.node.as_deref()), ("0", Some("gpu-node-1")));
        assert_eq!(first.model.as_deref(), Some("NVIDIA GeForce RTX 3090"));
        assert_eq!(first.utilization_ratio, Some(0.87));
        assert_eq!(first.memory_used_bytes, Some(20_480.0 * MIB));
        assert_eq!(first.memory_total_bytes, Some(24_576.0 * MIB));
        assert_eq!(first.power_watts, Some(312.5));
        assert_eq!(first.pod.as_deref(), Some("ray/ray-gpu-worker-abc"));
    }

    #[test]
    fn both_spellings_of_the_node_are_read() {
        let older = PAGE.replace("hostname=", "Hostname=");
        assert_eq!(gpus(&older).expect("a page"), gpus(PAGE).expect("a page"));
    }

    #[test]
    fn blanks_and_brackets_in_labels_hide_nothing() {
        let page = "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\", UUID=\"GPU-1\", Hostname=\"n1\", modelName=\"A {80, =}\"} 5\n";
        let gpus = gpus(page).expect("a page");
        let told = (gpus[0].uuid.as_deref(), gpus[0].node.as_deref(), gpus[0].model.as_deref());
        assert_eq!(told, (Some("GPU-1"), Some("n1"), Some("A {80, =}")));
        assert_eq!(gpus[0].utilization_ratio, Some(0.05));
    }

    #[test]
    fn nodes_with_one_long_beginning_stay_two() {
        let node = "n".repeat(252);
        let line = |end: &str| format!("DCGM_FI_DEV_GPU_TEMP{{gpu=\"0\",Hostname=\"{node}{end}\"}} 40\n");
        assert_eq!(gpus(&(line("1") + &line("2"))).expect("a page").len(), 2);
    }

    #[test]
    fn another_page_is_told_from_this_one() {
        assert_eq!(gpus("up 1\n").expect_err("not DCGM").reason, reason::MALFORMED);
        assert_eq!(gpus("<html>").expect_err("not DCGM").reason, reason::MALFORMED);
        let broken = "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\"} NaN\nDCGM_FI_DEV_GPU_TEMP{gpu=\"0\"} 41\n";
        let gpus = gpus(broken).expect("a page");
        assert_eq!((gpus.len(), gpus[0].utilization_ratio, gpus[0].temperature_celsius), (1, None, Some(41.0)));
    }
}
