//! `[journal]`: the history on disk.

use std::path::PathBuf;
use std::time::Duration;

use super::section::section;
use super::setting::ByteSize;

section! {
    /// The history on disk.
    pub struct Journal = "journal", check check, {
        /// Folder of the journal; made if it is missing. Local disk, not a network file system.
        path: PathBuf = PathBuf::from("fleetscope-data"),
        /// Entries older than this are removed.
        retain_age: Duration = Duration::from_hours(30 * 24),
        /// When the journal grows beyond this, its oldest entries are removed. Up to a sixteenth of it, and 1 GiB at most,
        /// are snapshots from which the state of a past time is made.
        retain_bytes: ByteSize = ByteSize(20 << 30),
    }
}

fn check(journal: &Journal) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if journal.retain_bytes < ByteSize(64 << 20) {
        wrong.push(("retain_bytes", "too small for a useful history: write at least \"64MiB\"".to_owned()));
    }
    if journal.retain_age < Duration::from_mins(1) {
        wrong.push(("retain_age", "write at least \"1m\"".to_owned()));
    }
    wrong
}
