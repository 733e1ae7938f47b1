//! Figures, printed as they come and written to docs/BENCHMARKS.md's table.

use std::fmt::Write as _;
use std::io::Write as _;

/// Rows collected so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    text: String,
}

impl Report {
    /// A line, printed and kept.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        let _ = writeln!(std::io::stdout(), "{}", line.as_ref());
        let _ = writeln!(self.text, "{}", line.as_ref());
    }

    /// A measured series: median [min–max].
    pub(crate) fn series(&mut self, what: &str, unit: &str, values: &[f64]) {
        self.line(format!("{what}: {}", series(values, unit)));
    }

    /// The machine it runs on.
    pub(crate) fn machine(&mut self) {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib: u64 = memory.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
        self.line(format!("machine: {cores} cores, {} GiB memory; everything shares it", kib >> 20));
    }

    /// Keeps the run beside the build, for docs/BENCHMARKS.md to quote.
    pub(crate) fn save(&self) -> anyhow::Result<()> {
        std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/bench.txt"), &self.text)?;
        Ok(())
    }
}

/// Median [min–max] of values.
pub(crate) fn series(values: &[f64], unit: &str) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else { return "no value".to_owned() };
    format!("{:.2} {unit} [{min:.2}–{max:.2}, n={}]", sorted[sorted.len() / 2], sorted.len())
}

/// The p-th percentile of values (0 to 1).
pub(crate) fn percentile(values: &mut [f64], p: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(((values.len() as f64 - 1.0) * p).round() as usize).copied().unwrap_or(f64::NAN)
}
