//! Snapshots of the correlator, in pieces.
//! Takes: bytes and the record they were taken after. Gives: the newest that is whole. Never: keeps more than two.
//!
//! Pieces are packed: a snapshot is mostly ids that come again and again, and what a commit writes is held in memory
//! until its end.

use heed::{RoTxn, RwTxn};

use super::append::pair;
use super::bytes_of::{Reader, between, u64_of};
use super::engine::Engine;
use crate::journal::JournalError;
use crate::model::Seq;

/// Bytes of a piece before packing. Larger values need long runs of free pages, which a journal that reuses its pages
/// may not have.
const PIECE: usize = 60 * 1024;

pub(super) fn put(engine: &Engine, txn: &mut RwTxn<'_>, seq: Seq, snapshot: &[u8]) -> Result<(), JournalError> {
    let table = engine.tables.snapshot;
    let kept = seqs(engine, txn)?;
    let before = kept.iter().rev().find(|kept| **kept != seq);
    for old in kept.iter().filter(|kept| Some(*kept) != before) {
        table.delete_range(txn, &between(&pair(*old, 0), &pair(*old, u64::MAX)))?;
    }
    let head = pair(snapshot.len() as u64, u64::from(crc32fast::hash(snapshot)));
    table.put(txn, &pair(seq, 0), &head)?;
    for (n, piece) in snapshot.chunks(PIECE).enumerate() {
        table.put(txn, &pair(seq, n as u64 + 1), &lz4_flex::block::compress(piece))?;
    }
    Ok(())
}

/// The newest snapshot; a damaged one is passed over for the one before.
pub(super) fn newest(engine: &Engine, txn: &RoTxn<'_>) -> Result<Option<(Seq, Vec<u8>)>, JournalError> {
    for seq in seqs(engine, txn)?.into_iter().rev() {
        if let Some(snapshot) = get(engine, txn, seq)? {
            return Ok(Some((seq, snapshot)));
        }
        tracing::warn!(seq, "a snapshot is damaged and passed over");
    }
    Ok(None)
}

fn get(engine: &Engine, txn: &RoTxn<'_>, seq: Seq) -> Result<Option<Vec<u8>>, JournalError> {
    let (first, last) = (pair(seq, 0), pair(seq, u64::MAX));
    let mut pieces = engine.tables.snapshot.range(txn, &between(&first, &last))?;
    let Some(head) = pieces.next().transpose()? else { return Ok(None) };
    let mut head = Reader::new(head.1);
    let (length, crc) = (head.key_u64(), head.key_u64());
    let (mut snapshot, mut room) = (Vec::new(), vec![0; PIECE]);
    for piece in pieces {
        // A damaged piece is one that is missing: length and checksum tell.
        let unpacked = lz4_flex::block::decompress_into(piece?.1, &mut room).unwrap_or(0);
        snapshot.extend_from_slice(&room[..unpacked]);
    }
    let whole = length == Some(snapshot.len() as u64) && crc == Some(u64::from(crc32fast::hash(&snapshot)));
    Ok(whole.then_some(snapshot))
}

/// The records snapshots were taken after, ascending.
fn seqs(engine: &Engine, txn: &RoTxn<'_>) -> Result<Vec<Seq>, JournalError> {
    let mut seqs = Vec::new();
    for item in engine.tables.snapshot.iter(txn)? {
        seqs.extend(u64_of(item?.0));
    }
    seqs.dedup();
    Ok(seqs)
}
