//! A connection, and what a failure means.
//! Never: connects again by itself: the poll does, with its pauses, its deadline and the password as it is then.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fred::clients::{Client, SubscriberClient};
use fred::interfaces::ClientLike as _;
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, ServerConfig, TlsConfig, TlsConnector};
use fred::types::{ClusterHash, ConnectHandle, CustomCommand, RespVersion, Value};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::config;
use crate::sources::failure::{Failure, reason};
use crate::sources::password::Password;

/// Keyspace events that may wait to be read: fred's own room is 32, and what does not fit is lost.
const EVENTS: usize = 4096;

/// Where it is and how to sign in.
#[derive(Clone, Debug)]
pub(super) struct Server {
    host: String,
    port: u16,
    database: Option<u8>,
    tls: bool,
    ca_file: Option<PathBuf>,
    user: Option<String>,
    password: Password,
    timeout: Duration,
}

impl Server {
    pub(super) fn new(config: &config::Valkey) -> Self {
        let url = config.url.as_ref();
        Self {
            host: url.and_then(|u| u.host_str()).unwrap_or("127.0.0.1").trim_matches(['[', ']']).to_owned(),
            port: url.and_then(url::Url::port).unwrap_or(6379),
            database: url.and_then(|u| u.path().trim_matches('/').parse().ok()),
            tls: url.is_some_and(|u| matches!(u.scheme(), "rediss" | "valkeys")),
            ca_file: config.tls_ca_file.clone(),
            user: config.user.clone(),
            password: Password::new(config.password_file.clone()),
            timeout: config.timeout,
        }
    }

    /// The number of the database that is looked at.
    pub(super) fn database(&self) -> u8 {
        self.database.unwrap_or(0)
    }

    /// A connection that is signed in.
    pub(super) async fn connect(&self, timeout: Duration) -> Result<Link, Failure> {
        let password = self.password.read().await?;
        let config = self.fred(password.clone())?;
        let client = Client::new(config, Some(self.performance()), Some(self.patience()), None);
        match tokio::time::timeout(timeout, client.init()).await {
            Ok(Ok(task)) => {
                self.password.taken();
                Ok(Link { client, task })
            }
            Ok(Err(error)) => {
                let failure = self.failed(&error);
                if failure.reason == reason::UNAUTHORIZED {
                    self.password.refused(password);
                }
                Err(failure)
            }
            Err(_) => Err(Failure::new(reason::TIMEOUT, format!("{} does not answer within {timeout:?}", self.name()))),
        }
    }

    /// A second connection, for what it says by itself.
    pub(super) async fn subscriber(&self) -> Result<(SubscriberClient, ConnectHandle), Failure> {
        let config = self.fred(self.password.read().await?)?;
        let client = SubscriberClient::new(config, Some(self.performance()), Some(self.patience()), None);
        match tokio::time::timeout(self.timeout, client.init()).await {
            Ok(Ok(task)) => Ok((client, task)),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => Err(Failure::new(reason::TIMEOUT, format!("{} does not answer", self.name()))),
        }
    }

    /// The same as fred's configuration.
    pub(super) fn fred(&self, password: Option<String>) -> Result<Config, Failure> {
        Ok(Config {
            server: ServerConfig::new_centralized(self.host.clone(), self.port),
            // Older servers, and simulated ones, know no other.
            version: RespVersion::RESP2,
            username: self.user.clone().filter(|_| password.is_some()),
            password,
            database: self.database.filter(|database| *database > 0),
            tls: self.tls.then(|| connector(self.ca_file.as_deref())).transpose()?,
            fail_fast: true,
            ..Config::default()
        })
    }

    /// The password, for a connection made by others.
    pub(super) async fn password(&self) -> Result<Option<String>, Failure> {
        self.password.read().await
    }

    fn performance(&self) -> PerformanceConfig {
        PerformanceConfig {
            default_command_timeout: self.timeout,
            broadcast_channel_capacity: EVENTS,
            ..PerformanceConfig::default()
        }
    }

