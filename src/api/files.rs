//! Files that are read again when they change: tokens, certificate and key.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

use super::access::{Access, Tokens};
use crate::config::Http;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The certificate and key. Blocks.
pub(super) fn tls(cert: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let named = |file: &Path| file.display().to_string();
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .with_context(|| format!("http.tls_cert_file: {} cannot be read as a certificate", named(cert)))?;
    ensure!(!chain.is_empty(), "http.tls_cert_file: there is no certificate in {}", named(cert));
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("http.tls_key_file: {} cannot be read as a private key", named(key)))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .context("no TLS version to offer")?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("http.tls_key_file: {} does not fit the certificate {}", named(key), named(cert)))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What the files looked like when they were read: age and size, `None` for one that cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen(Vec<Option<(SystemTime, u64)>>);

impl Seen {
    /// Blocks.
    fn now(http: &Http) -> Self {
        let look = |file: &PathBuf| std::fs::metadata(file).and_then(|m| Ok((m.modified()?, m.len()))).ok();
        let files = [&http.tokens_file, &http.tls_cert_file, &http.tls_key_file];
        Self(files.into_iter().flatten().map(look).collect())
    }
}

/// What the files hold, and what they looked like before they were read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) tokens: Option<anyhow::Result<Tokens>>,
    pub(super) tls: Option<anyhow::Result<Arc<ServerConfig>>>,
    pub(super) seen: Seen,
}

/// Reads what is configured, as it is now. Blocks.
pub(super) fn read(http: &Http) -> Read {
    let seen = Seen::now(http);
    let tokens = http.tokens_file.as_deref().map(|file| Tokens::read(file).map_err(anyhow::Error::from));
    let tls = http.tls_cert_file.as_deref().zip(http.tls_key_file.as_deref()).map(|(cert, key)| tls(cert, key));
    Read { tokens, tls, seen }
}

/// Reads the files again whenever they change, until `stop`. What cannot be used is told, and the last good stays.
pub(super) async fn follow(
    http: Http,
    mut seen: Seen,
    access: Arc<Access>,
    tls_in_use: Option<RustlsConfig>,
    stop: CancellationToken,
) {
    if seen.0.is_empty() {
        return;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let (again, before) = (http.clone(), seen.clone());
        let look = move || (Seen::now(&again) != before).then(|| read(&again));
        let Ok(Some(new)) = tokio::task::spawn_blocking(look).await else { continue };
        seen = new.seen;
        match new.tokens {
            Some(Ok(tokens)) => {
                tracing::info!(?tokens, "tokens read again");
                access.replace(tokens);
            }
            Some(Err(error)) => tracing::warn!(error = format!("{error:#}"), "the old tokens stay in force"),
            None => {}
        }
        match (new.tls, &tls_in_use) {
            (Some(Ok(config)), Some(in_use)) => in_use.reload_from_config(config),
            (Some(Err(error)), _) => tracing::warn!(error = format!("{error:#}"), "the old certificate stays in use"),
            _ => {}
        }
    }
}
