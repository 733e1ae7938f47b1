//! What is counted of the history: `/api/events/facets`, `/api/events/histogram`.
//! Takes: a filter and a range. Gives: counts, and how far counting came. Never: takes longer than it may.

use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::access::Role;
use super::events::FilterParams;
use super::problem::Problem;
use super::query::{check_range, pairs};
use crate::model::{
    Column, Facet, FacetCounts, Facets, FacetsQuery, Filter, Histogram, HistogramQuery, Reach, Timestamp,
};
use crate::sinks::feed::{FIELDS, Invalid, Time, narrow};

/// How long counting may take. What a range alone limits is done sooner, at ten million entries, too.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most values of a field, and how many there are unasked.
const MAX_TOP: usize = 100;
const TOP: usize = 10;
/// Most parts of a range, and how many there are unasked.
const MAX_BUCKETS: usize = 500;
const BUCKETS: usize = 60;
/// The fields that are counted unasked.
const BY: [Facet; 4] =
    [Facet::Type, Facet::Column(Column::Role), Facet::Column(Column::Producer), Facet::Column(Column::Story)];

/// How far counting came. It begins with the newest event.
#[derive(Debug, Serialize, ToSchema)]
struct Progress {
    /// Whether every event of the range was looked at. If not, the counts are those of the newest ones.
    complete: bool,
    /// Events that were looked at.
    looked_at: u64,
    /// The time of the oldest event looked at, if the time was up there.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// Its seq.
    from_seq: Option<u64>,
}

impl From<Reach> for Progress {
    fn from(reach: Reach) -> Self {
        let (from_seq, from) = reach.ended.unzip();
        Self { complete: reach.ended.is_none(), looked_at: reach.looked_at, from: from.map(Time), from_seq }
    }
}

/// A value and the number of events that hold it.
#[derive(Debug, Serialize, ToSchema)]
struct ValueCount {
    /// The value.
    value: String,
    /// Events.
    count: u64,
}

/// The values of a field.
#[derive(Debug, Serialize, ToSchema)]
struct FieldCounts {
    /// The field.
    by: &'static str,
    /// The most frequent values, most frequent first.
    values: Vec<ValueCount>,
    /// Events with other values.
    other: u64,
    /// Events that hold nothing there.
    without: u64,
    /// Different values.
    distinct: u64,
    /// Whether there are more than that: beyond 65,536 they are not told apart, and are among `other`.
    distinct_at_least: bool,
}

impl From<FacetCounts> for FieldCounts {
    fn from(counts: FacetCounts) -> Self {
        let values = counts.values.into_iter().map(|(value, count)| ValueCount { value: value.to_string(), count });
        Self {
            by: counts.by.name(),
            values: values.collect(),
            other: counts.other,
            without: counts.without,
            distinct: counts.distinct,
            distinct_at_least: counts.overflowed,
        }
    }
}

/// Events by the values of their fields.
#[derive(Debug, Serialize, ToSchema)]
struct FacetsJson {
    /// Begin of the range, if it has one.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Its end.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// The counts are as of this time.
    #[schema(value_type = String, format = DateTime)]
    as_of: Time,
    /// Events that fit.
    entries: u64,
    #[serde(flatten)]
    progress: Progress,
    /// In the order asked for.
    facets: Vec<FieldCounts>,
}

/// A part of the range.
#[derive(Debug, Serialize, ToSchema)]
struct BucketJson {
    /// Its begin.
    #[schema(value_type = String, format = DateTime)]
    from: Time,
    /// Events.
    count: u64,
    /// Warnings among them.
    warnings: u64,
    /// Errors among them.
    errors: u64,
}

/// Events over time.
#[derive(Debug, Serialize, ToSchema)]
struct HistogramJson {
    /// Begin of the range: the one asked for, or the oldest event.
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    /// Its end, which is not part of it.
    #[schema(value_type = String, format = DateTime)]
    until: Time,
    /// The counts are as of this time.
    #[schema(value_type = String, format = DateTime)]
    as_of: Time,
    /// Events that fit.
    entries: u64,
    #[serde(flatten)]
    progress: Progress,
    /// Milliseconds of a bucket.
    width_ms: f64,
    /// Oldest first.
    buckets: Vec<BucketJson>,
}

