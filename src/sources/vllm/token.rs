//! Who may send spans over gRPC: the holders of a token of `http.tokens_file`, as over HTTP.
//! Never: keeps a token, or says which was close.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tonic::{Request, Status};

/// How long the file is believed before it is read again.
const FRESH: Duration = Duration::from_secs(2);

/// Hashes of the tokens in force.
#[derive(Debug)]
pub(super) struct Tokens {
    file: Option<PathBuf>,
    held: Mutex<Option<(Instant, Vec<[u8; 32]>)>>,
}

impl Tokens {
    /// Of this file; without one everybody may, which the configuration allows on loopback only.
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file, held: Mutex::default() }
    }

    /// Lets a request pass, or says why not.
    pub(super) fn check(&self, request: Request<()>) -> Result<Request<()>, Status> {
        let Some(file) = &self.file else { return Ok(request) };
        let given = request.metadata().get("authorization").and_then(|v| v.to_str().ok()?.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        let Some(given) = given else {
            return Err(Status::unauthenticated("send a token: `authorization: Bearer <token>`"));
        };
        let given: [u8; 32] = Sha256::digest(given.as_bytes()).into();
        let mut held = self.held.lock();
        if held.as_ref().is_none_or(|(at, _)| at.elapsed() > FRESH) {
            // A file that cannot be read lets nobody in.
            let text = std::fs::read_to_string(file).unwrap_or_default();
            *held = Some((Instant::now(), hashes(&text)));
        }
        let known = held.as_ref().map_or(&[][..], |(_, known)| known);
        let differs = |known: &[u8; 32]| known.iter().zip(&given).fold(0, |differs, (a, b)| differs | (a ^ b));
        let matching = known.iter().filter(|known| differs(known) == 0).count();
        if matching == 0 { Err(Status::unauthenticated("the token is not valid")) } else { Ok(request) }
    }
}

fn hashes(text: &str) -> Vec<[u8; 32]> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let tokens = lines.filter_map(|line| line.split_once(char::is_whitespace));
    tokens.map(|(_, token)| Sha256::digest(token.trim().as_bytes()).into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(header: Option<&str>) -> Request<()> {
        let mut request = Request::new(());
        if let Some(header) = header {
            request.metadata_mut().insert("authorization", header.parse().expect("ascii"));
        }
        request
    }

    #[test]
    fn only_the_tokens_of_the_file_let_in() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "# ours\nviewer abcdefghijklmnop\n").expect("written");
        let tokens = Tokens::new(Some(file.path().to_owned()));
        assert!(tokens.check(with(Some("Bearer abcdefghijklmnop"))).is_ok());
        for wrong in [None, Some("Bearer abcdefghijklmnoq"), Some("Bearer "), Some("Basic abcdefghijklmnop"), Some("x")]
        {
            assert!(tokens.check(with(wrong)).is_err(), "{wrong:?}");
        }
        let nobody = Tokens::new(Some("/nonexistent".into()));
        assert!(nobody.check(with(Some("Bearer abcdefghijklmnop"))).is_err());
        assert!(Tokens::new(None).check(with(None)).is_ok());
    }
}
