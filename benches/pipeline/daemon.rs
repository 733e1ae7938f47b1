//! The daemon as a process of its own, as it runs in production.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Result;

/// Killed when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    pub(crate) http: String,
    nats: String,
    otlp: Option<String>,
    variables: Vec<(&'static str, String)>,
    journal: tempfile::TempDir,
}

impl Daemon {
    /// Starts `fleetscope run` on a fresh journal.
    pub(crate) fn start(nats: &str, otlp: Option<&str>) -> Result<Self> {
        Self::with(nats, otlp, &[])
    }

    /// The same with variables of its own.
    pub(crate) fn with(nats: &str, otlp: Option<&str>, variables: &[(&'static str, String)]) -> Result<Self> {
        let journal = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let http = format!("127.0.0.1:{}", super::server::free_port()?);
        let otlp = otlp.map(str::to_owned);
        let child = spawn(nats, otlp.as_deref(), variables, journal.path(), &http)?;
        Ok(Self { child, http, nats: nats.to_owned(), otlp, variables: variables.to_vec(), journal })
    }

    /// SIGKILL. Gives back once the process is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again after [`Daemon::kill`]: same journal, same port.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.child = spawn(&self.nats, self.otlp.as_deref(), &self.variables, self.journal.path(), &self.http)?;
        Ok(())
    }

    /// Waits until `/ready` answers 200.
    pub(crate) async fn ready(&self) -> Result<()> {
        for _ in 0..600 {
            if self.get("/ready").await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("the daemon is not ready after 6 s")
    }

    /// A page of the API; an error unless it is 200.
    pub(crate) async fn get(&self, path: &str) -> Result<String> {
        Ok(reqwest::get(format!("http://{}{path}", self.http)).await?.error_for_status()?.text().await?)
    }

    /// A sample of `/metrics`, by the beginning of its line.
    pub(crate) async fn sample(&self, name: &str) -> Result<f64> {
        let page = self.get("/metrics").await?;
        let lines = page.lines().filter(|l| l.starts_with(name));
        Ok(lines.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// Anonymous and resident memory in MiB.
    pub(crate) fn memory(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find(|l| l.starts_with(name)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
        };
        (field("RssAnon:"), field("VmRSS:"))
    }

    /// CPU seconds used.
    pub(crate) fn cpu(&self) -> f64 {
        cpu_of(self.child.id())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(nats: &str, otlp: Option<&str>, variables: &[(&str, String)], journal: &Path, http: &str) -> Result<Child> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetscope"));
    command
        .arg("run")
        .env("FLEETSCOPE_NATS__URL", nats)
        .env("FLEETSCOPE_JOURNAL__PATH", journal)
        .env("FLEETSCOPE_HTTP__LISTEN", http)
        .env("FLEETSCOPE_HTTP__MAX_REQUESTS_PER_SECOND", "0")
        .env("FLEETSCOPE_LOG__FILTER", "warn");
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    if let Some(otlp) = otlp {
        command.env("FLEETSCOPE_OTLP__ENDPOINT", otlp);
    }
    Ok(command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?)
}

/// User and system CPU seconds of a process.
pub(crate) fn cpu_of(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let fields: Vec<&str> = after.split(' ').collect();
    let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
