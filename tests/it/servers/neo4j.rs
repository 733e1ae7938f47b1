//! Neo4j Community: one for all tests of the binary, since it takes ten seconds to start.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use neo4rs::{ConfigBuilder, Graph, query};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::support::free_port;

/// Its password.
pub(crate) const PASSWORD: &str = "a-password-of-tests";

/// A running server. It ends when its input closes, so it cannot outlive the tests.
#[derive(Debug)]
pub(crate) struct Neo4j {
    port: u16,
    child: Child,
    dir: TempDir,
}

static ONE: Mutex<Option<Neo4j>> = Mutex::const_new(None);

/// The server, empty, for this test alone; `None` where it was not installed and nobody insists.
pub(crate) async fn alone() -> Option<MutexGuard<'static, Option<Neo4j>>> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/neo4j");
    if !tools.join("classes").is_dir() {
        assert!(std::env::var_os("CI").is_none(), "Neo4j is not installed: run `make tools`");
        let _ = writeln!(std::io::stderr(), "no Neo4j: not tested");
        return None;
    }
    let mut held = ONE.lock().await;
    if held.is_none() {
        let started = tokio::task::spawn_blocking(move || Neo4j::start(&tools)).await;
        *held = Some(started.expect("Neo4j starts"));
    }
    held.as_ref().expect("it runs").run(&["MATCH (n) DETACH DELETE n"]).await;
    Some(held)
}

impl Neo4j {
    fn start(tools: &Path) -> Self {
        let (dir, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let conf = format!(
            "server.bolt.enabled=true\nserver.bolt.listen_address=127.0.0.1:{port}\n\
             server.bolt.advertised_address=127.0.0.1:{port}\nserver.http.enabled=false\nserver.https.enabled=false\n\
             dbms.security.auth_enabled=true\nserver.memory.pagecache.size=32m\ndbms.usage_report.enabled=false\n\
             db.tx_log.rotation.size=1m\ndb.tx_log.preallocate=false\n"
        );
        std::fs::write(dir.path().join("neo4j.conf"), conf).expect("written");
        let mut child = spawn(tools, dir.path());
        let output = child.stdout.take().expect("a pipe");
        let ready = BufReader::new(output).lines().map_while(Result::ok).any(|line| line == "READY");
        assert!(ready, "Neo4j ends before it is ready");
        Self { port, child, dir }
    }

    pub(crate) fn uri(&self) -> String {
        format!("bolt://127.0.0.1:{}", self.port)
    }

    /// A file with this password.
    pub(crate) fn password_file(&self, name: &str, password: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, password).expect("written");
        path
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill is there").success());
    }

    /// Runs writing queries.
    pub(crate) async fn run(&self, queries: &[&str]) {
        let config = ConfigBuilder::default().uri(self.uri()).user("neo4j").password(PASSWORD).build();
        let graph = Graph::connect(config.expect("a configuration")).expect("a client");
        for text in queries {
            graph.run(query(text)).await.expect("the query runs");
        }
    }
}

impl Drop for Neo4j {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(tools: &Path, dir: &Path) -> Child {
    let jars = std::fs::read_to_string(tools.join("cp.txt")).expect("the class path");
    let opens = ["java.nio", "java.io", "sun.nio.ch"].map(|p| format!("--add-opens=java.base/{p}=ALL-UNNAMED"));
    Command::new("java")
        .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(opens)
        .args(["-cp", &format!("{}:{}", tools.join("classes").display(), jars.trim()), "Neo4jMain"])
        .arg(dir.join("home"))
        .arg(dir.join("neo4j.conf"))
        .env("NEO4J_PASSWORD", PASSWORD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("java is there")
}
