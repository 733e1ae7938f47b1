//! A password from a file, and what to do after it was refused.
//! Takes: a file. Gives: the password, unless the server refused that very one a short while ago.
//! Never: sends a refused password again and again: servers lock out the user, and with it the fleet.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::failure::{Failure, reason};

/// How long a refused password is kept back, unless the file changes.
const QUIET: Duration = Duration::from_mins(5);

/// What the server refused, and when.
type Refused = (Option<String>, Instant);

/// The password of one system. Copies share what was refused.
#[derive(Clone, Debug)]
pub(super) struct Password {
    file: Option<PathBuf>,
    refused: Arc<Mutex<Option<Refused>>>,
}

impl Password {
    /// The password in this file; none where there is no file.
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file, refused: Arc::default() }
    }

    /// What to sign in with now.
    pub(super) async fn read(&self) -> Result<Option<String>, Failure> {
        let password = match &self.file {
            None => None,
            Some(path) => {
                let text = tokio::fs::read_to_string(path).await.map_err(|error| {
                    let detail = format!("{} cannot be read: {error}", path.display());
                    Failure::new(reason::CONFIGURATION, detail)
                })?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        };
        match &*self.refused.lock() {
            Some((refused, at)) if *refused == password && at.elapsed() < QUIET => {
                let left = QUIET.saturating_sub(at.elapsed()).as_secs();
                let detail = format!(
                    "the server refused this password: it is not sent again for {left} s, unless password_file changes"
                );
                Err(Failure::new(reason::UNAUTHORIZED, detail))
            }
            _ => Ok(password),
        }
    }

    /// The server refused it.
    pub(super) fn refused(&self, password: Option<String>) {
        *self.refused.lock() = Some((password, Instant::now()));
    }

    /// The server took it.
    pub(super) fn taken(&self) {
        *self.refused.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_password_is_kept_back_until_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        std::fs::write(&file, "wrong\n").expect("written");
        let password = Password::new(Some(file.clone()));
        let first = password.read().await.expect("readable");
        assert_eq!(first.as_deref(), Some("wrong"));
        password.refused(first);
        let failure = password.clone().read().await.expect_err("it was refused");
        assert_eq!(failure.reason, reason::UNAUTHORIZED);
        std::fs::write(&file, "right").expect("written");
        assert_eq!(password.read().await.expect("another one").as_deref(), Some("right"));
    }
}
