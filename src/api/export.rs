//! The history as a file: `/api/export`.
//! Takes: a filter and a format. Gives: a stream from one snapshot. Never: more at once than the daemon can bear.

mod pipe;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::form_urlencoded;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::pipe::{Outcome, Piece, Pipe, Taken};
use super::Api;
use super::access::{Grant, Watch};
use super::events::FilterParams;
use super::problem::Problem;
use super::query::{EventsQuery, pairs};
use crate::export::{End, Failed, Format, Told, file_name, write};
use crate::journal::{Export, Scope};
use crate::metrics::Metrics;
use crate::model::{Seq, Timestamp};
use crate::sinks::feed::{Detail, Invalid, Polls};

/// Exports at a time. Each has a thread and a snapshot of the journal, whose freed pages wait for its end.
const MAX_RUNNING: usize = 4;
/// When one that was refused may try again, in seconds.
const RETRY_AFTER: &str = "10";
/// Longest an export may take: the journal cannot reuse what it frees meanwhile. `from` goes on with it.
const MAX_LIFE: Duration = Duration::from_hours(1);

/// What tells a client that it has all, behind the body.
const ENTRIES: HeaderName = HeaderName::from_static("x-fleetscope-entries");
const LAST: HeaderName = HeaderName::from_static("x-fleetscope-last");

/// Places for exports.
#[derive(Clone, Debug)]
pub(super) struct Exports(Arc<Semaphore>);

impl Default for Exports {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_RUNNING)))
    }
}

/// What an export takes besides the fields of a filter.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names and explains the parameters that `Asked` reads")]
pub(super) struct ExportParams {
    /// `ndjson`, `json`, `csv` or `parquet`.
    #[param(default = "ndjson")]
    format: Option<String>,
    /// Not before this seq: goes on with an export that was cut off.
    from: Option<u64>,
    /// `full` for the payloads too (role debug), or `summary`. Without it, formats that can be imported have all that
    /// your role may see, the others the summary.
    payload: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(export)).layer(pipe::compression())
}

/// The history as a file, oldest first, from one snapshot.
///
/// NDJSON and, behind the body, the trailers `x-fleetscope-entries` and `x-fleetscope-last` (for who sends
/// `TE: trailers`) say how much it was; a body that breaks off is not all of it.
#[utoipa::path(get, path = "/api/export", tag = "history", params(FilterParams, ExportParams),
    responses((status = 200, description = "The file, streamed", content_type = "application/x-ndjson"),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem),
              (status = 403, description = "Payloads need role debug", body = Problem),
              (status = 503, description = "Too many exports at a time: try again", body = Problem)))]
async fn export(State(api): State<Api>, grant: Grant, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let at = Timestamp::now();
    let asked = Asked::parse(query.as_deref(), at)?;
    let may = grant.role.may_see_payloads(&api.context.config);
    let detail = match asked.detail {
        Some(Detail::Full) => may.map(|()| Detail::Full)?,
        None if asked.format.can_be_whole() && may.is_ok() => Detail::Full,
        Some(Detail::Summary) | None => Detail::Summary,
    };
    let watch = api.access.watch();
    if !api.access.stands(grant) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "the token is not valid"));
    }
    let name = asked.format.name();
    let Ok(place) = Arc::clone(&api.exports.0).try_acquire_owned() else {
        api.context.metrics.exports.ended.with_label_values(&[name, Outcome::Refused.name()]).inc();
        return Ok(too_many());
    };
    let scope = if detail == Detail::Full && asked.format.can_be_whole() { Scope::Records } else { Scope::Entries };
    let what = Export { filter: asked.filter, from: asked.from, scope };
    let work = Work { api: api.clone(), format: asked.format, detail, what, at, _place: place };
    let (pipe, taken) = pipe::pipe(api.context.config.http.feed_stall_timeout, MAX_LIFE);
    tokio::task::spawn_blocking(move || work.run(pipe));
    Ok(answer(api, grant, watch, taken, asked.format, at))
}

fn too_many() -> Response {
    let detail = format!("{MAX_RUNNING} exports are running, which is as many as may: try again in {RETRY_AFTER} s");
    let mut response = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    response
}

/// What was asked for.
struct Asked {
    format: Format,
    from: Seq,
    detail: Option<Detail>,
    filter: crate::model::Filter,
}

