//! Files that are read again when they change: tokens, certificate and key.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
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
        .with_context(|| format!("the certificate {} cannot be read", named(cert)))?;
    let private =
        PrivateKeyDer::from_pem_file(key).with_context(|| format!("the key {} cannot be read", named(key)))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .context("no TLS version to offer")?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("the key {} does not fit the certificate {}", named(key), named(cert)))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// When each file was last written; `None` for one that cannot be looked at.
fn written(files: &[PathBuf]) -> Vec<Option<(SystemTime, u64)>> {
    let look = |f: &PathBuf| std::fs::metadata(f).and_then(|m| Ok((m.modified()?, m.len()))).ok();
    files.iter().map(look).collect()
}

/// Reads the files again whenever they change, until `stop`. What cannot be used is told, and the last good stays.
pub(super) async fn follow(http: Http, access: Arc<Access>, tls_in_use: Option<RustlsConfig>, stop: CancellationToken) {
    let files: Vec<_> =
        [&http.tokens_file, &http.tls_cert_file, &http.tls_key_file].into_iter().flatten().cloned().collect();
    if files.is_empty() {
        return;
    }
    let look = |files: Vec<PathBuf>| tokio::task::spawn_blocking(move || written(&files));
    let mut seen = look(files.clone()).await.unwrap_or_default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let Ok(now) = look(files.clone()).await else { continue };
        if now == seen {
            continue;
        }
        seen = now;
        let again = http.clone();
        let Ok((tokens, tls)) = tokio::task::spawn_blocking(move || read(&again)).await else { continue };
        match tokens {
            Some(Ok(tokens)) => {
                tracing::info!(?tokens, "tokens read again");
                access.tokens.store(Some(Arc::new(tokens)));
            }
            Some(Err(error)) => tracing::warn!(error = format!("{error:#}"), "the old tokens stay in force"),
            None => {}
        }
        match (tls, &tls_in_use) {
            (Some(Ok(config)), Some(in_use)) => in_use.reload_from_config(config),
            (Some(Err(error)), _) => tracing::warn!(error = format!("{error:#}"), "the old certificate stays in use"),
            _ => {}
        }
    }
}

type Read = (Option<anyhow::Result<Tokens>>, Option<anyhow::Result<Arc<ServerConfig>>>);

/// What is configured, as it is now. Blocks.
pub(super) fn read(http: &Http) -> Read {
    let tokens = http.tokens_file.as_deref().map(|file| Tokens::read(file).map_err(anyhow::Error::from));
    let tls = http.tls_cert_file.as_deref().zip(http.tls_key_file.as_deref()).map(|(cert, key)| tls(cert, key));
    (tokens, tls)
}
