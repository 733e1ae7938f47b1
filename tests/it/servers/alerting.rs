//! Prometheus and Alertmanager, and what they send to: a mail server and a web hook.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::free_port;
use crate::support::tool::{Running, tool};

/// A process that listens.
#[derive(Debug)]
pub(crate) struct Process {
    _running: Running,
    pub(crate) address: String,
}

impl Process {
    fn start(binary: &Path, folder: &Path, arguments: &[String], address: String) -> Self {
        let child = Command::new(binary)
            .args(arguments)
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        Self { _running: Running(child), address }
    }

    /// Alertmanager with the configuration `alertmanager.yml` of a folder.
    pub(crate) fn alertmanager(folder: &Path) -> Option<Self> {
        let binary = tool("alertmanager/alertmanager")?;
        let address = format!("127.0.0.1:{}", free_port());
        let arguments = [
            "--config.file=alertmanager.yml".to_owned(),
            "--storage.path=alertmanager-data".to_owned(),
            "--cluster.listen-address=".to_owned(),
            format!("--web.listen-address={address}"),
        ];
        Some(Self::start(&binary, folder, &arguments, address))
    }

    /// Prometheus with the configuration `prometheus.yml` of a folder.
    pub(crate) fn prometheus(folder: &Path) -> Option<Self> {
        let binary = tool("deb/usr/bin/prometheus")?;
        let address = format!("127.0.0.1:{}", free_port());
        let arguments = [
            "--config.file=prometheus.yml".to_owned(),
            "--storage.tsdb.path=prometheus-data".to_owned(),
            format!("--web.listen-address={address}"),
        ];
        Some(Self::start(&binary, folder, &arguments, address))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// What came in, piece by piece.
pub(crate) type Received = Arc<Mutex<Vec<String>>>;

/// A web hook that takes all: its address, and the bodies it was sent.
pub(crate) async fn hook() -> (String, Received) {
    let received = Received::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let into = Arc::clone(&received);
    let take = move |body: Bytes| {
        into.lock().push(String::from_utf8_lossy(&body).into_owned());
        std::future::ready("ok")
    };
    tokio::spawn(async move {
        let _ = axum::serve(listener, Router::new().fallback(post(take))).await;
    });
    (address, received)
}

/// A mail server that takes all: its address, and the mails it was sent.
pub(crate) async fn mailbox() -> (String, Received) {
    let received = Received::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let into = Arc::clone(&received);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let into = Arc::clone(&into);
            tokio::spawn(async move {
                let _ = converse(stream, &into).await;
            });
        }
    });
    (address, received)
}

/// As much SMTP (RFC 5321) as it takes to be sent a mail.
async fn converse(mut stream: TcpStream, into: &Received) -> std::io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 here\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let command = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match command.as_str() {
            "EHLO" => writing.write_all(b"250-here\r\n250 AUTH PLAIN\r\n").await?,
            "AUTH" => writing.write_all(b"235 welcome\r\n").await?,
            "QUIT" => return writing.write_all(b"221 bye\r\n").await,
            "DATA" => {
                writing.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                into.lock().push(mail);
                writing.write_all(b"250 taken\r\n").await?;
            }
            _ => writing.write_all(b"250 ok\r\n").await?,
        }
    }
    Ok(())
}
