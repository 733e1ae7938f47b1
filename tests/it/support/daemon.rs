//! The daemon as a process, so that it can be killed.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{free_port, until};

/// Killed when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    pub(crate) http: String,
}

impl Daemon {
    /// `fleetscope run` with variables on top of the given ones.
    pub(crate) fn start(journal: &Path, variables: &[(&str, impl AsRef<OsStr>)]) -> Self {
        Self::saying(Stdio::inherit(), journal, variables)
    }

    /// The same, its log going elsewhere.
    pub(crate) fn saying(log: Stdio, journal: &Path, variables: &[(&str, impl AsRef<OsStr>)]) -> Self {
        // The HTTP client of these tests needs one, as every user of rustls does; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = format!("127.0.0.1:{}", free_port());
        let child = Command::new(env!("CARGO_BIN_EXE_fleetscope"))
            .arg("run")
            .env("FLEETSCOPE_JOURNAL__PATH", journal)
            .env("FLEETSCOPE_HTTP__LISTEN", &http)
            .env("FLEETSCOPE_HTTP__MAX_REQUESTS_PER_SECOND", "0")
            .env("FLEETSCOPE_LOG__FILTER", std::env::var("FLEETSCOPE_TEST_LOG").unwrap_or_else(|_| "error".to_owned()))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the daemon starts");
        Self { child, http }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("alive");
        self.child.wait().expect("ended");
    }

    /// Sends it a signal: `-STOP`, `-CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        Command::new("kill").args([signal, &pid]).status().expect("kill is there");
    }

    /// Resident memory in MiB.
    pub(crate) fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        resident.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
    }

    /// SIGTERM, then the exit status.
    pub(crate) async fn stop(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill is there");
        for _ in 0..1500 {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the daemon does not end within 30 s of SIGTERM");
    }

    /// Waits until `/ready` answers 200.
    pub(crate) async fn ready(&self) {
        until("the daemon is ready", Duration::from_secs(20), || async { self.get("/ready").await.is_some() }).await;
    }

    /// Status and body of a page, if there is an answer.
    pub(crate) async fn answer(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("http://{}{path}", self.http)).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// A page, if it is there and answers 200.
    pub(crate) async fn get(&self, path: &str) -> Option<String> {
        self.answer(path).await.filter(|(status, _)| *status == 200).map(|(_, body)| body)
    }

    /// The same as JSON.
    pub(crate) async fn json(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&self.get(path).await?).ok()
    }

    /// Sum of the samples whose line begins with `name`.
    pub(crate) async fn sample(&self, name: &str) -> Option<f64> {
        Some(sum(&self.get("/metrics").await?, name))
    }
}

/// Sum of the samples of a page whose line begins with `name`.
pub(crate) fn sum(page: &str, name: &str) -> f64 {
    let lines = page.lines().filter(|l| l.starts_with(name));
    lines.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
