//! Whose a request to a language model is: a simulated hour with known truth.

mod hour;

use super::report::Report;

pub(crate) fn run(report: &mut Report) {
    report.line("\n## Joining LLM requests to agents: a simulated hour with known truth");
    for in_flight in [1, 10, 100] {
        let hour = hour::Hour { in_flight, seconds: 3_600.0, seed: 7, ..hour::Hour::default() };
        let quality = hour.quality();
        report.line(format!(
            "{in_flight:>4} in flight: {} requests, {} joined, {} of them wrong: precision {:.4}, recall {:.3}",
            quality.requests,
            quality.joined,
            quality.joined - quality.right,
            quality.precision(),
            quality.recall(),
        ));
    }
}
