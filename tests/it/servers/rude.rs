//! A TCP server that hands on to a real one until it is told to misbehave, whatever its protocol.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How it treats connections. A change ends those that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// Hands everything on.
    Well,
    /// Takes them and says nothing.
    Hanging,
    /// Closes each at once.
    Closing,
    /// Answers what is said with a web page.
    WebPage,
    /// Answers what is said with bytes that mean nothing.
    Garbage,
    /// Answers what is said without end.
    Endless,
    /// Answers what is said byte by byte, one in a while.
    Slow,
}

/// All but the good ones.
pub(crate) const RUDE: &[Manners] =
    &[Manners::Hanging, Manners::Closing, Manners::WebPage, Manners::Garbage, Manners::Endless, Manners::Slow];

/// Ends with the test.
#[derive(Debug)]
pub(crate) struct Rude {
    address: SocketAddr,
    manners: watch::Sender<Manners>,
}

impl Rude {
    pub(crate) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let manners = watch::Sender::new(Manners::Well);
        let given = Arc::new(manners.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut changed = given.subscribe();
                let manners = *changed.borrow_and_update();
                tokio::spawn(async move {
                    tokio::select! {
                        () = treat(client, manners, to) => {}
                        _ = changed.changed() => {}
                    }
                });
            }
        });
        Self { address, manners }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub(crate) fn behave(&self, manners: Manners) {
        self.manners.send_replace(manners);
    }
}

async fn treat(mut client: TcpStream, manners: Manners, to: u16) {
    if manners == Manners::Well {
        if let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await {
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
        return;
    }
    let mut said = [0; 4096];
    while manners != Manners::Closing && client.read(&mut said).await.is_ok_and(|n| n > 0) {
        if answer(&mut client, manners).await.is_err() {
            return;
        }
    }
}

async fn answer(client: &mut TcpStream, manners: Manners) -> std::io::Result<()> {
    match manners {
        Manners::WebPage => {
            let page = "<html><body>502 Bad Gateway</body></html>";
            let head = format!("HTTP/1.1 502 Bad Gateway\r\ncontent-length: {}\r\n\r\n", page.len());
            client.write_all(format!("{head}{page}").as_bytes()).await
        }
        Manners::Garbage => client.write_all(&[0xff, 0x00, 0x17, 0xc3, 0x28, b'\n'].repeat(50)).await,
        Manners::Endless => {
            // As much as anybody may be made to hold, and then some: a gigabyte.
            let piece = vec![b'9'; 1 << 16];
            for _ in 0..1 << 14 {
                client.write_all(&piece).await?;
            }
            Ok(())
        }
        Manners::Slow => {
            for byte in b"+OK\r\n".iter().cycle() {
                client.write_all(std::slice::from_ref(byte)).await?;
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
            Ok(())
        }
        Manners::Well | Manners::Hanging | Manners::Closing => Ok(()),
    }
}
