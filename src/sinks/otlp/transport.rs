//! One request to the backend, over gRPC or HTTP.
//! Takes: encoded requests. Gives: what the answer means. Never: retries, or looks into a request.

use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::answer::{Answer, tidy};
use super::dial::{ConnectError, DialError};
use super::grpc::Grpc;
use super::headers::{Headers, HeadersError};
use super::http::Http;
use super::link::Link;
use super::signal::Signal;
use crate::config::{self, OtlpProtocol};

/// Most bytes of an answer that are read.
pub(super) const MAX_ANSWER: usize = 4 << 20;
/// How often an HTTP/2 connection is asked whether it lives, also while idle: a half-open one hangs for ever.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long it may take to say so.
pub(super) const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no transport at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransportError {
    /// No endpoint is configured.
    #[error("{}.endpoint is not set", .0.section())]
    NoEndpoint(Signal),
    /// The endpoint makes no request URI.
    #[error("the endpoint is no usable address")]
    Endpoint(#[source] anyhow::Error),
    /// Connections cannot be prepared.
    #[error(transparent)]
    Dial(#[from] DialError),
}

/// A way to the backend.
#[derive(Debug)]
pub(super) struct Transport {
    wire: Wire,
    headers: Headers,
    timeout: Duration,
    /// For people: protocol and address.
    pub(super) name: String,
    endpoint: Url,
}

#[derive(Debug)]
enum Wire {
    Grpc(Grpc),
    Http(Box<Http>),
}

impl Transport {
    /// Prepares connections; none is opened yet.
    pub(super) fn new(signal: Signal, config: &config::Otlp, link: Option<Link>) -> Result<Self, TransportError> {
        let endpoint = config.endpoint.as_ref().ok_or(TransportError::NoEndpoint(signal))?;
        let ca = config.tls_ca_file.as_deref();
        let (wire, protocol) = match config.protocol {
            OtlpProtocol::Grpc => (Wire::Grpc(Grpc::new(signal, endpoint, ca, link)?), "gRPC"),
            OtlpProtocol::Http => (Wire::Http(Box::new(Http::new(signal, endpoint, ca, link)?)), "HTTP"),
        };
        let name = format!("{} over {protocol}", config::shown_url(endpoint));
        let headers = Headers::new(config.headers_file.clone());
        Ok(Self { wire, headers, timeout: config.timeout, name, endpoint: endpoint.clone() })
    }

    /// The headers as their file stands now.
    pub(super) fn headers(&self) -> Result<std::sync::Arc<http::HeaderMap>, HeadersError> {
        self.headers.current()
    }

    /// Sends one request and waits for its answer, within the configured time. What is secret in the endpoint is masked
    /// in the answer's text: backends repeat what they were asked for.
    pub(super) async fn send(&self, body: Bytes) -> Answer {
        self.exchange(body).await.with_text(|text| config::mask_parts(&self.endpoint, text))
    }

    async fn exchange(&self, body: Bytes) -> Answer {
        let headers = match self.headers.current() {
            Ok(headers) => headers,
            Err(e) => return Answer::Blocked { why: chain(&e) },
        };
        let sent = async {
            match &self.wire {
                Wire::Grpc(grpc) => grpc.send(body, &headers, self.timeout).await,
                Wire::Http(http) => http.send(body, &headers).await,
            }
        };
        match tokio::time::timeout(self.timeout, sent).await {
            Ok(answer) => answer,
            Err(_) => Answer::Unknown { why: format!("no answer within {:?}", self.timeout), doubt: false },
        }
    }
}

/// A failure on our side of the wire: nothing was sent, or nobody knows.
pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Answer {
    let mut cause = Some(error);
    while let Some(e) = cause {
        if e.is::<ConnectError>() {
            return Answer::Retry { after: None, why: chain(e) };
        }
        cause = e.source();
    }
    Answer::Unknown { why: chain(error), doubt: true }
}

/// The error and what caused it, in one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        let next = e.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = e.source();
    }
    tidy(&text)
}
