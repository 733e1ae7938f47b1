//! A TCP proxy that can fall silent without closing: a half-open connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::sync::watch;

/// Forwards to one address.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    /// Connections accepted before this number forward nothing any more.
    silent_below: Arc<watch::Sender<u64>>,
    accepted: watch::Receiver<u64>,
    refuses: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let silent_below = Arc::new(watch::Sender::new(0));
        let (count, accepted) = watch::channel(0);
        let silent = Arc::clone(&silent_below);
        let refuses = Arc::new(AtomicBool::new(false));
        let turned_away = Arc::clone(&refuses);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = *count.borrow();
                count.send_replace(number + 1);
                if turned_away.load(Ordering::Acquire) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(forward(from_client, to_server, silent.subscribe(), number));
                tokio::spawn(forward(from_server, to_client, silent.subscribe(), number));
            }
        });
        Self { address, silent_below, accepted, refuses }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Whether new connections are closed at once.
    pub(crate) fn refuse(&self, whether: bool) {
        self.refuses.store(whether, Ordering::Release);
    }

    /// All present connections stay open and carry nothing any more; later ones work.
    pub(crate) fn silence(&self) {
        self.silent_below.send_replace(*self.accepted.borrow());
    }
}

async fn forward(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    mut silent: watch::Receiver<u64>,
    number: u64,
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = tokio::select! {
            gone = async { silent.wait_for(|below| *below > number).await.map(|_| ()) } => gone.err().map(|_| Ok(0)),
            read = from.read(&mut buffer) => Some(read),
        };
        match read {
            // Both ends stay open for as long as the test runs.
            None => return std::future::pending().await,
            Some(Ok(count)) if count > 0 && to.write_all(&buffer[..count]).await.is_ok() => {}
            _ => return,
        }
    }
}
