//! `at`: the same answers as of a time.
//! Takes: a request. Gives: the state it asks for: what the board shows, or what it showed then.
//! Never: mixes the two; says of a system as it is now what is asked of it then.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::Uri;
use http::request::Parts;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::problem::Problem;
use super::query::pairs;
use crate::board::{Board, State};
use crate::config::Setting as _;
use crate::model::{Source, Timestamp};
use crate::past::Then;
use crate::sinks::feed::{Invalid, Time};
use crate::status::Health;

/// The time a question is about.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names and explains the parameter that `When` reads")]
pub(super) struct AtParams {
    /// The state as of this time, made again from the journal: a time ago such as `-5m`, RFC 3339, or milliseconds since
    /// 1970. The answer then holds `past`, which tells what it stands for.
    at: Option<String>,
}

/// What an answer about the past stands for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct PastJson {
    /// The time asked for.
    #[schema(value_type = String, format = DateTime)]
    asked: Time,
    /// The last record of the journal that was known then.
    seq: u64,
    /// When that happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Time>,
    /// The record whose snapshot the state was made from; null = from all records.
    snapshot: Option<u64>,
    /// Records replayed after it.
    replayed: u64,
}

impl From<&Then> for PastJson {
    fn from(then: &Then) -> Self {
        let (asked, at) = (Time(then.asked), then.at.map(Time));
        Self { asked, seq: then.seq, at, snapshot: then.snapshot, replayed: then.replayed }
    }
}

/// One thing as it was.
#[derive(Debug, Serialize)]
struct Told<T> {
    #[serde(flatten)]
    thing: T,
    past: PastJson,
}

/// The state a request is about. Takes `at` out of the query, so that what reads that afterwards knows nothing of it.
#[derive(Debug)]
pub(super) enum When {
    /// As it is.
    Now(Arc<Board>),
    /// As it was.
    Then(Arc<Then>),
}

impl When {
    /// Looks at the state without copying it.
    pub(super) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        match self {
            Self::Now(board) => board.read(look),
            Self::Then(then) => look(&then.state),
        }
    }

    /// What the answer stands for, unless that is the present.
    pub(super) fn past(&self) -> Option<PastJson> {
        match self {
            Self::Now(_) => None,
            Self::Then(then) => Some(PastJson::from(&**then)),
        }
    }

    /// The answer about one thing.
    pub(super) fn answer<T: Serialize>(&self, thing: T) -> Response {
        match self.past() {
            None => Json(thing).into_response(),
            Some(past) => Json(Told { thing, past }).into_response(),
        }
    }

    /// Why what a watched system showed last may be out of date. `part` is the part of the daemon that watches it.
    pub(super) fn stale(&self, api: &Api, source: Source, part: &str) -> Option<String> {
        match self {
            Self::Now(_) => match api.context.status.part(part) {
                Some(part) if part.health == Health::Up => None,
                Some(part) => Some(part.detail),
                None => Some("it is not watched".to_owned()),
            },
            Self::Then(then) => {
                let kept = then.state.panels.contains_key(&source);
                (!kept).then(|| "its state of that time was not kept".to_owned())
            }
        }
    }
}

impl FromRequestParts<Api> for When {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Some(at) = take(&mut parts.uri)? else { return Ok(Self::Now(Arc::clone(&api.context.board))) };
        let asked = time(&at, Timestamp::now())?;
        Ok(Self::Then(api.context.past.at(asked).await?))
    }
}

/// Takes `at` out of the query.
fn take(uri: &mut Uri) -> Result<Option<String>, Problem> {
    let (mut at, mut rest) = (None, form_urlencoded::Serializer::new(String::new()));
    for (name, value) in pairs(uri.query())? {
        if name != "at" {
            rest.append_pair(&name, &value);
        } else if at.replace(value).is_some() {
            return Err(Invalid::new("at", "is given twice", "one time").into());
        }
    }
    if at.is_some() {
        let (path, query) = (uri.path(), rest.finish());
        let rest = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        *uri = rest.parse().map_err(|_| Invalid::new("query", "cannot be read", "names and values"))?;
    }
    Ok(at)
}

/// A time ago is one of a whole second: who asks again within it gets the state made before.
fn time(text: &str, now: Timestamp) -> Result<Timestamp, Invalid> {
    let ago = text.strip_prefix('-').unwrap_or(text);
    if !ago.starts_with(['-', '+', 'P', 'p'])
        && let Ok(ago) = Duration::read_text(ago)
    {
        let at = now.minus(ago);
        return Ok(Timestamp::from_millis(at.nanos().div_euclid(1_000_000_000) * 1_000));
    }
    if let (true, Ok(ms)) = (text.bytes().all(|b| b.is_ascii_digit()), text.parse::<i64>()) {
        return Ok(Timestamp::from_millis(ms));
    }
    let allowed = "a time ago such as -5m, RFC 3339 such as 2026-02-14T09:12:33Z, or milliseconds since 1970";
    Timestamp::parse(text).map_err(|_| Invalid::value("at", text, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_in_four_ways() {
        let now = Timestamp::parse("2026-02-14T09:12:33.75Z").expect("valid");
        let read = |text: &str| time(text, now).map(|at| at.to_string()).map_err(|wrong| wrong.to_string());
        for text in ["-5m", "5m", "2026-02-14T09:07:33Z", "1771060053000", "2026-02-14T10:07:33+01:00"] {
            assert_eq!(read(text).as_deref(), Ok("2026-02-14T09:07:33.000000Z"), "{text}");
        }
        for text in ["", "-", "--5m", "yesterday", "12:30", "-5", "99999999999999999999", "5m ago", "+5m"] {
            let wrong = read(text).expect_err(text);
            assert!(wrong.contains("at"), "{wrong}");
        }
    }
}
