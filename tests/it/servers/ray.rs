//! A real Ray: one head on this machine, with a token, in a session of its own. One for the whole binary.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use http::{StatusCode, Uri};
use parking_lot::Mutex as Plain;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::support::{free_port, until};

/// Wanted by the dashboard, and written into the address that Ray pushes to.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// A start takes 4 s on an idle machine.
const START: Duration = Duration::from_mins(2);
/// Of each of its logs, shown where a test fails.
const LINES: usize = 15;

/// Ends with the last test that holds it.
#[derive(Debug)]
pub(crate) struct RayServer {
    dir: TempDir,
    child: Child,
    /// When it is closed, by us or by our end, all of the session is killed.
    stdin: Option<ChildStdin>,
    dashboard: u16,
    /// Where what Ray pushes is handed on to.
    target: Arc<Plain<Option<String>>>,
    relay: tokio::task::JoinHandle<()>,
}

static SHARED: Mutex<Weak<RayServer>> = Mutex::const_new(Weak::new());

/// The `ray` command: `FLEETSCOPE_RAY`, else the one `make tools` installs. None at all is a failure where `CI` is set;
/// elsewhere the test says so and is passed by.
fn binary() -> Option<PathBuf> {
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/ray/bin/ray");
    let path = std::env::var_os("FLEETSCOPE_RAY").map_or_else(ours, PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "no ray in {}: run `make tools`", path.display());
    let _ = writeln!(std::io::stderr(), "no ray in {}: not tested", path.display());
    None
}

impl RayServer {
    /// The one of this binary, started by whoever asks first.
    pub(crate) async fn shared() -> Option<Arc<Self>> {
        let binary = binary()?;
        let mut shared = SHARED.lock().await;
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let started = Arc::new(Self::start(&binary).await);
        *shared = Arc::downgrade(&started);
        Some(started)
    }

    async fn start(binary: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let [port, dashboard, client, metrics, agent] = std::array::from_fn(|_| free_port());
        let (target, relay_port, relay) = relay().await;
        let venv = binary.parent().expect("it is in a folder");
        let path = format!("{}:{}", venv.display(), std::env::var("PATH").unwrap_or_default());
        let log = std::fs::File::create(dir.path().join("ray.log")).expect("a file");
        // Everything Ray starts stays in the session whose leader waits for our end of the pipe to close.
        let mut child = Command::new("setsid")
            .args(["bash", "-c", r#""$@" & read -r _; pkill -KILL -s $$"#, "ray"])
            .arg(binary)
            .args(["start", "--head", "--block", "--disable-usage-stats", "--num-cpus=4"])
            .args(["--node-ip-address=127.0.0.2", "--dashboard-host=127.0.0.1", "--include-dashboard=true"])
            .args(["--min-worker-port=0", "--max-worker-port=0", "--object-store-memory=200000000"])
            .arg(format!("--port={port}"))
            .arg(format!("--dashboard-port={dashboard}"))
            .arg(format!("--ray-client-server-port={client}"))
            .arg(format!("--metrics-export-port={metrics}"))
            .arg(format!("--dashboard-agent-listen-port={agent}"))
            .arg(format!("--temp-dir={}", dir.path().join("t").display()))
            .env("PATH", path)
            .env("RAY_AUTH_MODE", "token")
            .env("RAY_AUTH_TOKEN", TOKEN)
            // Or it kills jobs where the other tests' servers take the memory.
            .env("RAY_memory_monitor_refresh_ms", "0")
            .env("RAY_enable_core_worker_ray_event_to_aggregator", "1")
            .env("RAY_enable_ray_event", "1")
            .env("RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES", "ALL")
            .env(
                "RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR",
                format!("http://127.0.0.1:{relay_port}/ingest/ray?token={TOKEN}"),
            )
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("setsid is there");
        let stdin = child.stdin.take();
        let server = Self { dir, child, stdin, dashboard, target, relay };
        until("Ray lists its jobs and its node", START, || async {
            let nodes = server.get("/api/v0/nodes").await;
            server.get("/api/jobs/").await.is_some() && nodes.is_some_and(|n| n["data"]["result"]["total"] == 1)
        })
        .await;
        server
    }

    /// Address of its dashboard.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.dashboard)
    }

    /// Hands what Ray pushes on to this address, its path and token unchanged.
    pub(crate) fn push_to(&self, address: Option<String>) {
        *self.target.lock() = address;
    }

    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        let request = reqwest::Client::new().get(format!("{}{path}", self.url())).bearer_auth(TOKEN);
        let answer = request.send().await.ok().filter(|a| a.status().is_success())?;
        serde_json::from_str(&answer.text().await.ok()?).ok()
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, String) {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url())).bearer_auth(TOKEN);
        let answer = request.body(body.to_string()).send().await.expect("Ray answers");
        (answer.status(), answer.text().await.expect("a text"))
    }

    /// Submits `program` (Python) as a job.
    pub(crate) async fn submit(&self, id: &str, program: &str, metadata: Value, runtime_env: Value) {
        let file = self.dir.path().join(format!("{id}.py"));
        std::fs::write(&file, program).expect("written");
        let body = json!({
            "entrypoint": format!("python {}", file.display()), "submission_id": id, "metadata": metadata,
            "runtime_env": runtime_env, "entrypoint_num_cpus": 0,
        });
        let (status, text) = self.post("/api/jobs/", &body).await;
        assert!(status.is_success(), "{status} {text}");
    }

    pub(crate) async fn stop(&self, id: &str) {
        let (status, text) = self.post(&format!("/api/jobs/{id}/stop"), &json!({})).await;
        assert!(status.is_success(), "{status} {text}");
    }

    /// How its logs end, for whoever looks why a test failed.
    fn tell(&self) {
        let logs = std::fs::read_dir(self.dir.path().join("t/session_latest/logs"));
        let told = logs.into_iter().flatten().flatten().filter(|log| {
            let name = log.file_name();
            let name = name.to_string_lossy();
            ["dashboard.", "dashboard_agent.", "job-driver-", "raylet."].iter().any(|begin| name.starts_with(begin))
        });
        for log in told {
            let text = String::from_utf8_lossy(&std::fs::read(log.path()).unwrap_or_default()).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            let end = lines[lines.len().saturating_sub(LINES)..].join("\n");
            let _ = writeln!(std::io::stderr(), "--- {}\n{end}", log.path().display());
        }
    }
}

impl Drop for RayServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
        self.relay.abort();
        drop(self.stdin.take());
        let _ = self.child.wait();
        let _ = &self.dir;
    }
}

/// Hands bodies on to whoever is the target now: Ray is told one address for all its life.
async fn relay() -> (Arc<Plain<Option<String>>>, u16, tokio::task::JoinHandle<()>) {
    type Target = Arc<Plain<Option<String>>>;
    async fn hand_on(State(target): State<Target>, uri: Uri, body: Bytes) -> StatusCode {
        let Some(base) = target.lock().clone() else { return StatusCode::OK };
        let sent = reqwest::Client::new().post(format!("{base}{uri}")).body(body).send().await;
        sent.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status())
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let target = Target::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let router = Router::new()
        .fallback(hand_on)
        .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
        .with_state(Arc::clone(&target));
    let task = tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    (target, port, task)
}
