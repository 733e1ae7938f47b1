//! nats-server, old and new.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::free_port;

/// The binaries to test against: `FLEETSCOPE_NATS_SERVERS` (separated by colons), else those in the usual places.
/// None at all is a failure where `CI` is set; elsewhere the test says so and is passed by.
pub(crate) fn binaries() -> Vec<PathBuf> {
    let named: Vec<PathBuf> = match std::env::var("FLEETSCOPE_NATS_SERVERS") {
        Ok(list) => list.split(':').filter(|p| !p.is_empty()).map(PathBuf::from).collect(),
        Err(_) => vec![
            Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/venv/bin/nats-server"),
            PathBuf::from("/usr/sbin/nats-server"),
        ],
    };
    let found: Vec<PathBuf> = named.iter().filter(|path| path.is_file()).cloned().collect();
    if std::env::var_os("CI").is_some() {
        assert_eq!(found, named, "every nats-server named must be there: run `make tools`");
        assert!(!found.is_empty(), "no nats-server: run `make tools`");
    } else if found.is_empty() {
        let _ = writeln!(std::io::stderr(), "no nats-server in {named:?}: not tested");
    }
    found
}

/// A running server with `JetStream` in a directory of its own.
#[derive(Debug)]
pub(crate) struct NatsServer {
    binary: PathBuf,
    dir: TempDir,
    port: u16,
    child: Child,
}

impl NatsServer {
    /// Starts one; `extra` is added to its configuration.
    pub(crate) fn start(binary: &Path, extra: &str) -> Self {
        let (dir, port) = (tempfile::tempdir().expect("a directory"), free_port());
        let text = config(dir.path(), port, extra);
        Self::start_with(binary, dir, port, &text)
    }

    /// Starts one without `JetStream`.
    pub(crate) fn start_plain(binary: &Path) -> Self {
        let port = free_port();
        Self::start_with(binary, tempfile::tempdir().expect("a directory"), port, &format!("listen: 127.0.0.1:{port}"))
    }

    fn start_with(binary: &Path, dir: TempDir, port: u16, text: &str) -> Self {
        std::fs::write(dir.path().join("nats.conf"), text).expect("a configuration");
        let child = spawn(binary, dir.path());
        let server = Self { binary: binary.to_owned(), dir, port, child };
        server.wait();
        server
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// Forgets all messages and streams; only while killed.
    pub(crate) fn wipe(&self) {
        std::fs::remove_dir_all(self.dir.path().join("js")).expect("the store is there");
    }

    /// Keeps a copy of the store; only while killed.
    pub(crate) fn save(&self) {
        copy(&self.dir.path().join("js"), &self.dir.path().join("saved"));
    }

    /// Puts the copy back; only while killed.
    pub(crate) fn restore(&self) {
        self.wipe();
        copy(&self.dir.path().join("saved"), &self.dir.path().join("js"));
    }

    /// How often the server read its configuration again.
    pub(crate) fn reloads(&self) -> usize {
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        log.matches("Reloaded server configuration").count()
    }

    /// Starts again on the same port and directory.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.binary, self.dir.path());
        self.wait();
    }

    /// Changes what was added to the configuration and has the server read it.
    pub(crate) fn reconfigure(&self, extra: &str) {
        let text = config(self.dir.path(), self.port, extra);
        std::fs::write(self.dir.path().join("nats.conf"), text).expect("a configuration");
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-HUP", &pid]).status().expect("kill is there");
        assert!(told.success());
    }

    fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if greets(self.port) {
                return;
            }
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "nats-server does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(dir: &Path, port: u16, extra: &str) -> String {
    let store = dir.join("js");
    format!("listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{}\" }}\n{extra}\n", store.display())
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp is there");
    assert!(copied.success());
}

fn spawn(binary: &Path, dir: &Path) -> Child {
    Command::new(binary)
        .arg("-c")
        .arg(dir.join("nats.conf"))
        .arg("-l")
        .arg(dir.join("log"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nats-server starts")
}

fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).is_ok_and(|_| line.starts_with("INFO "))
}