/// Counts by type, role, producer, story and other fields. Begins with the newest event and ends after a second:
/// `complete` tells whether that was enough, `from` how far it came.
#[utoipa::path(get, path = "/api/events/facets", tag = "history", params(FilterParams,
        ("by" = Option<String>, Query, description = "Fields, by default `type,role,producer,story`; also source, severity, agent, task, plan, ceremony"),
        ("top" = Option<u32>, Query, description = "Most values per field, 1 to 100", minimum = 1, maximum = 100)),
    responses((status = 200, description = "Counts", body = FacetsJson),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem)))]
pub(super) async fn facets(State(api): State<Api>, _: Role, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let (now, mut by, mut top) = (Timestamp::now(), BY.to_vec(), TOP);
    let filter = parse(query.as_deref(), now, "by, top", |name, value| {
        match name {
            "by" => by = fields(value)?,
            "top" => top = within(name, value, MAX_TOP)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let (since, until) = (filter.since.map(Time), filter.until.map(Time));
    let asked = FacetsQuery { filter, by, top, patience: PATIENCE };
    let Facets { entries, reach, facets } = api.parts.blocking(move |parts| parts.journal.facets(&asked)).await?;
    let facets = facets.into_iter().map(FieldCounts::from).collect();
    let told = FacetsJson { since, until, as_of: Time(now), entries, progress: reach.into(), facets };
    Ok(Json(told).into_response())
}

/// Events over time, with the warnings and errors among them. Without `since` and `until` over all that is held. Begins
/// with the newest event and ends after a second, as `/api/events/facets` does.
#[utoipa::path(get, path = "/api/events/histogram", tag = "history", params(FilterParams,
        ("buckets" = Option<u32>, Query, description = "Parts of the range, 1 to 500; by default 60", minimum = 1, maximum = 500)),
    responses((status = 200, description = "Counts", body = HistogramJson),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem)))]
pub(super) async fn histogram(State(api): State<Api>, _: Role, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let (now, mut buckets) = (Timestamp::now(), BUCKETS);
    let filter = parse(query.as_deref(), now, "buckets", |name, value| {
        if name == "buckets" {
            buckets = within(name, value, MAX_BUCKETS)?;
        }
        Ok(name == "buckets")
    })?;
    let asked = HistogramQuery { filter, buckets, patience: PATIENCE };
    let told = api.parts.blocking(move |parts| parts.journal.histogram(&asked)).await?;
    Ok(Json(over_time(&told, now)).into_response())
}

fn over_time(told: &Histogram, now: Timestamp) -> HistogramJson {
    let bucket = |(n, bucket): (usize, &crate::model::Bucket)| BucketJson {
        from: Time(told.begin(n)),
        count: bucket.entries,
        warnings: bucket.warnings,
        errors: bucket.errors,
    };
    HistogramJson {
        since: Time(told.since),
        until: Time(told.until),
        as_of: Time(now),
        entries: told.buckets.iter().map(|bucket| bucket.entries).sum(),
        progress: told.reach.into(),
        width_ms: told.width as f64 / 1e6,
        buckets: told.buckets.iter().enumerate().map(bucket).collect(),
    }
}

/// The fields of a filter, and what `take` takes besides.
fn parse(
    query: Option<&str>,
    now: Timestamp,
    besides: &str,
    mut take: impl FnMut(&str, &str) -> Result<bool, Invalid>,
) -> Result<Filter, Problem> {
    let mut filter = Filter::default();
    for (name, value) in pairs(query)? {
        if !take(&name, &value)? && !narrow(&mut filter, &name, &value, now)? {
            return Err(Invalid::new(&name, "is unknown", format!("{}, {besides}", FIELDS.join(", "))).into());
        }
    }
    check_range(&filter)?;
    Ok(filter)
}

fn fields(value: &str) -> Result<Vec<Facet>, Invalid> {
    let mut by = Vec::new();
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let facet = Facet::ALL.into_iter().find(|facet| facet.name() == name);
        let facet = facet.ok_or_else(|| Invalid::value("by", name, Facet::ALL.map(Facet::name).join(", ")))?;
        if !by.contains(&facet) {
            by.push(facet);
        }
    }
    Ok(by)
}

fn within(name: &str, value: &str, most: usize) -> Result<usize, Invalid> {
    let number = value.parse().ok().filter(|n| (1..=most).contains(n));
    number.ok_or_else(|| Invalid::value(name, value, format!("1 to {most}")))
}
