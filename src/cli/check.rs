//! `check`: connects to everything configured and tells what works.

mod files;
mod systems;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args as ClapArgs, ValueEnum};
use serde::Serialize;

use super::{ConfigFile, term};
use crate::config::{self, Config};
use crate::journal::embedded::Embedded;
use crate::sinks::otlp::{self, Signal};
use crate::sources::nats::{self, ProbeReport};

/// Connect to everything configured and tell what works, what is missing and what to do.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Exit status: 0 all works, 2 works with limits (warnings), 1 something needed does not work.\n\n\
    Examples:\n  fleetscope check --config fleetscope.toml\n  \
    FLEETSCOPE_NATS__URL=nats://nats:4222 fleetscope check --format json"
)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Line {
    part: &'static str,
    what: String,
    level: Level,
    detail: String,
}

#[derive(Debug, Serialize)]
struct Findings {
    level: Level,
    lines: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nats: Option<ProbeReport>,
}

impl Findings {
    fn add(&mut self, part: &'static str, what: impl Into<String>, level: Level, detail: impl Into<String>) {
        self.level = self.level.max(level);
        self.lines.push(Line { part, what: what.into(), level, detail: detail.into() });
    }
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.file.load()?;
        let mut findings = Findings { level: Level::Ok, lines: Vec::new(), nats: None };
        let runtime = super::runtime()?;
        runtime.block_on(examine(&config, &mut findings));
        runtime.shutdown_timeout(super::LEAVE);
        match self.format {
            Format::Json => term::say(serde_json::to_string_pretty(&findings)?),
            Format::Table => print(&findings),
        }
        Ok(match findings.level {
            Level::Ok => ExitCode::SUCCESS,
            Level::Warn => ExitCode::from(2),
            Level::Fail => ExitCode::FAILURE,
        })
    }
}

async fn examine(config: &Config, findings: &mut Findings) {
    files::examine(config, findings);
    if config.nats.url.is_some() {
        let report = nats::probe(&config.nats).await;
        nats_lines(&report, config, findings);
        findings.nats = Some(report);
    } else {
        findings.add("nats", "source", Level::Warn, "off: nats.url is not set");
    }
    systems::examine(config, findings).await;
    journal_line(config, findings);
    if config.otlp.endpoint.is_some() {
        backend_line("otlp", Signal::Spans, &config.otlp, findings).await;
    } else {
        findings.add("otlp", "backend", Level::Warn, "off: otlp.endpoint is not set, no traces are sent");
    }
    // Off by default, and then nothing to be warned of: the history and the traces hold the same events.
    if config.logs.endpoint.is_some() {
        backend_line("logs", Signal::Logs { payload: false }, &config.logs.as_otlp(), findings).await;
    }
}

async fn backend_line(part: &'static str, signal: Signal, config: &config::Otlp, findings: &mut Findings) {
    match otlp::probe(signal, config).await {
        Ok(answer) => findings.add(part, "backend", Level::Ok, answer),
        Err(problem) => findings.add(part, "backend", Level::Fail, problem),
    }
}

fn nats_lines(report: &ProbeReport, config: &Config, findings: &mut Findings) {
    let version = report.server_version.as_deref().unwrap_or("unknown");
    if report.connected {
        findings.add("nats", "server", Level::Ok, format!("version {version}"));
    }
    for problem in &report.problems {
        findings.add("nats", "server", Level::Fail, problem.as_str());
    }
    if report.connected && !report.jetstream {
        findings.add("nats", "JetStream", Level::Fail, "off for this account: there is nothing to read");
    }
    for stream in &report.streams {
        let (level, detail) = match (&stream.problem, stream.wanted, stream.consumer) {
            (Some(problem), true, _) => (Level::Fail, problem.clone()),
            (_, false, _) => (Level::Ok, "left out by nats.streams or nats.streams_exclude".to_owned()),
            (None, _, true) => (Level::Ok, format!("{} messages, {} retention", stream.messages, stream.retention)),
            (None, _, false) => (Level::Warn, format!("{} retention: read by sequence, best effort", stream.retention)),
        };
        findings.add("nats", format!("stream {}", stream.name), level, detail);
    }
    for missing in &report.missing {
        findings.add("nats", format!("stream {missing}"), Level::Warn, "not there; it is read as soon as it appears");
    }
    if report.connected && config.nats.ack_tap {
        let (level, detail) = if report.ack_tap {
            (Level::Ok, "acknowledgements can be seen")
        } else {
            (Level::Warn, "not permitted: deliveries are known at the resolution of the poll")
        };
        findings.add("nats", "ack tap", level, detail);
    }
    for p in &report.permissions {
        let level = if p.action == "publish" { Level::Fail } else { Level::Warn };
        findings.add(
            "nats",
            "permission",
            level,
            format!("allow {} on {} (for {})", p.action, p.subject, p.needed_for),
        );
    }
}

