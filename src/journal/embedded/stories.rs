//! Closed stories, by id and by order of closing.
//! Takes: stories that left the live state. Gives: how they were last seen. Never: keeps two of one id.

use std::collections::BTreeMap;

use heed::{RoTxn, RwTxn};

use super::bytes_of::{before, from, u64_of};
use super::engine::Engine;
use super::meta;
use crate::journal::JournalError;
use crate::model::{Cursor, Seq, StoryView};

/// Counts closings.
const CLOSINGS: &[u8] = b"closings";

/// Keeps closed stories; a story closed again moves to the front.
pub(super) fn close(engine: &Engine, txn: &mut RwTxn<'_>, last: Seq, closed: &[StoryView]) -> Result<(), JournalError> {
    if closed.is_empty() {
        return Ok(());
    }
    let mut number = meta::counter(engine, txn, CLOSINGS)?;
    for story in closed {
        number += 1;
        let key = meta::bounded_key(story.story_id.as_bytes());
        let old = engine.tables.story.get(txn, &key)?.and_then(u64_of);
        if let Some(old) = old {
            engine.tables.closed.delete(txn, &old.to_be_bytes())?;
        }
        let value = postcard::to_extend(story, number.to_be_bytes().to_vec())?;
        engine.tables.story.put(txn, &key, &value)?;
        let value = [&last.to_be_bytes()[..], &key].concat();
        engine.tables.closed.put(txn, &number.to_be_bytes(), &value)?;
    }
    meta::put_counter(engine, txn, CLOSINGS, number)
}

pub(super) fn get(engine: &Engine, txn: &RoTxn<'_>, id: &str) -> Result<Option<StoryView>, JournalError> {
    let value = engine.tables.story.get(txn, &meta::bounded_key(id.as_bytes()))?;
    Ok(value.map(view).transpose()?.filter(|story| &*story.story_id == id))
}

/// The closed stories of these names, in the order they were closed in.
pub(super) fn named(engine: &Engine, txn: &RoTxn<'_>, ids: &[String]) -> Result<Vec<StoryView>, JournalError> {
    let mut found = BTreeMap::new();
    for id in ids {
        let value = engine.tables.story.get(txn, &meta::bounded_key(id.as_bytes()))?;
        if let Some(value) = value {
            let story = view(value)?;
            found.extend(u64_of(value).filter(|_| *story.story_id == **id).map(|number| (number, story)));
        }
    }
    Ok(found.into_values().collect())
}

fn view(value: &[u8]) -> Result<StoryView, JournalError> {
    Ok(postcard::from_bytes(value.get(8..).unwrap_or_default())?)
}

/// The last closed first.
pub(super) fn page(
    engine: &Engine,
    txn: &RoTxn<'_>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<StoryView>, Option<Cursor>), JournalError> {
    let end = cursor.map_or(u64::MAX, |c| c.0).to_be_bytes();
    let mut stories = Vec::new();
    let mut last = None;
    for item in engine.tables.closed.rev_range(txn, &before(&end))? {
        if stories.len() == limit {
            return Ok((stories, last));
        }
        let (number, value) = item?;
        if let Some(value) = engine.tables.story.get(txn, value.get(8..).unwrap_or_default())? {
            stories.push(view(value)?);
        }
        last = u64_of(number).map(Cursor);
    }
    Ok((stories, None))
}

/// The cursor after which those stand that were closed by the commits up to `seq`, and the `more` that closed next.
///
/// Numbers grow with the sequences, so the place is found by halving. A story that closed again has left its first place.
pub(super) fn closed_by(engine: &Engine, txn: &RoTxn<'_>, seq: Seq, more: u64) -> Result<Cursor, JournalError> {
    let last = meta::counter(engine, txn, CLOSINGS)?;
    let oldest = engine.tables.closed.first(txn)?.and_then(|(number, _)| u64_of(number));
    let (mut low, mut high) = (oldest.map_or(last, |oldest| oldest - 1), last + 1);
    // The closing `low` and those before are of `seq` or earlier; `high` and those after are not, or are not there.
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let at = engine.tables.closed.get_greater_than_or_equal_to(txn, &middle.to_be_bytes())?;
        match at.and_then(|(number, value)| Some((u64_of(number)?, u64_of(value)?))) {
            Some((number, at)) if at <= seq => low = number,
            _ => high = middle,
        }
    }
    Ok(Cursor(low.saturating_add(more).saturating_add(1)))
}

/// Stories in the order they were closed in, after closing `after`, at most `limit`; and the closing to go on after.
pub(super) fn oldest(
    engine: &Engine,
    txn: &RoTxn<'_>,
    after: u64,
    limit: usize,
) -> Result<(Vec<StoryView>, Option<u64>), JournalError> {
    let mut stories = Vec::new();
    let mut last = after;
    for item in engine.tables.closed.range(txn, &from(&(after + 1).to_be_bytes()))? {
        if stories.len() == limit {
            return Ok((stories, Some(last)));
        }
        let (number, value) = item?;
        if let Some(value) = engine.tables.story.get(txn, value.get(8..).unwrap_or_default())? {
            stories.push(view(value)?);
        }
        last = u64_of(number).unwrap_or(last);
    }
    Ok((stories, None))
}

/// Removes stories that closed before record `first`, at most `limit` of them.
pub(super) fn expire(engine: &Engine, txn: &mut RwTxn<'_>, first: Seq, limit: usize) -> Result<(), JournalError> {
    let mut gone = Vec::new();
    for item in engine.tables.closed.iter(txn)?.take(limit) {
        let (number, value) = item?;
        if u64_of(value).is_some_and(|at| at >= first) {
            break;
        }
        gone.push((number.to_vec(), value.get(8..).unwrap_or_default().to_vec()));
    }
    for (number, key) in gone {
        engine.tables.closed.delete(txn, &number)?;
        engine.tables.story.delete(txn, &key)?;
    }
    Ok(())
}
