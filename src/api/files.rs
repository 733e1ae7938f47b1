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
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::access::{Access, Tokens};
use crate::config::Http;
use crate::status::{Health, Status};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How long tokens outlive their file. A file that is being written, or a volume that is being mounted anew, is not there
/// for a moment; who takes the file away to lock everybody out must not wait for a restart.
const TOLERATED: Duration = Duration::from_mins(5);
/// Name in `/status`.
const PART: &str = "api/tokens";

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

/// Reads the files again whenever they change, until `stop`. What cannot be used is told, and the last good stays: a
/// certificate until there is another, tokens for [`TOLERATED`].
pub(super) async fn follow(
    http: Http,
    mut seen: Seen,
    access: Arc<Access>,
    tls_in_use: Option<RustlsConfig>,
    status: Arc<Status>,
    stop: CancellationToken,
) {
    if seen.0.is_empty() {
        return;
    }
    let mut locked_at: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if locked_at.is_some_and(|at| at <= Instant::now()) {
            locked_at = None;
            access.replace(Tokens::none());
            status.report(PART, Health::Down, "the tokens file cannot be used: nobody is let in until it can be");
        }
        let (again, before) = (http.clone(), seen.clone());
        let look = move || (Seen::now(&again) != before).then(|| read(&again));
        let Ok(Some(new)) = tokio::task::spawn_blocking(look).await else { continue };
        seen = new.seen;
        match new.tokens {
            Some(Ok(tokens)) => {
                tracing::info!(?tokens, "tokens read again");
                locked_at = None;
                status.report(PART, Health::Up, format!("{tokens:?}"));
                access.replace(tokens);
            }
            Some(Err(error)) => {
                locked_at = locked_at.or_else(|| Some(Instant::now() + TOLERATED));
                let detail = format!("{error:#}; the old tokens stay in force for {} min", TOLERATED.as_secs() / 60);
                status.report(PART, Health::Down, detail);
            }
            None => {}
        }
        match (new.tls, &tls_in_use) {
            (Some(Ok(config)), Some(in_use)) => in_use.reload_from_config(config),
            (Some(Err(error)), _) => tracing::warn!(error = format!("{error:#}"), "the old certificate stays in use"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[tokio::test(start_paused = true)]
    async fn tokens_outlive_their_file_for_a_while_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tokens");
        std::fs::write(&file, "viewer 0123456789abcdef\n").expect("written");
        let mut config = Config::default();
        config.http.tokens_file = Some(file.clone());
        let (http, status, stop) = (config.http.clone(), Arc::new(Status::default()), CancellationToken::new());
        let first = read(&http);
        let tokens = first.tokens.expect("configured").expect("valid");
        let grant = tokens.grant("0123456789abcdef").expect("known");
        let access = Arc::new(Access::new(&config, Some(tokens)));
        let follows =
            tokio::spawn(follow(http, first.seen, Arc::clone(&access), None, Arc::clone(&status), stop.clone()));

        std::fs::remove_file(&file).expect("removed");
        let began = Instant::now();
        while access.stands(grant) {
            tokio::time::sleep(LOOK).await;
            assert!(began.elapsed() < TOLERATED * 2, "the tokens of a file that is gone stay in force");
        }
        assert!(began.elapsed() >= TOLERATED, "a file that is away for a moment locks everybody out");
        assert_eq!(status.part(PART).map(|part| part.health), Some(Health::Down));
        assert!(access.guarded(), "nobody is let in without a token");

        std::fs::write(&file, "viewer 0123456789abcdef\n").expect("written");
        while !access.stands(grant) {
            tokio::time::sleep(LOOK).await;
            assert!(began.elapsed() < TOLERATED * 3, "the file that is there again is not read");
        }
        assert_eq!(status.part(PART).map(|part| part.health), Some(Health::Up));
        stop.cancel();
        follows.await.expect("ends");
    }
}
