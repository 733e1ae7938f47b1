//! The live feed over a WebSocket, and the ticket for it.

mod subscribers;

use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use tokio::time::{Instant, interval_at, timeout};
use utoipa::ToSchema;

use self::subscribers::Subscribers;
use super::Api;
use super::access::{Grant, LIFE, Peer, Watch};
use super::problem::Problem;
use super::query::none;
use super::told::Told;
use crate::model::Timestamp;
use crate::sinks::feed::{
    ClientMessage, Detail, Feed, Frame, Full, Invalid, MAX_SUBSCRIPTIONS, Said, Seat, SubscriptionId,
};

/// Largest message a client may send: a subscription with long lists fits.
const MAX_MESSAGE: usize = 16 << 10;
/// tungstenite's own 128 KiB a connection are for servers that receive.
const READ_BUFFER: usize = 4 << 10;
const WRITE_BUFFER: usize = 16 << 10;
/// The largest frame is one event with its payload, escaped at worst.
const MAX_WRITE_BUFFER: usize = 64 << 20;
/// Ping intervals without a word after which a client is taken for gone.
const SILENCE: u32 = 3;
/// Time for the first message where it must bring a ticket.
const FIRST: Duration = Duration::from_secs(10);
/// Most messages of a client in one ping interval.
const MAX_MESSAGES: u32 = 120;

/// A ticket for the live feed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ticket {
    /// To be sent as `ticket` in the first message.
    #[serde(rename = "ticket")]
    text: String,
    /// Seconds it is good for.
    expires_in: u64,
    /// The role it stands for.
    role: &'static str,
    /// Whether the feed asks for one.
    required: bool,
}

/// A one-use ticket for `/ws`.
#[utoipa::path(get, path = "/api/ticket", tag = "live",
    responses((status = 200, description = "A ticket, good once and for 30 s", body = Ticket)))]
pub(super) async fn ticket(
    State(api): State<Api>,
    grant: Grant,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    none(query.as_deref())?;
    let text = api.access.tickets.issue(grant);
    let text = text.ok_or_else(|| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no randomness for a ticket"))?;
    let required = api.access.guarded();
    Ok(Json(Ticket { text, expires_in: LIFE.as_secs(), role: grant.role.name(), required }).into_response())
}

/// The live feed as JSON frames: hello, events, deliveries, state, gap, omitted, replay, error. The client sends
/// `{"type":"subscribe","filter":{…},"since":seq|"5m"|null,"payload":"summary"|"full"}`, again whenever it likes.
///
/// With an `id` several subscriptions share the connection: their frames carry it, `{"type":"unsubscribe","id":…}` ends
/// one. `{"type":"hello"}` is answered with the hello of the moment.
///
/// `{"type":"replay","filter":{…},"since":"1h","until":null,"speed":10}` plays history once more with its own spacing:
/// its `events` frames say `"replay":true`, its `replay` frames where it is. `longest_wait` shortens quiet times, `paused`
/// begins it paused. `{"type":"control","id":…,"action":"pause"|"resume"|"step"|"speed"|"seek"}` steers it.
#[utoipa::path(get, path = "/ws", tag = "live",
    responses((status = 101, description = "A WebSocket; its first message brings the subscription, and a ticket where tokens are on"),
              (status = 403, description = "The Origin is not allowed", body = Problem),
              (status = 503, description = "Too many clients", body = Problem)))]
pub(super) async fn ws(
    State(api): State<Api>,
    Peer(from): Peer,
    grant: Option<axum::Extension<Grant>>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|e| Problem::new(e.status(), format!("this is a WebSocket: {}", e.body_text())))?;
    // A token in the handshake may have been added by a proxy for whoever asked, so it does not replace the ticket; and
    // who has not shown one does not get a seat.
    let grant = if api.access.guarded() { None } else { grant.map(|g| g.0) };
    let seat = match grant {
        Some(_) => Some(api.seats.take(from, "ws").map_err(full)?),
        None => None,
    };
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| Connection::new(api, socket, from, grant, seat).run()))
}

/// The answer to someone who gets no seat.
pub(super) fn full(full: Full) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, full.to_string())
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The client went, or its connection broke.
    Gone,
    /// The daemon stops.
    Stopping,
    /// It did not read, did not answer pings, or broke the rules: counted under this word.
    Evicted(&'static str),
    /// The subscription ended: the client may come back by its last seq.
    Over,
    /// There are as many clients as there may be.
    Full,
}

struct Connection {
    api: Api,
    socket: WebSocket,
    from: IpAddr,
    grant: Option<Grant>,
    watch: Watch,
    subscribers: Subscribers,
    heard: Instant,
    messages: u32,
    seat: Option<Seat>,
}

impl Connection {
    fn new(api: Api, socket: WebSocket, from: IpAddr, grant: Option<Grant>, seat: Option<Seat>) -> Self {
        let (watch, heard) = (api.access.watch(), Instant::now());
        Self { api, socket, from, grant, watch, subscribers: Subscribers::default(), heard, messages: 0, seat }
    }

