//! TLS: who trusts the certificate gets in, who speaks plain HTTP is told, and files that cannot serve end the start.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::world::{BOUND, Socket, World};

/// A certificate for localhost and its key, in files.
struct Files {
    dir: TempDir,
    der: CertificateDer<'static>,
    pem: String,
}

impl Files {
    fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("a certificate");
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("cert.pem"), cert.pem()).expect("written");
        std::fs::write(dir.path().join("key.pem"), signing_key.serialize_pem()).expect("written");
        Self { dir, der: cert.der().clone(), pem: cert.pem() }
    }

    fn cert(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    fn world(&self) -> World {
        World::with(|config| {
            config.http.tls_cert_file = Some(self.cert());
            config.http.tls_key_file = Some(self.key());
        })
    }

    /// A client that trusts this certificate and no other.
    fn client(&self) -> reqwest::Client {
        let trusted = reqwest::Certificate::from_pem(self.pem.as_bytes()).expect("PEM");
        reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().expect("a client")
    }
}

fn https(world: &World, path: &str) -> String {
    format!("https://localhost:{}{path}", world.address.port())
}

#[tokio::test]
async fn who_trusts_the_certificate_gets_in() {
    let files = Files::new();
    let world = files.world();
    let answer = files.client().get(https(&world, "/api/events")).send().await.expect("trusted");
    assert_eq!(answer.status(), 200);
    let stranger = Files::new().client().get(https(&world, "/live")).send().await;
    assert!(stranger.is_err_and(|e| e.is_connect()), "another authority's certificate is not this one's");
}

#[tokio::test]
async fn the_live_feed_comes_over_tls() {
    let files = Files::new();
    let world = files.world();
    let mut roots = RootCertStore::empty();
    roots.add(files.der.clone()).expect("an authority");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(world.address).await.expect("connected");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake");
    let url = format!("wss://localhost:{}/ws", world.address.port());
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("an upgrade");
    let mut socket = Socket(socket);
    socket.say(json!({"type": "subscribe", "since": 0})).await;
    let seq = world.entry("US-1");
    assert_eq!(socket.until(seq).await.0, [seq]);
}

#[tokio::test]
async fn plain_http_is_told_that_this_is_tls() {
    let files = Files::new();
    let world = files.world();
    let mut stream = TcpStream::connect(world.address).await.expect("connected");
    stream.write_all(b"GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    tokio::time::timeout(BOUND, stream.read_to_end(&mut answer)).await.expect("in time").expect("an orderly end");
    let answer = String::from_utf8(answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer:?}");
    let (status, body) = world.get("/live").await;
    assert_eq!(status, 400, "{body}");
    // Those who speak TLS are served as before.
    assert_eq!(files.client().get(https(&world, "/live")).send().await.expect("trusted").status(), 200);
}

/// What the daemon says and does with these files.
fn run(cert: &PathBuf, key: &PathBuf) -> Output {
    let journal = tempfile::tempdir().expect("a folder");
    Command::new(env!("CARGO_BIN_EXE_fleetscope"))
        .arg("run")
        .env("FLEETSCOPE_JOURNAL__PATH", journal.path())
        .env("FLEETSCOPE_HTTP__LISTEN", "127.0.0.1:0")
        .env("FLEETSCOPE_HTTP__TLS_CERT_FILE", cert)
        .env("FLEETSCOPE_HTTP__TLS_KEY_FILE", key)
        .output()
        .expect("the daemon runs")
}

#[test]
fn files_that_cannot_serve_end_the_start_and_are_named() {
    let (files, others) = (Files::new(), Files::new());
    let (missing, garbage) = (files.dir.path().join("missing.pem"), files.dir.path().join("garbage.pem"));
    std::fs::write(&garbage, "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n").expect("written");
    for (cert, key, named, file) in [
        (files.cert(), missing.clone(), "http.tls_key_file", &missing),
        (files.cert(), garbage.clone(), "http.tls_key_file", &garbage),
        (files.cert(), files.cert(), "http.tls_key_file", &files.cert()),
        (files.cert(), others.key(), "http.tls_key_file", &others.key()),
        (missing.clone(), files.key(), "http.tls_cert_file", &missing),
        (files.key(), files.key(), "http.tls_cert_file", &files.key()),
    ] {
        let output = run(&cert, &key);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let file = file.display().to_string();
        assert!(said.contains(named) && said.contains(&file), "`{named}` and {file} are not named: {said}");
    }
}
