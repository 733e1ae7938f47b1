//! Disks that are full or may not be written.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{EVER, Embedded, MAP};
use crate::journal::contract::{History, append, check, position};
use crate::journal::{Commit, Journal, JournalError};

/// A small file system in memory, where the machine lets us mount one.
struct Small(TempDir);

impl Small {
    fn mount(mebibytes: u32) -> Option<Self> {
        let dir = TempDir::new().expect("a folder");
        let size = format!("size={mebibytes}m");
        run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"], dir.path()).then(|| Self(dir))
    }

    fn remount(&self, options: &str) {
        assert!(run("mount", &["-o", &format!("remount,{options}")], self.0.path()), "remounts");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run("umount", &["--lazy"], self.0.path());
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    Command::new(program).args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}

/// Appends until the disk is full; gives the commit that failed.
fn fill(journal: &Embedded, history: &mut History) -> (Vec<std::sync::Arc<crate::model::Record>>, JournalError) {
    for n in 0.. {
        let (records, position) = (history.more(300), [position("nats/A", n)]);
        let commit = Commit { records: &records, positions: &position, ..Commit::default() };
        if let Err(error) = journal.append(&commit) {
            return (records, error);
        }
        assert!(n < 1000, "the disk should be full by now");
    }
    unreachable!("the loop above ends");
}

#[test]
fn a_full_disk_refuses_a_commit_as_a_whole_and_takes_it_later() {
    // Where nothing can be mounted, a full map stands in for the disk: the same path through the engine.
    let small = Small::mount(8);
    let own = TempDir::new().expect("a folder");
    let (path, map) = small.as_ref().map_or((own.path(), 8 << 20), |small| (small.0.path(), MAP));
    let mut journal = Embedded::open_sized(path, EVER, u64::MAX, map, 8).expect("opens");
    let mut history = History::new(31);
    let (failed, error) = fill(&journal, &mut history);
    assert_eq!(error.reason(), "disk_full", "{error:?}");
    let again = Commit { records: &failed, ..Commit::default() };
    for _ in 0..3 {
        assert_eq!(journal.append(&again).expect_err("still full").reason(), "disk_full");
    }
    let last = failed[0].seq - 1;
    assert_eq!(journal.stats().expect("stats").last_seq, last, "nothing of it is there");
    assert_eq!(journal.read(last, 10, usize::MAX).expect("reads").len(), 1);
    assert_eq!(journal.positions().expect("positions").len(), 1);
    if let Some(small) = &small {
        small.remount("size=64m");
    } else {
        drop(journal);
        journal = Embedded::open_sized(path, EVER, u64::MAX, MAP, 8).expect("opens");
    }
    journal.append(&again).expect("there is room now");
    append(&journal, &history.more(10));
    for _ in 0..5 {
        check(&journal, &mut history);
    }
    drop(journal);
    let journal = Embedded::open_sized(path, EVER, u64::MAX, MAP, 8).expect("opens");
    assert_eq!(journal.read(1, usize::MAX, usize::MAX).expect("reads"), history.records());
}

#[test]
fn a_read_only_disk_is_named() {
    let Some(small) = Small::mount(8) else {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let below = file.path().join("journal");
        Embedded::open(&below, EVER, 1 << 30).expect_err("a file is no folder");
        return;
    };
    small.remount("ro");
    let error = Embedded::open(&small.0.path().join("journal"), EVER, 1 << 30).expect_err("read-only");
    assert_eq!(error.reason(), "read_only", "{error:?}");
}
