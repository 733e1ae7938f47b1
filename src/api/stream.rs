//! The live feed and replays over plain HTTP: server-sent events, or a JSON document a line.

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures::{Stream, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::timeout;

use super::Api;
use super::access::{Grant, Peer, Watch};
use super::events::FilterParams;
use super::live::full;
use super::problem::Problem;
use super::query::pairs;
use super::told::Told;
use crate::model::Timestamp;
use crate::sinks::feed::{
    Detail, FIELDS, Feed, Frame, Invalid, Kind, Plan, Seat, Since, Subscription, detail, longest_wait, narrow, pace,
};

/// What keeps proxies and clients from taking a quiet stream for a dead one.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Frames as lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    Sse,
    Ndjson,
}

/// The live feed as server-sent events (`text/event-stream`), or with `Accept: application/x-ndjson` as one JSON
/// document a line. `since` takes the last seq received (or `Last-Event-ID`), or a time; without it the feed is live.
#[utoipa::path(get, path = "/api/feed", tag = "live", params(FilterParams,
        ("payload" = Option<String>, Query, description = "`summary` or `full` (role debug)")),
    responses((status = 200, description = "Frames, until the client goes", content_type = "text/event-stream"),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem),
              (status = 503, description = "Too many clients", body = Problem)))]
pub(super) async fn feed(
    State(api): State<Api>,
    Peer(from): Peer,
    grant: Grant,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let asked = subscription(query.as_deref(), &headers)?;
    let detail = asked.wanted.detail;
    let begin = |feed: &Feed| Told::Live(Box::new(feed.subscribe(asked)));
    stream_of(api, from, grant, &headers, detail, begin).await
}

/// History once more, with the spacing it had, `speed` times as fast (0.1 to 1000, or `max`), as `/api/feed` sends it.
/// Its events say `"replay":true`; `replay` frames say where it is. It ends with the range. `/ws` has the same with pause,
/// steps and seek.
#[utoipa::path(get, path = "/api/replay", tag = "live", params(FilterParams,
        ("speed" = Option<String>, Query, description = "0.1 to 1000, or `max`; 1 if not said"),
        ("longest_wait" = Option<String>, Query, description = "Longest time between two events, such as `2s`"),
        ("payload" = Option<String>, Query, description = "`summary` or `full` (role debug)")),
    responses((status = 200, description = "Frames, until the range ends", content_type = "text/event-stream"),
              (status = 400, description = "A parameter is unknown or wrong", body = Problem),
              (status = 503, description = "Too many clients", body = Problem)))]
pub(super) async fn replay(
    State(api): State<Api>,
    Peer(from): Peer,
    grant: Grant,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let plan = plan(query.as_deref())?;
    let detail = plan.wanted.detail;
    let begin = |feed: &Feed| Told::Replay(Box::new(feed.replay(plan)));
    stream_of(api, from, grant, &headers, detail, begin).await
}

async fn stream_of(
    api: Api,
    from: IpAddr,
    grant: Grant,
    headers: &HeaderMap,
    detail: Detail,
    begin: impl FnOnce(&Feed) -> Told,
) -> Result<Response, Problem> {
    if detail == Detail::Full {
        grant.role.may_see_payloads(&api.context.config)?;
    }
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("");
    let lines = if accept.contains("application/x-ndjson") { Lines::Ndjson } else { Lines::Sse };
    let (name, content) = match lines {
        Lines::Sse => ("sse", "text/event-stream"),
        Lines::Ndjson => ("ndjson", "application/x-ndjson"),
    };
    let watch = api.access.watch();
    if !api.access.stands(grant) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "the token is not valid"));
    }
    let seat = api.seats.take(from, name).map_err(full)?;
    let hello = api.feed.hello().await;
    let told = begin(&api.feed);
    let frames = frames(Client { api, grant, watch, told, lines, hello: Some(hello), _seat: seat });
    let mut response = Response::new(Body::from_stream(frames));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    // nginx would hold the stream back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn subscription(query: Option<&str>, headers: &HeaderMap) -> Result<Subscription, Problem> {
    let now = Timestamp::now();
    let mut asked = Subscription::default();
    for (name, value) in pairs(query)? {
        match name.as_str() {
            "since" => asked.since = Since::parse(&value, now)?,
            "until" => return Err(Invalid::new("until", "does not belong into a live feed", "/api/events").into()),
            "payload" => asked.wanted.detail = detail(&value)?,
            _ if narrow(&mut asked.wanted.filter, &name, &value, now)? => {}
            _ => return Err(Invalid::new(&name, "is unknown", format!("{}, payload", FIELDS.join(", "))).into()),
        }
    }
    // A browser that reconnects knows better than the address it connects to.
    if let Some(last) = headers.get("last-event-id").and_then(|v| v.to_str().ok()).filter(|v| !v.is_empty()) {
        asked.since = Since::parse(last, now)?;
    }
    Ok(asked)
}

fn plan(query: Option<&str>) -> Result<Plan, Problem> {
    let now = Timestamp::now();
    let mut asked = Plan::default();
    for (name, value) in pairs(query)? {
        match name.as_str() {
            "speed" => asked.pace = pace(&value)?,
            "longest_wait" => asked.longest_wait = Some(longest_wait(&value)?),
            "payload" => asked.wanted.detail = detail(&value)?,
            _ if narrow(&mut asked.wanted.filter, &name, &value, now)? => {}
            _ => {
                let known = format!("{}, speed, longest_wait, payload", FIELDS.join(", "));
                return Err(Invalid::new(&name, "is unknown", known).into());
            }
        }
    }
    Ok(asked.checked()?)
}

struct Client {
    api: Api,
    grant: Grant,
    watch: Watch,
    told: Told,
    lines: Lines,
    hello: Option<Frame>,
    _seat: Seat,
}

fn frames(client: Client) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let next = |mut client: Client| async move {
        let text = match client.hello.take() {
            Some(hello) => line(client.lines, &hello),
            None => client.next().await?,
        };
        Some((Ok(text), client))
    };
    stream::unfold(client, next)
}

impl Client {
    async fn next(&mut self) -> Option<Bytes> {
        // A replay ends the answer where its range ends: nobody can tell it to go back.
        if self.told.is_over() {
            return None;
        }
        let stop = self.api.context.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            () = self.watch.revoked(&self.api.access, Some(self.grant)) => {
                self.api.context.metrics.feed.evicted.with_label_values(&["revoked"]).inc();
                None
            }
            frame = timeout(HEARTBEAT, self.told.next()) => match frame {
                Ok(frame) => frame.map(|frame| {
                    self.api.sent(&frame);
                    line(self.lines, &frame)
                }),
                Err(_) => Some(Bytes::from_static(match self.lines {
                    Lines::Sse => b": still here\n\n",
                    Lines::Ndjson => b"\n",
                })),
            },
        }
    }
}

fn line(lines: Lines, frame: &Frame) -> Bytes {
    let text = &frame.text;
    let line = match (lines, frame.kind, frame.range) {
        (Lines::Ndjson, ..) => format!("{text}\n"),
        // Only events move a client's position: what the browser sends back as Last-Event-ID.
        (Lines::Sse, Kind::Events { .. }, Some((_, to))) => format!("event: events\nid: {to}\ndata: {text}\n\n"),
        (Lines::Sse, kind, _) => format!("event: {}\ndata: {text}\n\n", kind.name()),
    };
    Bytes::from(line)
}
