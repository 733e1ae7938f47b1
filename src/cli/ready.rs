//! `ready`: asks the daemon on this machine whether it is ready; for images without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args as ClapArgs;
use http::StatusCode;

use super::{ConfigFile, term};
use crate::config::Config;

/// Longest it may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Ask the daemon on this machine whether it is ready.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Exit status: 0 it is ready, 1 it is not, or does not answer.\n\n\
    Examples:\n  fleetscope ready --config fleetscope.toml")]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.file.load()?;
        let runtime = super::runtime()?;
        let asked = runtime.block_on(ask(&config));
        runtime.shutdown_timeout(super::LEAVE);
        term::say(asked?);
        Ok(ExitCode::SUCCESS)
    }
}

async fn ask(config: &Config) -> anyhow::Result<&'static str> {
    let tls = config.http.tls_cert_file.is_some();
    let address = loopback(config.http.listen);
    let url = format!("{}://{address}/ready", if tls { "https" } else { "http" });
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .no_proxy()
        // The certificate is for the name that others call it by; this only looks whether it answers, and shows it nothing.
        .tls_danger_accept_invalid_certs(tls)
        .build()
        .context("no HTTP client can be made")?;
    let answer = client.get(&url).send().await.with_context(|| format!("no answer from {url}"))?;
    match answer.status() {
        StatusCode::OK => Ok("ready"),
        // http.open_metrics is off: what it says is for those with a token.
        StatusCode::UNAUTHORIZED => Ok("answers; whether it is ready takes a token"),
        status => anyhow::bail!("not ready ({status}): {}", answer.text().await.unwrap_or_default().trim()),
    }
}

/// Where a daemon that listens on all addresses is reached from its own machine.
fn loopback(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// What is said of a daemon that answers so.
    async fn said(answer: &'static str) -> Result<&'static str, String> {
        let _already = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let mut config = Config::default();
        config.http.listen = listener.local_addr().expect("bound");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody asks");
            let mut first = String::new();
            BufReader::new(&stream).read_line(&mut first).expect("a request");
            stream.write_all(answer.as_bytes()).expect("answered");
            first
        });
        let said = ask(&config).await.map_err(|e| e.to_string());
        assert_eq!(server.join().expect("it answered"), "GET /ready HTTP/1.1\r\n");
        said
    }

    #[tokio::test]
    async fn the_exit_status_is_what_the_daemon_says() {
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        assert_eq!(said(ok).await, Ok("ready"));
        let token = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        assert!(said(token).await.is_ok());
        let waits = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 7\r\nconnection: close\r\n\r\njournal";
        let told = said(waits).await.expect_err("it is not ready");
        assert!(told.contains("503") && told.contains("journal"), "{told}");
    }

    #[tokio::test]
    async fn a_daemon_that_is_away_is_told() {
        let _already = rustls::crypto::ring::default_provider().install_default();
        let mut config = Config::default();
        // Bound and given back: nobody listens there.
        config.http.listen = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        let told = ask(&config).await.expect_err("nobody answers").to_string();
        assert!(told.contains("no answer from http://127.0.0.1:"), "{told}");
    }

    #[test]
    fn all_addresses_are_asked_on_the_loopback() {
        let at = |listen: &str| loopback(listen.parse().expect("an address")).to_string();
        assert_eq!(at("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(at("[::]:8080"), "[::1]:8080");
        assert_eq!(at("10.0.0.3:80"), "10.0.0.3:80");
    }
}
