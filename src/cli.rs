//! The command line: one small file per command.

mod check;
mod compare;
mod config;
mod daemon;
mod demo;
mod events;
mod export;
mod filters;
mod import;
mod mcp;
mod ready;
mod replay;
mod report;
mod run;
mod simulate;
mod state;
mod table;
mod term;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Flight recorder and observability bridge of an SWE AI Fleet.
///
/// Listens to the fleet's NATS without touching it and turns what it hears into a searchable history, OTLP traces
/// linked by story, Prometheus metrics, and a live page.
#[derive(Debug, Parser)]
#[command(name = "fleetscope", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Examples:\n  fleetscope demo\n  fleetscope config default > fleetscope.toml\n  \
    fleetscope check --config fleetscope.toml\n  fleetscope run --config fleetscope.toml")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon.
    Run(run::Args),
    /// Show everything at work on a simulated fleet; needs no other service.
    Demo(demo::Args),
    /// Publish the traffic of a whole fleet into a real NATS.
    Simulate(simulate::Args),
    /// Connect to everything configured and tell what works, what is missing and what to do.
    Check(check::Args),
    /// Write the history, or a part of it, to a file.
    Export(Box<export::Args>),
    /// Read exported files into a journal.
    Import(import::Args),
    /// Show or check a configuration.
    Config(config::Args),
    /// Show events of a running daemon, and follow what comes.
    Events(events::Args),
    /// Show what the fleet is doing, or was doing at a time.
    State(state::Args),
    /// Play history once more, of a running daemon or of exported files.
    Replay(Box<replay::Args>),
    /// Show two stories side by side.
    Compare(compare::Args),
    /// Serve a running daemon's history to an assistant (Model Context Protocol).
    Mcp(mcp::Args),
    /// Write a printable report of a story or of the fleet.
    Report(report::Args),
    /// Ask the daemon on this machine whether it is ready; for health checks.
    Ready(ready::Args),
}

/// Where the configuration is.
#[derive(Clone, Debug, clap::Args)]
struct ConfigFile {
    /// Configuration file (TOML). Without it: defaults and FLEETSCOPE_<SECTION>__<KEY> variables.
    #[arg(long, short, value_name = "FILE", env = "FLEETSCOPE_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self) -> anyhow::Result<crate::config::Config> {
        Ok(crate::config::load(self.config.as_deref())?)
    }
}

/// Runs the command the arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Run(args) => args.run(),
        Command::Demo(args) => args.run(),
        Command::Simulate(args) => args.run(),
        Command::Check(args) => args.run(),
        Command::Export(args) => args.run(),
        Command::Import(args) => args.run(),
        Command::Config(args) => args.run(),
        Command::Events(args) => args.run(),
        Command::State(args) => args.run(),
        Command::Replay(args) => args.run(),
        Command::Compare(args) => args.run(),
        Command::Mcp(args) => args.run(),
        Command::Report(args) => args.run(),
        Command::Ready(args) => args.run(),
    };
    result.unwrap_or_else(|error| {
        term::complain(&error);
        ExitCode::FAILURE
    })
}

/// How long threads that still block may take once all is said.
const LEAVE: std::time::Duration = std::time::Duration::from_secs(2);

/// A runtime for a command. Few threads: ingest has its own, and the machine is shared with the fleet.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // Libraries that bring no cryptography of their own ask the process for it. A second call changes nothing.
    let _already = rustls::crypto::ring::default_provider().install_default();
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("fleetscope").build()?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
