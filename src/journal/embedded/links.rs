//! Links: story → the ids that belong to it.
//! Takes: a story. Gives: what a search by the story must look for as well, read from the records that brought the links.
//! Never: keeps a table. Links come in the order of the fleet's work, so keys by story would dirty a page each.

use std::collections::BTreeSet;

use heed::RoTxn;

use super::engine::Engine;
use super::live::Live;
use super::term::{Field, Term};
use super::{read, rows};
use crate::journal::JournalError;
use crate::model::{LinkKind, Text};

/// The ids that belong to a story, as far as the records that said so are still held.
pub(super) fn of_story(
    engine: &Engine,
    txn: &RoTxn<'_>,
    live: &Live,
    story: &str,
) -> Result<BTreeSet<(LinkKind, Text)>, JournalError> {
    let clauses = [vec![Term::new(Field::Linked, story.as_bytes())]];
    let mut ids = BTreeSet::new();
    for segment in live.segments.of(live.first).0..=live.segments.of(live.last).0 {
        for row in rows::of_segment(engine, txn, live, segment, &clauses)? {
            let seq = live.segments.first(segment) + u64::from(row);
            if seq < live.first || seq > live.last {
                continue;
            }
            let Some(record) = read::record(engine, txn, seq)? else { continue };
            ids.extend(record.links.iter().filter(|l| &*l.story == story).map(|l| (l.kind, l.id.clone())));
        }
    }
    Ok(ids)
}
