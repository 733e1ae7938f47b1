//! The state as bytes, with a version, and back.

use std::collections::HashSet;

use super::memory::Memory;
use crate::model::Text;

/// Grows by one whenever the state's form changes: an older snapshot is then not read, and the state is made from the
/// records alone.
const VERSION: u32 = 4;

pub(super) fn write(memory: &Memory) -> Vec<u8> {
    postcard::to_allocvec(&(VERSION, memory)).expect("the state is plain data")
}

pub(super) fn read(bytes: &[u8]) -> Result<Memory, postcard::Error> {
    let (version, rest) = postcard::take_from_bytes::<u32>(bytes)?;
    if version != VERSION {
        return Err(postcard::Error::DeserializeBadEncoding);
    }
    let mut memory: Memory = postcard::from_bytes(rest)?;
    share(&mut memory);
    Ok(memory)
}

/// Lets the messages of the rings share their texts again, as they did before they were written.
fn share(memory: &mut Memory) {
    let mut texts: HashSet<Text> = HashSet::new();
    let mut shared = |text: &mut Text| match texts.get(text) {
        Some(held) => *text = held.clone(),
        None => {
            texts.insert(text.clone());
        }
    };
    for ring in memory.rings.values_mut() {
        for entry in ring.iter_mut() {
            shared(&mut entry.subject);
            shared(&mut entry.known.event_type);
            if let Some(story) = &mut entry.known.story {
                shared(story);
            }
        }
    }
}
