//! The tables → the state in memory, when the journal is opened.
//! Takes: a snapshot. Gives: what the last commit had published. Never: unpacks a frame: the columns are enough.

use std::sync::Arc;

use heed::RoTxn;

use super::bytes_of::{Reader, from as from_key, u64_of};
use super::engine::Engine;
use super::frame::Frame;
use super::live::{Blocks, Live, Segments, Types, entry};
use super::meta;
use super::scan::frame_of;
use crate::journal::JournalError;
use crate::model::Text;

/// Entries sorted at a time.
const RUN: usize = 1 << 18;

pub(super) fn live(engine: &Engine, segments: Segments) -> Result<Live, JournalError> {
    let txn = engine.read()?;
    let mut live = ends(engine, &txn, segments)?;
    live.types = Arc::new(types(engine, &txn)?);
    live.blocks = Arc::new(blocks(engine, &txn)?);
    open_segments(engine, &txn, &mut live)?;
    Ok(live)
}

/// Only where the journal begins and ends.
pub(super) fn ends(engine: &Engine, txn: &RoTxn<'_>, segments: Segments) -> Result<Live, JournalError> {
    let mut live = Live::empty(segments);
    meta::load_ends(engine, txn, &mut live)?;
    if let Some((key, bytes)) = engine.tables.frame.first(txn)? {
        let frame = Frame::open(u64_of(key).unwrap_or(0), bytes)?;
        (live.first, live.oldest) = (frame.first, frame.rows.first().map(|row| row.at));
    }
    Ok(live)
}

fn types(engine: &Engine, txn: &RoTxn<'_>) -> Result<Types, JournalError> {
    let mut types = Types::default();
    for item in engine.tables.types.iter(txn)? {
        types.insert(Text::from(String::from_utf8_lossy(item?.0)));
    }
    Ok(types)
}

fn blocks(engine: &Engine, txn: &RoTxn<'_>) -> Result<Blocks, JournalError> {
    let mut blocks = Blocks::default();
    for item in engine.tables.block.iter(txn)? {
        let (key, value) = item?;
        let mut value = Reader::new(value);
        if let (Some(block), Some(earliest), Some(latest)) = (u64_of(key), value.key_u64(), value.key_u64()) {
            blocks.widen(block, earliest.cast_signed(), latest.cast_signed());
        }
    }
    Ok(blocks)
}

/// Collects the entries of the segments that are not sealed. A frame may reach across a segment's end: each row goes
/// where its own sequence belongs.
fn open_segments(engine: &Engine, txn: &RoTxn<'_>, live: &mut Live) -> Result<(), JournalError> {
    let segments = live.segments;
    let from = segments.first(live.sealed).max(live.first);
    let start = frame_of(engine, txn, from)?.map_or(from, |frame| frame.first);
    let mut segment = segments.of(from).0;
    let mut run = Vec::new();
    for item in engine.tables.frame.range(txn, &from_key(&start.to_be_bytes()))? {
        let (key, bytes) = item?;
        let frame = Frame::open(u64_of(key).unwrap_or(0), bytes)?;
        for (index, columns) in frame.rows.iter().enumerate() {
            let (of, row) = segments.of(frame.first + index as u64);
            if of < segment {
                continue;
            }
            if of != segment || run.len() >= RUN {
                live.push(segment, std::mem::take(&mut run));
                segment = of;
            }
            frame.terms(columns, &mut |term| run.push(entry(term, row)));
        }
    }
    if live.last >= from && live.last > 0 {
        live.push(segment, run);
    }
    Ok(())
}
