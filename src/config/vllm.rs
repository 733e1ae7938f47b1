//! `[vllm]`: the server of language models.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::section::section;
use super::watched::{wrong_http, wrong_pace};

section! {
    /// The server of language models: its metrics are asked for, its spans are received, its log may be read.
    pub struct Vllm = "vllm", check check, {
        /// Metrics of each server: `["http://vllm-server-service:8000/metrics"]`. Through Ray Serve, those of a Ray node.
        metrics_url: Vec<String> = Vec::new(),
        /// Whether its spans are taken at `POST /v1/traces` of `http.listen`. Where `http.tokens_file` is set, the
        /// sender needs a token: `OTEL_EXPORTER_OTLP_TRACES_HEADERS=authorization=Bearer%20<token>`.
        otlp: bool = false,
        /// Address and port to take its spans over gRPC too: `"127.0.0.1:4317"`. Any address but loopback needs
        /// `http.tokens_file`.
        otlp_listen: Option<SocketAddr> = None,
        /// Log of the server: the only place that tells of aborted requests.
        log_file: Option<PathBuf> = None,
        /// How long a request waits for the answer of the agent that made it, before it is settled.
        join_window: Duration = Duration::from_secs(30),
        /// File with a bearer token for the metrics. Read again on change.
        token_file: Option<PathBuf> = None,
        /// CA certificates (PEM) to trust besides the system's.
        tls_ca_file: Option<PathBuf> = None,
        /// How often to ask for the metrics.
        poll_interval: Duration = Duration::from_secs(5),
        /// Longest time an answer may take.
        timeout: Duration = Duration::from_secs(5),
    }
}

/// Servers asked at a time.
const MAX_SERVERS: usize = 64;

impl Vllm {
    /// Whether spans are taken.
    pub const fn takes_spans(&self) -> bool {
        self.otlp || self.otlp_listen.is_some()
    }

    /// Whether anything of it is watched.
    pub const fn is_on(&self) -> bool {
        self.takes_spans() || !self.metrics_url.is_empty() || self.log_file.is_some()
    }

    /// Addresses of the metrics.
    pub fn urls(&self) -> Vec<Url> {
        self.metrics_url.iter().filter_map(|url| Url::parse(url).ok()).collect()
    }
}

impl Vllm {
    /// What is wrong with it beside the API's section.
    pub(super) fn wrong_beside(&self, http: &super::Http) -> Option<String> {
        let open = self.otlp_listen.is_some_and(|address| !address.ip().is_loopback());
        (open && http.tokens_file.is_none())
            .then(|| "reachable by others: set http.tokens_file, or listen on 127.0.0.1".to_owned())
    }
}

fn check(vllm: &Vllm) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    for text in &vllm.metrics_url {
        match <Url as super::Setting>::read_text(text) {
            Ok(url) => wrong.extend(wrong_http(&url).map(|remedy| ("metrics_url", remedy))),
            Err(problem) => wrong.push(("metrics_url", problem)),
        }
    }
    if vllm.metrics_url.len() > MAX_SERVERS {
        wrong.push(("metrics_url", format!("write {MAX_SERVERS} addresses at most")));
    }
    if !(Duration::from_secs(5)..=Duration::from_mins(5)).contains(&vllm.join_window) {
        wrong.push(("join_window", "write \"5s\" to \"5m\"".to_owned()));
    }
    wrong.extend(wrong_pace(vllm.poll_interval, vllm.timeout));
    wrong
}
