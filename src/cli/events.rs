//! `events`: the history of a running daemon, and what comes next.
//! Takes: a filter, a range, a daemon's address. Gives: a table for people, or a JSON document a line.
//! Never: opens the journal itself, or leaves out an event unsaid.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::daemon::{self, Address, Daemon, Frame, Page};
use super::table::{Output, Shown};
use crate::model::{Clause, Seq};

/// Most events of the past that are asked for at once, and in all: they wait for their turn in memory.
const PAGE: usize = 500;
const MAX_LIMIT: u32 = 10_000;
/// Between tries to reach a daemon that was there before.
const AGAIN: Duration = Duration::from_secs(2);

/// Show events of a running daemon.
///
/// The newest events that fit, oldest first. FILTER is one text such as `story:US-1 role:DEV,QA -type:context.* "free
/// text"`: terms are combined by "and", a comma is "or" within a term, - leaves out. docs/FILTER.md has all of it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  fleetscope events --filter 'severity:error' --since 1h\n  \
    fleetscope events --filter 'story:US-1 -type:context.*' --follow\n  \
    fleetscope events --saved dev-errors --json | jq .summary\n  \
    fleetscope events --url https://fleetscope:8080 --token-file token")]
pub(super) struct Args {
    /// Which events.
    #[arg(long, short, value_name = "FILTER", default_value = "", allow_hyphen_values = true)]
    filter: String,
    /// A saved search: its filter and range. What else is given narrows it further.
    #[arg(long, value_name = "NAME")]
    saved: Option<String>,
    /// Not before: a time ago ("5m", "24h"), or RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before: likewise.
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<String>,
    /// At most so many events of the past.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_LIMIT)))]
    limit: u32,
    /// Go on with what comes, until interrupted.
    #[arg(long)]
    follow: bool,
    /// Print a JSON document a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    address: Address,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = super::runtime()?;
        let shown = runtime.block_on(self.show());
        runtime.shutdown_timeout(super::LEAVE);
        shown.map(|_| ExitCode::SUCCESS)
    }

    async fn show(self) -> anyhow::Result<Shown> {
        // Before anyone is asked: a filter without end is not sent.
        let filter = readable(&self.filter)?;
        let daemon = Daemon::new(&self.address)?;
        let mut asked = daemon::Asked { filters: vec![filter], since: self.since, until: self.until };
        if let Some(name) = &self.saved {
            let saved = daemon.saved(name).await?;
            asked.filters.push(saved.filter);
            asked.since = asked.since.or(saved.since);
            asked.until = asked.until.or(saved.until);
            anyhow::ensure!(
                !self.follow || asked.until.is_none(),
                "the saved search {name} has an end, and so cannot be followed: leave out --follow"
            );
        }
        asked.filters.retain(|filter| !filter.trim().is_empty());
        let mut out = Output::new(self.json);
        let head = if self.follow { daemon.head().await? } else { 0 };
        let (last, shown) = past(&daemon, &asked, self.limit as usize, &mut out).await?;
        match shown {
            Shown::All if self.follow => follow(&daemon, &asked, head.max(last), &mut out).await,
            shown => Ok(shown),
        }
    }
}

fn readable(filter: &str) -> anyhow::Result<String> {
    match Clause::parse(filter) {
        Ok(_) => Ok(filter.to_owned()),
        Err(wrong) => anyhow::bail!("{}", pointed(&wrong, filter)),
    }
}

/// What is wrong, and the place marked beneath.
fn pointed(wrong: &crate::model::FilterError, filter: &str) -> String {
    format!("{wrong}\n  {}", wrong.marked(filter).replace('\n', "\n  "))
}

/// The newest events, oldest first. Gives the seq of the last one.
async fn past(daemon: &Daemon, asked: &daemon::Asked, limit: usize, out: &mut Output) -> anyhow::Result<(Seq, Shown)> {
    let (mut events, mut cursor) = (Vec::new(), None);
    while events.len() < limit {
        let Page { items, next } = daemon.events(asked, PAGE.min(limit - events.len()), cursor.as_deref()).await?;
        events.extend(items);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    events.reverse();
    let last = events.last().map_or(Ok(0), |event| daemon::seq(event))?;
    Ok((last, out.show(&events)?))
}

/// What comes after `last`. A daemon that goes away is waited for.
async fn follow(daemon: &Daemon, asked: &daemon::Asked, mut last: Seq, out: &mut Output) -> anyhow::Result<Shown> {
    loop {
        let mut feed = daemon.feed(asked, last).await?;
        loop {
            match feed.next().await {
                Ok(Frame::Events { up_to, items }) => {
                    last = last.max(up_to);
                    if out.show(&items)? == Shown::NobodyReads {
                        return Ok(Shown::NobodyReads);
                    }
                }
                Ok(Frame::Gap { from, to, reason }) => {
                    complain(&format!("records {from} to {to} are missing: {reason}"));
                }
                Ok(Frame::Done | Frame::Other) => {}
                Err(gone) => {
                    complain(&format!("{gone:#}; trying again"));
                    break;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
        while let Err(away) = daemon.head().await {
            complain(&format!("{away:#}; trying again"));
            tokio::time::sleep(AGAIN).await;
        }
    }
}

fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", crate::model::printable(line));
}
