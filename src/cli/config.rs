//! `config default | validate`.

use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};

use super::{ConfigFile, term};

/// Show or check a configuration.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  fleetscope config default > fleetscope.toml\n  \
    fleetscope config validate --config fleetscope.toml")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print every key with its default and what it does.
    Default,
    /// Tell all problems of a configuration, each with its line and what to write instead.
    Validate(ConfigFile),
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Default => term::say(crate::config::default_file().trim_end()),
            What::Validate(file) => {
                file.load()?;
                term::say("the configuration is valid");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
