//! Records → frames.
//! Takes: records in order. Gives: finished frames, cut by bytes to fill the engine's pages.
//! Never: splits a record.

use super::bytes_of::{put_varint, zigzag};
use super::frame::{Codec, ENTRY, HEAD};
use super::row;
use super::term::{MANY, Term, hash64};
use crate::model::{Record, Seq};

/// LMDB keeps a large value in whole pages behind a header of 16 bytes.
const PAGE: usize = 4096;
const PAGE_HEAD: usize = 16;
/// Large enough that a batch of thousands needs few frames; read without unpacking, so the size costs a reader little.
const RAW_BYTES: usize = 8 * PAGE - PAGE_HEAD;
/// A reader unpacks a whole frame for one record, so packed frames are smaller.
const PACKED_BYTES: usize = 3 * PAGE - PAGE_HEAD;
/// Most distinct streams in a frame; the next one begins a new frame.
const MAX_ORIGINS: usize = 255;
/// Most values kept of a field that may have several; a record has a handful.
const MAX_MANY: usize = 255;

/// A finished frame.
#[derive(Debug)]
pub(super) struct Framed {
    pub(super) first: Seq,
    pub(super) bytes: Vec<u8>,
    /// Streams (hashed) with their first sequence in the frame.
    pub(super) origins: Vec<(u64, u64)>,
}

/// Collects rows until a frame is full.
#[derive(Debug)]
pub(super) struct Framing {
    codec: Codec,
    limit: usize,
    ratio: f64,
    first: Seq,
    count: u32,
    span: (i64, i64),
    last_at: i64,
    columns: Vec<u8>,
    rest: Vec<u8>,
    text: Vec<u8>,
    origins: Vec<(u64, u64)>,
    many: [Vec<u32>; MANY.len()],
}

impl Framing {
    /// `ratio`: how well the frames before were packed.
    pub(super) fn new(codec: Codec, ratio: f64) -> Self {
        let limit = match codec {
            Codec::Raw => RAW_BYTES,
            Codec::Lz4 => (PACKED_BYTES as f64 * 0.94 * ratio) as usize,
        };
        Self {
            codec,
            limit,
            ratio,
            first: 0,
            count: 0,
            span: (i64::MAX, i64::MIN),
            last_at: 0,
            columns: Vec::new(),
            rest: Vec::new(),
            text: Vec::new(),
            origins: Vec::new(),
            many: Default::default(),
        }
    }

    /// How well the last frames were packed: bytes before over bytes after.
    pub(super) const fn ratio(&self) -> f64 {
        self.ratio
    }

    /// Adds a record with its terms; gives the frame before it, if that is full now.
    pub(super) fn push(&mut self, record: &Record, terms: &[Term]) -> Result<Option<Framed>, postcard::Error> {
        let (rest, text) = (self.rest.len(), self.text.len());
        row::encode(record, &mut self.rest, &mut self.text)?;
        let (rest_len, text_len) = (self.rest.len() - rest, self.text.len() - text);
        let origin = origin_of(record);
        let new_origin = origin.filter(|(stream, _)| !self.origins.iter().any(|(s, _)| s == stream));
        // 48: about what the columns of a row take.
        let size = HEAD + self.columns.len() + self.rest.len() + self.text.len() + 48;
        let full = self.count > 0 && (size > self.limit || self.origins.len() == MAX_ORIGINS && new_origin.is_some());
        let framed = full.then(|| {
            let (next_rest, next_text) = (self.rest.split_off(rest), self.text.split_off(text));
            let framed = self.finish();
            (self.rest, self.text) = (next_rest, next_text);
            framed
        });
        if self.count == 0 {
            self.first = record.seq;
        }
        self.count += 1;
        self.put_columns(record, terms, rest_len, text_len);
        if let Some((stream, seq)) = origin
            && !self.origins.iter().any(|(s, _)| *s == stream)
        {
            self.origins.push((stream, seq));
        }
        Ok(framed.flatten())
    }

