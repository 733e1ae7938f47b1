//! Stories: the live ones from the board, closed ones from the journal, and the spans of each.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use utoipa::IntoParams;

use super::Api;
use super::access::Role;
use super::listing::Listing;
use super::problem::Problem;
use super::query::{Named, Paging, cursor_number, cursor_text, pairs};
use super::when::{AtParams, When};
use crate::journal::StoryRecords;
use crate::model::{Cursor, Record, StoryView, Timestamp, TraceId, TraceKey};
use crate::sinks::feed::{Invalid, StoryJson};

/// Records a story's trace is made of at most, and about how many bytes of them: as JSON they are several times that.
const MAX_RECORDS: usize = 20_000;
const MAX_BYTES: usize = 8 << 20;

/// Which stories.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names and explains the parameters that `list` reads")]
pub(super) struct StoriesParams {
    /// Most items, 1 to 1000.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Stories: live ones, latest first, then closed ones, latest first.
#[utoipa::path(get, path = "/api/stories", tag = "history", params(StoriesParams, AtParams),
    responses((status = 200, description = "A page of stories", body = Listing<StoryJson<'_>>),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>,
    _: Role,
    when: When,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut paging = Paging::default();
    for (name, value) in pairs(query.as_deref())? {
        if !paging.take(&name, &value)? {
            return Err(Invalid::new(&name, "is unknown", "limit, cursor, at").into());
        }
    }
    let from = paging.cursor.as_deref().map_or(Ok(Begin::Live(None)), Begin::parse)?;
    let (mut stories, mut next) = match &from {
        Begin::Live(after) => live(&when, after.as_ref(), paging.limit),
        Begin::Closed(_) => (Vec::new(), None),
    };
    if next.is_none() && stories.len() < paging.limit {
        let cursor = if let Begin::Closed(cursor) = from { cursor } else { None };
        let cursor = closed_before(&when, cursor);
        let want = paging.limit - stories.len();
        let (closed, more) = api.parts.blocking(move |p| p.journal.stories(cursor, want)).await?;
        // A story that was taken up again is live, and was listed there.
        let again = |s: &StoryView| when.read(|state| state.stories.contains_key(&s.story_id));
        stories.extend(closed.into_iter().filter(|s| !again(s)).map(Arc::new));
        next = more.map(|Cursor(seq)| cursor_text('c', seq));
    } else if next.is_none() {
        next = Some("c".to_owned());
    }
    let items = stories.iter().map(|s| StoryJson::from(&**s)).collect();
    Ok(Listing { next, ..Listing::whole(items, when.read(|s| s.as_of)) }.of(&when).into_response())
}

/// Where a page of stories begins.
enum Begin {
    /// After this live story, by its last event and name.
    Live(Option<(Timestamp, String)>),
    /// Among the closed ones.
    Closed(Option<Cursor>),
}

impl Begin {
    fn parse(text: &str) -> Result<Self, Invalid> {
        let live = || {
            let (time, id) = text.split_once('.')?;
            Some((Timestamp::from_nanos(cursor_number('l', time)? as i64), id.to_owned()))
        };
        match text {
            "c" => Some(Self::Closed(None)),
            _ if text.starts_with('c') => cursor_number('c', text).map(|seq| Self::Closed(Some(Cursor(seq)))),
            _ => live().map(|at| Self::Live(Some(at))),
        }
        .ok_or_else(|| Invalid::value("cursor", text, "the `next` of an earlier answer, unchanged"))
    }
}

fn live(when: &When, after: Option<&(Timestamp, String)>, limit: usize) -> (Vec<Arc<StoryView>>, Option<String>) {
    let mut stories: Vec<_> = when.read(|state| state.stories.values().cloned().collect());
    stories.sort_unstable_by(|a, b| b.last_event.cmp(&a.last_event).then_with(|| a.story_id.cmp(&b.story_id)));
    if let Some((at, id)) = after {
        stories.retain(|s| s.last_event < *at || (s.last_event == *at && *s.story_id > **id));
    }
    let more = stories.len() > limit;
    stories.truncate(limit);
    let last = stories.last().filter(|_| more);
    let next = last.map(|s| format!("{}.{}", cursor_text('l', s.last_event.nanos() as u64), s.story_id));
    (stories, next)
}

/// Where closed stories begin: those closed later were live then, or not there yet.
fn closed_before(when: &When, cursor: Option<Cursor>) -> Option<Cursor> {
    match when {
        When::Now(_) => cursor,
        When::Then(then) => Some(Cursor(cursor.map_or(then.closed.0, |Cursor(at)| at.min(then.closed.0)))),
    }
}

async fn find(api: &Api, when: &When, id: &str) -> Result<Arc<StoryView>, Problem> {
    if let Some(story) = when.read(|state| state.stories.get(id).cloned()) {
        return Ok(story);
    }
    let asked = id.to_owned();
    let closed = api.parts.blocking(move |p| p.journal.story(&asked)).await?;
    // What had begun and was not live any more was closed.
    let begun = |story: &StoryView| match when {
        When::Now(_) => true,
        When::Then(then) => story.first_seq <= then.seq,
    };
    closed.filter(begun).map(Arc::new).ok_or_else(|| Problem::not_found("this story"))
}

/// One story: phases, tasks, agents, tokens, failures, trace.
#[utoipa::path(get, path = "/api/stories/{id}", tag = "history",
    params(("id" = String, Path, description = "Story"), AtParams),
    responses((status = 200, description = "The story", body = StoryJson<'_>),
              (status = 404, description = "Never heard of", body = Problem)))]
pub(super) async fn one(State(api): State<Api>, when: When, Named(id, _): Named) -> Result<Response, Problem> {
    let story = find(&api, &when, &id).await?;
    Ok(when.answer(StoryJson::from(&*story)))
}

/// A story's spans as OTLP JSON, as they are exported.
#[utoipa::path(get, path = "/api/stories/{id}/trace", tag = "history",
    params(("id" = String, Path, description = "Story")),
    responses((status = 200, description = "`resourceSpans`; the header x-fleetscope-truncated tells of a cut", body = Object),
              (status = 404, description = "No event of it is held", body = Problem)))]
pub(super) async fn trace(State(api): State<Api>, Named(id, _): Named) -> Result<Response, Problem> {
    let make = Arc::clone(&api.context.trace);
    let work = move |p: &crate::sinks::feed::Parts| {
        let StoryRecords { records, cut } = p.journal.story_records(&id, MAX_RECORDS, MAX_BYTES)?;
        let spans = make(&records, &traces(&id, &records));
        Ok((records.is_empty(), cut, serde_json::to_vec(&spans).unwrap_or_default()))
    };
    let (unknown, cut, body) = api.parts.blocking(work).await?;
    if unknown {
        return Err(Problem::not_found("this story"));
    }
    let mut response = super::listing::json_text(body);
    if cut {
        let name = HeaderName::from_static("x-fleetscope-truncated");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The story's trace and its continuations.
fn traces(id: &str, records: &[Arc<Record>]) -> Vec<TraceId> {
    let key = TraceKey::story(id);
    let parts = records.iter().filter_map(|r| r.entry()).map(|(_, resolved)| resolved.part).max().unwrap_or(0);
    (0..=parts.min(1000)).map(|part| key.continuation(part).trace_id()).collect()
}
