//! The end of a log file.
//! Takes: a path. Gives: each line written from now on, once, also after the file was rotated or cut.
//! Never: reads what was there before, or holds a line without end.

use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::line::MAX_LINE;

/// Bytes read at a time, and at most between two looks: the rest comes with the next.
const PIECE: usize = 64 << 10;
const MOST: usize = 4 << 20;

/// A file that is followed.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    open: Option<Open>,
    /// Whether the file was looked at before: what it holds at the first look is old.
    looked: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    inode: u64,
    at: u64,
    /// A line that has no end yet.
    rest: Vec<u8>,
    /// The line is too long: it is passed by.
    skipping: bool,
}

impl Tail {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None, looked: false }
    }

    /// The lines that came since the last look.
    pub(super) async fn look(&mut self) -> std::io::Result<Vec<String>> {
        let mut lines = Vec::new();
        // What was written before the file was moved away is read to its end.
        if let Some(open) = &mut self.open {
            open.read(&mut lines).await?;
        }
        let there = match tokio::fs::metadata(&self.path).await {
            Ok(there) => there,
            Err(error) => {
                (self.open, self.looked) = (None, true);
                return if lines.is_empty() { Err(error) } else { Ok(lines) };
            }
        };
        if self.open.as_ref().is_some_and(|open| open.inode == there.ino() && there.len() >= open.at) {
            return Ok(lines);
        }
        let mut file = File::open(&self.path).await?;
        let is = file.metadata().await?;
        let at = if self.looked { 0 } else { is.len() };
        file.seek(SeekFrom::Start(at)).await?;
        self.looked = true;
        let mut open = Open { file, inode: is.ino(), at, rest: Vec::new(), skipping: false };
        open.read(&mut lines).await?;
        self.open = Some(open);
        Ok(lines)
    }
}

impl Open {
    async fn read(&mut self, lines: &mut Vec<String>) -> std::io::Result<()> {
        let (mut piece, mut most) = (vec![0; PIECE], MOST);
        while most > 0 {
            let count = self.file.read(&mut piece).await?;
            if count == 0 {
                return Ok(());
            }
            self.at += count as u64;
            most = most.saturating_sub(count);
            self.take(&piece[..count], lines);
        }
        Ok(())
    }

    fn take(&mut self, piece: &[u8], lines: &mut Vec<String>) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let ends = part.last() == Some(&b'\n');
            if !self.skipping {
                self.rest.extend_from_slice(part);
            }
            if ends {
                if !self.skipping {
                    lines.push(String::from_utf8_lossy(&self.rest).into_owned());
                }
                (self.rest, self.skipping) = (Vec::new(), false);
            } else if self.rest.len() > MAX_LINE {
                (self.rest, self.skipping) = (Vec::new(), true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn append(path: &Path, text: &str) {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("writable");
        file.write_all(text.as_bytes()).expect("written");
    }

    #[tokio::test]
    async fn lines_come_once_through_rotation_and_cuts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("server.log");
        append(&path, "old\n");
        let mut tail = Tail::new(&path);
        assert!(tail.look().await.expect("there").is_empty(), "what is old is old");
        append(&path, "one\ntw");
        assert_eq!(tail.look().await.expect("there"), ["one\n"]);
        append(&path, "o\n");
        std::fs::rename(&path, folder.path().join("server.log.1")).expect("moved");
        append(&path, "three\n");
        assert_eq!(tail.look().await.expect("there"), ["two\n", "three\n"]);
        std::fs::write(&path, "4\n").expect("cut");
        assert_eq!(tail.look().await.expect("there"), ["4\n"]);
        std::fs::remove_file(&path).expect("removed");
        assert!(tail.look().await.is_err());
        append(&path, "five\n");
        assert_eq!(tail.look().await.expect("there"), ["five\n"]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_not_held() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("server.log");
        append(&path, "");
        let mut tail = Tail::new(&path);
        tail.look().await.expect("there");
        append(&path, &"x".repeat(3 << 20));
        tail.look().await.expect("there");
        assert!(tail.open.as_ref().expect("open").rest.len() <= MAX_LINE + PIECE);
        append(&path, "\nnext\n");
        assert_eq!(tail.look().await.expect("there"), ["next\n"]);
    }
}
