//! Ray's node metrics: `ray_node_gpus_utilization` (percent), `ray_node_gram_used` and `_available` (MiB), by node and
//! processor.

use std::collections::BTreeMap;

use super::{MIB, label};
use crate::model::Gpu;
use crate::sources::exposition::samples;
use crate::sources::failure::{Failure, reason};

/// The processors of a page.
pub(super) fn gpus(page: &str) -> Result<Vec<Gpu>, Failure> {
    let mut gpus: BTreeMap<(String, String), Gpu> = BTreeMap::new();
    let mut any = false;
    for sample in samples(page) {
        any |= sample.name.starts_with("ray_");
        let field = match sample.name.strip_prefix("ray_node_") {
            Some(field) if field.starts_with("gpus_") || field.starts_with("gram_") => field,
            _ => continue,
        };
        let label = |name: &str| label(&sample, name);
        let value = sample.value;
        let Some(index) = label("GpuIndex").filter(|_| value.is_finite()) else { continue };
        let node = label("ip");
        let gpu = gpus.entry((node.as_deref().unwrap_or_default().to_owned(), index.to_string())).or_default();
        (gpu.gpu, gpu.node) = (index, node);
        gpu.model = label("GpuDeviceName").or(gpu.model.take());
        match field {
            "gpus_utilization" => gpu.utilization_ratio = Some(value / 100.0),
            "gram_used" => gpu.memory_used_bytes = Some(value * MIB),
            // Of what there is, what is free.
            "gram_available" => gpu.memory_total_bytes = Some(value * MIB),
            _ => {}
        }
    }
    if !any {
        let detail = "the page holds no ray_ metrics: is gpu.ray_metrics_url the metrics port of a Ray node?";
        return Err(Failure::new(reason::MALFORMED, detail));
    }
    let whole = |gpu: Gpu| {
        let total = gpu.memory_total_bytes.zip(gpu.memory_used_bytes).map(|(free, used)| free + used);
        Gpu { memory_total_bytes: total, ..gpu }
    };
    Ok(gpus.into_values().map(whole).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_processor_of_each_node_is_told() {
        let page = "# TYPE ray_node_gpus_utilization gauge\n\
            ray_node_gpus_utilization{GpuDeviceName=\"A\",GpuIndex=\"0\",ip=\"10.0.0.1\"} 50\n\
            ray_node_gpus_utilization{GpuDeviceName=\"A\",GpuIndex=\"0\",ip=\"10.0.0.2\"} 25\n\
            ray_node_gram_used{GpuIndex=\"0\",ip=\"10.0.0.1\"} 1024\n\
            ray_node_gram_available{GpuIndex=\"0\",ip=\"10.0.0.1\"} 3072\n";
        let gpus = gpus(page).expect("a page");
        assert_eq!(gpus.len(), 2);
        assert_eq!((gpus[0].utilization_ratio, gpus[0].memory_total_bytes), (Some(0.5), Some(4096.0 * MIB)));
    }

    #[test]
    fn a_node_without_processors_is_no_fault() {
        assert!(gpus("ray_node_mem_used{ip=\"10.0.0.1\"} 5\n").expect("a page").is_empty());
        assert!(gpus("up 1\n").is_err());
    }
}
