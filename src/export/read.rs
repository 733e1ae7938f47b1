//! A file somebody hands in → its lines.
//! Takes: NDJSON, plain or packed by gzip or zstd; Parquet. Gives: what each line says, or what is wrong with it, and where.
//! Never: unpacks more than a line at a time, so that a small file cannot become a large one in memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _};
use std::path::Path;

use super::line::{Line, MAX_LINE};
use super::lines::{Lines, Piece};

/// Lines that may be wrong before a file is given up.
const MAX_BAD: u32 = 100;
/// Largest window of zstd, as a power of two: what unpacking may take in memory.
const MAX_WINDOW: u32 = 27;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    /// Its number, from 1.
    pub(crate) line: u64,
    pub(crate) why: String,
}

/// What was found next.
#[derive(Debug)]
pub(crate) enum Found {
    Line(u64, Line),
    Bad(Bad),
}

/// A file that is read.
pub(crate) trait Source {
    /// What comes next; `None` = that was all, or the file was given up, which was told as the last bad line.
    fn next(&mut self) -> Option<Found>;
}

/// Opens a file of any form that can be imported.
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn Source>> {
    let mut file = File::open(path)?;
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    if magic == b"PAR1" {
        return Ok(Box::new(super::read_parquet::Table::open(file)?));
    }
    let plain: Box<dyn BufRead> = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(file)))),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let mut unpacked = zstd::stream::read::Decoder::new(file)?;
            unpacked.window_log_max(MAX_WINDOW)?;
            Box::new(BufReader::new(unpacked))
        }
        _ => Box::new(BufReader::with_capacity(256 << 10, file)),
    };
    Ok(Box::new(Text { lines: Lines::new(plain, MAX_LINE), bad: 0 }))
}

struct Text {
    lines: Lines<Box<dyn BufRead>>,
    bad: u32,
}

impl Source for Text {
    fn next(&mut self) -> Option<Found> {
        loop {
            if self.bad > MAX_BAD {
                return None;
            }
            let number = self.lines.number + 1;
            let parsed = match self.lines.next()? {
                Piece::Line(line) if line.iter().all(u8::is_ascii_whitespace) => continue,
                Piece::Line(line) => Line::parse(line),
                Piece::Rest(rest) => Line::parse(rest).map_err(|_| "the file ends within it".to_owned()),
                Piece::TooLong => Err(format!("it is longer than {} MiB", MAX_LINE >> 20)),
                Piece::Failed(error) => Err(format!("the file cannot be read on: {error}")),
            };
            let why = match parsed {
                Ok(line) => return Some(Found::Line(number, line)),
                Err(why) => why,
            };
            self.bad += 1;
            let why = if self.bad > MAX_BAD { format!("{why}; too much is wrong, the rest is not read") } else { why };
            return Some(Found::Bad(Bad { line: number, why: crate::model::printable(&why) }));
        }
    }
}
