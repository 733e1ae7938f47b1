//! What vLLM's `/metrics` shows.

use std::fmt::Write as _;

use super::{Known, Served};

/// Bounds of its request latency, in seconds; what takes longer is in `+Inf` alone.
pub(super) const BUCKETS: [f64; 11] = [0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0];

/// Requests worked on at a time; more wait.
const AT_A_TIME: usize = 16;
/// Requests whose cache fills the memory kept for it.
const FULL: f64 = 40.0;

/// The page.
pub(super) fn page(known: &mut Known) -> String {
    known.requests.asked = true;
    let running = known.runs.iter().filter(|job| job.is_running()).count();
    let Served { prompt, generated, stopped, failed, aborted, latencies, seconds, .. } = &known.served;
    let model = known.served.model();
    let labels = format!("engine=\"0\",model_name=\"{model}\"");
    let mut page = String::new();
    let mut line = |name: &str, kind: &str, more: &str, value: f64| {
        let base = name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count");
        if !kind.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(page, "# HELP {base} Simulated.\n# TYPE {base} {kind}");
        }
        let _ = writeln!(page, "{name}{{{labels}{more}}} {value:?}");
    };
    line("vllm:num_requests_running", "gauge", "", running.min(AT_A_TIME) as f64);
    line("vllm:num_requests_waiting", "gauge", "", running.saturating_sub(AT_A_TIME) as f64);
    line("vllm:kv_cache_usage_perc", "gauge", "", (running as f64 / FULL).min(1.0));
    line("vllm:num_preemptions_total", "counter", "", 0.0);
    line("vllm:prompt_tokens_total", "counter", "", *prompt as f64);
    line("vllm:generation_tokens_total", "counter", "", *generated as f64);
    for (n, (reason, count)) in [("stop", stopped), ("error", failed), ("abort", aborted)].into_iter().enumerate() {
        let kind = if n == 0 { "counter" } else { "" };
        line("vllm:request_success_total", kind, &format!(",finished_reason=\"{reason}\""), *count as f64);
    }
    let requests = stopped + failed;
    // The first token comes after about a twentieth of the whole.
    for (name, part) in [("vllm:e2e_request_latency_seconds", 1.0), ("vllm:time_to_first_token_seconds", 0.05)] {
        let (mut below, mut kind) = (0, "histogram");
        for (bound, count) in BUCKETS.iter().zip(latencies) {
            below += count;
            line(&format!("{name}_bucket"), kind, &format!(",le=\"{:?}\"", bound * part), below as f64);
            kind = "";
        }
        line(&format!("{name}_bucket"), "", ",le=\"+Inf\"", requests as f64);
        line(&format!("{name}_sum"), "", "", seconds * part);
        line(&format!("{name}_count"), "", "", requests as f64);
    }
    page
}
