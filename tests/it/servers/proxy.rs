//! A TCP proxy that can fall silent without closing (a half-open connection), hold back what the client says, and
//! change what the server says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::sync::watch;

/// Forwards to one address.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    accepted: watch::Receiver<u64>,
    orders: Arc<Orders>,
}

/// What is done with the connections.
#[derive(Debug)]
struct Orders {
    /// Connections accepted before this number forward nothing any more.
    silent_below: watch::Sender<u64>,
    refuses: AtomicBool,
    /// What the client says is held back from where these bytes come; and whether they came.
    hold: watch::Sender<Option<(Vec<u8>, bool)>>,
    /// Bytes of the server, and as many to put in their place.
    swap: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
}

impl Proxy {
    pub(crate) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (count, accepted) = watch::channel(0);
        let orders = Arc::new(Orders {
            silent_below: watch::Sender::new(0),
            refuses: AtomicBool::new(false),
            hold: watch::Sender::new(None),
            swap: Mutex::default(),
        });
        let given = Arc::clone(&orders);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = *count.borrow();
                count.send_replace(number + 1);
                if given.refuses.load(Ordering::Acquire) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(forward(from_client, to_server, Arc::clone(&given), number, true));
                tokio::spawn(forward(from_server, to_client, Arc::clone(&given), number, false));
            }
        });
        Self { address, accepted, orders }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Whether new connections are closed at once.
    pub(crate) fn refuse(&self, whether: bool) {
        self.orders.refuses.store(whether, Ordering::Release);
    }

    /// All present connections stay open and carry nothing any more; later ones work.
    pub(crate) fn silence(&self) {
        self.orders.silent_below.send_replace(*self.accepted.borrow());
    }

    /// Holds back what the client says from the first `text` on.
    pub(crate) fn hold(&self, text: &str) {
        self.orders.hold.send_replace(Some((text.as_bytes().to_vec(), false)));
    }

    /// Waits until something is held back.
    pub(crate) async fn held(&self, bound: Duration) {
        let mut hold = self.orders.hold.subscribe();
        let came = hold.wait_for(|hold| hold.as_ref().is_some_and(|(_, came)| *came));
        tokio::time::timeout(bound, came).await.expect("it is said in time").expect("we hold the sender");
    }

    /// Lets everything through again.
    pub(crate) fn release(&self) {
        self.orders.hold.send_replace(None);
    }

    /// Wherever the server says `text` the client reads `other`, of the same length.
    pub(crate) fn swap(&self, text: &str, other: &str) {
        assert_eq!(text.len(), other.len(), "the protocol counts bytes");
        *self.orders.swap.lock() = Some((text.as_bytes().to_vec(), other.as_bytes().to_vec()));
    }
}

impl Orders {
    /// Waits while what the client says is to be held back.
    async fn pass(&self, said: &[u8]) {
        let holds = |text: &[u8]| said.windows(text.len()).any(|part| part == text);
        let held = self.hold.send_if_modified(|hold| match hold {
            Some((text, came)) if holds(text) => {
                *came = true;
                true
            }
            _ => false,
        });
        if held {
            let mut orders = self.hold.subscribe();
            let _released = orders.wait_for(Option::is_none).await;
        }
    }

    fn change(&self, said: &mut [u8]) {
        let swap = self.swap.lock();
        let Some((text, other)) = &*swap else { return };
        for at in 0..said.len().saturating_sub(text.len() - 1) {
            if said[at..].starts_with(text) {
                said[at..at + text.len()].copy_from_slice(other);
            }
        }
    }
}

async fn forward(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    orders: Arc<Orders>,
    number: u64,
    of_client: bool,
) {
    let mut buffer = vec![0; 16 << 10];
    let mut silent = orders.silent_below.subscribe();
    loop {
        let read = tokio::select! {
            gone = async { silent.wait_for(|below| *below > number).await.map(|_| ()) } => gone.err().map(|_| Ok(0)),
            read = from.read(&mut buffer) => Some(read),
        };
        // Both ends of a silent one stay open for as long as the test runs.
        let Some(read) = read else { return std::future::pending().await };
        let Ok(count @ 1..) = read else { return };
        let said = &mut buffer[..count];
        if of_client {
            orders.pass(said).await;
        } else {
            orders.change(said);
        }
        if to.write_all(said).await.is_err() {
            return;
        }
    }
}
