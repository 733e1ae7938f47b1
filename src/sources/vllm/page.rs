//! The server's page of metrics: `vllm:…`, or `ray_vllm_…` where Ray Serve passes them on.
//! Takes: a page. Gives: the numbers of each model. Never: mixes the engines of two servers.

use std::collections::BTreeMap;

use crate::model::{Text, printable, shorten};
use crate::sources::exposition::{Sample, samples};
use crate::sources::failure::{Failure, reason};

/// Models read from a page.
const MAX_MODELS: usize = 200;
/// Longest name kept.
const MAX_NAME: usize = 120;

/// A histogram: counts by upper bound, not yet summed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    pub(super) buckets: BTreeMap<Bound, f64>,
    pub(super) sum: f64,
    pub(super) count: f64,
}

/// An upper bound, in millionths of a second so that it has an order; the last is without bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bound {
    Micros(u64),
    Infinite,
}

/// What a page says of one model, engines summed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Numbers {
    pub(super) values: BTreeMap<String, f64>,
    pub(super) finished: BTreeMap<Text, f64>,
    pub(super) histograms: BTreeMap<&'static str, Histogram>,
    /// Engines that told their cache use: a share is a mean, not a sum.
    engines: f64,
}

/// Gauges and counters that are read.
const VALUES: [&str; 7] = [
    "num_requests_running",
    "num_requests_waiting",
    "kv_cache_usage_perc",
    "prompt_tokens_total",
    "generation_tokens_total",
    "num_preemptions_total",
    "admission_rejections_total",
];
/// Histograms that are read.
const HISTOGRAMS: [&str; 3] =
    ["e2e_request_latency_seconds", "time_to_first_token_seconds", "request_queue_time_seconds"];

impl Numbers {
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied()
    }
}

/// Reads a page.
pub(super) fn read(page: &str) -> Result<BTreeMap<Text, Numbers>, Failure> {
    let (mut models, mut any): (BTreeMap<Text, Numbers>, bool) = (BTreeMap::new(), false);
    for sample in samples(page) {
        let Some(name) = named(&sample) else { continue };
        any = true;
        let Some(model) = sample.label("model_name") else { continue };
        let model: Text = shorten(&printable(model), MAX_NAME).into();
        if !models.contains_key(&model) && models.len() >= MAX_MODELS {
            continue;
        }
        models.entry(model).or_default().take(name, &sample);
    }
    if !any {
        let detail = "the page holds no vllm: metrics: is vllm.metrics_url the server's, with /metrics?";
        return Err(Failure::new(reason::MALFORMED, detail));
    }
    for numbers in models.values_mut() {
        if let (Some(used), true) = (numbers.values.get_mut("kv_cache_usage_perc"), numbers.engines > 0.0) {
            *used /= numbers.engines;
        }
    }
    Ok(models)
}

impl Numbers {
    fn take(&mut self, name: &str, sample: &Sample<'_>) {
        let value = sample.value;
        // Before 0.11 the cache was the GPU's.
        let name = if name == "gpu_cache_usage_perc" { "kv_cache_usage_perc" } else { name };
        if VALUES.contains(&name) {
            *self.values.entry(name.to_owned()).or_default() += value;
            self.engines += f64::from(u8::from(name == "kv_cache_usage_perc"));
        } else if name == "request_success_total" {
            if let Some(reason) = sample.label("finished_reason").filter(|_| self.finished.len() < 32) {
                *self.finished.entry(shorten(&printable(reason), 40).into()).or_default() += value;
            }
        } else if let Some((histogram, part)) = HISTOGRAMS.iter().find_map(|h| Some((*h, name.strip_prefix(h)?))) {
            let held = self.histograms.entry(histogram).or_default();
            match part {
                "_sum" => held.sum += value,
                "_count" => held.count += value,
                "_bucket" => {
                    if let Some(bound) = sample.label("le").and_then(bound).filter(|_| held.buckets.len() < 200) {
                        *held.buckets.entry(bound).or_default() += value;
                    }
                }
                _ => {}
            }
        }
    }
}

fn bound(le: &str) -> Option<Bound> {
    let seconds: f64 = le.parse().ok()?;
    match seconds {
        s if s.is_infinite() && s > 0.0 => Some(Bound::Infinite),
        s if (0.0..1e9).contains(&s) => Some(Bound::Micros((s * 1e6).round() as u64)),
        _ => None,
    }
}

/// The name less its prefix; `None` for anything else, and for a number that is none.
fn named<'a>(sample: &Sample<'a>) -> Option<&'a str> {
    let name = ["vllm:", "ray_vllm_", "vllm_"].iter().find_map(|prefix| sample.name.strip_prefix(prefix))?;
    (sample.value.is_finite() && sample.value >= 0.0).then_some(name)
}

