//! Opening connections: TCP, TLS where asked for, and an ear on how they end.
//! Takes: the endpoint. Gives: streams that report when the peer closes them. Never: retries.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use super::link::{Link, LinkEvent};

/// Longest time for TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(5);

/// No connection came to be: nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {to}")]
pub(super) struct ConnectError {
    to: String,
    #[source]
    source: io::Error,
}

/// Why a connection cannot even be tried.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// The CA file.
    #[error("cannot read the CA certificates in {path}")]
    Ca {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// The CA file holds none.
    #[error("no usable certificate in {0}")]
    NoCertificate(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The endpoint names no host.
    #[error("`{0}` names no host")]
    NoHost(String),
}

/// Opens connections to one endpoint.
#[derive(Clone)]
pub(super) struct Dial {
    host: Arc<str>,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    link: Option<Link>,
    single: bool,
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dial").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Dial {
    /// For `endpoint`, trusting the certificates in `ca` besides the system's; `alpn` in order of preference.
    pub(super) fn new(
        endpoint: &Url,
        default_port: u16,
        ca: Option<&Path>,
        alpn: &[&[u8]],
        link: Option<Link>,
    ) -> Result<Self, DialError> {
        let no_host = || DialError::NoHost(crate::config::shown_url(endpoint));
        let host: Arc<str> = match endpoint.host().ok_or_else(no_host)? {
            Host::Ipv6(ip) => ip.to_string().into(),
            host => host.to_string().into(),
        };
        let tls = if endpoint.scheme() == "https" {
            let name = ServerName::try_from(host.to_string()).map_err(|_| no_host())?;
            Some((tls(ca, alpn)?, name))
        } else {
            None
        };
        // A URL leaves out its scheme's own port; plain OTLP has another default.
        let single = alpn == [b"h2"];
        let port = endpoint.port().unwrap_or(if tls.is_some() { 443 } else { default_port });
        Ok(Self { host, port, tls, link, single })
    }

    async fn connect(self) -> Result<TokioIo<Watched>, ConnectError> {
        let opened = match tokio::time::timeout(CONNECT, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer within 5 s")),
        };
        match opened {
            Ok(stream) => Ok(TokioIo::new(Watched { stream, link: self.link, single: self.single, ended: false })),
            Err(source) => {
                if let Some(link) = &self.link
                    && source.kind() == io::ErrorKind::ConnectionRefused
                {
                    link.tell(LinkEvent::Refused);
                }
                Err(ConnectError { to: format!("{}:{}", self.host, self.port), source })
            }
        }
    }

    async fn open(&self) -> io::Result<Stream> {
        let tcp = TcpStream::connect((&*self.host, self.port)).await?;
        tcp.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Stream::Plain(tcp)),
            Some((tls, name)) => Ok(Stream::Tls(Box::new(tls.connect(name.clone(), tcp).await?))),
        }
    }
}

fn tls(ca: Option<&Path>, alpn: &[&[u8]]) -> Result<TlsConnector, DialError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let shown = || path.display().to_string();
        let read = |source| DialError::Ca { path: shown(), source };
        let certificates: Vec<_> =
            CertificateDer::pem_file_iter(path).map_err(read)?.collect::<Result<_, _>>().map_err(read)?;
        if roots.add_parsable_certificates(certificates).0 == 0 {
            return Err(DialError::NoCertificate(shown()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(DialError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl tower::Service<Uri> for Dial {
    type Response = TokioIo<Watched>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A stream that tells when the peer ends it.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Stream,
    link: Option<Link>,
    single: bool,
    ended: bool,
}

impl Drop for Watched {
    /// A pool of HTTP/1.1 connections lets idle ones go; the one HTTP/2 connection is only let go when it is dead.
    fn drop(&mut self) {
        if self.single {
            self.ended();
        }
    }
}

impl Watched {
    fn ended(&mut self) {
        if let Some(link) = &self.link
            && !self.ended
        {
            link.tell(LinkEvent::Lost);
        }
        self.ended = true;
    }

    fn heed<T>(&mut self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if matches!(polled, Poll::Ready(Err(_))) {
            self.ended();
        }
        polled
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (before, room) = (buf.filled().len(), buf.remaining());
        let polled = match &mut self.stream {
            Stream::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_read(cx, buf),
        };
        if matches!(polled, Poll::Ready(Ok(()))) && room > 0 && buf.filled().len() == before {
            self.ended();
        }
        self.heed(polled)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = match &mut self.stream {
            Stream::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_write(cx, buf),
        };
        self.heed(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = match &mut self.stream {
            Stream::Plain(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Stream::Tls(s) => Pin::new(s).poll_write_vectored(cx, bufs),
        };
        self.heed(polled)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(s) => s.is_write_vectored(),
            Stream::Tls(s) => s.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(s) => Pin::new(s).poll_flush(cx),
            Stream::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}

impl Connection for Watched {
    fn connected(&self) -> Connected {
        match &self.stream {
            Stream::Tls(s) if s.get_ref().1.alpn_protocol() == Some(b"h2") => Connected::new().negotiated_h2(),
            _ => Connected::new(),
        }
    }
}
