//! Entries over time.
//! Takes: a filter and a number of buckets. Gives: entries, warnings and errors of each.
//! Never: reads records where postings tell: blocks that lie in one bucket are counted by them.

use super::Embedded;
use super::count::Count;
use super::facets::{Overlap, overlap};
use super::frame::damaged;
use super::live::Blocks;
use super::posting;
use super::seal;
use super::term::{Field, Term};
use crate::journal::JournalError;
use crate::model::{Bucket, Filter, Histogram, HistogramQuery, Seq, Severity, Timestamp};

impl Embedded {
    pub(super) fn over_time(&self, query: &HistogramQuery) -> Result<Histogram, JournalError> {
        let live = self.live.load_full();
        let txn = self.engine.read()?;
        let asked = &query.filter;
        let Some(mut count) = Count::new(&self.engine, &txn, &live, query.patience)? else {
            let since = asked.since.or(asked.until).unwrap_or(Timestamp::ZERO);
            return Ok(Histogram::new(since, asked.until.unwrap_or(since), query.buckets));
        };
        let (earliest, latest) = live.blocks.span(count.held, live.last).unwrap_or_default();
        let since = asked.since.unwrap_or(earliest);
        let until = asked.until.unwrap_or(Timestamp::from_nanos(latest.nanos().saturating_add(1)).max(since));
        let mut histogram = Histogram::new(since, until, query.buckets);
        let filter = Filter { since: Some(since), until: Some(until), ..asked.clone() };
        let ended = if filter.is_range() {
            by_blocks(&mut count, &filter, &mut histogram)?
        } else {
            count.fitting(&filter, &mut |record| {
                let severity = record.entry().map_or(Severity::Info, |(_, resolved)| resolved.severity);
                add(&mut histogram, record.at, severity);
            })?
        };
        histogram.reach = count.reach(ended)?;
        Ok(histogram)
    }
}

fn add(histogram: &mut Histogram, at: Timestamp, severity: Severity) {
    let Some(bucket) = histogram.place(at).and_then(|place| histogram.buckets.get_mut(place)) else { return };
    bucket.entries += 1;
    bucket.warnings += u64::from(severity == Severity::Warning);
    bucket.errors += u64::from(severity == Severity::Error);
}

/// Newest first: segment by segment, and in there by the blocks whose times tell the bucket.
fn by_blocks(count: &mut Count<'_>, filter: &Filter, histogram: &mut Histogram) -> Result<Option<Seq>, JournalError> {
    let segments = count.live.segments;
    for segment in (segments.of(count.held).0..=segments.of(count.live.last).0).rev() {
        let (first, last) = (segments.first(segment).max(count.held), segments.last(segment).min(count.live.last));
        if overlap(count, (first, last), filter) == Overlap::None {
            continue;
        }
        let sealed = (segment < count.live.sealed).then(|| Rows::of(count, segment)).transpose()?;
        let mut at = last;
        loop {
            let from = Blocks::bounds(at).0.max(first);
            let ended = piece(count, (from, at), filter, sealed.as_ref(), histogram)?;
            let over = count.is_over().then_some(from);
            if let Some(ended) = ended.or(over) {
                return Ok(Some(ended));
            }
            if from == first {
                break;
            }
            at = from - 1;
        }
    }
    Ok(None)
}

/// Records of one segment and one block.
fn piece(
    count: &mut Count<'_>,
    (from, to): (Seq, Seq),
    filter: &Filter,
    sealed: Option<&Rows>,
    histogram: &mut Histogram,
) -> Result<Option<Seq>, JournalError> {
    let overlaps = overlap(count, (from, to), filter);
    if overlaps == Overlap::None {
        return Ok(None);
    }
    let times = count.live.blocks.span(from, to).filter(|_| overlaps == Overlap::All);
    let bucket = times.and_then(|(earliest, latest)| {
        let (first, last) = (histogram.place(earliest)?, histogram.place(latest)?);
        (first == last).then_some(first)
    });
    if let Some((rows, bucket)) = sealed.zip(bucket.and_then(|place| histogram.buckets.get_mut(place))) {
        let segments = count.live.segments;
        let more = rows.count(segments.of(from).1, segments.of(to).1);
        count.looked_at += more.entries;
        bucket.entries += more.entries;
        bucket.warnings += more.warnings;
        bucket.errors += more.errors;
        return Ok(None);
    }
    count.rows((from, to), (filter.since, filter.until), &mut |_, frame, row| {
        let mut severity = Severity::Info;
        frame.terms(row, &mut |term| {
            for known in [Severity::Warning, Severity::Error] {
                if Term::severity(known) == Some(term) {
                    severity = known;
                }
            }
        });
        add(histogram, row.at, severity);
    })
}

/// The entries of a segment, ascending, and which of them are warnings and errors.
struct Rows {
    entries: Vec<u32>,
    warnings: Vec<u32>,
    errors: Vec<u32>,
}

impl Rows {
    fn of(count: &Count<'_>, segment: u32) -> Result<Self, JournalError> {
        let damaged = || damaged(count.live.segments.first(segment), "posting");
        let (post, mut entries) = (&count.engine.tables.post, Vec::new());
        // Every entry has a type, and only one.
        for item in post.prefix_iter(count.txn, &seal::key(segment, Term::from_hash(Field::Type, 0))[..5])? {
            posting::decode(item?.1, &mut entries).ok_or_else(damaged)?;
        }
        entries.sort_unstable();
        let of = |severity| {
            let mut rows = Vec::new();
            let term =
                Term::severity(severity).map(|term| post.get(count.txn, &seal::key(segment, term))).transpose()?;
            term.flatten().map_or(Some(()), |bytes| posting::decode(bytes, &mut rows)).ok_or_else(damaged)?;
            Ok::<_, JournalError>(rows)
        };
        Ok(Self { entries, warnings: of(Severity::Warning)?, errors: of(Severity::Error)? })
    }

    fn count(&self, from: u32, to: u32) -> Bucket {
        let within = |rows: &[u32]| (rows.partition_point(|r| *r <= to) - rows.partition_point(|r| *r < from)) as u64;
        Bucket { entries: within(&self.entries), warnings: within(&self.warnings), errors: within(&self.errors) }
    }
}
