//! Files that are read again when they change: tokens, certificate and key.

use std::os::unix::fs::MetadataExt as _;
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

/// What a file looked like: age of its content, age of its rights, and size.
type Looks = (SystemTime, (i64, i64), u64);

/// What the files looked like when they were read; `None` for one that cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen(Vec<Option<Looks>>);

impl Seen {
    /// Blocks.
    fn now(http: &Http) -> Self {
        let look = |file: &PathBuf| {
            std::fs::metadata(file).and_then(|m| Ok((m.modified()?, (m.ctime(), m.ctime_nsec()), m.len()))).ok()
        };
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

/// How the tokens are.
enum Standing {
    /// Those of the file are in force.
    Good,
    /// The file cannot be used; those it held are in force until then.
    Tolerated(Instant),
    /// The file cannot be used, and none are in force.
    Locked,
}

/// Reads the files again whenever they change, and those that cannot be used again and again, until `stop`: what was in
/// the way may be mended without touching them. What cannot be used is told, and the last good stays: a certificate until
/// there is another, tokens for [`TOLERATED`].
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
    let (mut tokens, mut wrong_tls) = (Standing::Good, None);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if matches!(tokens, Standing::Tolerated(until) if until <= Instant::now()) {
            tokens = Standing::Locked;
            access.replace(Tokens::none());
            status.report(PART, Health::Down, "the tokens file cannot be used: nobody is let in until it can be");
        }
        let retry = !matches!(tokens, Standing::Good) || wrong_tls.is_some();
        let (again, before) = (http.clone(), seen.clone());
        let look = move || (retry || Seen::now(&again) != before).then(|| read(&again));
        let Ok(Some(new)) = tokio::task::spawn_blocking(look).await else { continue };
        let changed = std::mem::replace(&mut seen, new.seen) != seen;
        if changed || !matches!(tokens, Standing::Good) {
            tokens = renewed(tokens, new.tokens, &access, &status);
        }
        match (new.tls, &tls_in_use) {
            (Some(Ok(config)), Some(in_use)) if changed || wrong_tls.is_some() => {
                wrong_tls = None;
                in_use.reload_from_config(config);
            }
            (Some(Err(error)), _) => {
                let error = format!("{error:#}");
                if wrong_tls.as_ref() != Some(&error) {
                    tracing::warn!(error, "the old certificate stays in use");
                }
                wrong_tls = Some(error);
            }
            _ => {}
        }
    }
}

/// What becomes of the tokens after a look at their file.
fn renewed(standing: Standing, read: Option<anyhow::Result<Tokens>>, access: &Access, status: &Status) -> Standing {
    match (read, standing) {
        (None, standing) => standing,
        (Some(Ok(tokens)), _) => {
            tracing::info!(?tokens, "tokens read again");
            status.report(PART, Health::Up, format!("{tokens:?}"));
            access.replace(tokens);
            Standing::Good
        }
        (Some(Err(error)), Standing::Locked) => {
            status.report(PART, Health::Down, format!("{error:#}; nobody is let in until it can be used"));
            Standing::Locked
        }
        (Some(Err(error)), standing) => {
            let until = match standing {
                Standing::Tolerated(until) => until,
                _ => Instant::now() + TOLERATED,
            };
            let minutes = until.duration_since(Instant::now()).as_secs().div_ceil(60);
            status.report(PART, Health::Down, format!("{error:#}; the old tokens stay in force for {minutes} min"));
            Standing::Tolerated(until)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const TOKENS: &str = "viewer 0123456789abcdef\n";

    /// A file of tokens that is followed.
    struct Followed {
        _folder: tempfile::TempDir,
        file: PathBuf,
        access: Arc<Access>,
        grant: crate::api::access::Grant,
        status: Arc<Status>,
        stop: CancellationToken,
        began: Instant,
    }

    impl Followed {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("tokens");
            std::fs::write(&file, TOKENS).expect("written");
            let mut config = Config::default();
            config.http.tokens_file = Some(file.clone());
            let (http, status, stop) = (config.http.clone(), Arc::new(Status::default()), CancellationToken::new());
            let first = read(&http);
            let tokens = first.tokens.expect("configured").expect("valid");
            let grant = tokens.grant("0123456789abcdef").expect("known");
            let access = Arc::new(Access::new(&config, Some(tokens)));
            tokio::spawn(follow(http, first.seen, Arc::clone(&access), None, Arc::clone(&status), stop.clone()));
            Self { _folder: folder, file, access, grant, status, stop, began: Instant::now() }
        }

        /// Waits, as long as the tokens outlive their file twice over.
        async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
            let began = Instant::now();
            while !holds(self) {
                tokio::time::sleep(LOOK).await;
                assert!(began.elapsed() < TOLERATED * 2, "{what}");
            }
        }

        fn stands(&self) -> bool {
            self.access.stands(self.grant)
        }

        fn told(&self) -> String {
            self.status.part(PART).map(|part| part.detail).unwrap_or_default()
        }
    }

    impl Drop for Followed {
        fn drop(&mut self) {
            self.stop.cancel();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_outlive_their_file_for_a_while_only() {
        let followed = Followed::new();
        std::fs::remove_file(&followed.file).expect("removed");
        followed.until("the tokens of a file that is gone stay in force", |f| !f.stands()).await;
        assert!(followed.began.elapsed() >= TOLERATED, "a file that is away for a moment locks everybody out");
        assert_eq!(followed.status.part(PART).map(|part| part.health), Some(Health::Down));
        assert!(followed.access.guarded(), "nobody is let in without a token");
        std::fs::write(&followed.file, "nonsense\n").expect("written");
        followed
            .until("a file that is wrong in another way is not told", |f| f.told().contains("nobody is let in"))
            .await;
        assert!(!followed.told().contains("stay in force"), "{}", followed.told());

        std::fs::write(&followed.file, TOKENS).expect("written");
        followed.until("the file that is there again is not read", Followed::stands).await;
        assert_eq!(followed.status.part(PART).map(|part| part.health), Some(Health::Up));
    }

    /// Writes what is as long as before, and gives the file its old age: all that a change of rights or owner leaves
    /// behind, in a test that any user can run.
    fn swap(file: &Path, held: &str) {
        let before = std::fs::metadata(file).expect("there");
        assert_eq!(before.len(), held.len() as u64);
        std::fs::write(file, held).expect("written");
        let opened = std::fs::File::options().write(true).open(file).expect("opened");
        opened.set_modified(before.modified().expect("known")).expect("set");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_can_be_used_again_is_read_again_whatever_its_age() {
        let followed = Followed::new();
        let wrong = "nonsense".repeat(3)[..TOKENS.len()].to_owned();
        std::fs::write(&followed.file, &wrong).expect("written");
        followed.until("a file that cannot be used is not told", |f| f.told().contains("stay in force")).await;
        swap(&followed.file, TOKENS);
        followed.until("the file is not read again", |f| !f.told().contains("stay in force")).await;
        assert!(followed.stands(), "{}", followed.told());
        // And the other way round: who makes it unusable locks everybody out.
        swap(&followed.file, &wrong);
        followed.until("tokens outlive the rights of their file", |f| !f.stands()).await;
        swap(&followed.file, TOKENS);
        followed.until("the file that is right again is not read", Followed::stands).await;
    }
}
