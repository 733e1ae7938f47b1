//! A real API server with etcd and without nodes: nothing runs, statuses are what a test writes.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::{Mutex, MutexGuard};

use crate::support::free_port;

/// Tokens and whom they stand for: everything, nothing, and the account of deploy/k8s/rbac.yaml.
const TOKENS: &str = "admin-token,admin,1,system:masters\nreader-token,reader,2\n\
    account-token,system:serviceaccount:swe-ai-fleet:fleetscope,3\n";
pub(crate) const ADMIN: &str = "admin-token";
pub(crate) const READER: &str = "reader-token";
pub(crate) const ACCOUNT: &str = "account-token";

/// Longest a server may take to start.
const START: Duration = Duration::from_secs(90);

/// One server for all tests, one test at a time: it takes half a gigabyte, and some tests stop it.
static SERVER: Mutex<Option<KubeServer>> = Mutex::const_new(None);

/// The binary: `FLEETSCOPE_KUBE`, else where `make tools` puts it. None is a failure where `CI` is set; elsewhere the
/// test says so and is passed by.
fn binary() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/kube");
    let path = std::env::var_os("FLEETSCOPE_KUBE").map_or(tools, PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "no API server at {}: run `make tools`", path.display());
    let _ = writeln!(std::io::stderr(), "no API server at {}: not tested", path.display());
    None
}

