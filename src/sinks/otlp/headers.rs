//! The headers file: `name: value` a line, read again when it changes.
//! Takes: a path. Gives: headers, marked as secret. Never: shows a value, not even in an error.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;

/// Largest headers file.
const MAX_FILE: u64 = 64 << 10;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadersError {
    /// It cannot be read.
    #[error("cannot read the headers file {path}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is no header.
    #[error("line {line} of {path} is no header: write `name: value`")]
    Line {
        /// Which file.
        path: String,
        /// Counted from 1.
        line: usize,
    },
}

/// Headers that follow their file.
#[derive(Debug)]
pub(super) struct Headers {
    path: Option<PathBuf>,
    held: Mutex<(Option<Stamp>, Arc<HeaderMap>)>,
}

/// What tells one version of the file from the next.
type Stamp = (Option<SystemTime>, u64);

impl Headers {
    /// Of the file at `path`; `None` = no headers.
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, held: Mutex::default() }
    }

    /// The headers as the file stands now. Costs one `stat` while it does not change.
    pub(super) fn current(&self) -> Result<Arc<HeaderMap>, HeadersError> {
        let Some(path) = &self.path else { return Ok(Arc::default()) };
        let shown = || path.display().to_string();
        let failed = |source| HeadersError::Read { path: shown(), source };
        let meta = std::fs::metadata(path).map_err(failed)?;
        let stamp = (meta.modified().ok(), meta.len());
        let mut held = self.held.lock();
        if held.0 == Some(stamp) {
            return Ok(Arc::clone(&held.1));
        }
        if meta.len() > MAX_FILE {
            return Err(failed(std::io::Error::other("it is larger than 64 KiB")));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let headers = Arc::new(parse(&text).map_err(|line| HeadersError::Line { path: shown(), line })?);
        *held = (Some(stamp), Arc::clone(&headers));
        Ok(headers)
    }
}

/// Reads lines; empty ones and those that begin with `#` are passed by. `Err` = number of the bad line.
fn parse(text: &str) -> Result<HeaderMap, usize> {
    let mut headers = HeaderMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = || index + 1;
        let (name, value) = line.split_once(':').ok_or_else(bad)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| bad())?;
        // gRPC reads `-bin` metadata as base64, and reserves what begins with `grpc-`.
        if name.as_str().ends_with("-bin") || name.as_str().starts_with("grpc-") {
            return Err(bad());
        }
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_secret_headers() {
        let headers = parse("# who\n\nAuthorization: Bearer a:b \nx-scope-orgid:7\n").expect("valid");
        assert_eq!(headers["authorization"], "Bearer a:b");
        assert_eq!(headers["x-scope-orgid"], "7");
        assert!(!format!("{headers:?}").contains("Bearer"));
    }

    #[test]
    fn a_bad_line_is_named_by_number_only() {
        assert_eq!(parse("a: b\nsecret").expect_err("no colon"), 2);
        assert_eq!(parse("a b: c").expect_err("a space"), 1);
        assert_eq!(parse("key-bin: c").expect_err("binary"), 1);
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_missing_one_is_an_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("headers");
        std::fs::write(&path, "a: 1").expect("written");
        let headers = Headers::new(Some(path.clone()));
        assert_eq!(headers.current().expect("there")["a"], "1");
        std::fs::write(&path, "a: 22").expect("written");
        assert_eq!(headers.current().expect("there")["a"], "22");
        std::fs::remove_file(&path).expect("removed");
        let error = headers.current().expect_err("gone");
        assert!(error.to_string().contains("headers file"));
    }
}