    fn patience(&self) -> ConnectionConfig {
        ConnectionConfig {
            connection_timeout: self.timeout,
            internal_command_timeout: self.timeout,
            max_command_attempts: 1,
            max_command_buffer_len: 1_000,
            ..ConnectionConfig::default()
        }
    }

    fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What a failure of such a connection means.
    pub(super) fn failed(&self, error: &fred::error::Error) -> Failure {
        failure(error, &self.name())
    }
}

/// A connection. Dropped, it is closed.
#[derive(Debug)]
pub(super) struct Link {
    client: Client,
    task: ConnectHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        // Without this fred's own task would hold the connection, and itself, for ever.
        self.task.abort();
    }
}

impl Link {
    /// Sends a command.
    pub(super) async fn ask(&self, command: &'static str, words: &[&str]) -> Result<Value, Failure> {
        self.ask_bytes(command, words.iter().map(|word| Value::from(*word)).collect()).await
    }

    /// The same with words that may be no text.
    pub(super) async fn ask_bytes(&self, command: &'static str, words: Vec<Value>) -> Result<Value, Failure> {
        let custom = CustomCommand::new_static(command, ClusterHash::FirstKey, false);
        // Boxed: fred's futures take kilobytes, and many are made at a time.
        Box::pin(self.client.custom(custom, words)).await.map_err(|error| failure(&error, command))
    }

    /// An answer that is text.
    pub(super) async fn text(&self, command: &'static str, words: &[&str]) -> Result<String, Failure> {
        let answer = self.ask(command, words).await?;
        answer.as_string().ok_or_else(|| Failure::new(reason::MALFORMED, format!("{command} answers no text")))
    }
}

/// What a failure means. The server's own words begin its errors.
fn failure(error: &fred::error::Error, what: &str) -> Failure {
    use fred::error::ErrorKind;
    let said = error.details();
    let word = said.split_whitespace().next().unwrap_or_default();
    let reason = match (error.kind(), word) {
        (_, "NOPERM") => reason::FORBIDDEN,
        (ErrorKind::Auth, _) | (_, "WRONGPASS" | "NOAUTH") => reason::UNAUTHORIZED,
        _ if said.contains("AUTH") && said.contains("password") => reason::UNAUTHORIZED,
        _ if said.contains("max number of clients") => reason::THROTTLED,
        (_, "LOADING" | "BUSY" | "MASTERDOWN" | "MISCONF") => reason::SERVER_ERROR,
        (ErrorKind::Timeout, _) => reason::TIMEOUT,
        (ErrorKind::Tls | ErrorKind::Config | ErrorKind::Url, _) => reason::CONFIGURATION,
        (ErrorKind::IO, _) if said.contains("refused") || said.contains("resolve") || said.contains("lookup") => {
            reason::UNREACHABLE
        }
        (ErrorKind::IO | ErrorKind::Canceled, _) => reason::INTERRUPTED,
        (ErrorKind::Parse | ErrorKind::Protocol, _) => reason::MALFORMED,
        _ => reason::SERVER_ERROR,
    };
    let hint = match reason {
        reason::UNAUTHORIZED => " (see valkey.user and valkey.password_file)",
        reason::FORBIDDEN => " (docs/VALKEY.md lists the rights needed)",
        _ => "",
    };
    Failure::new(reason, format!("{what}: {said}{hint}"))
}

fn connector(ca_file: Option<&Path>) -> Result<TlsConfig, Failure> {
    let wrong = |what: String| Failure::new(reason::CONFIGURATION, what);
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|e| wrong(format!("{} cannot be read: {e}", path.display())))?;
        let found: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
        if roots.add_parsable_certificates(found).0 == 0 {
            return Err(wrong(format!("{} holds no certificates in PEM form", path.display())));
        }
    }
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConfig::from(TlsConnector::from(config)))
}
