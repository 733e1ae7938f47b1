//! What `make tools` brings, and processes that end with their test.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Child;

/// A file below `.tools`. None is a failure where `CI` is set; elsewhere the test says so and is passed by.
pub(crate) fn tool(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools").join(path);
    if found.is_file() {
        return Some(found);
    }
    assert!(std::env::var_os("CI").is_none(), "no {path}: run `make tools`");
    let _ = writeln!(std::io::stderr(), "no {path}: not tested; `make tools` brings it");
    None
}

/// Killed when dropped.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
