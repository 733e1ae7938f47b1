//! Links: story → the ids that belong to it.
//! Takes: the links records bring. Gives: what a search by a story must look for as well.
//! Never: outlives the record that brought it by more than retention allows.

use heed::{RoTxn, RwTxn};

use super::append::pair;
use super::bytes_of::{before, u64_of};
use super::engine::Engine;
use super::term::hash64;
use crate::journal::JournalError;
use crate::model::{Link, LinkKind, Record, Seq, Text};

/// Keeps the links of a record. A link told again stays as long as the newer record.
pub(super) fn put(engine: &Engine, txn: &mut RwTxn<'_>, record: &Record) -> Result<(), JournalError> {
    for (n, link) in record.links.iter().enumerate() {
        let key = key(link);
        let mut value = record.seq.to_be_bytes().to_vec();
        value = postcard::to_extend(&(&link.story, link.kind, &link.id), value)?;
        engine.tables.link.put(txn, &key, &value)?;
        engine.tables.linked.put(txn, &pair(record.seq, n as u64), &key)?;
    }
    Ok(())
}

fn key(link: &Link) -> [u8; 17] {
    let mut key = [0; 17];
    key[..8].copy_from_slice(&hash64(link.story.as_bytes()).to_be_bytes());
    key[8] = link.kind as u8;
    key[9..].copy_from_slice(&hash64(link.id.as_bytes()).to_be_bytes());
    key
}

/// The ids that belong to a story.
pub(super) fn of_story(engine: &Engine, txn: &RoTxn<'_>, story: &str) -> Result<Vec<(LinkKind, Text)>, JournalError> {
    let mut ids = Vec::new();
    for item in engine.tables.link.prefix_iter(txn, &hash64(story.as_bytes()).to_be_bytes())? {
        let value = item?.1.get(8..).unwrap_or_default();
        let (of, kind, id): (&str, LinkKind, &str) = postcard::from_bytes(value)?;
        if of == story {
            ids.push((kind, id.into()));
        }
    }
    Ok(ids)
}

/// Removes the links brought by records before `first`.
pub(super) fn expire(engine: &Engine, txn: &mut RwTxn<'_>, first: Seq) -> Result<(), JournalError> {
    let end = pair(first, 0);
    let mut gone = Vec::new();
    for item in engine.tables.linked.range(txn, &before(&end))? {
        let (by, link) = item?;
        gone.push((by[..8].to_vec(), link.to_vec()));
    }
    for (by, link) in &gone {
        let newest = engine.tables.link.get(txn, link)?.and_then(u64_of);
        if newest == u64_of(by) {
            engine.tables.link.delete(txn, link)?;
        }
    }
    engine.tables.linked.delete_range(txn, &before(&end))?;
    Ok(())
}
