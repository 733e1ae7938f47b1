//! Bytes → lines, each within a bound.
//! Takes: whatever a file holds. Gives: whole lines, and what was wrong between them. Never: keeps more than one line.

use std::io::{self, BufRead};

/// Bytes passed over in search of the end of a line that is too long.
const MAX_PASSED: u64 = 1 << 30;

/// What comes next.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// A line, without its end.
    Line(&'a [u8]),
    /// What stands after the last line's end.
    Rest(&'a [u8]),
    /// A line longer than the bound; it was passed over.
    TooLong,
    /// No more can be read.
    Failed(io::Error),
}

/// Lines, with their numbers.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    from: R,
    most: usize,
    line: Vec<u8>,
    /// The number of the last line given, from 1.
    pub(crate) number: u64,
    /// Bytes of the lines given, ends included.
    pub(crate) bytes: u64,
    over: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) const fn new(from: R, most: usize) -> Self {
        Self { from, most, line: Vec::new(), number: 0, bytes: 0, over: false }
    }

    /// The next line; `None` = that was all.
    pub(crate) fn next(&mut self) -> Option<Piece<'_>> {
        if self.over {
            return None;
        }
        self.line.clear();
        self.number += 1;
        match fill(&mut self.from, self.most, &mut self.line) {
            Err(error) => {
                self.over = true;
                Some(Piece::Failed(error))
            }
            Ok(End::Line) => {
                self.bytes += self.line.len() as u64 + 1;
                Some(Piece::Line(&self.line))
            }
            Ok(End::File) => {
                self.over = true;
                (!self.line.is_empty()).then_some(Piece::Rest(&self.line))
            }
            Ok(End::TooLong) => Some(Piece::TooLong),
        }
    }
}

enum End {
    Line,
    File,
    TooLong,
}

fn fill(from: &mut impl BufRead, most: usize, line: &mut Vec<u8>) -> io::Result<End> {
    let mut passed = 0;
    loop {
        let held = match from.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            held => held?,
        };
        if held.is_empty() {
            return Ok(if passed > 0 { End::TooLong } else { End::File });
        }
        let end = memchr::memchr(b'\n', held);
        let taken = end.unwrap_or(held.len());
        if passed > 0 || line.len() + taken > most {
            passed += taken as u64 + 1;
            line.clear();
        } else {
            line.extend_from_slice(&held[..taken]);
        }
        from.consume(end.map_or(taken, |end| end + 1));
        match end {
            Some(_) if passed > 0 => return Ok(End::TooLong),
            Some(_) => return Ok(End::Line),
            None if passed > MAX_PASSED => return Err(io::Error::other("a line of more than a gibibyte")),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_within_the_bound_are_given_and_the_rest_is_told() {
        let text: &[u8] = b"one\n\ntoo long a line\ntwo\nend";
        // A small buffer: lines begin and end anywhere in it.
        let mut lines = Lines::new(io::BufReader::with_capacity(3, text), 6);
        let mut told = Vec::new();
        while let Some(piece) = lines.next() {
            told.push(match piece {
                Piece::Line(line) => format!("line {}", String::from_utf8_lossy(line)),
                Piece::Rest(rest) => format!("rest {}", String::from_utf8_lossy(rest)),
                Piece::TooLong => "too long".to_owned(),
                Piece::Failed(error) => error.to_string(),
            });
        }
        assert_eq!(told, ["line one", "line ", "too long", "line two", "rest end"]);
        assert_eq!((lines.number, lines.bytes), (5, 9));
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut lines = Lines::new(io::BufReader::new(io::Read::take(io::repeat(b'x'), 2 << 30)), 100);
        assert!(matches!(lines.next(), Some(Piece::Failed(_))));
        assert!(lines.next().is_none());
    }
}
