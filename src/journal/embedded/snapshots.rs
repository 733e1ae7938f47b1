//! Snapshots of the correlator, in pieces.
//! Takes: bytes and the record they were taken after. Gives: the newest that is whole, also of those before a record.
//! Never: keeps more than a ladder of them: a bounded number and size, spread over the records held.
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
/// Snapshots kept: with so many, what has to be replayed for any time is about a twentieth of what is held, at most.
const MAX_KEPT: usize = 64;
/// The newest ones are for a start after a crash, and stay: the last one, and the one before should that be damaged.
const FOR_START: usize = 2;
/// Packed bytes all may take: this share of what is retained, and this at most.
const SHARE: u64 = 16;
const MAX_BYTES: u64 = 1 << 30;

/// What is held of the history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Oldest record.
    pub(super) first: Seq,
    /// Packed bytes all snapshots may take.
    pub(super) room: u64,
}

/// Packed bytes the snapshots of a journal of this size may take.
pub(super) fn room(retain_bytes: u64) -> u64 {
    (retain_bytes / SHARE).min(MAX_BYTES)
}

/// A snapshot kept: the record it was taken after, and its packed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rung {
    seq: Seq,
    bytes: u64,
}

pub(super) fn put(
    engine: &Engine,
    txn: &mut RwTxn<'_>,
    seq: Seq,
    snapshot: &[u8],
    held: Held,
) -> Result<(), JournalError> {
    remove(engine, txn, seq)?;
    let table = engine.tables.snapshot;
    let mut bytes = 0;
    for (n, piece) in snapshot.chunks(PIECE).enumerate() {
        let packed = lz4_flex::block::compress(piece);
        bytes += packed.len() as u64;
        table.put(txn, &pair(seq, n as u64 + 1), &packed)?;
    }
    let mut sums = pair(snapshot.len() as u64, u64::from(crc32fast::hash(snapshot))).to_vec();
    sums.extend_from_slice(&bytes.to_be_bytes());
    table.put(txn, &pair(seq, 0), &sums)?;
    for gone in thin(rungs(engine, txn)?, held) {
        remove(engine, txn, gone)?;
    }
    Ok(())
}

/// Which have to go so that the rest is few and small enough, and well spread: each time the one whose absence leaves
/// the smallest gap, in records.
fn thin(mut rungs: Vec<Rung>, held: Held) -> Vec<Seq> {
    let mut gone = Vec::new();
    let mut bytes: u64 = rungs.iter().map(|rung| rung.bytes).sum();
    while rungs.len() > FOR_START && (rungs.len() > MAX_KEPT || bytes > held.room) {
        let gap = |at: usize| {
            let before = at.checked_sub(1).map_or(held.first.saturating_sub(1), |before| rungs[before].seq);
            rungs[at + 1].seq.saturating_sub(before)
        };
        let Some(least) = (0..rungs.len() - FOR_START).min_by_key(|at| gap(*at)) else { break };
        let rung = rungs.remove(least);
        bytes -= rung.bytes;
        gone.push(rung.seq);
    }
    gone
}

/// Removes those that lead nowhere: the records that follow them are gone. The newest ones stay.
pub(super) fn expire(engine: &Engine, txn: &mut RwTxn<'_>, first: Seq) -> Result<(), JournalError> {
    let rungs = rungs(engine, txn)?;
    let old = rungs.len().saturating_sub(FOR_START);
    for rung in rungs[..old].iter().filter(|rung| rung.seq + 1 < first) {
        remove(engine, txn, rung.seq)?;
    }
    Ok(())
}

fn remove(engine: &Engine, txn: &mut RwTxn<'_>, seq: Seq) -> Result<(), JournalError> {
    engine.tables.snapshot.delete_range(txn, &between(&pair(seq, 0), &pair(seq, u64::MAX)))?;
    Ok(())
}

/// The newest snapshot at or before a record; a damaged one is passed over for the one before.
pub(super) fn newest(engine: &Engine, txn: &RoTxn<'_>, upto: Seq) -> Result<Option<(Seq, Vec<u8>)>, JournalError> {
    for rung in rungs(engine, txn)?.into_iter().rev().filter(|rung| rung.seq <= upto) {
        if let Some(snapshot) = get(engine, txn, rung.seq)? {
            return Ok(Some((rung.seq, snapshot)));
        }
        tracing::warn!(seq = rung.seq, "a snapshot is damaged and passed over");
    }
    Ok(None)
}

/// The oldest snapshot with all records after it, the oldest of which is `first`.
pub(super) fn oldest(engine: &Engine, txn: &RoTxn<'_>, first: Seq) -> Result<Option<Seq>, JournalError> {
    let all = rungs(engine, txn)?;
    Ok(all.iter().find(|rung| first > 0 && rung.seq + 1 >= first).map(|rung| rung.seq))
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

/// All there are, oldest first.
fn rungs(engine: &Engine, txn: &RoTxn<'_>) -> Result<Vec<Rung>, JournalError> {
    let (table, mut rungs) = (engine.tables.snapshot, Vec::new());
    let mut next = table.first(txn)?;
    while let Some((key, head)) = next {
        let Some(seq) = u64_of(key) else { break };
        let mut head = Reader::new(head);
        let (length, _) = (head.key_u64(), head.key_u64());
        // One of before packed bytes were counted takes its whole length at most.
        rungs.push(Rung { seq, bytes: head.key_u64().or(length).unwrap_or(0) });
        next = table.get_greater_than(txn, &pair(seq, u64::MAX))?;
    }
    Ok(rungs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_spread_over_what_is_held() {
        let mut kept: Vec<Rung> = Vec::new();
        for n in 1..=5_000 {
            kept.push(Rung { seq: n * 100, bytes: 10 });
            let gone = thin(kept.clone(), Held { first: 1, room: 10_000 });
            kept.retain(|rung| !gone.contains(&rung.seq));
            assert!(kept.len() <= MAX_KEPT);
            assert_eq!(kept[kept.len() - 1].seq, n * 100, "the newest stays");
            assert!(n == 1 || kept[kept.len() - 2].seq == (n - 1) * 100, "and the one before");
        }
        let gaps = kept.windows(2).map(|pair| pair[1].seq - pair[0].seq).chain([kept[0].seq]);
        assert!(gaps.max() <= Some(500_000 / MAX_KEPT as u64 * 3), "{kept:?}");
    }

    #[test]
    fn bytes_are_bounded_but_a_start_finds_two() {
        let rungs: Vec<Rung> = (1..=10).map(|n| Rung { seq: n, bytes: 100 }).collect();
        assert_eq!(thin(rungs.clone(), Held { first: 1, room: 450 }).len(), 6);
        let mut gone = thin(rungs, Held { first: 1, room: 0 });
        gone.sort_unstable();
        assert_eq!(gone, [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
