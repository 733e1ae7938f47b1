//! `simulate`: the traffic of a whole fleet, into a real NATS.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args as ClapArgs;
use tokio_util::sync::CancellationToken;

use super::term;
use crate::config::{Nats, Setting};
use crate::model::Timestamp;
use crate::shutdown;
use crate::sources::simulator::{self, Clock, Era, Options, Progress, Summary};

/// Publish the traffic of a whole fleet into a real NATS.
///
/// The only command that publishes. It refuses a server that looks like a real fleet's, unless told to go ahead.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  fleetscope simulate --nats nats://127.0.0.1:4222 --create-streams\n  \
    fleetscope simulate --nats nats://127.0.0.1:4222 --speed 0 --messages 500000 --no-consumers\n  \
    fleetscope simulate --nats nats://127.0.0.1:4222 --eras A,B,C,D --nak-loops 0.3 --failures 0.2")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Args {
    /// Servers to publish to.
    #[arg(long, value_name = "URL")]
    nats: String,
    /// Credentials file (.creds).
    #[arg(long, value_name = "FILE")]
    creds: Option<PathBuf>,
    /// Make the fleet's streams where they are missing.
    #[arg(long)]
    create_streams: bool,
    /// Only publish; run no consumers.
    #[arg(long)]
    no_consumers: bool,
    /// Publish although the streams hold messages of others.
    #[arg(long)]
    force: bool,
    /// Simulated seconds per second; 0 = as fast as the server takes it.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Seed: the same seed makes the same fleet.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// New stories per simulated minute.
    #[arg(long, default_value_t = 2.0)]
    stories_per_minute: f64,
    /// Eras of the wire format to speak: A, B, C, D.
    #[arg(long, value_delimiter = ',', default_value = "D")]
    eras: Vec<Era>,
    /// Speak also for the fleet's successors.
    #[arg(long)]
    successors: bool,
    /// Agents per council.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    agents: u32,
    /// Share of mismatching messages that consumers refuse over and over, 0 to 1.
    #[arg(long, value_parser = share)]
    nak_loops: Option<f64>,
    /// Share of agents that never answer, 0 to 1.
    #[arg(long, value_parser = share)]
    silent_agents: Option<f64>,
    /// Share of agents whose run fails, 0 to 1.
    #[arg(long, value_parser = share)]
    failures: Option<f64>,
    /// End after so many messages.
    #[arg(long)]
    messages: Option<u64>,
    /// End after so long ("30s", "10m").
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
}

/// How fast clocks seem to go where nothing is waited for: what is claimed lies close after the begin.
const AT_ONCE: f64 = 1e6;

fn duration(text: &str) -> Result<Duration, String> {
    Duration::read_text(text)
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a share from 0 to 1, such as 0.2 for one in five".to_owned())
}

/// How far the run is, in one line.
fn line(p: &Progress) -> String {
    format!(
        "{:.0} s: published {} ({:.0}/s), stored {}, stories {}, acked {}, refused {} ({} for good), errors {}",
        p.elapsed.as_secs_f64(),
        p.published,
        p.published as f64 / p.elapsed.as_secs_f64().max(1e-3),
        p.stored,
        p.stories,
        p.answers.acked,
        p.answers.nacked + p.answers.terminated,
        p.answers.terminated,
        p.errors,
    )
}

fn tell(summary: &Summary) {
    term::say(line(&summary.totals()));
    for (subject, count) in &summary.published {
        term::say(format!("  {count:>8}  {subject}"));
    }
    for (reason, count) in &summary.errors {
        term::say(format!("  {count:>8}  errors: {reason}"));
    }
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::ensure!(
            self.speed.is_finite() && self.speed >= 0.0,
            "--speed: write 0 (as fast as the server takes it) or a positive number"
        );
        anyhow::ensure!(
            self.stories_per_minute.is_finite() && self.stories_per_minute > 0.0,
            "--stories-per-minute: write a positive number"
        );
        let options = self.options();
        let summary = super::runtime()?.block_on(async {
            shutdown::on_signal(options.stop.clone())?;
            let mut shown = term::Progress::default();
            let ended = simulator::run_on_nats(options, |progress| shown.tell(&line(progress))).await;
            shown.done();
            Ok::<_, anyhow::Error>(ended?)
        })?;
        tell(&summary);
        Ok(ExitCode::SUCCESS)
    }

    fn options(self) -> Options {
        let mut settings = simulator::Settings {
            seed: self.seed,
            start: Timestamp::now(),
            clock: Clock { speed: if self.speed > 0.0 { self.speed } else { AT_ONCE }, ..Clock::REAL },
            stories_per_minute: self.stories_per_minute,
            eras: self.eras,
            agents_per_council: self.agents,
            successors: self.successors,
            ..simulator::Settings::default()
        };
        let faults = &mut settings.faults;
        for (target, given) in [
            (&mut faults.nak_loop, self.nak_loops),
            (&mut faults.silent_agent, self.silent_agents),
            (&mut faults.agent_failure, self.failures),
        ] {
            if let Some(share) = given {
                *target = share;
            }
        }
        Options {
            nats: Nats { url: Some(self.nats), creds_file: self.creds, ..Nats::default() },
            settings,
            speed: self.speed,
            max_messages: self.messages,
            duration: self.duration,
            create_streams: self.create_streams,
            with_consumers: !self.no_consumers,
            check_empty: !self.force,
            stop: CancellationToken::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_refused_beyond_its_range() {
        for text in ["3", "-0.1", "NaN", "many"] {
            assert!(share(text).is_err_and(|e| e.contains("0 to 1")), "{text}");
        }
        assert_eq!((share("0"), share("0.3"), share("1")), (Ok(0.0), Ok(0.3), Ok(1.0)));
    }
}
