//! `state`: what the fleet is doing, or what it was doing at a time.
//! Takes: what to show, a time, a daemon's address. Gives: a table for people, or a JSON document a line.
//! Never: opens the journal itself.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::Value;

use super::daemon::{Address, Daemon, State};
use super::table::aligned;

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The agents of each role.
    Councils,
    /// Agents and what each is at.
    Agents,
    /// Deliberations under way.
    Deliberations,
    /// Stories: live ones, then closed ones.
    Stories,
}

/// Show what the fleet is doing, or was doing at a time.
///
/// With --at the daemon makes the state of that time again from its journal.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  fleetscope state councils\n  fleetscope state agents --at -10m\n  \
    fleetscope state stories --at 2026-02-14T09:12:33Z --json | jq .phase")]
pub(super) struct Args {
    /// What to show.
    #[arg(value_enum, default_value = "councils")]
    what: What,
    /// The state as of this time: a time ago ("-10m"), RFC 3339, or milliseconds since 1970.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
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
        shown.map(|()| ExitCode::SUCCESS)
    }

    async fn show(self) -> anyhow::Result<()> {
        let daemon = Daemon::new(&self.address)?;
        let state = daemon.state(self.what.name(), self.at.as_deref()).await?;
        let lines =
            if self.json { state.items.iter().map(Value::to_string).collect() } else { self.what.table(&state) };
        let mut out = std::io::stdout().lock();
        for line in lines {
            if writeln!(out, "{line}").is_err() {
                return Ok(());
            }
        }
        if state.more {
            super::term::note("there are more: ask /api/stories for the pages after these");
        }
        Ok(())
    }
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Councils => "councils",
            Self::Agents => "agents",
            Self::Deliberations => "deliberations",
            Self::Stories => "stories",
        }
    }

    /// Heads of columns, and the field of each.
    const fn columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Councils => &[
                ("COUNCIL", "council"),
                ("AGENTS", "agents"),
                ("IDLE", "idle"),
                ("DELIBERATING", "deliberating"),
                ("COMPLETED", "completed"),
                ("FAILED", "failed"),
                ("OPEN", "open_deliberations"),
                ("LAST EVENT (UTC)", "last_event"),
            ],
            Self::Agents => &[
                ("AGENT", "agent_id"),
                ("COUNCIL", "council"),
                ("STATE", "state"),
                ("SINCE (UTC)", "since"),
                ("SILENT", "silent"),
                ("TASK", "task_id"),
                ("STORY", "story_id"),
            ],
            Self::Deliberations => &[
                ("DELIBERATION", "deliberation_id"),
                ("COUNCIL", "council"),
                ("STATE", "state"),
                ("STARTED (UTC)", "started"),
                ("ANSWERED", "answered"),
                ("FAILED", "failed"),
                ("STORY", "story_id"),
            ],
            Self::Stories => &[
                ("STORY", "story_id"),
                ("PHASE", "phase"),
                ("LAST EVENT (UTC)", "last_event"),
                ("TASKS", "tasks"),
                ("EVENTS", "events"),
                ("FAILURES", "failures"),
                ("TITLE", "title"),
            ],
        }
    }

    fn table(self, state: &State) -> Vec<String> {
        let heads: Vec<&str> = self.columns().iter().map(|(head, _)| *head).collect();
        let rows = state.items.iter().map(|item| self.columns().iter().map(|(_, field)| cell(&item[field])).collect());
        let mut lines = vec![state.told()];
        lines.extend(aligned(&heads, rows.collect()));
        lines
    }
}

/// A list shows how long it is, a time what people need of it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Array(items) => items.len().to_string(),
        Value::String(text) => {
            let time = text.len() == 27 && text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T');
            if time { text[..19].replace('T', " ") } else { text.clone() }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_it_stands_for() {
        let answer = r#"{"items":[{"agent_id":"agent-dev-001","council":"DEV","state":"deliberating",
            "since":"2026-02-14T09:12:33.123456Z","silent":true,"task_id":"T-1 \u001b[31m","story_id":null}],
            "next":null,"as_of":"2026-02-14T09:12:40.000000Z","past":{"asked":"2026-02-14T09:12:40.000000Z","seq":17,
            "at":"2026-02-14T09:12:39.000000Z","snapshot":null,"replayed":17}}"#;
        let state: State = serde_json::from_str(answer).expect("a state");
        let lines = What::Agents.table(&state);
        assert_eq!(lines[0], "as of 2026-02-14T09:12:40.000000Z, after record 17 of 2026-02-14T09:12:39.000000Z");
        assert!(lines[1].starts_with("AGENT          COUNCIL  STATE "), "{}", lines[1]);
        assert_eq!(lines[2], "agent-dev-001  DEV      deliberating  2026-02-14 09:12:33  true    T-1  [31m  -");
        assert_eq!(lines.len(), 3);
    }
}
