//! Saved searches, by name, among the journal's small values.
//! Takes: searches. Gives: all of them, by name. Never: grows without bound, or loses one to retention.

use heed::{RoTxn, RwTxn};

use super::engine::Engine;
use super::meta::bounded_key;
use crate::journal::{JournalError, MAX_SEARCHES, SavedSearch};

const PREFIX: &[u8] = b"q/";

fn key(name: &str) -> Vec<u8> {
    bounded_key(&[PREFIX, name.as_bytes()].concat())
}

/// Gives false where there is no room for one more.
pub(super) fn put(engine: &Engine, txn: &mut RwTxn<'_>, search: &SavedSearch) -> Result<bool, JournalError> {
    let (meta, key) = (engine.tables.meta, key(&search.name));
    if meta.get(txn, &key)?.is_none() && meta.prefix_iter(txn, PREFIX)?.count() >= MAX_SEARCHES {
        return Ok(false);
    }
    meta.put(txn, &key, &postcard::to_stdvec(search)?)?;
    Ok(true)
}

/// Gives false where there is none of this name.
pub(super) fn remove(engine: &Engine, txn: &mut RwTxn<'_>, name: &str) -> Result<bool, JournalError> {
    Ok(engine.tables.meta.delete(txn, &key(name))?)
}

pub(super) fn all(engine: &Engine, txn: &RoTxn<'_>) -> Result<Vec<SavedSearch>, JournalError> {
    let mut found = Vec::new();
    for item in engine.tables.meta.prefix_iter(txn, PREFIX)? {
        found.push(postcard::from_bytes(item?.1)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn there_is_room_for_so_many_and_a_known_one_always_has_its_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let engine = Engine::open(dir.path(), 64 << 20).expect("opens");
        let named = |name: String| SavedSearch {
            name,
            filter: "x".repeat(4096),
            since: None,
            until: None,
            saved: Timestamp::ZERO,
        };
        let mut txn = engine.write().expect("a transaction");
        for n in 0..MAX_SEARCHES {
            assert!(put(&engine, &mut txn, &named(format!("s-{n}"))).expect("keeps"));
        }
        assert!(!put(&engine, &mut txn, &named("one-more".into())).expect("refuses"));
        assert!(put(&engine, &mut txn, &named("s-7".into())).expect("in its own place"));
        assert!(remove(&engine, &mut txn, "s-7").expect("removes"));
        assert!(put(&engine, &mut txn, &named("one-more".into())).expect("there is room again"));
        txn.commit().expect("commits");
        assert_eq!(all(&engine, &engine.read().expect("a snapshot")).expect("all").len(), MAX_SEARCHES);
    }
}
