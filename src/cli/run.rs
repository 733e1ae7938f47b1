//! `run`: the daemon.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args as ClapArgs;
use tokio_util::sync::CancellationToken;

use super::ConfigFile;
use crate::app::{self, Input};
use crate::metrics::Metrics;
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
        let runtime = super::runtime()?;
        let result = runtime.block_on(async {
            let stop = CancellationToken::new();
            let metrics = Arc::new(Metrics::new());
            let logs = logs::init(&config.log, &config.telemetry, &metrics)?;
            shutdown::on_signal(stop.clone())?;
            let ended = app::run(config, Input::Configured, metrics, stop, |address| {
                tracing::info!(%address, "listening");
            })
            .await;
            logs.flush().await;
            ended
        });
        // A thread that waits for a disk must not keep the process.
        runtime.shutdown_timeout(super::LEAVE);
        result.map(|()| ExitCode::SUCCESS)
    }
}
