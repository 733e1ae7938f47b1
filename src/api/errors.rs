//! Errors and stack traces found in events, those of one kind together: `/api/errors`.
//! Takes: a filter and a range. Gives: groups by type and first own frame, with counts and an example.
//! Never: takes longer than it may, or keeps more groups than it may.

mod find;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

pub(super) use self::find::{Found, Frame, found};
use super::Api;
use super::access::Role;
use super::events::FilterParams;
use super::problem::Problem;
use super::query::{check_range, pairs};
use crate::journal::JournalError;
use crate::model::{Filter, Message, Order, Query, Record, Seq, Severity, Timestamp};
use crate::sinks::feed::{FIELDS, Invalid, Parts, Time, narrow};

/// How long looking may take, how many events it takes at a time, and how many groups are kept.
const PATIENCE: Duration = Duration::from_secs(3);
const CHUNK: usize = 200;
const MAX_GROUPS: usize = 500;
/// Groups given: unasked, and most.
const LIMIT: usize = 50;
/// Stories, agents and types named of a group.
const NAMED: usize = 5;

/// A place in code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct FrameJson {
    /// File.
    file: String,
    /// Line, where known.
    line: Option<u32>,
    /// Function.
    function: String,
    /// Whether it is of a library or of the language itself.
    library: bool,
}

impl From<&Frame> for FrameJson {
    fn from(frame: &Frame) -> Self {
        let Frame { file, line, function, library } = frame.clone();
        Self { file, line, function, library }
    }
}

/// An error of an event.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ErrorJson {
    /// What errors of one kind have in common: type and first own frame, or the message without its numbers.
    fingerprint: String,
    /// Its type, such as `ValueError`; the event's type where it has none.
    #[serde(rename = "type")]
    kind: String,
    /// Its message, one line.
    message: String,
    /// The innermost frame that is no library's.
    own_frame: Option<FrameJson>,
    /// The stack, outermost first; at most 50 frames.
    frames: Vec<FrameJson>,
}

impl From<Found> for ErrorJson {
    fn from(found: Found) -> Self {
        Self {
            fingerprint: found.fingerprint(),
            own_frame: found.own().map(FrameJson::from),
            frames: found.frames.iter().map(FrameJson::from).collect(),
            kind: found.kind,
            message: found.message,
        }
    }
}

/// Errors of one kind.
#[derive(Debug, Serialize, ToSchema)]
struct GroupJson {
    /// As the newest of them has it.
    #[serde(flatten)]
    error: ErrorJson,
    /// How many were found.
    count: u64,
    /// The oldest found.
    #[schema(value_type = String, format = DateTime)]
    first_seen: Time,
    /// The newest.
    #[schema(value_type = String, format = DateTime)]
    last_seen: Time,
    /// The newest event that holds it.
    example_seq: u64,
    /// Types of events it was found in, at most 5.
    event_types: Vec<String>,
    /// Stories, at most 5.
    stories: Vec<String>,
    /// Agents, at most 5.
    agents: Vec<String>,
}

/// Errors by kind.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorsJson {
    /// The latest seen first.
    items: Vec<GroupJson>,
    /// Groups there are besides.
    more: usize,
    /// Events of severity warning and error that were looked at, newest first.
    looked_at: u64,
    /// Whether all of the range were looked at. If not, ask for `until` = `from` to go on.
    complete: bool,
    /// The time of the oldest one looked at.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// As of this time.
    #[schema(value_type = String, format = DateTime)]
    as_of: Time,
}

/// Errors found in events (error fields, Python tracebacks in payloads, what Ray, vLLM and Kubernetes told), grouped by
/// type and first own frame. Needs role debug.
#[utoipa::path(get, path = "/api/errors", tag = "debug", params(FilterParams,
        ("limit" = Option<u32>, Query, description = "Most groups, 1 to 500; 50 if not said", minimum = 1, maximum = 500)),
    responses((status = 200, description = "Groups, the latest seen first", body = ErrorsJson),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem),
              (status = 403, description = "It needs role debug", body = Problem)))]
pub(super) async fn errors(State(api): State<Api>, role: Role, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    role.may_debug()?;
    let (now, mut limit, mut filter) = (Timestamp::now(), LIMIT, Filter::default());
    for (name, value) in pairs(query.as_deref())? {
        if name == "limit" {
            let number = value.parse().ok().filter(|n| (1..=MAX_GROUPS).contains(n));
            limit = number.ok_or_else(|| Invalid::value("limit", &value, format!("1 to {MAX_GROUPS}")))?;
        } else if !narrow(&mut filter, &name, &value, now)? {
            return Err(Invalid::new(&name, "is unknown", format!("{}, limit", FIELDS.join(", "))).into());
        }
    }
    check_range(&filter)?;
    // What is less is no error.
    filter.severity = filter.severity.max(Some(Severity::Warning));
    let groups = api.parts.blocking(move |parts| look(parts, &filter)).await?;
    Ok(Json(groups.told(limit, now)).into_response())
}

#[derive(Default)]
struct Groups {
    by_fingerprint: HashMap<String, GroupJson>,
    looked_at: u64,
    complete: bool,
    from: Option<Timestamp>,
}

/// Looks at events, the newest first, until all were seen or it took long enough.
fn look(parts: &Parts, filter: &Filter) -> Result<Groups, JournalError> {
    let (begin, mut groups, mut cursor) = (Instant::now(), Groups::default(), None);
    loop {
        let query = Query { filter: filter.clone(), order: Order::Desc, limit: CHUNK, cursor };
        let page = parts.journal.search(&query)?;
        page.items.iter().for_each(|record| groups.take(record));
        cursor = page.next;
        groups.complete = cursor.is_none();
        if groups.complete || begin.elapsed() > PATIENCE || groups.by_fingerprint.len() >= MAX_GROUPS {
            return Ok(groups);
        }
    }
}

impl Groups {
    fn take(&mut self, record: &Record) {
        let Some((message, resolved)) = record.entry() else { return };
        self.looked_at += 1;
        self.from = Some(message.stored);
        let Some(error) = found(message, resolved).map(ErrorJson::from) else { return };
        let key = error.fingerprint.clone();
        let group = self.by_fingerprint.entry(key).or_insert_with(|| GroupJson::new(error, message, record.seq));
        group.count += 1;
        group.first_seen = Time(message.stored);
        add(&mut group.event_types, Some(&message.event_type));
        add(&mut group.stories, resolved.ids.story.as_deref());
        add(&mut group.agents, resolved.ids.agent.as_deref());
    }

    fn told(self, limit: usize, now: Timestamp) -> ErrorsJson {
        let mut items: Vec<GroupJson> = self.by_fingerprint.into_values().collect();
        items.sort_unstable_by_key(|group| std::cmp::Reverse(group.example_seq));
        let more = items.len().saturating_sub(limit);
        items.truncate(limit);
        let (looked_at, complete, from) = (self.looked_at, self.complete, self.from.map(Time));
        ErrorsJson { items, more, looked_at, complete, from, as_of: Time(now) }
    }
}

impl GroupJson {
    fn new(error: ErrorJson, message: &Message, seq: Seq) -> Self {
        let seen = Time(message.stored);
        let (event_types, stories, agents) = (Vec::new(), Vec::new(), Vec::new());
        Self { error, count: 0, first_seen: seen, last_seen: seen, example_seq: seq, event_types, stories, agents }
    }
}

/// Names one more, while there are few.
fn add(names: &mut Vec<String>, name: Option<&str>) {
    if let Some(name) = name.filter(|name| names.len() < NAMED && !names.iter().any(|held| held == name)) {
        names.push(name.to_owned());
    }
}
