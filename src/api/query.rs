//! Query strings → names and values; what is not known is refused by name.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use url::form_urlencoded;

use super::access::Role;
use super::problem::Problem;
use crate::model::{Cursor, Filter, Order, Seq, Timestamp};
use crate::sinks::feed::{Detail, FIELDS, Invalid, detail, narrow};

/// Most items a page may have.
pub(super) const MAX_LIMIT: usize = 1000;
const DEFAULT_LIMIT: usize = 100;
/// Longest query string, in bytes.
const MAX_QUERY: usize = 16 << 10;

/// Names and values in the order given.
pub(super) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let query = query.unwrap_or("");
    if query.len() > MAX_QUERY {
        return Err(Invalid::new("query", "is too long", format!("at most {MAX_QUERY} bytes")).into());
    }
    Ok(form_urlencoded::parse(query.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
}

/// Refuses any parameter.
pub(super) fn none(query: Option<&str>) -> Result<(), Problem> {
    match pairs(query)?.first() {
        Some((name, _)) => Err(Invalid::new(name, "is unknown", "no parameters").into()),
        None => Ok(()),
    }
}

/// A caller with a role who asks for something whole: no parameter is understood.
#[derive(Debug)]
pub(super) struct Plain;

impl<S: Sync> FromRequestParts<S> for Plain {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Role::from_request_parts(parts, state).await?;
        none(parts.uri.query())?;
        Ok(Self)
    }
}

/// The same for one thing: its id in the path, and the caller's role.
#[derive(Debug)]
pub(super) struct Named(pub(super) String, pub(super) Role);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let role = Role::from_request_parts(parts, state).await?;
        let id = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = id.map_err(|e| Problem::new(e.status(), e.body_text()))?;
        none(parts.uri.query())?;
        Ok(Self(id, role))
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub(super) struct Paging {
    pub(super) limit: usize,
    pub(super) cursor: Option<String>,
}

impl Default for Paging {
    fn default() -> Self {
        Self { limit: DEFAULT_LIMIT, cursor: None }
    }
}

impl Paging {
    /// Takes `limit` and `cursor`. Gives false for any other name.
    pub(super) fn take(&mut self, name: &str, value: &str) -> Result<bool, Invalid> {
        match name {
            "limit" => {
                let limit = value.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n));
                self.limit = limit.ok_or_else(|| Invalid::value("limit", value, format!("1 to {MAX_LIMIT}")))?;
            }
            "cursor" => self.cursor = Some(value.to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The question of `/api/events`.
#[derive(Clone, Debug, Default)]
pub(super) struct EventsQuery {
    pub(super) filter: Filter,
    pub(super) order: Order,
    pub(super) detail: Detail,
    pub(super) limit: usize,
    pub(super) cursor: Option<Cursor>,
}

/// What `/api/events` takes besides the fields of a filter.
pub(super) const EVENTS_EXTRA: [&str; 4] = ["limit", "cursor", "order", "payload"];

impl EventsQuery {
    pub(super) fn parse(query: Option<&str>, now: Timestamp) -> Result<Self, Problem> {
        let (mut asked, mut paging) = (Self::default(), Paging::default());
        for (name, value) in pairs(query)? {
            match name.as_str() {
                "order" => asked.order = order(&value)?,
                "payload" => asked.detail = detail(&value)?,
                _ if paging.take(&name, &value)? || narrow(&mut asked.filter, &name, &value, now)? => {}
                _ => {
                    let known = [&FIELDS[..], &EVENTS_EXTRA[..]].concat().join(", ");
                    return Err(Invalid::new(&name, "is unknown", known).into());
                }
            }
        }
        check_range(&asked.filter)?;
        asked.limit = paging.limit;
        asked.cursor = paging.cursor.as_deref().map(event_cursor).transpose()?;
        Ok(asked)
    }
}

/// Refuses a range that ends before it begins.
pub(super) fn check_range(filter: &Filter) -> Result<(), Invalid> {
    match (filter.since, filter.until) {
        (Some(since), Some(until)) if since > until => Err(Invalid::new("until", "is before `since`", "a later time")),
        _ => Ok(()),
    }
}

fn order(value: &str) -> Result<Order, Invalid> {
    match value {
        "asc" => Ok(Order::Asc),
        "desc" => Ok(Order::Desc),
        _ => Err(Invalid::value("order", value, "asc, desc")),
    }
}

/// A cursor as text: a letter that says what it is for, and a number in hexadecimal.
pub(super) fn cursor_text(letter: char, number: u64) -> String {
    format!("{letter}{number:x}")
}

/// The number of a cursor with this letter.
pub(super) fn cursor_number(letter: char, text: &str) -> Option<u64> {
    let digits = text.strip_prefix(letter)?;
    (!digits.is_empty() && digits.len() <= 16).then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

/// A cursor that this journal has not come to yet.
pub(super) fn cursor_ahead(Cursor(seq): Cursor, head: Seq) -> Problem {
    let wrong =
        format!("is of event {seq}, and the newest is {head}: it comes from another journal, or this one was restored");
    Invalid::new("cursor", wrong, "no cursor, to begin again").into()
}

fn event_cursor(text: &str) -> Result<Cursor, Invalid> {
    cursor_number('e', text)
        .map(Cursor)
        .ok_or_else(|| Invalid::value("cursor", text, "the `next` of an earlier answer, unchanged"))
}
