//! Bytes of a frame → rows.
//! Takes: what the frame table holds. Gives: the columns at once, text and records when asked.
//! Never: gives a row whose checksum does not hold.
//!
//! ```text
//! crc32 of all that follows · codec · rows · earliest, latest time · lengths   (HEAD bytes)
//! origins: count, (stream hash, first stream sequence)…
//! columns: per row time, flags, terms, length of rest, length of text
//! text of all rows · rest of all rows                                          (LZ4 or raw)
//! ```

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::bytes_of::Reader;
use super::row;
use super::term::{MANY, Term};
use crate::journal::JournalError;
use crate::model::{Record, Seq, Timestamp};

/// Bytes before the origins.
pub(super) const HEAD: usize = 4 + 1 + 4 + 8 + 8 + 5 * 4;

/// How text and rest are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Codec {
    /// As they are: costs nothing to write, for draining a backlog.
    Raw = 0,
    /// LZ4; the rest has the text as its dictionary, since facts repeat what the payload says.
    Lz4 = 1,
}

/// What the columns say of a row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) at: Timestamp,
    flags: u8,
    terms: Range<usize>,
    rest: Range<usize>,
    text: Range<usize>,
}

/// Flag of rows that are entries.
pub(super) const ENTRY: u8 = 1;

impl Row {
    pub(super) const fn is_entry(&self) -> bool {
        self.flags & ENTRY != 0
    }

    /// Where the row's text stands in the frame's.
    pub(super) fn text(&self) -> Range<usize> {
        self.text.clone()
    }

    /// Bytes of the row without its text.
    pub(super) fn bare_size(&self) -> usize {
        self.rest.len()
    }

    /// Bytes of the row, before compression.
    pub(super) fn size(&self) -> usize {
        self.rest.len() + self.text.len()
    }
}

/// A frame whose checksum and columns were read.
#[derive(Debug)]
pub(super) struct Frame<'t> {
    pub(super) first: Seq,
    pub(super) earliest: Timestamp,
    pub(super) latest: Timestamp,
    pub(super) rows: Vec<Row>,
    codec: Codec,
    columns: &'t [u8],
    origins: &'t [u8],
    text: &'t [u8],
    text_len: usize,
    rest: &'t [u8],
    rest_len: usize,
}

/// Text and rest of a frame, unpacked.
#[derive(Debug)]
pub(super) struct Content<'t> {
    text: Cow<'t, [u8]>,
    rest: Cow<'t, [u8]>,
}

/// Largest text or rest a frame can claim: a guard against damage, far above what is ever written.
const MAX_SECTION: usize = 1 << 30;

impl<'t> Frame<'t> {
    pub(super) fn open(first: Seq, bytes: &'t [u8]) -> Result<Self, JournalError> {
        Self::parse(first, bytes).ok_or_else(|| damaged(first, "frame"))
    }

    fn parse(first: Seq, bytes: &'t [u8]) -> Option<Self> {
        let mut head = Reader::new(bytes);
        if head.u32()? != crc32fast::hash(head.rest()) {
            return None;
        }
        let codec = match head.u8()? {
            0 => Codec::Raw,
            1 => Codec::Lz4,
            _ => return None,
        };
        let count = head.u32()? as usize;
        let (earliest, latest) = (Timestamp::from_nanos(head.i64()?), Timestamp::from_nanos(head.i64()?));
        let [columns, text, text_len, rest, rest_len] =
            [head.u32()?, head.u32()?, head.u32()?, head.u32()?, head.u32()?];
        let (text_len, rest_len) = (text_len as usize, rest_len as usize);
        if text_len > MAX_SECTION || rest_len > MAX_SECTION {
            return None;
        }
        let origins = usize::from(head.u8()?);
        let origins = head.take(origins * 16)?;
        let columns = head.take(columns as usize)?;
        let text = head.take(text as usize)?;
        let rest = head.take(rest as usize)?;
        let rows = rows(columns, count, text_len, rest_len)?;
        Some(Self { first, earliest, latest, rows, codec, columns, origins, text, text_len, rest, rest_len })
    }

    pub(super) const fn last(&self) -> Seq {
        self.first + self.rows.len() as u64 - 1
    }