    fn put_columns(&mut self, record: &Record, terms: &[Term], rest_len: usize, text_len: usize) {
        let at = record.at.nanos();
        self.span = (self.span.0.min(at), self.span.1.max(at));
        put_varint(&mut self.columns, zigzag(at.wrapping_sub(self.last_at)));
        self.last_at = at;
        self.columns.push(if record.entry().is_some() { ENTRY } else { 0 });
        let mut single = [None; 16];
        self.many.iter_mut().for_each(Vec::clear);
        for term in terms {
            let (field, hash) = ((term.bits() >> 32) as usize, term.bits() as u32);
            match MANY.iter().position(|many| *many as usize == field) {
                Some(n) if self.many[n].len() < MAX_MANY && !self.many[n].contains(&hash) => self.many[n].push(hash),
                Some(_) => {}
                None => single[field] = Some(hash),
            }
        }
        let mask = single.iter().enumerate().filter(|(_, h)| h.is_some()).fold(0_u16, |mask, (n, _)| mask | 1 << n);
        self.columns.extend_from_slice(&mask.to_le_bytes());
        single.iter().flatten().for_each(|hash| self.columns.extend_from_slice(&hash.to_le_bytes()));
        for many in &self.many {
            self.columns.push(many.len() as u8);
            for hash in many {
                self.columns.extend_from_slice(&hash.to_le_bytes());
            }
        }
        put_varint(&mut self.columns, rest_len as u64);
        put_varint(&mut self.columns, text_len as u64);
    }

    /// What was collected since the last frame.
    pub(super) fn finish(&mut self) -> Option<Framed> {
        if self.count == 0 {
            return None;
        }
        let (packed_text, packed_rest);
        let (text, rest): (&[u8], &[u8]) = match self.codec {
            Codec::Raw => (&self.text, &self.rest),
            Codec::Lz4 => {
                packed_text = lz4_flex::block::compress(&self.text);
                packed_rest = lz4_flex::block::compress_with_dict(&self.rest, &self.text);
                (&packed_text, &packed_rest)
            }
        };
        let mut bytes =
            Vec::with_capacity(HEAD + 1 + self.origins.len() * 16 + self.columns.len() + text.len() + rest.len());
        bytes.extend_from_slice(&[0; 4]);
        bytes.push(self.codec as u8);
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&self.span.0.to_le_bytes());
        bytes.extend_from_slice(&self.span.1.to_le_bytes());
        for length in [self.columns.len(), text.len(), self.text.len(), rest.len(), self.rest.len()] {
            bytes.extend_from_slice(&(length as u32).to_le_bytes());
        }
        bytes.push(self.origins.len() as u8);
        for (stream, seq) in &self.origins {
            bytes.extend_from_slice(&stream.to_le_bytes());
            bytes.extend_from_slice(&seq.to_le_bytes());
        }
        bytes.extend_from_slice(&self.columns);
        bytes.extend_from_slice(text);
        bytes.extend_from_slice(rest);
        let crc = crc32fast::hash(&bytes[4..]);
        bytes[..4].copy_from_slice(&crc.to_le_bytes());
        if self.codec == Codec::Lz4 {
            self.learn(self.columns.len() + self.text.len() + self.rest.len(), bytes.len());
        }
        let framed = Framed { first: self.first, bytes, origins: std::mem::take(&mut self.origins) };
        self.count = 0;
        self.span = (i64::MAX, i64::MIN);
        self.last_at = 0;
        self.columns.clear();
        self.rest.clear();
        self.text.clear();
        Some(framed)
    }

    /// Small frames pack worse and say nothing about full ones.
    fn learn(&mut self, before: usize, after: usize) {
        if before * 2 > self.limit {
            let ratio = (before as f64 / after as f64).clamp(1.0, 8.0);
            self.ratio += (ratio - self.ratio) / 4.0;
            self.limit = (PACKED_BYTES as f64 * 0.94 * self.ratio) as usize;
        }
    }
}

/// The stream (with its incarnation, hashed) and sequence of a stored message.
fn origin_of(record: &Record) -> Option<(u64, u64)> {
    let (message, _) = record.entry()?;
    let stored = !message.stream.is_empty() && message.observed.is_none();
    stored.then(|| (stream_hash(&message.stream, message.incarnation), message.stream_seq))
}

/// One life of a stream, as a number.
pub(super) fn stream_hash(stream: &str, incarnation: u32) -> u64 {
    hash64(stream.as_bytes())
        ^ (u64::from(incarnation) << 40 | u64::from(incarnation)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