/// A journal is looked at, never touched. One in use by a running daemon is fine.
fn journal_line(config: &Config, findings: &mut Findings) {
    let path = &config.journal.path;
    let seen = if path.exists() { Embedded::look(path) } else { Ok(None) };
    let (what, level, detail) = match seen {
        Ok(None) => match tempfile::tempfile_in(nearest(path)) {
            Ok(_) => ("folder", Level::Ok, format!("{} will be made", path.display())),
            Err(e) => ("folder", Level::Fail, format!("{} cannot be made: {e}", path.display())),
        },
        Ok(Some(s)) => match tempfile::tempfile_in(path) {
            Ok(_) => {
                let detail = format!("records {} to {}, {} MiB", s.first_seq, s.last_seq, s.bytes >> 20);
                ("history", Level::Ok, detail)
            }
            Err(e) => ("history", Level::Fail, format!("{} cannot be written: {e}", path.display())),
        },
        Err(e) if e.reason() == "in_use" => ("history", Level::Ok, "in use by a running daemon".to_owned()),
        Err(e) => ("history", Level::Fail, e.to_string()),
    };
    findings.add("journal", what, level, detail);
}

/// The folder itself, or the nearest one above it that is there.
fn nearest(path: &Path) -> &Path {
    let there = path.ancestors().filter(|p| !p.as_os_str().is_empty()).find(|p| p.exists());
    there.unwrap_or_else(|| Path::new("."))
}

fn print(findings: &Findings) {
    for line in &findings.lines {
        let mark = term::mark(line.level != Level::Fail, line.level == Level::Warn);
        term::say(format!("{mark}  {:<8} {:<28} {}", line.part, line.what, line.detail));
    }
    term::say(match findings.level {
        Level::Ok => "\nall works",
        Level::Warn => "\nworks, with the limits above",
        Level::Fail => "\nsomething that is needed does not work; see FAIL above",
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(config: &Config) -> (Level, String) {
        let mut findings = Findings { level: Level::Ok, lines: Vec::new(), nats: None };
        journal_line(config, &mut findings);
        let line = findings.lines.pop().expect("one line");
        (line.level, line.detail)
    }

    #[test]
    fn a_journal_is_looked_at_and_not_touched() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.journal.path = dir.path().join("deep/journal");
        assert!(line(&config).1.contains("will be made"), "{:?}", line(&config));
        assert!(!dir.path().join("deep").exists(), "it is not made by looking");
        let journal = Embedded::open(&config.journal.path, Duration::MAX, 1 << 20).expect("opens");
        assert_eq!(line(&config), (Level::Ok, "in use by a running daemon".to_owned()));
        drop(journal);
        let locks = || ["lock.mdb", "fleetscope.lock"].map(|file| config.journal.path.join(file));
        for file in locks() {
            std::fs::remove_file(file).expect("it was there");
        }
        assert_eq!(line(&config), (Level::Ok, "records 0 to 0, 0 MiB".to_owned()));
        assert!(locks().iter().all(|file| !file.exists()), "the journal was opened for writing");
    }
}
