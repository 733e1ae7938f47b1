//! What readers need in memory: the ends of the journal, the postings of open segments, the times of blocks.
//! Takes: what a commit or retention changed. Gives: immutable states, shared with readers by reference count.
//! Never: touches the disk.

use std::collections::HashSet;
use std::sync::Arc;

use super::term::{OTHER_TYPE, Term};
use crate::model::{Glob, Seq, Text, Timestamp};

/// Sequences in a block, the unit of time ranges: two bounds per block stay in memory, 40 KB at ten million records.
const BLOCK_BITS: u32 = 12;
/// Most event types kept by name; more than a fleet has. The rest share a term, so they are found, only slower.
const MAX_TYPES: usize = 4096;
/// Longest event type kept by name: it must fit a key.
const MAX_TYPE: usize = 480;

/// Row in the low bits, term above: sorted, a run is a list of postings.
const ROW_BITS: u32 = 24;

pub(super) const fn entry(term: Term, row: u32) -> u64 {
    term.bits() << ROW_BITS | row as u64
}

pub(super) const fn term_of(entry: u64) -> Term {
    Term::from_bits(entry >> ROW_BITS)
}

pub(super) const fn row_of(entry: u64) -> u32 {
    (entry & ((1 << ROW_BITS) - 1)) as u32
}

/// Where a sequence stands: its segment and its row in there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segments {
    pub(super) bits: u32,
}

impl Segments {
    pub(super) const fn of(self, seq: Seq) -> (u32, u32) {
        ((seq >> self.bits) as u32, (seq & (self.rows() as u64 - 1)) as u32)
    }

    pub(super) const fn first(self, segment: u32) -> Seq {
        (segment as u64) << self.bits
    }

    pub(super) const fn last(self, segment: u32) -> Seq {
        self.first(segment) + self.rows() as u64 - 1
    }

    pub(super) const fn rows(self) -> u32 {
        1 << self.bits
    }
}

/// A segment whose postings are not on disk yet, or not all.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) segment: u32,
    /// Sorted lists of entries, each at most half as long as the one before.
    pub(super) runs: Vec<Arc<Vec<u64>>>,
}

impl Open {
    /// Adds sorted entries; lists of like length are merged, so there are few.
    pub(super) fn push(&mut self, run: Vec<u64>) {
        let mut run = Arc::new(run);
        while let Some(before) = self.runs.last()
            && before.len() < run.len() * 2
        {
            run = merge(before, &run);
            self.runs.pop();
        }
        self.runs.push(run);
    }

    /// One list of all entries.
    pub(super) fn merge_all(&mut self) {
        while self.runs.len() > 1 {
            let (Some(right), Some(left)) = (self.runs.pop(), self.runs.pop()) else { return };
            self.runs.push(merge(&left, &right));
        }
    }

    /// How many entries a term has.
    pub(super) fn count(&self, term: Term) -> usize {
        let (from, to) = (entry(term, 0), entry(term, (1 << ROW_BITS) - 1));
        self.runs.iter().map(|run| run.partition_point(|e| *e <= to) - run.partition_point(|e| *e < from)).sum()
    }

    /// Appends the rows of a term, unsorted across runs.
    pub(super) fn rows(&self, term: Term, to: &mut Vec<u32>) {
        for run in &self.runs {
            let from = run.partition_point(|e| *e < entry(term, 0));
            to.extend(run[from..].iter().take_while(|e| term_of(**e) == term).map(|e| row_of(*e)));
        }
    }
}

fn merge(left: &[u64], right: &[u64]) -> Arc<Vec<u64>> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut l, mut r) = (0, 0);
    while l < left.len() && r < right.len() {
        if left[l] <= right[r] {
            merged.push(left[l]);
            l += 1;
        } else {
            merged.push(right[r]);
            r += 1;
        }
    }
    merged.extend_from_slice(&left[l..]);
    merged.extend_from_slice(&right[r..]);
    Arc::new(merged)
}

/// Earliest and latest time of each block of sequences.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    base: u64,
    times: Vec<(i64, i64)>,
}

impl Blocks {
    pub(super) const fn of(seq: Seq) -> u64 {
        seq >> BLOCK_BITS
    }