/// A guard on the running server.
pub(crate) struct Held(MutexGuard<'static, Option<KubeServer>>);

impl std::ops::Deref for Held {
    type Target = KubeServer;

    fn deref(&self) -> &KubeServer {
        self.0.as_ref().expect("started")
    }
}

impl std::ops::DerefMut for Held {
    fn deref_mut(&mut self) -> &mut KubeServer {
        self.0.as_mut().expect("started")
    }
}

/// The server, started if need be; `None` where there is no binary.
pub(crate) async fn server() -> Option<Held> {
    let binary = binary()?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut held = SERVER.lock().await;
    match held.as_mut() {
        // A test that failed may have left it dead.
        Some(server) => server.ensure(),
        None => *held = Some(KubeServer::start(binary)),
    }
    Some(Held(held))
}

/// Both processes end when their standard input closes, which it does when this one ends.
#[derive(Debug)]
pub(crate) struct KubeServer {
    binary: PathBuf,
    dir: PathBuf,
    etcd_port: u16,
    port: u16,
    etcd: Child,
    api: Option<Child>,
}

impl KubeServer {
    fn start(binary: PathBuf) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubernetes");
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a folder");
        std::fs::write(dir.join("tokens.csv"), TOKENS).expect("written");
        let key = rcgen::KeyPair::generate().expect("a key");
        std::fs::write(dir.join("sa.key"), key.serialize_pem()).expect("written");
        std::fs::write(dir.join("sa.pub"), key.public_key_pem()).expect("written");
        let (etcd_port, peer, port) = (free_port(), free_port(), free_port());
        let (client, peer) = (format!("http://127.0.0.1:{etcd_port}"), format!("http://127.0.0.1:{peer}"));
        let data = dir.join("etcd").display().to_string();
        let cluster = format!("default={peer}");
        let arguments = [
            ["--data-dir", &data],
            ["--listen-client-urls", &client],
            ["--advertise-client-urls", &client],
            ["--listen-peer-urls", &peer],
            ["--initial-advertise-peer-urls", &peer],
            ["--initial-cluster", &cluster],
        ];
        let etcd = spawn(&binary, &dir, "etcd", &[arguments.as_flattened(), &["--unsafe-no-fsync"]].concat());
        let mut server = Self { binary, dir, etcd_port, port, etcd, api: None };
        server.restart();
        server
    }

    /// Starts the API server again on the same data.
    pub(crate) fn restart(&mut self) {
        let (etcd, port) = (format!("http://127.0.0.1:{}", self.etcd_port), self.port.to_string());
        let path = |name: &str| self.dir.join(name).display().to_string();
        let (certs, tokens, key, public) = (path("certs"), path("tokens.csv"), path("sa.key"), path("sa.pub"));
        let arguments = [
            ["--etcd-servers", &etcd],
            ["--bind-address", "127.0.0.1"],
            ["--advertise-address", "127.0.0.1"],
            ["--secure-port", &port],
            ["--cert-dir", &certs],
            ["--service-cluster-ip-range", "10.0.0.0/24"],
            ["--endpoint-reconciler-type", "none"],
            ["--token-auth-file", &tokens],
            ["--authorization-mode", "RBAC"],
            ["--disable-admission-plugins", "ServiceAccount"],
            ["--service-account-issuer", "https://kube.test"],
            ["--service-account-key-file", &public],
            ["--service-account-signing-key-file", &key],
            ["--shutdown-delay-duration", "0s"],
        ];
        self.api = Some(spawn(&self.binary, &self.dir, "apiserver", arguments.as_flattened()));
        self.wait();
    }

    fn wait(&mut self) {
        let end = Instant::now() + START;
        while !self.is_ready() {
            let path = self.dir.join("apiserver.log");
            let log = || std::fs::read_to_string(&path).unwrap_or_default();
            let last = || log().lines().rev().take(20).collect::<Vec<_>>().join("\n");
            let ended = self.api.as_mut().and_then(|api| api.try_wait().ok().flatten());
            assert!(ended.is_none(), "the API server ended: {}", last());
            assert!(Instant::now() < end, "the API server is not ready: {}", last());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn is_ready(&self) -> bool {
        let url = format!("https://127.0.0.1:{}/readyz", self.port);
        let arguments = ["-fsk", "--max-time", "2", "-H", "Authorization: Bearer admin-token", &url];
        let asked = Command::new("curl").args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    }

    fn ensure(&mut self) {
        self.signal("-CONT");
        if !self.is_ready() {
            self.kill();
            self.restart();
        }
    }

    /// `kill -9` of the API server: asked to end it would wait for its watches.
    pub(crate) fn kill(&mut self) {
        if let Some(mut api) = self.api.take() {
            let _ = api.kill();
            let _ = api.wait();
        }
    }

    /// Sends the API server a signal: `-STOP`, `-CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        if let Some(api) = &self.api {
            Command::new("kill").args([signal, &api.id().to_string()]).status().expect("kill is there");
        }
    }

    /// Writes a kubeconfig for a token.
    pub(crate) fn kubeconfig(&self, path: &Path, token: &str) {
        let (port, ca) = (self.port, self.dir.join("certs/apiserver.crt").display().to_string());
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters: [{{name: test, cluster: {{server: 'https://127.0.0.1:{port}', certificate-authority: '{ca}'}}}}]\n\
             users: [{{name: test, user: {{token: {token}}}}}]\n\
             contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\n"
        );
        std::fs::write(path, text).expect("written");
    }

    /// A client that may do everything.
    pub(crate) async fn client(&self) -> Client {
        let path = self.dir.join("admin.yaml");
        self.kubeconfig(&path, ADMIN);
        let read = Kubeconfig::read_from(&path).expect("it was just written");
        let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("complete")).expect("a client")
    }

    /// Applies the documents of a YAML file, each at the path its `kind` and names say.
    pub(crate) async fn apply(&self, yaml: &str) {
        let client = self.client().await;
        for document in yaml.split("\n---\n").filter(|d| d.lines().any(|l| l.starts_with("kind:"))) {
            let value = |key: &str| {
                let line = document.lines().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix(": "));
                line.unwrap_or_default().trim().to_owned()
            };
            let (kind, name, namespace) = (value("kind"), value("name"), value("namespace"));
            let (group, plural) = match kind.as_str() {
                "Namespace" => ("api/v1", "namespaces".to_owned()),
                "ServiceAccount" => ("api/v1", "serviceaccounts".to_owned()),
                "Role" | "RoleBinding" => ("apis/rbac.authorization.k8s.io/v1", format!("{}s", kind.to_lowercase())),
                "CustomResourceDefinition" => ("apis/apiextensions.k8s.io/v1", "customresourcedefinitions".to_owned()),
                other => panic!("the tests do not know where a {other} goes"),
            };
            let within = if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
            let uri = format!("/{group}{within}/{plural}/{name}?fieldManager=tests&force=true");
            let request = http::Request::patch(uri).header(http::header::CONTENT_TYPE, "application/apply-patch+yaml");
            let request = request.body(document.as_bytes().to_vec()).expect("a request");
            client.request_text(request).await.unwrap_or_else(|e| panic!("{kind} {name}: {e}"));
        }
    }
}

fn spawn(binary: &Path, dir: &Path, what: &str, arguments: &[&str]) -> Child {
    let log = File::options().create(true).append(true).open(dir.join(format!("{what}.log"))).expect("a log");
    let copy = log.try_clone().expect("a log");
    let mut command = Command::new(binary);
    command.arg(what).args(arguments).current_dir(dir).env("EXIT_ON_STDIN_EOF", "1");
    command.stdin(Stdio::piped()).stdout(log).stderr(copy).spawn().expect("it starts")
}

impl Drop for KubeServer {
    fn drop(&mut self) {
        self.kill();
        let _ = self.etcd.kill();
        let _ = self.etcd.wait();
    }
}
