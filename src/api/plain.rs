//! Plain HTTP where TLS is spoken.
//! Takes: connections. Gives: those that begin a handshake. Never: lets go of a plain request without a word.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::HEADERS;
use super::connection::{Gate, Patient};

/// What a client that speaks plain HTTP is told.
const ANSWER: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
                      plain HTTP on a TLS port: use https://\n";
/// Time for it to read that; and the request it may still be sending meanwhile.
const FAREWELL: Duration = Duration::from_secs(1);
const REQUEST: u64 = 64 << 10;

/// Lets in who does not begin as a plain request does.
#[derive(Clone, Debug)]
pub(super) struct TlsOnly(pub(super) Gate);

impl<S: Send + 'static> Accept<TcpStream, S> for TlsOnly {
    type Stream = Patient;
    type Service = S;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Patient, S)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let entered = self.0.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = entered.await?;
            // A handshake begins with a byte that is no letter, a request with its method.
            let first = timeout(HEADERS, stream.first_byte()).await??;
            if first.is_ascii_alphabetic() {
                tell(stream).await?;
                return Err(io::Error::other("plain HTTP on a TLS port"));
            }
            Ok((stream, service))
        })
    }
}

async fn tell(mut stream: Patient) -> io::Result<()> {
    stream.write_all(ANSWER.as_bytes()).await?;
    stream.shutdown().await?;
    // Closed with something unread, the connection would be reset, and the answer lost.
    let mut rest = stream.take(REQUEST);
    let _late = timeout(FAREWELL, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    Ok(())
}
