//! The newest messages of a stream, so that a settlement finds its message without a look into the journal.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::model::{Known, Text};

/// Messages remembered of each stream; older ones are looked up in the journal.
const MAX_MESSAGES: usize = 2_048;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) stream_seq: u64,
    pub(super) subject: Text,
    pub(super) known: Known,
}

/// The newest messages of a stream in its current life, by sequence.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ring {
    pub(super) incarnation: u32,
    /// Last sequence read.
    pub(super) last: u64,
    entries: VecDeque<Entry>,
}

impl Ring {
    pub(super) fn get(&self, stream_seq: u64) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&stream_seq, |e| e.stream_seq).ok()?;
        self.entries.get(at)
    }

    /// Remembers a message. A later life of the stream forgets the earlier one.
    pub(super) fn push(&mut self, entry: Entry) {
        if entry.known.incarnation < self.incarnation {
            return;
        }
        if entry.known.incarnation > self.incarnation {
            *self = Self { incarnation: entry.known.incarnation, ..Self::default() };
        }
        self.last = self.last.max(entry.stream_seq);
        if self.entries.back().is_none_or(|newest| newest.stream_seq < entry.stream_seq) {
            self.entries.push_back(entry);
        } else if let Err(at) = self.entries.binary_search_by_key(&entry.stream_seq, |e| e.stream_seq) {
            self.entries.insert(at, entry);
        }
        if self.entries.len() > MAX_MESSAGES {
            self.entries.pop_front();
        }
    }

    /// Messages with `after < sequence ≤ until`, oldest first.
    pub(super) fn between(&self, after: u64, until: u64) -> impl Iterator<Item = &Entry> {
        let from = self.entries.partition_point(|e| e.stream_seq <= after);
        self.entries.iter().skip(from).take_while(move |e| e.stream_seq <= until)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }
}
