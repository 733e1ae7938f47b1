//! FILE.part: what is written until it is whole.
//! Takes: the name asked for. Gives: somewhere to write, and the name at the end. Never: that name to half a file.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::export::{Head, Line, Lines, MAX_LINE, Piece};
use crate::model::Seq;

/// Where an export goes.
pub(super) enum Out {
    Stdout(BufWriter<io::Stdout>),
    Plain(BufWriter<File>),
    Gzip(flate2::write::GzEncoder<BufWriter<File>>),
    Zstd(zstd::stream::write::Encoder<'static, BufWriter<File>>),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(out) => out.write(bytes),
            Self::Zstd(out) => out.write(bytes),
        }
    }

    /// Called once, at the end: what is packed ends here.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Plain(out) => out.flush(),
            Self::Gzip(out) => {
                out.try_finish()?;
                out.get_mut().flush()
            }
            Self::Zstd(out) => {
                out.do_finish()?;
                out.get_mut().flush()
            }
        }
    }
}

/// A file in the making.
pub(super) struct Part {
    file: Option<File>,
    /// The name it has, and the one it gets; none for standard output.
    names: Option<(PathBuf, PathBuf)>,
}

impl Part {
    pub(super) const fn stdout() -> Self {
        Self { file: None, names: None }
    }

    /// A new one; what an earlier try left is written over.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let part = named(path);
        let file = File::create(&part).with_context(|| format!("--output: {} cannot be made", part.display()))?;
        Ok(Self { file: Some(file), names: Some((part, path.to_owned())) })
    }

    /// Where to write.
    pub(super) fn out(&mut self) -> anyhow::Result<Out> {
        let (Some(file), Some((_, path))) = (&self.file, &self.names) else {
            return Ok(Out::Stdout(BufWriter::with_capacity(256 << 10, io::stdout())));
        };
        let file = BufWriter::with_capacity(256 << 10, file.try_clone()?);
        Ok(match path.extension().and_then(|e| e.to_str()) {
            Some("gz") => Out::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::fast())),
            Some("zst") => Out::Zstd(zstd::stream::write::Encoder::new(file, 0)?),
            _ => Out::Plain(file),
        })
    }

    /// Gives the file its name once the disk has it. Gives that name.
    pub(super) fn finish(self) -> anyhow::Result<String> {
        let (Some(file), Some((part, path))) = (self.file, self.names) else { return Ok("standard output".to_owned()) };
        file.sync_all().with_context(|| format!("{} cannot be written", part.display()))?;
        std::fs::rename(&part, &path).with_context(|| format!("{} cannot get its name", path.display()))?;
        Ok(path.display().to_string())
    }

    /// Keeps what can be gone on with, removes what cannot, and tells which.
    pub(super) fn give_up(self, error: anyhow::Error, ndjson: bool) -> anyhow::Error {
        let Some((part, path)) = self.names else { return error };
        let plain = !matches!(path.extension().and_then(|e| e.to_str()), Some("gz" | "zst"));
        let begun = self.file.and_then(|file| file.metadata().ok()).is_some_and(|meta| meta.len() > 0);
        if ndjson && plain && begun {
            return error.context(format!("{} is not whole; --resume goes on with it", part.display()));
        }
        let _ = std::fs::remove_file(&part);
        error
    }
}

fn named(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// What was left to go on with.
pub(super) enum Resumed {
    /// Nothing: all of it is there.
    Whole(Part),
    /// The file, cut after its last whole record; its header; and the first record that is missing.
    From(Part, Box<Head>, Seq),
}

/// The file an earlier try left.
pub(super) fn resume(path: &Path) -> anyhow::Result<Resumed> {
    let name = named(path);
    let open = File::options().read(true).write(true).open(&name);
    let mut file = open.with_context(|| format!("--resume: {} cannot be opened", name.display()))?;
    if matches!(path.extension().and_then(|e| e.to_str()), Some("gz" | "zst")) {
        bail!("--resume: a packed file cannot be gone on with; leave --resume out to begin anew");
    }
    let Seen { head, last, whole, ended } = look(BufReader::with_capacity(256 << 10, &file));
    let Some(head) = head else {
        bail!("--resume: {} does not begin as an NDJSON export does; remove it", name.display());
    };
    let part = Part { file: None, names: Some((name, path.to_owned())) };
    if ended {
        return Ok(Resumed::Whole(Part { file: Some(file), ..part }));
    }
    file.set_len(whole)?;
    file.seek(io::SeekFrom::End(0))?;
    let from = last.map_or(head.from, |last| last + 1);
    Ok(Resumed::From(Part { file: Some(file), ..part }, head, from))
}

#[derive(Default)]
struct Seen {
    head: Option<Box<Head>>,
    /// The last record that is whole.
    last: Option<Seq>,
    /// Bytes up to the end of that.
    whole: u64,
    /// Whether the file says that it is whole.
    ended: bool,
}

fn look(file: impl io::BufRead) -> Seen {
    #[derive(Deserialize)]
    struct Numbered {
        seq: Seq,
    }
    let mut lines = Lines::new(file, MAX_LINE);
    let mut seen = Seen::default();
    loop {
        let first = lines.number == 0;
        let Some(Piece::Line(line)) = lines.next() else { return seen };
        if first {
            let Ok(Line::Head(head)) = Line::parse(line) else { return seen };
            seen.head = Some(head);
        } else if let Ok(Numbered { seq }) = serde_json::from_slice(line) {
            seen.last = Some(seq);
        } else {
            // Stories follow the last record: the end comes after them, or they come again.
            if let Ok(Line::End(_)) = Line::parse(line) {
                seen.ended = true;
                return seen;
            }
            continue;
        }
        seen.whole = lines.bytes;
    }
}
