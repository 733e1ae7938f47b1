//! Dead letters: the newest few thousand.
//! Takes: spans a trace backend refuses. Gives: the newest. Never: grows without bound.

use heed::{RoTxn, RwTxn};

use super::bytes_of::{before, u64_of};
use super::engine::Engine;
use crate::journal::{DeadLetter, JournalError};

/// Kept; a few megabytes. Whoever refuses more has one problem, not ten thousand.
const KEPT: u64 = 10_000;

pub(super) fn put(engine: &Engine, txn: &mut RwTxn<'_>, letter: &DeadLetter) -> Result<(), JournalError> {
    let table = engine.tables.letter;
    let number = table.last(txn)?.and_then(|(key, _)| u64_of(key)).unwrap_or(0) + 1;
    table.put(txn, &number.to_be_bytes(), &postcard::to_stdvec(letter)?)?;
    if let Some(last) = number.checked_sub(KEPT) {
        table.delete_range(txn, &before(&(last + 1).to_be_bytes()))?;
    }
    Ok(())
}

/// The newest first.
pub(super) fn newest(engine: &Engine, txn: &RoTxn<'_>, limit: usize) -> Result<Vec<DeadLetter>, JournalError> {
    let mut letters = Vec::new();
    for item in engine.tables.letter.rev_iter(txn)?.take(limit) {
        letters.push(postcard::from_bytes(item?.1)?);
    }
    Ok(letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn the_oldest_letters_go_when_there_are_too_many() {
        let dir = tempfile::tempdir().expect("a folder");
        let engine = Engine::open(dir.path(), 64 << 20).expect("opens");
        let letter = |n| DeadLetter { seq: n, span_id: "ab".into(), reason: "bad".into(), at: Timestamp::ZERO };
        // One transaction: what is tested is the count, not the disk.
        let mut txn = engine.write().expect("a transaction");
        for n in 1..=KEPT + 7 {
            put(&engine, &mut txn, &letter(n)).expect("keeps");
        }
        txn.commit().expect("commits");
        let kept = newest(&engine, &engine.read().expect("a snapshot"), usize::MAX).expect("letters");
        assert_eq!(kept.len() as u64, KEPT);
        assert_eq!((kept.first(), kept.last()), (Some(&letter(KEPT + 7)), Some(&letter(8))));
    }
}
