//! redis-server of Debian, and what a test does to it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::free_port;

/// The binary, or `None` where it was not installed and nobody insists.
pub(crate) fn binary() -> Option<PathBuf> {
    let named = std::env::var_os("FLEETSCOPE_REDIS_SERVER").map(PathBuf::from);
    let path = named.unwrap_or_else(|| tools().join("usr/bin/redis-server"));
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is not there: run `make tools`", path.display());
    let _ = writeln!(std::io::stderr(), "no redis-server: not tested");
    None
}

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/deb")
}

/// A running server, killed when dropped.
#[derive(Debug)]
pub(crate) struct Redis {
    binary: PathBuf,
    port: u16,
    options: Vec<String>,
    child: Child,
}

impl Redis {
    /// Starts one with these options: `["--maxmemory", "3mb"]`.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let binary = binary()?;
        let options: Vec<String> = options.iter().map(|&o| o.to_owned()).collect();
        let port = free_port();
        let child = spawn(&binary, port, &options);
        let server = Self { binary, port, options, child };
        server.wait();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// `kill -9`; without persistence it forgets everything.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// Starts again on the same port.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.binary, self.port, &self.options);
        self.wait();
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill is there").success());
    }

    /// Sends commands over one connection; gives the raw answers.
    pub(crate) fn commands(&self, lines: &[&str]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time");
        stream.write_all(format!("{}\r\nQUIT\r\n", lines.join("\r\n")).as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answers");
        answer
    }

    fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(binary: &Path, port: u16, options: &[String]) -> Child {
    Command::new(binary)
        .env("LD_LIBRARY_PATH", tools().join("usr/lib/x86_64-linux-gnu"))
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server starts")
}
