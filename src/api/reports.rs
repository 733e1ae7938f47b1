//! Printable reports: of a story, and of the fleet over a time.
//! Takes: what of, and a format. Gives: HTML or PDF, whole. Never: more at once than the daemon can bear.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::IntoParams;

use super::Api;
use super::access::Role;
use super::problem::Problem;
use super::query::{check_range, pairs};
use super::timeline::{known, read};
use crate::journal::JournalError;
use crate::model::{Filter, Timestamp};
use crate::report::{self, Document, Format, NoReport, POLICY};
use crate::sinks::feed::{Invalid, narrow};

/// Reports made at a time: each takes a processor for seconds, and some hundred megabytes at most.
const MAX_RUNNING: usize = 2;
/// How long one waits for its turn.
const WAIT: Duration = Duration::from_secs(10);
/// How long reading the history may take: what there is then is reported, and that it is not all.
const PATIENCE: Duration = Duration::from_secs(10);
/// Range of a fleet report, if nobody says.
const DAY: Duration = Duration::from_hours(24);

/// Places for reports.
#[derive(Clone, Debug)]
pub(super) struct Reports(Arc<Semaphore>);

impl Default for Reports {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_RUNNING)))
    }
}

/// How a report is wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names and explains the parameters that `format` reads")]
pub(super) struct ReportParams {
    /// `html` or `pdf`.
    #[param(default = "html")]
    format: Option<String>,
}

/// Of what time.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names and explains the parameters that `fleet` reads")]
pub(super) struct RangeParams {
    /// Not before: a time ago such as `5m` or `24h`, or RFC 3339.
    #[param(default = "24h")]
    since: Option<String>,
    /// Before: likewise. Without it: now.
    until: Option<String>,
}

/// The report of a story, for print: HTML that needs nothing else, or PDF.
#[utoipa::path(get, path = "/api/stories/{id}/report", tag = "history",
    params(("id" = String, Path, description = "Story"), ReportParams),
    responses((status = 200, description = "The report", content_type = "text/html"),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem),
              (status = 404, description = "Never heard of", body = Problem),
              (status = 501, description = "This build makes no PDF", body = Problem),
              (status = 503, description = "Too many reports at a time: try again", body = Problem)))]
pub(super) async fn story(
    State(api): State<Api>,
    _: Role,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut wanted = Format::Html;
    for (name, value) in pairs(query.as_deref())? {
        match name.as_str() {
            "format" => wanted = format(&value)?,
            _ => return Err(Invalid::new(&name, "is unknown", "format").into()),
        }
    }
    let place = place(&api).await?;
    let known = known(&api, &id);
    let parts = Arc::clone(&api.parts);
    let of = id.clone();
    make(place, wanted, &of, move || {
        let told = read(&parts, &id, known)?;
        Ok(told.map(|(timeline, events)| report::story_document(&timeline, &events)))
    })
    .await
}

/// The report of the fleet over a time, for print: HTML that needs nothing else, or PDF.
#[utoipa::path(get, path = "/api/report", tag = "history", params(RangeParams, ReportParams),
    responses((status = 200, description = "The report", content_type = "text/html"),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem),
              (status = 501, description = "This build makes no PDF", body = Problem),
              (status = 503, description = "Too many reports at a time: try again", body = Problem)))]
pub(super) async fn fleet(State(api): State<Api>, _: Role, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let now = Timestamp::now();
    let (mut wanted, mut range) = (Format::Html, Filter::default());
    for (name, value) in pairs(query.as_deref())? {
        match name.as_str() {
            "format" => wanted = format(&value)?,
            "since" | "until" => drop(narrow(&mut range, &name, &value, now)?),
            _ => return Err(Invalid::new(&name, "is unknown", "since, until, format").into()),
        }
    }
    let until = range.until.unwrap_or(now);
    range.until = Some(until);
    check_range(&range)?;
    let since = range.since.unwrap_or_else(|| until.minus(DAY));
    let place = place(&api).await?;
    let parts = Arc::clone(&api.parts);
    make(place, wanted, "fleet", move || {
        let begin = Instant::now();
        let live = |id: &str| parts.board.read(|state| state.stories.get(id).cloned());
        report::fleet(&*parts.journal, (since, until), &live, &mut || begin.elapsed() < PATIENCE).map(Some)
    })
    .await
}

fn format(value: &str) -> Result<Format, Problem> {
    let names = Format::ALL.map(Format::name).join(", ");
    let format = Format::from_name(value).ok_or_else(|| Invalid::value("format", value, names))?;
    if cfg!(not(feature = "pdf")) && format == Format::Pdf {
        return Err(NoReport::Unbuilt.into());
    }
    Ok(format)
}

/// A place among the reports; who waits too long is sent away.
async fn place(api: &Api) -> Result<OwnedSemaphorePermit, Problem> {
    let waiting = Arc::clone(&api.reports.0).acquire_owned();
    let place = tokio::time::timeout(WAIT, waiting).await.map_err(|_| {
        let busy = format!("{MAX_RUNNING} reports are being made, which is as many as may: try again in a few seconds");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, busy)
    })?;
    Ok(place.expect("the semaphore is never closed"))
}

/// Reads and writes, where blocking is allowed. It keeps its place until it is done, even when its caller is gone.
async fn make(
    place: OwnedSemaphorePermit,
    format: Format,
    of: &str,
    read: impl FnOnce() -> Result<Option<Document>, JournalError> + Send + 'static,
) -> Result<Response, Problem> {
    let work = move || -> Result<Option<(Timestamp, Vec<u8>)>, Problem> {
        let _place = place;
        let Some(document) = read()? else { return Ok(None) };
        Ok(Some((document.date, format.write(&document)?)))
    };
    let made = tokio::task::spawn_blocking(work).await.map_err(|failed| {
        tracing::error!(error = &failed as &dyn std::error::Error, "a report broke off");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the report broke off; the daemon's log has more")
    })??;
    let (date, file) = made.ok_or_else(|| Problem::not_found("this story"))?;
    Ok(answer(format, &report::file_name(of, date, format), file))
}

fn answer(format: Format, name: &str, file: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(file));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    // A page is looked at where it is; it may do nothing there.
    let how = if format == Format::Html { "inline" } else { "attachment" };
    let disposition = HeaderValue::from_str(&format!("{how}; filename=\"{name}\""));
    headers.insert(header::CONTENT_DISPOSITION, disposition.expect("letters and digits"));
    if format == Format::Html {
        let policy = HeaderValue::from_str(&format!("{}; frame-ancestors 'none'", *POLICY));
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.expect("a policy"));
    }
    response
}

impl From<NoReport> for Problem {
    fn from(error: NoReport) -> Self {
        match error {
            NoReport::Unbuilt => Self::new(StatusCode::NOT_IMPLEMENTED, error.to_string()),
            #[cfg(feature = "pdf")]
            NoReport::NotTypeset(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a report could not be typeset");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}; format=html needs no typesetting"))
            }
        }
    }
}
