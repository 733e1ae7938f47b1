//! `run`: the daemon.

use std::process::ExitCode;

use clap::Args as ClapArgs;
use tokio_util::sync::CancellationToken;

use super::ConfigFile;
use crate::app::{self, Input};
use crate::{logs, shutdown};

/// Run the daemon.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  fleetscope run --config fleetscope.toml\n  \
    FLEETSCOPE_NATS__URL=nats://127.0.0.1:4222 fleetscope run")]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.file.load()?;
        super::runtime()?.block_on(async {
            let stop = CancellationToken::new();
            let _logs = logs::start(&config.log, &config.telemetry)?;
            shutdown::on_signal(stop.clone())?;
            app::run(config, Input::Configured, stop, |address| {
                tracing::info!(%address, "listening");
            })
            .await
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
