//! Graphics processors → gauges.
//! Takes: the panel. Gives: the numbers of each processor, on labels of its own. Never: two processors on one label set.

use std::collections::BTreeSet;

use super::{Recorder, Samples};
use crate::metrics::LabelCap;
use crate::model::{Gpu, GpuPanel};

/// Processors measured. What counts is those that are there now: nodes come and go for as long as the daemon runs.
const MAX_SHOWN: usize = 256;

/// A number of a processor, where it is told.
type Field = fn(&Gpu) -> Option<f64>;

impl Recorder {
    /// Sets the gauges of all graphics processors.
    pub(super) fn gpus(&mut self, panel: &GpuPanel) {
        let mut taken = BTreeSet::new();
        let mut gpus = Vec::new();
        for gpu in &panel.gpus {
            let labels = labels(gpu);
            if taken.len() < MAX_SHOWN && taken.insert(labels.clone()) {
                gpus.push((labels, gpu));
            } else {
                // Another one's numbers would be taken for its own, or the other way round.
                self.metrics.cap.left_out("fleet_gpu_utilization_ratio", "uuid");
            }
        }
        let m = &self.metrics.gpu;
        let families: [(_, &str, Field); 5] = [
            (&m.utilization, "gpu utilization", |g| g.utilization_ratio),
            (&m.memory_used, "gpu memory used", |g| g.memory_used_bytes),
            (&m.memory_total, "gpu memory total", |g| g.memory_total_bytes),
            (&m.power, "gpu power", |g| g.power_watts),
            (&m.temperature, "gpu temperature", |g| g.temperature_celsius),
        ];
        for (family, group, value) in families {
            let samples: Samples = gpus.iter().filter_map(|(l, g)| Some((l.clone(), value(g)?))).collect();
            self.shown.replace(family, group, samples);
        }
    }
}

fn labels(gpu: &Gpu) -> Vec<String> {
    let clean = |value: Option<&str>| LabelCap::clean(value.unwrap_or_default()).into_owned();
    vec![clean(Some(&gpu.gpu)), clean(gpu.uuid.as_deref()), clean(gpu.model.as_deref()), clean(gpu.node.as_deref())]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metrics::Metrics;

    fn panel(numbers: std::ops::Range<usize>) -> GpuPanel {
        let gpu = |n: usize| Gpu {
            gpu: (n % 8).to_string().into(),
            uuid: Some(format!("GPU-{n}").into()),
            node: Some(format!("node-{}", n / 8).into()),
            power_watts: Some(1.0),
            ..Gpu::default()
        };
        GpuPanel { gpus: numbers.map(gpu).collect(), ..GpuPanel::default() }
    }

    fn watts(metrics: &Metrics) -> Vec<String> {
        let page = metrics.page();
        page.lines().filter(|line| line.starts_with("fleet_gpu_power_watts{")).map(str::to_owned).collect()
    }

    #[test]
    fn processors_that_come_and_go_for_years_are_measured_and_none_as_another() {
        let metrics = Arc::new(Metrics::new());
        let mut recorder = Recorder::new(Arc::clone(&metrics));
        for day in 0..10 {
            let gpus = panel(day * 80..day * 80 + 80);
            recorder.gpus(&gpus);
            let page = watts(&metrics);
            assert_eq!(page.len(), 80, "day {day}");
            assert!(page.iter().all(|line| !line.contains("\"other\"")), "day {day}: {page:?}");
        }
        let mut twice = panel(0..2);
        twice.gpus[1] = twice.gpus[0].clone();
        recorder.gpus(&twice);
        assert_eq!(watts(&metrics).len(), 1);
    }

    #[test]
    fn more_than_may_be_shown_are_left_out_and_counted_once() {
        let metrics = Arc::new(Metrics::new());
        Recorder::new(Arc::clone(&metrics)).gpus(&panel(0..MAX_SHOWN + 44));
        assert_eq!(watts(&metrics).len(), MAX_SHOWN);
        let page = metrics.page();
        let line = r#"fleetscope_label_overflow_total{label="uuid",metric="fleet_gpu_utilization_ratio"} 44"#;
        assert!(page.contains(line), "{page}");
    }
}
