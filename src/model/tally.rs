//! What is counted of the history: entries by the values of a field, and entries over time.
//! Counting ends when its time is up; what it says then is true of what it looked at, and it says how far that reached.

use std::time::Duration;

use super::filter::{Column, Filter};
use super::message::Message;
use super::record::{Resolved, Seq};
use super::text::Text;
use super::time::Timestamp;

/// A field whose values are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// Event type.
    Type,
    /// System it came from.
    Source,
    /// Severity.
    Severity,
    /// A field that holds a text.
    Column(Column),
}

impl Facet {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Type,
        Self::Column(Column::Role),
        Self::Column(Column::Producer),
        Self::Column(Column::Story),
        Self::Source,
        Self::Severity,
        Self::Column(Column::Agent),
        Self::Column(Column::Task),
        Self::Column(Column::Plan),
        Self::Column(Column::Ceremony),
    ];

    /// Its word in the filter language and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Source => "source",
            Self::Severity => "severity",
            Self::Column(column) => column.name(),
        }
    }

    /// What an entry holds there.
    pub fn of(self, message: &Message, resolved: &Resolved) -> Option<Text> {
        match self {
            Self::Type => Some(message.event_type.clone()),
            Self::Source => Some(message.source.name().into()),
            Self::Severity => Some(resolved.severity.name().into()),
            // Roles are compared without regard to case: they are counted so, too.
            Self::Column(Column::Role) => resolved.ids.role.as_ref().map(|role| match role.to_ascii_uppercase() {
                upper if *upper == **role => role.clone(),
                upper => upper.into(),
            }),
            Self::Column(column) => column.of(message, resolved).cloned(),
        }
    }
}

/// A question for the values of fields.
#[derive(Clone, Debug)]
pub struct FacetsQuery {
    /// Of which entries.
    pub filter: Filter,
    /// Of which fields.
    pub by: Vec<Facet>,
    /// The most frequent so many.
    pub top: usize,
    /// How long it may take, about.
    pub patience: Duration,
}

/// How far counting came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Entries that were looked at, newest first.
    pub looked_at: u64,
    /// The oldest record looked at, and its time; `None` = all were.
    pub ended: Option<(Seq, Timestamp)>,
}

/// The values of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCounts {
    /// The field.
    pub by: Facet,
    /// Values with the number of entries that hold them, the most frequent first.
    pub values: Vec<(Text, u64)>,
    /// Entries with other values.
    pub other: u64,
    /// Entries that have nothing there.
    pub without: u64,
    /// Different values that were told apart.
    pub distinct: u64,
    /// Whether there were more than could be told apart: the rest is among `other`.
    pub overflowed: bool,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// Entries that fit.
    pub entries: u64,
    /// How far it came.
    pub reach: Reach,
    /// In the order asked for.
    pub facets: Vec<FacetCounts>,
}

/// A question for entries over time.
#[derive(Clone, Debug)]
pub struct HistogramQuery {
    /// Which entries. Without a range: all that are held.
    pub filter: Filter,
    /// The range in so many parts of one length.
    pub buckets: usize,
    /// How long it may take, about.
    pub patience: Duration,
}

/// A part of a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Its entries.
    pub entries: u64,
    /// Warnings among them.
    pub warnings: u64,
    /// Errors among them.
    pub errors: u64,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Begin of the range.
    pub since: Timestamp,
    /// Its end, which is not part of it.
    pub until: Timestamp,
    /// Nanoseconds of a bucket; the last one may be cut short.
    pub width: u64,
    /// Oldest first.
    pub buckets: Vec<Bucket>,
    /// How far it came.
    pub reach: Reach,
}

impl Histogram {
    /// An empty one.
    pub fn new(since: Timestamp, until: Timestamp, buckets: usize) -> Self {
        let span = u64::try_from(until.nanos().saturating_sub(since.nanos())).unwrap_or(0);
        let width = span.div_ceil(buckets.max(1) as u64).max(1);
        let buckets = vec![Bucket::default(); usize::try_from(span.div_ceil(width)).unwrap_or(0)];
        Self { since, until, width, buckets, reach: Reach::default() }
    }

    /// The bucket of a time, if it is in the range.
    pub fn place(&self, at: Timestamp) -> Option<usize> {
        let after = u64::try_from(at.nanos().checked_sub(self.since.nanos())?).ok()?;
        (at < self.until).then(|| (after / self.width) as usize).filter(|place| *place < self.buckets.len())
    }

    /// Begin of a bucket.
    pub fn begin(&self, bucket: usize) -> Timestamp {
        self.since.plus(Duration::from_nanos(self.width.saturating_mul(bucket as u64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_of_a_range_has_its_bucket() {
        let at = Timestamp::from_nanos;
        for (until, buckets, length) in [(110, 10, 10), (111, 10, 10), (103, 10, 3), (100, 10, 0), (50, 4, 0)] {
            let histogram = Histogram::new(at(100), at(until), buckets);
            assert_eq!(histogram.buckets.len(), if length == 10 && until == 111 { 6 } else { length }, "{until}");
            let mut last = 0;
            for time in 100..until {
                let place = histogram.place(at(time)).expect("in range");
                assert!(place == last || place == last + 1);
                assert!(histogram.begin(place) <= at(time));
                last = place;
            }
            assert_eq!((histogram.place(at(99)), histogram.place(at(until.max(100)))), (None, None));
        }
        let all = Histogram::new(at(i64::MIN), at(i64::MAX), 500);
        assert_eq!(all.place(at(i64::MAX - 1)), None, "further than a range can be long");
        assert_eq!(all.place(at(i64::MIN)), Some(0));
    }
}
