//! Names → small values: format, ends, positions of sources and sinks.
//! Takes: transactions. Gives: what stands there. Never: guesses at a format it does not know.

use heed::{RoTxn, RwTxn};

use super::bytes_of::{Reader, u64_of};
use super::engine::Engine;
use super::live::{Live, Segments};
use super::term::Term;
use crate::journal::JournalError;
use crate::model::{Position, Seq, Text};

/// Changes whenever a byte of any table would be read differently.
const FORMAT: u32 = 4;

const ENDS: &[u8] = b"ends";
const STORE: &[u8] = b"store";
const ORIGIN: &[u8] = b"origin";
const POSITION: u8 = b'p';
const SINK: u8 = b's';

/// Writes the format into a new journal, or checks that of an old one. Gives the segments' size it was made with.
pub(super) fn check_format(engine: &Engine, bits: u32) -> Result<Segments, JournalError> {
    let mut txn = engine.write()?;
    if let Some(segments) = format(engine, &txn)? {
        return Ok(segments);
    }
    let mut value = FORMAT.to_be_bytes().to_vec();
    value.extend_from_slice(&bits.to_be_bytes());
    engine.tables.meta.put(&mut txn, b"format", &value)?;
    txn.commit()?;
    Ok(Segments { bits })
}

/// Checks the format, and gives the segments' size; `None` = a journal that was never written.
pub(super) fn format(engine: &Engine, txn: &RoTxn<'_>) -> Result<Option<Segments>, JournalError> {
    let Some(found) = engine.tables.meta.get(txn, b"format")? else { return Ok(None) };
    let mut found = Reader::new(found);
    match (found.key_u32(), found.key_u32()) {
        (Some(FORMAT), Some(bits @ 4..=24)) => Ok(Some(Segments { bits })),
        (format, _) => Err(JournalError::Format { found: format.unwrap_or(0), known: FORMAT }),
    }
}

/// Whose records these are; empty in a journal that was never opened since stores have names.
pub(super) fn store(engine: &Engine, txn: &RoTxn<'_>) -> Result<Text, JournalError> {
    let name = engine.tables.meta.get(txn, STORE)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into())
}

pub(super) fn put_store(engine: &Engine, txn: &mut RwTxn<'_>, name: &str) -> Result<(), JournalError> {
    Ok(engine.tables.meta.put(txn, STORE, name.as_bytes())?)
}

/// Gives the journal's store a name, if it has none.
pub(super) fn name_store(engine: &Engine) -> Result<(), JournalError> {
    let mut txn = engine.write()?;
    if engine.tables.meta.get(&txn, STORE)?.is_some() {
        return Ok(());
    }
    put_store(engine, &mut txn, &format!("{:032x}", fastrand::u128(..)))?;
    Ok(txn.commit()?)
}

/// The ends of the journal and how far it is sealed.
pub(super) fn put_ends(engine: &Engine, txn: &mut RwTxn<'_>, live: &Live) -> Result<(), JournalError> {
    let mut value = Vec::with_capacity(20);
    value.extend_from_slice(&live.last.to_be_bytes());
    value.extend_from_slice(&live.sealed.to_be_bytes());
    value.extend_from_slice(&live.sealing.bits().to_be_bytes());
    Ok(engine.tables.meta.put(txn, ENDS, &value)?)
}

/// Reads into `live` what `put_ends` wrote.
pub(super) fn load_ends(engine: &Engine, txn: &RoTxn<'_>, live: &mut Live) -> Result<(), JournalError> {
    let Some(value) = engine.tables.meta.get(txn, ENDS)? else { return Ok(()) };
    let mut value = Reader::new(value);
    let (Some(last), Some(sealed), Some(sealing)) = (value.key_u64(), value.key_u32(), value.key_u64()) else {
        return Err(JournalError::Damaged { seq: 0, what: "the ends are cut short".to_owned() });
    };
    (live.last, live.sealed, live.sealing) = (last, sealed, Term::from_bits(sealing));
    Ok(())
}

/// Remembers the first record ever.
pub(super) fn put_origin(engine: &Engine, txn: &mut RwTxn<'_>, seq: Seq) -> Result<(), JournalError> {
    put_counter(engine, txn, ORIGIN, seq)
}

/// The first record ever; a journal of before this was remembered begins with record 1.
pub(super) fn origin(engine: &Engine, txn: &RoTxn<'_>) -> Result<Seq, JournalError> {
    Ok(counter(engine, txn, ORIGIN)?.max(1))
}

/// A counter; 0 = never set.
pub(super) fn counter(engine: &Engine, txn: &RoTxn<'_>, name: &[u8]) -> Result<u64, JournalError> {
    Ok(engine.tables.meta.get(txn, name)?.and_then(u64_of).unwrap_or(0))
}

pub(super) fn put_counter(engine: &Engine, txn: &mut RwTxn<'_>, name: &[u8], value: u64) -> Result<(), JournalError> {
    Ok(engine.tables.meta.put(txn, name, &value.to_be_bytes())?)
}

pub(super) fn put_position(engine: &Engine, txn: &mut RwTxn<'_>, position: &Position) -> Result<(), JournalError> {
    Ok(engine.tables.meta.put(txn, &named(POSITION, &position.key), &postcard::to_stdvec(position)?)?)
}

pub(super) fn positions(engine: &Engine, txn: &RoTxn<'_>) -> Result<Vec<Position>, JournalError> {
    let mut positions = Vec::new();
    for item in engine.tables.meta.prefix_iter(txn, &[POSITION, b'/'])? {
        positions.push(postcard::from_bytes(item?.1)?);
    }
    Ok(positions)
}

pub(super) fn sink(engine: &Engine, txn: &RoTxn<'_>, sink: &str) -> Result<Seq, JournalError> {
    counter(engine, txn, &named(SINK, sink))
}

pub(super) fn put_sink(engine: &Engine, txn: &mut RwTxn<'_>, sink: &str, seq: Seq) -> Result<(), JournalError> {
    put_counter(engine, txn, &named(SINK, sink), seq)
}

fn named(kind: u8, name: &str) -> Vec<u8> {
    bounded_key(&[&[kind, b'/'], name.as_bytes()].concat())
}

/// A name as a key: what is too long for one ends in its hash.
pub(super) fn bounded_key(name: &[u8]) -> Vec<u8> {
    const MAX: usize = 480;
    if name.len() <= MAX {
        return name.to_vec();
    }
    let mut key = name[..MAX].to_vec();
    key.extend_from_slice(&super::term::hash64(name).to_be_bytes());
    key
}
