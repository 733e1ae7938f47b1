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
use crate::config::{Content, mask_parts, shown_url};
use crate::privacy::Masker;

/// Time a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// Most characters of an error's body that are shown.
const SHOWN: usize = 160;
/// Most bytes of it that are read: secrets are found before it is cut, whole.
const MAX_SAID: usize = 16 << 10;
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
            let found = Certificate::from_pem_bundle(&pem).ok().filter(|found| !found.is_empty());
            let found = found.ok_or_else(|| wrong(format!("{} holds no certificates in PEM form", path.display())))?;
            builder = builder.tls_certs_merge(found);
        }
        let client = builder.build().map_err(|e| wrong(format!("no HTTP client can be made: {e}")))?;
        Ok(Self { client, token_file, max_bytes })
    }

    /// The body of a page as text.
    pub(super) async fn text(&self, url: &Url) -> Result<String, Failure> {
        let (asked, bytes, _) = self.get(url, "text/plain, */*;q=0.1").await?;
        String::from_utf8(bytes).map_err(|_| asked.failed(reason::MALFORMED, "answers no UTF-8"))
    }

    /// The body of a page as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Failure> {
        let (asked, bytes, kind) = self.get(url, "application/json").await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let what = if kind.starts_with("text/html") {
                "answers a web page: is this the right address?".to_owned()
            } else {
                format!("answers JSON that is not understood: {}", asked.masked(&error.to_string()))
            };
            asked.failed(reason::MALFORMED, &what)
        })
    }

    /// What was asked, the body, and what kind of page it is said to be.
    async fn get<'a>(&self, url: &'a Url, accept: &'static str) -> Result<(Asked<'a>, Vec<u8>, String), Failure> {
        let mut asked = Asked { url, token: None };
        let mut request = self.client.get(url.clone()).header(ACCEPT, accept);
        if let Some(path) = &self.token_file {
            let (token, header) = bearer(path).await?;
            asked.token = Some(token);
            request = request.header(AUTHORIZATION, header);
        }
        let response = request.send().await.map_err(|error| asked.unsent(&error))?;
        let response = asked.refused(response).await?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let body = self.body(&asked, response).await?;
        Ok((asked, body, kind))
    }

    async fn body(&self, asked: &Asked<'_>, response: Response) -> Result<Vec<u8>, Failure> {
        let most = self.max_bytes;
        let too_large = || {
            let what = format!("answers more than {} MiB: nothing of it is used", most >> 20);
            asked.failed(reason::TOO_LARGE, &what)
        };
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(too_large());
        }
        let (mut body, mut pieces) = (Vec::new(), response.bytes_stream());
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| asked.unsent(&error))?;
            if body.len() + piece.len() > most {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

/// The token, and the header it is sent in. The file is read at each request, so that a rotated token is found.
async fn bearer(path: &Path) -> Result<(String, HeaderValue), Failure> {
    let wrong = |why: String| Failure::new(reason::CONFIGURATION, format!("{}: {why}", path.display()));
    let text = tokio::fs::read_to_string(path).await.map_err(|e| wrong(e.to_string()))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(wrong("the token file is empty".to_owned()));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| wrong("the token holds characters no header may have".to_owned()))?;
    value.set_sensitive(true);
    Ok((token.to_owned(), value))
}

/// A question, and what of it nobody else may see: others repeat what they were sent.
struct Asked<'a> {
    url: &'a Url,
    token: Option<String>,
}

impl Asked<'_> {
    fn failed(&self, reason: &'static str, what: &str) -> Failure {
        Failure::new(reason, format!("{} {what}", shown_url(self.url)))
    }

    /// Foreign text without secrets: those that were sent, and those that look like some.
    fn masked(&self, text: &str) -> String {
        let text = match &self.token {
            Some(token) => text.replace(token, "[masked]"),
            None => text.to_owned(),
        };
        // The policy is about bodies that are kept; here none is.
        Masker::new(Content::Summary, MAX_SAID).text(&mask_parts(self.url, &text)).into_owned()
    }

    fn unsent(&self, error: &reqwest::Error) -> Failure {
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
        self.failed(reason, &format!("{what}: {}", self.masked(&cause.to_string())))
    }

    /// Turns an answer that is none into a failure.
    async fn refused(&self, response: Response) -> Result<Response, Failure> {
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
        let said = self.first_words(response).await;
        let mut failure = self.failed(reason, &format!("answers {status}{remedy}{said}"));
        if let Some(seconds) = wait {
            failure = failure.after(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
        }
        Err(failure)
    }

    /// How an error's body begins, on one line.
    async fn first_words(&self, response: Response) -> String {
        let (mut said, mut pieces) = (Vec::new(), response.bytes_stream());
        while said.len() < MAX_SAID
            && let Some(Ok(piece)) = pieces.next().await
        {
            said.extend_from_slice(&piece[..piece.len().min(MAX_SAID - said.len())]);
        }
        let text = self.masked(String::from_utf8_lossy(&said).trim());
        let text = crate::model::shorten(&crate::model::printable(&text), SHOWN);
        if text.is_empty() || text.starts_with('<') { String::new() } else { format!(" ({text})") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_certificates_without_any_is_refused() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let file = tempfile::NamedTempFile::new().expect("a file");
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQA=\n-----END PRIVATE KEY-----\n";
        for held in [&b""[..], b"\x30\x82\x01\x0a DER", key.as_bytes()] {
            std::fs::write(file.path(), held).expect("written");
            let failure = Http::new(CONNECT, 1, None, Some(file.path())).expect_err("no certificate");
            assert_eq!(failure.reason, reason::CONFIGURATION);
            assert!(failure.detail.contains("holds no certificates"), "{failure}");
        }
    }

    #[test]
    fn a_secret_that_reaches_beyond_what_is_shown_is_masked_before_the_cut() {
        let url = Url::parse("http://h/metrics?key=hush-hush").expect("an address");
        let asked = Asked { url: &url, token: Some("plain-words-only".to_owned()) };
        let said = asked.masked(&format!("{} plain-words-only, hush-hush", "x".repeat(SHOWN - 10)));
        assert!(!said.contains("plain") && !said.contains("hush"), "{said}");
        assert_eq!(asked.failed(reason::TIMEOUT, "is slow").detail, "http://h/metrics?[masked] is slow");
    }
}
