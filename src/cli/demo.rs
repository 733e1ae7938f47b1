//! `demo`: everything at work on a simulated fleet, in this process.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args as ClapArgs;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::term;
use crate::app::{self, Input};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::sources::simulator;
use crate::{logs, shutdown};

/// Simulated seconds per second, unless told otherwise.
const SPEED: f64 = 5.0;

/// Show everything at work on a simulated fleet; needs no other service.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  fleetscope demo\n  fleetscope demo --speed 20 --seed 7\n  \
    fleetscope demo --otlp http://127.0.0.1:4317 --keep demo-data")]
pub(super) struct Args {
    /// Address of the page and the API.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Simulated seconds per second.
    #[arg(long, default_value_t = SPEED)]
    speed: f64,
    /// Seed: the same seed makes the same fleet.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Send the spans to this OTLP/gRPC endpoint as well.
    #[arg(long, value_name = "URL")]
    otlp: Option<Url>,
    /// File with one token a line, `<role> <token>`, that readers must show. Needed for any address but loopback.
    #[arg(long, value_name = "FILE")]
    tokens_file: Option<PathBuf>,
    /// Keep the history in this folder. Without it a temporary one is used and removed.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::ensure!(
            self.speed.is_finite() && (0.01..=10_000.0).contains(&self.speed),
            "--speed: write a number from 0.01 to 10000"
        );
        self.reachable_by_those_who_may()?;
        let mut config = Config::default();
        config.http.listen = self.listen;
        config.http.tokens_file = self.tokens_file;
        config.otlp.endpoint = self.otlp;
        "warn".clone_into(&mut config.log.filter);
        let temporary = self.keep.is_none().then(temporary_folder).transpose()?;
        if let Some(folder) = self.keep.as_deref().or(temporary.as_ref().map(TempDir::path)) {
            folder.clone_into(&mut config.journal.path);
        }
        let settings = settings(self.seed);
        let input = Input::Simulated { settings: Box::new(settings), speed: self.speed };
        let speed = self.speed;
        let runtime = super::runtime()?;
        let result = runtime.block_on(async {
            let stop = CancellationToken::new();
            let metrics = Arc::new(Metrics::new());
            let logs = logs::init(&config.log, &config.telemetry, &metrics)?;
            shutdown::on_signal(stop.clone())?;
            let ended = app::run(config, input, metrics, stop, |address| {
                term::say(format!(
                    "A simulated fleet is at work, {speed} times as fast as a real one.\n\n  \
                     page     http://{address}/\n  metrics  http://{address}/metrics\n  \
                     API      http://{address}/openapi.json\n\nStop with Ctrl-C."
                ));
            })
            .await;
            logs.flush().await;
            ended
        });
        runtime.shutdown_timeout(super::LEAVE);
        // Removed only now, when nothing writes into it any more.
        drop(temporary);
        result.map(|()| ExitCode::SUCCESS)
    }

    fn reachable_by_those_who_may(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.listen.ip().is_loopback() || self.tokens_file.is_some(),
            "--listen {}: reachable by others, and the demo asks nobody for a token; listen on 127.0.0.1, or name \
             a --tokens-file",
            self.listen
        );
        Ok(())
    }
}

/// Enough stories at a time that something always happens: with the simulator's two a minute nothing may for minutes.
fn settings(seed: u64) -> simulator::Settings {
    simulator::Settings { seed, stories_per_minute: 6.0, ..simulator::Settings::default() }
}

/// A new folder of our own: with a name that nobody can guess, and closed to others.
pub(super) fn temporary_folder() -> anyhow::Result<TempDir> {
    let closed = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("fleetscope-demo-").permissions(closed).tempdir();
    folder.context("no temporary folder can be made; name one with --keep")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_shows_itself_to_this_machine_only() {
        use clap::Parser as _;
        #[derive(clap::Parser)]
        struct Demo {
            #[command(flatten)]
            args: Args,
        }
        let demo = |more: &[&str]| Demo::try_parse_from([&["demo", "--listen", "0.0.0.0:0"], more].concat());
        let guarded = demo(&["--tokens-file", "tokens"]).expect("valid arguments").args;
        guarded.reachable_by_those_who_may().expect("who shows no token reads nothing");
        let error = demo(&[]).expect("valid arguments").args.run().expect_err("anybody could read").to_string();
        assert!(error.contains("reachable by others") && error.contains("127.0.0.1"), "{error}");
    }

    #[test]
    fn the_fleet_is_never_quiet_for_long() {
        for seed in 1..=3 {
            let (mut last, mut longest) = (Duration::ZERO, Duration::ZERO);
            for step in simulator::Fleet::new(settings(seed)).take_while(|step| step.at < Duration::from_hours(1)) {
                if matches!(step.action, simulator::Action::Publish(_)) {
                    longest = longest.max(step.at.saturating_sub(last));
                    last = step.at;
                }
            }
            let seen = longest.div_f64(SPEED);
            assert!(seen < Duration::from_secs(10), "seed {seed}: nothing for {seen:?}");
        }
    }

    #[test]
    fn the_temporary_folder_is_new_and_closed_to_others() {
        let (one, two) = (temporary_folder().expect("a folder"), temporary_folder().expect("a folder"));
        assert_ne!(one.path(), two.path());
        for folder in [&one, &two] {
            let mode = std::fs::metadata(folder.path()).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists(), "it is removed");
    }
}
