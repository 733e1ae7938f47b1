//! `replay`: history once more, of a running daemon or of exported files.
//! Takes: a range and a pace, or files. Gives: events as they came, on the terminal or on the page of a daemon of its own.
//! Never: needs a server for a file, or touches the fleet.

mod held;
mod nats;
mod otlp;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use self::held::Held;
use self::nats::IntoNats;
use self::otlp::IntoOtlp;
use anyhow::bail;
use clap::Args as ClapArgs;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::daemon::{Address, Daemon, Frame};
use super::filters::{Filters, filter};
use super::table::{Output, Shown};
use super::term;
use crate::app::{self, Input};
use crate::config::{ByteSize, Config};
use crate::metrics::Metrics;
use crate::model::Timestamp;
use crate::sinks::feed::{longest_wait, pace};
use crate::{logs, shutdown};

/// What was imported stays as long as it is looked at.
const FOR_EVER: Duration = Duration::from_hours(24 * 365 * 100);
const ROOM: ByteSize = ByteSize(256 << 30);

/// Play history once more.
///
/// Without FILE that of a running daemon; with files (of `fleetscope export`) what they hold, and no server is needed.
/// Events come with the spacing they had, `--speed` times as fast, from the first one that fits. They are printed, shown
/// on a page (`--serve`), published into a NATS server under a prefix (`--into-nats`), or their spans are sent to a trace
/// backend that lost them (`--into-otlp`). The last two need payloads of a daemon, and so a token of role debug.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  fleetscope replay --since 1h --speed 10\n  \
    fleetscope replay --filter 'story:US-1 severity:warning' --since 24h --speed 100 --longest-wait 2s\n  \
    fleetscope replay run.ndjson.zst --speed max --json | jq .summary\n  \
    fleetscope replay run.ndjson --serve\n  \
    fleetscope replay run.ndjson --into-nats nats://127.0.0.1:4222 --create-stream REPLAY --speed 10\n  \
    fleetscope replay --since 2h --into-otlp http://tempo:4317")]
pub(super) struct Args {
    /// Exported files, the oldest history first.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Show the files on a page of their own, with the whole API, until interrupted.
    #[arg(long, requires = "files", conflicts_with_all = ["speed", "longest_wait", "json"])]
    serve: bool,
    /// Address of that page.
    #[arg(long, default_value = "127.0.0.1:8080", requires = "serve")]
    listen: SocketAddr,
    /// 0.1 to 1000 times as fast, or `max`.
    #[arg(long, value_name = "TIMES", default_value = "1")]
    speed: String,
    /// Longest time between two events, such as `2s`: quiet times are shortened to it.
    #[arg(long, value_name = "TIME")]
    longest_wait: Option<String>,
    /// Print a JSON document a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    nats: IntoNats,
    #[command(flatten)]
    otlp: IntoOtlp,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    filters: Filters,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if self.nats.is_asked() || self.otlp.is_asked() {
            return self.send();
        }
        let runtime = super::runtime()?;
        let played =
            if self.files.is_empty() { runtime.block_on(self.play(&self.address)) } else { self.files(&runtime) };
        runtime.shutdown_timeout(super::LEAVE);
        played.map(|()| ExitCode::SUCCESS)
    }

    /// Into another system, from a journal of its own.
    fn send(&self) -> anyhow::Result<ExitCode> {
        // A daemon is asked for what fits. Files hold what they hold: their spans belong together.
        let pairs = if self.files.is_empty() { Vec::new() } else { self.filters.pairs() };
        if self.otlp.is_asked() && !pairs.is_empty() {
            bail!("--into-otlp: all spans of a file are sent; leave a part out when you export it");
        }
        let wanted = filter(&pairs, Timestamp::now())?;
        let pace = (pace(&self.speed)?, self.longest_wait.as_deref().map(longest_wait).transpose()?);
        let held =
            if self.files.is_empty() { Held::daemon(&self.address, &self.filters)? } else { Held::files(&self.files)? };
        let journal = held.journal()?;
        let runtime = super::runtime()?;
        let sent = runtime.block_on(async {
            let stop = CancellationToken::new();
            shutdown::on_signal(stop.clone())?;
            if self.otlp.is_asked() {
                self.otlp.send(journal, stop).await
            } else {
                self.nats.publish(&journal, &wanted, pace, stop).await
            }
        });
        runtime.shutdown_timeout(super::LEAVE);
        sent
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = self.filters.pairs();
        query.push(("speed", self.speed.clone()));
        query.extend(self.longest_wait.iter().map(|wait| ("longest_wait", wait.clone())));
        query
    }

    /// Shows what a daemon plays.
    async fn play(&self, address: &Address) -> anyhow::Result<()> {
        let mut feed = Daemon::new(address)?.replay(&self.query()).await?;
        let mut out = Output::new(self.json);
        loop {
            match feed.next().await? {
                Frame::Events { items, .. } => {
                    if out.show(&items)? == Shown::NobodyReads {
                        return Ok(());
                    }
                }
                Frame::Gap { from, to, reason } => bail!("records {from} to {to} cannot be read: {reason}"),
                Frame::Done => return Ok(()),
                Frame::Other => {}
            }
        }
    }

    /// Imports the files into a journal that lives as long as this does, with a daemon on it that watches nothing.
    fn files(&self, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
        let held = Held::files(&self.files)?;
        let config = self.config(held.path());
        runtime.block_on(async {
            let stop = CancellationToken::new();
            let metrics = Arc::new(Metrics::new());
            let logs = logs::init(&config.log, &config.telemetry, &metrics)?;
            shutdown::on_signal(stop.clone())?;
            let (told, at) = oneshot::channel();
            let listening = |address: SocketAddr| {
                let _ = told.send(address);
            };
            let daemon = app::run(config, Input::History, metrics, stop.clone(), listening);
            let client = async {
                let Ok(at) = at.await else { return Ok(()) };
                if self.serve {
                    term::say(format!("The history of the files is at http://{at}/\n\nStop with Ctrl-C."));
                    stop.cancelled().await;
                    return Ok(());
                }
                let address = Address { url: format!("http://{at}").parse()?, token_file: None };
                let played = tokio::select! {
                    played = self.play(&address) => played,
                    () = stop.cancelled() => Ok(()),
                };
                stop.cancel();
                played
            };
            let (ended, played) = tokio::join!(daemon, client);
            logs.flush().await;
            ended.and(played)
        })
    }

    fn config(&self, journal: &Path) -> Config {
        let mut config = Config::default();
        config.http.listen = if self.serve { self.listen } else { SocketAddr::from(([127, 0, 0, 1], 0)) };
        "warn".clone_into(&mut config.log.filter);
        journal.clone_into(&mut config.journal.path);
        (config.journal.retain_age, config.journal.retain_bytes) = (FOR_EVER, ROOM);
        config
    }
}
