//! OTLP over HTTP with protobuf bodies.
//! Takes: bytes. Gives: what the answer means. Never: follows a redirect, or reads more than 4 MiB of an answer.

use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use prost::Message;
use url::Url;

use super::answer::{self, Answer};
use super::dial::Dial;
use super::link::Link;
use super::retry;
use super::signal::Signal;
use super::transport::{KEEP_ALIVE, KEEP_ALIVE_TIMEOUT, MAX_ANSWER, TransportError, failed};

/// Port of plain HTTP. OTLP/HTTP has 4318 by convention, but a URL without a port says 80.
const PORT: u16 = 80;

/// A client with its pool of connections.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client<Dial, Full<Bytes>>,
    uri: Uri,
    signal: Signal,
}

impl Http {
    /// Prepares the client; it connects with the first request.
    pub(super) fn new(
        signal: Signal,
        endpoint: &Url,
        ca: Option<&Path>,
        link: Option<Link>,
    ) -> Result<Self, TransportError> {
        let dial = Dial::new(endpoint, PORT, ca, &[b"h2", b"http/1.1"], link)?;
        let mut target = endpoint.clone();
        if matches!(target.path(), "" | "/") {
            target.set_path(signal.path());
        }
        target.set_fragment(None);
        // Credentials in the URL would end up in logs of proxies; `headers_file` is for those.
        let cleared = target.set_username("").and_then(|()| target.set_password(None));
        cleared.map_err(|()| TransportError::Endpoint(anyhow::anyhow!("it cannot be requested")))?;
        let uri = target.as_str().parse::<Uri>().map_err(|e| TransportError::Endpoint(e.into()))?;
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http2_keep_alive_interval(KEEP_ALIVE)
            .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .http2_keep_alive_while_idle(true)
            .build(dial);
        Ok(Self { client, uri, signal })
    }

    /// Sends one request.
    pub(super) async fn send(&self, body: Bytes, headers: &HeaderMap) -> Answer {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers.clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let agent = HeaderValue::from_static(concat!("fleetscope/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let response = match self.client.request(request).await {
            Ok(response) => response,
            Err(e) => return failed(&e),
        };
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let body = match Limited::new(body, MAX_ANSWER).collect().await {
            Ok(body) => body.to_bytes(),
            // The status line was the answer: what is wrong with the rest takes nothing back.
            Err(e) if e.is::<LengthLimitError>() => Bytes::new(),
            Err(e) if head.status.is_success() => return failed(e.as_ref()),
            Err(_) => Bytes::new(),
        };
        if head.status.is_success() {
            return answer::accepted(self.signal, &body);
        }
        let after = head.headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok());
        let after = after.and_then(|v| retry::retry_after(v, SystemTime::now()));
        answer::http(self.signal, status, &message(&body), after)
    }
}

/// What a refusal says: a `google.rpc.Status` if it is one, else its first line.
fn message(body: &[u8]) -> String {
    match tonic_types::Status::decode(body) {
        Ok(status) if !status.message.is_empty() => status.message,
        _ => String::from_utf8_lossy(&body[..body.len().min(1024)]).lines().next().unwrap_or("").to_owned(),
    }
}