    /// Widens a block by a time.
    pub(super) fn widen(&mut self, block: u64, earliest: i64, latest: i64) {
        if self.times.is_empty() {
            self.base = block;
        }
        let at = (block - self.base) as usize;
        if at >= self.times.len() {
            self.times.resize(at + 1, (i64::MAX, i64::MIN));
        }
        let times = &mut self.times[at];
        *times = (times.0.min(earliest), times.1.max(latest));
    }

    pub(super) fn get(&self, block: u64) -> Option<(i64, i64)> {
        self.times.get(usize::try_from(block.checked_sub(self.base)?).ok()?).copied()
    }

    /// Whether a record at `seq` may lie in the time range.
    pub(super) fn may_hold(&self, seq: Seq, since: Option<Timestamp>, until: Option<Timestamp>) -> bool {
        self.get(Self::of(seq)).is_none_or(|(earliest, latest)| {
            since.is_none_or(|since| latest >= since.nanos()) && until.is_none_or(|until| earliest < until.nanos())
        })
    }

    /// Earliest and latest time of the blocks from that of `first` to that of `last`; `None` = not known of each.
    pub(super) fn span(&self, first: Seq, last: Seq) -> Option<(Timestamp, Timestamp)> {
        let (mut earliest, mut latest) = (i64::MAX, i64::MIN);
        for block in Self::of(first)..=Self::of(last) {
            let times = self.get(block)?;
            (earliest, latest) = (earliest.min(times.0), latest.max(times.1));
        }
        Some((Timestamp::from_nanos(earliest), Timestamp::from_nanos(latest)))
    }

    /// First and last sequence of the block of `seq`.
    pub(super) const fn bounds(seq: Seq) -> (Seq, Seq) {
        Self::range(Self::of(seq))
    }

    /// First and last sequence of a block.
    pub(super) const fn range(block: u64) -> (Seq, Seq) {
        let first = block << BLOCK_BITS;
        (first, first + (1 << BLOCK_BITS) - 1)
    }

    pub(super) fn forget_before(&mut self, block: u64) {
        let gone = (block.saturating_sub(self.base) as usize).min(self.times.len());
        self.times.drain(..gone);
        self.base += gone as u64;
    }
}

/// The event types seen, by name as far as they are kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Types(HashSet<Text>);

impl Types {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether a new name would be kept.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.0.len() < MAX_TYPES && name.len() <= MAX_TYPE && !name.is_empty()
    }

    pub(super) fn insert(&mut self, name: Text) {
        self.0.insert(name);
    }

    /// The term of an entry's type.
    pub(super) fn term(&self, name: &str) -> Term {
        if self.contains(name) { Term::event_type(name) } else { OTHER_TYPE }
    }

    /// The terms a pattern may stand for.
    pub(super) fn matching(&self, glob: &Glob, to: &mut Vec<Term>) {
        to.extend(self.0.iter().filter(|name| glob.matches(name)).map(|name| Term::event_type(name)));
        to.push(OTHER_TYPE);
    }
}

/// The state a reader works with. Readers take it before they open a snapshot, so the snapshot is never older.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) segments: Segments,
    /// Oldest record held; 0 = none.
    pub(super) first: Seq,
    /// Newest record ever; 0 = none.
    pub(super) last: Seq,
    /// Time of the oldest record held.
    pub(super) oldest: Option<Timestamp>,
    /// Postings of all segments below are on disk.
    pub(super) sealed: u32,
    /// Terms of segment `sealed` below this one are on disk too.
    pub(super) sealing: Term,
    /// The segments from `sealed` on.
    pub(super) open: Vec<Open>,
    pub(super) blocks: Arc<Blocks>,
    pub(super) types: Arc<Types>,
}

impl Live {
    pub(super) fn empty(segments: Segments) -> Self {
        Self {
            segments,
            first: 0,
            last: 0,
            oldest: None,
            sealed: 0,
            sealing: Term::from_bits(0),
            open: Vec::new(),
            blocks: Arc::default(),
            types: Arc::default(),
        }
    }

    pub(super) fn open(&self, segment: u32) -> Option<&Open> {
        self.open.iter().find(|open| open.segment == segment)
    }

    /// Adds entries of one segment.
    pub(super) fn push(&mut self, segment: u32, mut run: Vec<u64>) {
        run.sort_unstable();
        if self.open.last().is_none_or(|open| open.segment != segment) {
            self.open.push(Open { segment, runs: Vec::new() });
        }
        if let Some(open) = self.open.last_mut() {
            open.push(run);
        }
    }
}
