//! `[gpu]`: graphics processors.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::section::section;
use super::watched::{wrong_http, wrong_pace};

section! {
    /// Graphics processors: by the DCGM exporter, by Ray's node metrics, or by the driver of this machine.
    pub struct Gpu = "gpu", check check, {
        /// Metrics of the DCGM exporter: `http://dcgm-exporter:9400/metrics`.
        dcgm_url: Option<Url> = None,
        /// Metrics of a Ray node, where there is no DCGM exporter: `http://ray-head:8080/metrics`.
        ray_metrics_url: Option<Url> = None,
        /// Whether to ask the NVIDIA driver of the machine Fleetscope runs on.
        nvml: bool = false,
        /// File with a bearer token for the address. Read again on change.
        token_file: Option<PathBuf> = None,
        /// CA certificates (PEM) to trust besides the system's.
        tls_ca_file: Option<PathBuf> = None,
        /// How often to ask.
        poll_interval: Duration = Duration::from_secs(5),
        /// Longest time an answer may take.
        timeout: Duration = Duration::from_secs(5),
    }
}

impl Gpu {
    /// Whether a way to ask is named.
    pub const fn is_on(&self) -> bool {
        self.dcgm_url.is_some() || self.ray_metrics_url.is_some() || self.nvml
    }
}

fn check(gpu: &Gpu) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    for (key, url) in [("dcgm_url", &gpu.dcgm_url), ("ray_metrics_url", &gpu.ray_metrics_url)] {
        wrong.extend(url.as_ref().and_then(wrong_http).map(|remedy| (key, remedy)));
    }
    let ways = [gpu.dcgm_url.is_some(), gpu.ray_metrics_url.is_some(), gpu.nvml];
    if ways.into_iter().filter(|way| *way).count() > 1 {
        wrong.push((
            "dcgm_url",
            "name one of dcgm_url, ray_metrics_url and nvml: two would tell of each twice".to_owned(),
        ));
    }
    wrong.extend(wrong_pace(gpu.poll_interval, gpu.timeout));
    wrong
}
