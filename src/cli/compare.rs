//! `compare`: two stories side by side, of a running daemon.
//! Takes: two ids. Gives: a table for people, or the daemon's JSON. Never: shows what is not known as nought.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args as ClapArgs;
use serde::Deserialize;

use super::daemon::{Address, Daemon};
use super::term;
use crate::model::{printable, shorten};

/// Widest name in the table.
const NAME: usize = 44;

/// Show two stories side by side.
///
/// Durations of phases and deliberations, answers and tokens by role and model, latency and refusals by consumer,
/// requests by model, failures, contract violations, cost.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  fleetscope compare US-12 US-17\n  \
    fleetscope compare US-12 US-17 --changed 1.5\n  \
    fleetscope compare US-12 US-17 --json | jq '.rows[] | select(.section == \"phase\")'")]
pub(super) struct Args {
    /// A story.
    left: String,
    /// The story it is compared with.
    right: String,
    /// Only figures that differ by this factor at least, or that only one of them has.
    #[arg(long, value_name = "TIMES", value_parser = factor)]
    changed: Option<f64>,
    /// Print the daemon's answer as it is.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    address: Address,
}

fn factor(text: &str) -> Result<f64, String> {
    let times = text.parse().ok().filter(|times: &f64| times.is_finite() && *times >= 1.0);
    times.ok_or_else(|| "write a number from 1 on, such as 1.5".to_owned())
}

#[derive(Debug, Deserialize)]
struct Told {
    left: Side,
    right: Side,
    rows: Vec<Row>,
    left_out: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Side {
    story_id: String,
    title: Option<String>,
    outcome: String,
    currency: Option<String>,
    left_out: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Row {
    section: String,
    name: String,
    figure: String,
    unit: String,
    left: Option<f64>,
    right: Option<f64>,
    ratio: Option<f64>,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = super::runtime()?;
        let shown = runtime.block_on(self.show());
        runtime.shutdown_timeout(super::LEAVE);
        shown.map(|()| ExitCode::SUCCESS)
    }

    async fn show(&self) -> anyhow::Result<()> {
        let query = [("left", self.left.clone()), ("right", self.right.clone())];
        let response = Daemon::new(&self.address)?.ask("api/compare", &query, "application/json").await?;
        let body = response.text().await.context("the answer broke off")?;
        if self.json {
            term::say(body);
            return Ok(());
        }
        let told: Told = serde_json::from_str(&body).context("what the daemon answers is no comparison")?;
        for line in self.lines(&told) {
            term::say(line);
        }
        Ok(())
    }

    fn lines(&self, told: &Told) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, side) in [("left", &told.left), ("right", &told.right)] {
            let title = side.title.as_deref().unwrap_or_default();
            lines.push(printable(format!("{name:<5}  {}  {}  {title}", side.story_id, side.outcome).trim_end()));
        }
        let mut section = "";
        for row in told.rows.iter().filter(|row| self.is_wanted(row)) {
            if row.section != section {
                section = &row.section;
                lines.push(format!("\n{:<NAME$} {:>14} {:>14} {:>8}", section.to_uppercase(), "left", "right", "×"));
            }
            let name = [row.name.as_str(), row.figure.as_str()].join(" ");
            let name = shorten(&printable(name.trim()), NAME);
            let (left, right) = (row.amount(row.left, &told.left), row.amount(row.right, &told.right));
            let ratio = row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            lines.push(format!("{name:<NAME$} {left:>14} {right:>14} {ratio:>8}").trim_end().to_owned());
        }
        let sides = [&told.left, &told.right];
        let why = sides.iter().flat_map(|side| side.left_out.iter().map(|why| format!("{}: {why}", side.story_id)));
        lines.extend(why.chain(told.left_out.iter().cloned()).map(|why| printable(&format!("note: {why}"))));
        lines
    }

    fn is_wanted(&self, row: &Row) -> bool {
        let Some(least) = self.changed else { return true };
        match row.ratio {
            Some(ratio) => ratio >= least || ratio <= 1.0 / least,
            None => row.left != row.right,
        }
    }
}

impl Row {
    /// A figure in words of its unit.
    fn amount(&self, value: Option<f64>, side: &Side) -> String {
        let Some(value) = value else { return "–".to_owned() };
        match self.unit.as_str() {
            "ms" if value < 1e3 => format!("{value:.0} ms"),
            "ms" if value < 6e4 => format!("{:.1} s", value / 1e3),
            "ms" if value < 3.6e6 => format!("{:.1} min", value / 6e4),
            "ms" => format!("{:.1} h", value / 3.6e6),
            "s" => format!("{value:.1} s"),
            "money" => format!("{value:.4} {}", side.currency.as_deref().unwrap_or_default()).trim_end().to_owned(),
            _ => format!("{value:.0}"),
        }
    }
}
