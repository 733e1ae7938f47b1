//! A journal seen from outside, for `check`.
//! Takes: a folder. Gives: how much is in there. Never: changes a byte of it, or makes a file.

use std::path::Path;

use super::engine::Engine;
use super::{Embedded, meta, rebuild};
use crate::journal::{JournalError, Stats};

impl Embedded {
    /// How much the journal in `path` holds; `None` = there is none. `InUse` while a process has it.
    pub fn look(path: &Path) -> Result<Option<Stats>, JournalError> {
        let Some(engine) = Engine::open_to_read(path)? else { return Ok(None) };
        let txn = engine.read()?;
        let Some(segments) = meta::format(&engine, &txn)? else { return Ok(None) };
        let live = rebuild::ends(&engine, &txn, segments)?;
        let bytes = engine.bytes(&txn)?;
        Ok(Some(Stats { first_seq: live.first, last_seq: live.last, oldest: live.oldest, bytes }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::journal::Journal;
    use crate::journal::contract::{History, append};

    /// Name → content and time of every file in a folder.
    fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable"));
        let content = |path: &Path| std::fs::read(path).expect("a file");
        let time = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).expect("a time");
        entries.map(|e| (e.file_name().display().to_string(), (content(&e.path()), time(&e.path())))).collect()
    }

    #[test]
    fn a_look_tells_how_much_there_is_and_leaves_no_trace() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(Embedded::look(dir.path()).expect("empty"), None);
        let journal = Embedded::open_sized(dir.path(), Duration::MAX, 1 << 20, 64 << 20, 6).expect("opens");
        append(&journal, &History::new(31).more(100));
        let stats = journal.stats().expect("stats");
        assert!(matches!(Embedded::look(dir.path()), Err(JournalError::InUse(_))), "someone has it");
        drop(journal);
        // What a writer would make anew.
        for file in ["lock.mdb", "fleetscope.lock"] {
            std::fs::remove_file(dir.path().join(file)).expect("it was there");
        }
        let before = files(dir.path());
        assert_eq!(Embedded::look(dir.path()).expect("readable"), Some(stats));
        assert!(files(dir.path()) == before, "something was written");
    }
}