/// Mean and 95th percentile of what a histogram saw since `before`; of all where it began anew.
pub(super) fn spread(now: &Histogram, before: Option<&Histogram>) -> (Option<f64>, Option<f64>) {
    let before = before.filter(|before| before.count <= now.count && before.sum <= now.sum);
    let zero = Histogram::default();
    let before = before.unwrap_or(&zero);
    let count = now.count - before.count;
    if count <= 0.0 {
        return (None, None);
    }
    let mean = (now.sum - before.sum) / count;
    let (mut below, mut low) = (0.0, 0.0);
    for (bound, total) in &now.buckets {
        let upto = (total - before.buckets.get(bound).unwrap_or(&0.0)).max(below);
        let Bound::Micros(high) = bound else { break };
        let high = *high as f64 / 1e6;
        if upto >= 0.95 * count {
            // As Prometheus does: evenly between the bounds.
            let share = if upto > below { (0.95 * count - below) / (upto - below) } else { 1.0 };
            return (Some(mean), Some(low + (high - low) * share));
        }
        (below, low) = (upto, high);
    }
    // Beyond the last bound nobody knows how far: at least that.
    (Some(mean), (low > 0.0).then_some(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../tests/fixtures/vllm/metrics.txt");

    #[test]
    fn a_captured_page_is_read_under_both_names() {
        let models = read(PAGE).expect("a page");
        let numbers = &models["Qwen/Qwen3-0.6B"];
        assert_eq!((models.len(), numbers.value("prompt_tokens_total")), (1, Some(1510.0)));
        assert_eq!(numbers.value("generation_tokens_total"), Some(2733.0));
        assert_eq!(numbers.finished.get("length"), Some(&37.0));
        assert_eq!(numbers.histograms.get("e2e_request_latency_seconds").map(|h| h.count), Some(37.0));
        let (mean, p95) = spread(&numbers.histograms["e2e_request_latency_seconds"], None);
        assert!((mean.expect("a mean") - 15.797_969 / 37.0).abs() < 1e-6);
        assert!((0.3..30.0).contains(&p95.expect("a percentile")), "{p95:?}");
        let by_ray = PAGE.replace("vllm:", "ray_vllm_");
        assert_eq!(read(&by_ray).expect("a page"), models);
    }

    #[test]
    fn engines_are_summed_up_and_shares_are_a_mean() {
        let page = "vllm:num_requests_running{engine=\"0\",model_name=\"a,\\\"b\\\"\"} 2\n\
            vllm:num_requests_running{engine=\"1\",model_name=\"a,\\\"b\\\"\"} 3\n\
            vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"a,\\\"b\\\"\"} 0.5\n\
            vllm:kv_cache_usage_perc{engine=\"1\",model_name=\"a,\\\"b\\\"\"} 0.1\n\
            vllm:num_requests_waiting{engine=\"0\",model_name=\"a,\\\"b\\\"\"} NaN\n";
        let models = read(page).expect("a page");
        let numbers = &models["a,\"b\""];
        assert_eq!((numbers.value("num_requests_running"), numbers.value("num_requests_waiting")), (Some(5.0), None));
        assert!((numbers.value("kv_cache_usage_perc").expect("told") - 0.3).abs() < 1e-9);
    }

    #[test]
    fn between_polls_only_the_new_counts_and_a_restart_counts_anew() {
        let histogram = |counts: [f64; 3], sum| Histogram {
            buckets: [Bound::Micros(100_000), Bound::Micros(1_000_000), Bound::Infinite]
                .into_iter()
                .zip(counts)
                .collect(),
            sum,
            count: counts[2],
        };
        let (before, now) = (histogram([100.0, 100.0, 100.0], 5.0), histogram([100.0, 110.0, 110.0], 10.0));
        let (mean, p95) = spread(&now, Some(&before));
        assert!((mean.expect("new ones") - 0.5).abs() < 1e-9);
        assert!((p95.expect("new ones") - 0.955).abs() < 1e-9);
        assert_eq!(spread(&now, Some(&now)), (None, None));
        assert_eq!(spread(&before, Some(&now)).0, Some(0.05), "the server began anew");
    }

    #[test]
    fn another_page_is_told_from_this_one() {
        for page in ["", "up 1\n", "<html>", "vllm:num_requests_running"] {
            assert_eq!(read(page).expect_err("another").reason, reason::MALFORMED, "{page}");
        }
    }
}