    /// The streams in here (hashed), each with the first of its sequences.
    pub(super) fn origins(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut reader = Reader::new(self.origins);
        std::iter::from_fn(move || Some((reader.u64()?, reader.u64()?)))
    }

    /// Bytes of all rows, before packing.
    pub(super) const fn size(&self) -> usize {
        self.text_len + self.rest_len
    }

    /// The terms of a row.
    pub(super) fn terms(&self, row: &Row, each: &mut dyn FnMut(Term)) {
        read_terms(&self.columns[row.terms.clone()], each);
    }

    /// The searchable text of all rows, one after the other.
    pub(super) fn text(&self) -> Result<Cow<'t, [u8]>, JournalError> {
        match self.codec {
            Codec::Raw => Ok(Cow::Borrowed(self.text)),
            Codec::Lz4 => match lz4_flex::block::decompress(self.text, self.text_len) {
                Ok(text) if text.len() == self.text_len => Ok(Cow::Owned(text)),
                _ => Err(damaged(self.first, "text")),
            },
        }
    }

    /// The rest of all rows, given their text.
    pub(super) fn content(&self, text: Cow<'t, [u8]>) -> Result<Content<'t>, JournalError> {
        let rest = match self.codec {
            Codec::Raw => Cow::Borrowed(self.rest),
            Codec::Lz4 => match lz4_flex::block::decompress_with_dict(self.rest, self.rest_len, &text) {
                Ok(rest) if rest.len() == self.rest_len => Cow::Owned(rest),
                _ => return Err(damaged(self.first, "rest")),
            },
        };
        Ok(Content { text, rest })
    }

    /// One record.
    pub(super) fn record(&self, index: usize, content: &Content<'_>) -> Result<Arc<Record>, JournalError> {
        self.decode(index, content, true)
    }

    /// One record without its payload.
    pub(super) fn bare(&self, index: usize, content: &Content<'_>) -> Result<Arc<Record>, JournalError> {
        self.decode(index, content, false)
    }

    fn decode(&self, index: usize, content: &Content<'_>, payload: bool) -> Result<Arc<Record>, JournalError> {
        let seq = self.first + index as u64;
        let row = &self.rows[index];
        content
            .rest
            .get(row.rest.clone())
            .zip(content.text.get(row.text.clone()))
            .and_then(|(rest, text)| row::decode(seq, row.at, rest, text, payload))
            .ok_or_else(|| damaged(seq, "record"))
    }
}

fn rows(columns: &[u8], count: usize, text_len: usize, rest_len: usize) -> Option<Vec<Row>> {
    let mut rows = Vec::with_capacity(count.min(columns.len()));
    let mut reader = Reader::new(columns);
    let (mut at, mut rest, mut text) = (0_i64, 0_usize, 0_usize);
    for _ in 0..count {
        at = at.wrapping_add(reader.zigzag()?);
        let flags = reader.u8()?;
        let begin = columns.len() - reader.rest().len();
        let single = reader.u16()?.count_ones() as usize;
        reader.take(single * 4)?;
        for _ in MANY {
            let many = usize::from(reader.u8()?);
            reader.take(many * 4)?;
        }
        let end = columns.len() - reader.rest().len();
        let (rest_end, text_end) =
            (rest.checked_add(reader.varint()? as usize)?, text.checked_add(reader.varint()? as usize)?);
        if rest_end > rest_len || text_end > text_len {
            return None;
        }
        rows.push(Row {
            at: Timestamp::from_nanos(at),
            flags,
            terms: begin..end,
            rest: rest..rest_end,
            text: text..text_end,
        });
        (rest, text) = (rest_end, text_end);
    }
    reader.rest().is_empty().then_some(rows)
}

fn read_terms(bytes: &[u8], each: &mut dyn FnMut(Term)) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let mask = reader.u16()?;
    for field in (0..16_u64).filter(|field| mask & (1 << field) != 0) {
        each(Term::from_bits(field << 32 | u64::from(reader.u32()?)));
    }
    for field in MANY {
        for _ in 0..reader.u8()? {
            each(Term::from_hash(field, reader.u32()?));
        }
    }
    Some(())
}

pub(super) fn damaged(seq: Seq, what: &str) -> JournalError {
    JournalError::Damaged { seq, what: format!("the {what} does not fit its checksum or form") }
}
