//! A real nats-server on a free port, in a folder of its own.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    _store: tempfile::TempDir,
}

impl Server {
    /// Starts the first server `make tools` installed.
    pub(crate) async fn start() -> Result<Self> {
        let servers = std::env::var("FLEETSCOPE_NATS_SERVERS").unwrap_or_default();
        let fallback = concat!(env!("CARGO_MANIFEST_DIR"), "/.tools/venv/bin/nats-server");
        let binary = servers.split(':').map(PathBuf::from).find(|p| p.exists()).unwrap_or_else(|| fallback.into());
        let port = free_port()?;
        let store = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let child = Command::new(&binary)
            .args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"])
            .arg(store.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{}: `make tools` brings it", binary.display()))?;
        let server = Self { child, url: format!("nats://127.0.0.1:{port}"), _store: store };
        for _ in 0..100 {
            if async_nats::connect(&server.url).await.is_ok() {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::bail!("nats-server does not answer on {}", server.url)
    }

    /// CPU seconds the server has used.
    pub(crate) fn cpu(&self) -> f64 {
        super::daemon::cpu_of(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port nobody has at the moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
