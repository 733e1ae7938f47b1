//! Saved searches: `/api/searches`.
//! Takes: a name, a filter and a range. Gives: what was saved, to everyone who may read events.
//! Never: keeps a filter that cannot be read, or more than there is room for.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::listing::Listing;
use super::problem::Problem;
use super::query::{Named, Plain, check_range};
use crate::journal::{MAX_SEARCHES, SavedSearch};
use crate::model::{Filter, Timestamp};
use crate::sinks::feed::{Invalid, Time, narrow};

/// Longest name.
const MAX_NAME: usize = 64;

/// What is saved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// A filter (docs/FILTER.md); empty finds everything.
    #[serde(default)]
    filter: String,
    /// Begin of the range: a time ago such as `1h`, counted from when it is used, or RFC 3339.
    #[serde(default)]
    since: Option<String>,
    /// Its end: likewise.
    #[serde(default)]
    until: Option<String>,
}

/// A saved search.
#[derive(Debug, Serialize, ToSchema)]
struct SearchJson {
    /// Its name.
    name: String,
    /// The filter.
    filter: String,
    /// Begin of the range.
    since: Option<String>,
    /// Its end.
    until: Option<String>,
    /// When it was saved.
    #[schema(value_type = String, format = DateTime)]
    saved: Time,
}

impl From<SavedSearch> for SearchJson {
    fn from(search: SavedSearch) -> Self {
        let SavedSearch { name, filter, since, until, saved } = search;
        Self { name, filter, since, until, saved: Time(saved) }
    }
}

/// Saved searches, by name.
#[utoipa::path(get, path = "/api/searches", tag = "history",
    responses((status = 200, description = "All of them", body = Listing<SearchJson>)))]
pub(super) async fn list(State(api): State<Api>, _: Plain) -> Result<Response, Problem> {
    let all = api.parts.blocking(|parts| parts.journal.searches()).await?;
    Ok(Listing::whole(all.into_iter().map(SearchJson::from).collect(), Timestamp::now()).into_response())
}

/// A saved search.
#[utoipa::path(get, path = "/api/searches/{name}", tag = "history",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "The search", body = SearchJson),
              (status = 404, description = "There is none of this name", body = Problem)))]
pub(super) async fn one(State(api): State<Api>, Named(name, _): Named) -> Result<Response, Problem> {
    let all = api.parts.blocking(|parts| parts.journal.searches()).await?;
    let found = all.into_iter().find(|search| search.name == name).map(SearchJson::from);
    found.map(|search| Json(search).into_response()).ok_or_else(|| unknown(&name))
}

/// Saves a search, in the place of the one of this name.
#[utoipa::path(put, path = "/api/searches/{name}", tag = "history",
    params(("name" = String, Path, description = "1 to 64 letters, digits, `-`, `_` and `.`, the first a letter or digit")),
    request_body = Wanted,
    responses((status = 200, description = "What was saved", body = SearchJson),
              (status = 400, description = "Name, filter or range is wrong", body = Problem),
              (status = 403, description = "Saving needs role debug", body = Problem),
              (status = 409, description = "There are as many as there may be", body = Problem)))]
pub(super) async fn save(
    State(api): State<Api>,
    Named(name, role): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    role.may_save()?;
    check_name(&name)?;
    let body = body.map_err(|e| Problem::new(e.status(), format!("the body cannot be read: {}", e.body_text())))?;
    let search = read(name, &body, Timestamp::now())?;
    let kept = search.clone();
    if !api.parts.blocking(move |parts| parts.journal.save_search(&kept)).await? {
        let detail =
            format!("there are {MAX_SEARCHES} saved searches, which is all there is room for: delete one first");
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    Ok(Json(SearchJson::from(search)).into_response())
}

/// Deletes a saved search.
#[utoipa::path(delete, path = "/api/searches/{name}", tag = "history",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 204, description = "It is gone"),
              (status = 403, description = "Deleting needs role debug", body = Problem),
              (status = 404, description = "There is none of this name", body = Problem)))]
pub(super) async fn delete(State(api): State<Api>, Named(name, role): Named) -> Result<StatusCode, Problem> {
    role.may_save()?;
    let named = name.clone();
    let was_there = api.parts.blocking(move |parts| parts.journal.delete_search(&named)).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(unknown(&name)) }
}

fn unknown(name: &str) -> Problem {
    let shown = crate::model::shorten(&crate::model::printable(name), MAX_NAME);
    Problem::not_found(&format!("saved search `{shown}`"))
}

fn check_name(name: &str) -> Result<(), Invalid> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if begins && name.len() <= MAX_NAME && name.bytes().all(plain) {
        return Ok(());
    }
    let allowed = format!("1 to {MAX_NAME} letters, digits, -, _ and ., the first a letter or digit");
    Err(Invalid::value("name", name, allowed))
}

fn read(name: String, body: &[u8], now: Timestamp) -> Result<SavedSearch, Problem> {
    let Wanted { filter, since, until } = serde_json::from_slice(body).map_err(|e| {
        let shape = "{\"filter\":\"story:US-1\",\"since\":\"1h\",\"until\":null}";
        Invalid::new("body", format!("is not what is saved ({e})"), shape)
    })?;
    let mut meant = Filter::default();
    let parts = [("filter", Some(&filter)), ("since", since.as_ref()), ("until", until.as_ref())];
    for (field, value) in parts.into_iter().filter_map(|(field, value)| Some((field, value?))) {
        narrow(&mut meant, field, value, now)?;
    }
    check_range(&meant)?;
    Ok(SavedSearch { name, filter, since, until, saved: now })
}
