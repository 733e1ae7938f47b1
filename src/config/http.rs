//! `[http]`: the API, the page and `/metrics`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::section::section;

section! {
    /// The API, the live page and `/metrics`.
    pub struct Http = "http", check check, {
        /// Address and port to listen on. Any address but loopback needs `tokens_file`.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)),
        /// File with one token a line: `<role> <token>`, role `viewer` or `debug`. Read again on change.
        tokens_file: Option<PathBuf> = None,
        /// Certificate chain (PEM) for TLS. Needs `tls_key_file`.
        tls_cert_file: Option<PathBuf> = None,
        /// Private key (PEM) for TLS. Needs `tls_cert_file`.
        tls_key_file: Option<PathBuf> = None,
        /// Origins whose pages may open the live feed, besides the daemon's own.
        allowed_origins: Vec<String> = Vec::new(),
        /// Whether `/metrics`, `/live` and `/ready` may be read without a token.
        open_metrics: bool = true,
        /// Most connections of the live feed at a time.
        max_feed_clients: u32 = 1000,
        /// A client of the live feed that takes nothing for this long is sent away.
        feed_stall_timeout: Duration = Duration::from_secs(30),
        /// How often a client of the live feed is asked whether it is there. One that says nothing for three times as
        /// long is sent away.
        feed_ping_interval: Duration = Duration::from_secs(15),
        /// Most requests a second from one address; 0 = no limit.
        max_requests_per_second: u32 = 200,
        /// Longest time a request may take.
        request_timeout: Duration = Duration::from_secs(30),
    }
}

/// Least that a client of the feed may be given.
const SHORTEST: Duration = Duration::from_millis(100);

fn check(http: &Http) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if !http.listen.ip().is_loopback() && http.tokens_file.is_none() {
        wrong.push(("listen", "reachable by others: set http.tokens_file, or listen on 127.0.0.1".to_owned()));
    }
    if http.tls_cert_file.is_some() != http.tls_key_file.is_some() {
        wrong.push(("tls_cert_file", "TLS needs both http.tls_cert_file and http.tls_key_file".to_owned()));
    }
    for (key, time) in
        [("feed_stall_timeout", http.feed_stall_timeout), ("feed_ping_interval", http.feed_ping_interval)]
    {
        if time < SHORTEST {
            wrong.push((key, "write at least \"100ms\"".to_owned()));
        }
    }
    for origin in &http.allowed_origins {
        if !origin.starts_with("http://") && !origin.starts_with("https://") {
            wrong.push(("allowed_origins", format!("`{origin}` is no origin: write it as \"https://host:port\"")));
        }
    }
    wrong
}
