//! Asking a system over HTTP: bounded, without redirects, with every failure named.
//! Takes: an address, a token file, a CA file. Gives: text or JSON. Never: more than its limit of bytes, or a secret in an
//! error.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Response, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use super::failure::{Failure, reason};

/// Time a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// Most bytes of an error's body that are shown.
const SHOWN: usize = 160;
/// Longest that a `Retry-After` is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

/// A client for one system.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client,
    token_file: Option<PathBuf>,
    max_bytes: usize,
}

impl Http {
    /// A client that takes at most `max_bytes` an answer and waits at most `timeout` for the whole of it.
    pub(super) fn new(
        timeout: Duration,
        max_bytes: usize,
        token_file: Option<PathBuf>,
        ca_file: Option<&Path>,
    ) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::new(reason::CONFIGURATION, what);
        let mut builder = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(timeout)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("fleetscope/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            let pem = std::fs::read(path).map_err(|e| wrong(format!("{} cannot be read: {e}", path.display())))?;
            let found = Certificate::from_pem_bundle(&pem)
                .map_err(|_| wrong(format!("{} holds no certificates in PEM form", path.display())))?;
            builder = builder.tls_certs_merge(found);
        }
        let client = builder.build().map_err(|e| wrong(format!("no HTTP client can be made: {e}")))?;
        Ok(Self { client, token_file, max_bytes })
    }

    /// The body of a page as text.
    pub(super) async fn text(&self, url: &Url) -> Result<String, Failure> {
        let (bytes, _) = self.get(url, "text/plain, */*;q=0.1").await?;
        String::from_utf8(bytes).map_err(|_| Failure::new(reason::MALFORMED, format!("{url} answers no UTF-8")))
    }

    /// The body of a page as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Failure> {
        let (bytes, kind) = self.get(url, "application/json").await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let what = if kind.starts_with("text/html") {
                "answers a web page: is this the right address?".to_owned()
            } else {
                format!("answers JSON that is not understood: {error}")
            };
            Failure::new(reason::MALFORMED, format!("{url} {what}"))
        })
    }

    /// The body, and what kind of page it is said to be.
    async fn get(&self, url: &Url, accept: &'static str) -> Result<(Vec<u8>, String), Failure> {
        let mut request = self.client.get(url.clone()).header(ACCEPT, accept);
        if let Some(path) = &self.token_file {
            request = request.header(AUTHORIZATION, bearer(path).await?);
        }
        let response = request.send().await.map_err(|error| unsent(url, &error))?;
        let response = refused(url, response).await?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        Ok((self.body(url, response).await?, kind))
    }

    async fn body(&self, url: &Url, response: Response) -> Result<Vec<u8>, Failure> {
        let most = self.max_bytes;
        let too_large = || {
            let detail = format!("{url} answers more than {} MiB: nothing of it is used", most >> 20);
            Failure::new(reason::TOO_LARGE, detail)
        };
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(too_large());
        }
        let (mut body, mut pieces) = (Vec::new(), response.bytes_stream());
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| unsent(url, &error))?;
            if body.len() + piece.len() > most {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

/// The file is read at each request, so that a rotated token is found.
async fn bearer(path: &Path) -> Result<HeaderValue, Failure> {
    let wrong = |why: String| Failure::new(reason::CONFIGURATION, format!("{}: {why}", path.display()));
    let text = tokio::fs::read_to_string(path).await.map_err(|e| wrong(e.to_string()))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(wrong("the token file is empty".to_owned()));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| wrong("the token holds characters no header may have".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn unsent(url: &Url, error: &reqwest::Error) -> Failure {
    let (reason, what) = if error.is_timeout() {
        (reason::TIMEOUT, "gave no answer in time")
    } else if error.is_connect() {
        (reason::UNREACHABLE, "cannot be reached")
    } else {
        (reason::INTERRUPTED, "broke off")
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Failure::new(reason, format!("{url} {what}: {cause}"))
}

/// Turns an answer that is none into a failure.
async fn refused(url: &Url, response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let (reason, remedy) = match status {
        StatusCode::UNAUTHORIZED => (reason::UNAUTHORIZED, ": is the token right?"),
        StatusCode::FORBIDDEN => (reason::FORBIDDEN, ": the token lacks the right to read this"),
        StatusCode::NOT_FOUND => (reason::NOT_FOUND, ": is this the right address?"),
        StatusCode::TOO_MANY_REQUESTS => (reason::THROTTLED, ""),
        _ if status.is_server_error() => (reason::SERVER_ERROR, ""),
        _ => (reason::UNEXPECTED, ""),
    };
    let wait = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok());
    let said = first_words(response).await;
    let mut failure = Failure::new(reason, format!("{url} answers {status}{remedy}{said}"));
    if let Some(seconds) = wait {
        failure = failure.after(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    Err(failure)
}

/// How an error's body begins, on one line.
async fn first_words(response: Response) -> String {
    let Some(Ok(piece)) = response.bytes_stream().next().await else { return String::new() };
    let text = String::from_utf8_lossy(&piece[..piece.len().min(SHOWN * 4)]).into_owned();
    let text = crate::model::shorten(&crate::model::printable(text.trim()), SHOWN);
    if text.is_empty() || text.starts_with('<') { String::new() } else { format!(" ({text})") }
}