    async fn run(mut self) {
        let end = match self.serve().await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        // The hub looks for those that take nothing too: who is sent away by both is counted once.
        let counted = std::mem::take(&mut self.subscribers).are_evicted();
        self.seat = None;
        let close = match end {
            End::Gone => None,
            End::Stopping => Some((close_code::AWAY, "the daemon stops")),
            End::Over => Some((close_code::AGAIN, "come back with since = the last seq")),
            End::Full => Some((close_code::AGAIN, "too many clients")),
            End::Evicted(reason) => {
                if !counted {
                    self.api.context.metrics.feed.evicted.with_label_values(&[reason]).inc();
                }
                Some((close_code::POLICY, reason))
            }
        };
        if let Some((code, reason)) = close {
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            // Whoever does not read need not be told.
            let _ = timeout(Duration::from_secs(1), self.socket.send(Message::Close(Some(frame)))).await;
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        if self.grant.is_some() {
            self.greet().await?;
        }
        let opened = Instant::now();
        let stop = self.api.context.stop.clone();
        let every = self.api.context.config.http.feed_ping_interval;
        let mut ping = interval_at(Instant::now() + every, every);
        loop {
            let first_due = tokio::time::sleep_until(opened + FIRST);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(End::Stopping),
                () = self.watch.revoked(&self.api.access, self.grant) => return Err(End::Evicted("revoked")),
                message = self.socket.recv() => self.received(message).await?,
                _ = ping.tick() => {
                    if self.heard.elapsed() > every * SILENCE {
                        return Err(End::Evicted("no_pong"));
                    }
                    self.messages = 0;
                    self.put(Message::Ping(bytes::Bytes::new())).await?;
                }
                () = first_due, if self.grant.is_none() => return Err(End::Evicted("no_ticket")),
                (id, frame) = self.subscribers.next() => match frame {
                    Some(frame) => self.send(id.as_ref(), &frame).await?,
                    None => return Err(End::Over),
                },
            }
        }
    }

    async fn received(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        self.heard = Instant::now();
        self.messages += 1;
        if self.messages > MAX_MESSAGES {
            return Err(End::Evicted("too_many_messages"));
        }
        match message {
            None | Some(Ok(Message::Close(_)) | Err(_)) => Err(End::Gone),
            Some(Ok(Message::Text(text))) => self.told(&text).await,
            Some(Ok(Message::Binary(_))) => {
                let invalid = Invalid::new("message", "is binary", "JSON as text");
                self.refuse(None, &invalid).await
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
        }
    }

    async fn told(&mut self, text: &str) -> Result<(), End> {
        let (id, message) = ClientMessage::parse(text, Timestamp::now());
        let message = match message {
            Ok(message) => message,
            Err(invalid) => {
                self.refuse(id.as_ref(), &invalid).await?;
                return if self.grant.is_none() { Err(End::Evicted("no_ticket")) } else { Ok(()) };
            }
        };
        let grant = match self.grant {
            Some(grant) => grant,
            None => self.admit(message.ticket.as_deref()).await?,
        };
        match message.said {
            Said::Ticket => Ok(()),
            Said::Hello => self.greet().await,
            Said::Unsubscribe => {
                self.subscribers.remove(id.as_ref());
                Ok(())
            }
            Said::Subscribe(asked) => {
                let detail = asked.wanted.detail;
                self.begin(id, detail, grant, |feed| Told::Live(Box::new(feed.subscribe(*asked)))).await
            }
            Said::Replay(plan) => {
                let detail = plan.wanted.detail;
                self.begin(id, detail, grant, |feed| Told::Replay(Box::new(feed.replay(*plan)))).await
            }
            Said::Control(control) => {
                if self.subscribers.control(id.as_ref(), control) {
                    return Ok(());
                }
                let invalid = Invalid::new("id", "is of no replay", "the id of a replay that was begun here");
                self.refuse(id.as_ref(), &invalid).await
            }
        }
    }

    async fn begin(
        &mut self,
        id: Option<SubscriptionId>,
        detail: Detail,
        grant: Grant,
        begin: impl FnOnce(&Feed) -> Told,
    ) -> Result<(), End> {
        if detail == Detail::Full && grant.role.may_see_payloads(&self.api.context.config).is_err() {
            let invalid = Invalid::new("payload", "is `full`, which needs a token of role debug", "summary");
            return self.refuse(id.as_ref(), &invalid).await;
        }
        if !self.subscribers.have_room_for(id.as_ref()) {
            let most = format!("{MAX_SUBSCRIPTIONS} on a connection");
            return self.refuse(id.as_ref(), &Invalid::new("id", "is of one subscription too many", most)).await;
        }
        self.subscribers.put(id, begin(&self.api.feed));
        Ok(())
    }

    /// Lets the client in by its ticket, if there is a seat.
    async fn admit(&mut self, ticket: Option<&str>) -> Result<Grant, End> {
        let Some(grant) = ticket.and_then(|t| self.api.access.redeem(t)) else {
            let invalid = Invalid::new("ticket", "is missing, used or too old", "a fresh ticket of GET /api/ticket");
            self.refuse(None, &invalid).await?;
            return Err(End::Evicted("no_ticket"));
        };
        match self.api.seats.take(self.from, "ws") {
            Ok(seat) => self.seat = Some(seat),
            Err(full) => {
                let told = Invalid::new("feed", format!("is full: {full}"), "a later try");
                self.refuse(None, &told).await?;
                return Err(End::Full);
            }
        }
        self.grant = Some(grant);
        self.greet().await?;
        Ok(grant)
    }

    async fn greet(&mut self) -> Result<(), End> {
        let hello = self.api.feed.hello().await;
        self.send(None, &hello).await
    }

    async fn refuse(&mut self, id: Option<&SubscriptionId>, invalid: &Invalid) -> Result<(), End> {
        self.send(id, &Frame::error(invalid)).await
    }

    async fn send(&mut self, id: Option<&SubscriptionId>, frame: &Frame) -> Result<(), End> {
        self.put(Message::Text(frame.text_for(id))).await?;
        self.api.sent(frame);
        Ok(())
    }

    async fn put(&mut self, message: Message) -> Result<(), End> {
        let stall = self.api.context.config.http.feed_stall_timeout;
        match timeout(stall, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Evicted("stalled")),
        }
    }
}