impl Asked {
    fn parse(query: Option<&str>, now: Timestamp) -> Result<Self, Problem> {
        let (mut format, mut from, mut names_payload) = (Format::Ndjson, 0, false);
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs(query)? {
            match name.as_str() {
                "format" => {
                    let names = Format::ALL.map(Format::name).join(", ");
                    format = Format::from_name(&value).ok_or_else(|| Invalid::value("format", &value, names))?;
                }
                "from" => {
                    from = value.parse().map_err(|_| Invalid::value("from", &value, "the seq of an event"))?;
                }
                "limit" | "cursor" => {
                    let instead = "`from=<seq>` to go on where an export was cut off, or /api/events for pages";
                    return Err(Invalid::new(&name, "does not belong into an export", instead).into());
                }
                _ => {
                    names_payload |= name == "payload";
                    if name == "order" && value != "asc" {
                        return Err(Invalid::value("order", &value, "asc: an export is oldest first").into());
                    }
                    rest.append_pair(&name, &value);
                }
            }
        }
        let asked = EventsQuery::parse(Some(&rest.finish()), now)?;
        Ok(Self { format, from, detail: names_payload.then_some(asked.detail), filter: asked.filter })
    }
}

/// An export under way, on a thread of its own.
struct Work {
    api: Api,
    format: Format,
    detail: Detail,
    what: Export,
    at: Timestamp,
    _place: OwnedSemaphorePermit,
}

impl Work {
    fn run(self, mut pipe: Pipe) {
        let (metrics, name) = (&self.api.context.metrics.exports, self.format.name());
        let running = metrics.running.with_label_values(&[name]);
        running.inc();
        let polls = Polls::of(&self.api.parts.board);
        let told = Told { format: self.format, detail: self.detail, what: &self.what, polls: &polls, at: self.at };
        let mut entries = 0;
        let written = write(&*self.api.context.journal, &told, &mut pipe, &mut |end| entries = end.entries);
        let written = written.and_then(|end| Ok(pipe.end(trailers(&end)).map(|()| end)?));
        let outcome = match &written {
            Ok(_) => Outcome::Complete,
            Err(error) => pipe.outcome().unwrap_or_else(|| {
                tracing::warn!(error = error as &dyn std::error::Error, format = name, "an export failed");
                self.count_failure(error)
            }),
        };
        running.dec();
        metrics.entries.with_label_values(&[name]).inc_by(entries);
        metrics.bytes.with_label_values(&[name]).inc_by(pipe.bytes());
        metrics.ended.with_label_values(&[name, outcome.name()]).inc();
    }

    fn count_failure(&self, error: &Failed) -> Outcome {
        if let Failed::Journal(error) = error {
            let metrics: &Metrics = &self.api.context.metrics;
            metrics.journal.errors.with_label_values(&[error.reason()]).inc();
        }
        Outcome::Failed
    }
}

fn trailers(end: &End) -> HeaderMap {
    HeaderMap::from_iter([(ENTRIES, HeaderValue::from(end.entries)), (LAST, HeaderValue::from(end.last))])
}

fn answer(api: Api, grant: Grant, watch: Watch, taken: Taken, format: Format, at: Timestamp) -> Response {
    let frames = stream::unfold(Client { api, grant, watch, taken, over: false }, |mut client| async move {
        client.next().await.map(|frame| (frame, client))
    });
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    let name = format!("attachment; filename=\"{}\"", file_name(at, format));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).expect("letters and digits"));
    headers.insert(header::TRAILER, HeaderValue::from_static("x-fleetscope-entries, x-fleetscope-last"));
    // nginx would hold the stream back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct Client {
    api: Api,
    grant: Grant,
    watch: Watch,
    taken: Taken,
    over: bool,
}

impl Client {
    async fn next(&mut self) -> Option<Result<Frame<axum::body::Bytes>, &'static str>> {
        if self.over {
            return None;
        }
        let stop = self.api.context.stop.clone();
        let piece = tokio::select! {
            biased;
            () = stop.cancelled() => Err(Outcome::Stopped),
            () = self.watch.revoked(&self.api.access, Some(self.grant)) => Err(Outcome::Revoked),
            piece = self.taken.next() => Ok(piece),
        };
        match piece {
            Ok(Some(Piece::Data(bytes))) => Some(Ok(Frame::data(bytes))),
            Ok(Some(Piece::End(trailers))) => {
                self.over = true;
                Some(Ok(Frame::trailers(trailers)))
            }
            // The body breaks off, so that nobody takes it for whole.
            Ok(None) => {
                self.over = true;
                Some(Err("the export failed"))
            }
            Err(outcome) => {
                self.over = true;
                self.taken.refuse(outcome);
                Some(Err("the export was ended"))
            }
        }
    }
}
