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
