//! A running API over a journal in memory, and what a test says to it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fleetscope::api::{Context, serve};
use fleetscope::board::Board;
use fleetscope::config::Config;
use fleetscope::journal::{Commit, Journal};
use fleetscope::metrics::Metrics;
use fleetscope::model::{
    Body, Delivery, DeliveryState, Facts, Form, Ids, Key, Known, Message, Payload, Record, Resolved, Seq, Severity,
    Source, Span, StoryView, Timestamp, TraceId, TraceKey, Value, spans_of,
};
use fleetscope::past::Past;
use fleetscope::status::Status;
use fleetscope::tail::{Committed, Tail};
use futures::{SinkExt, StreamExt};
use serde_json::Value as Json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message as Ws};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

use crate::support::memory::Memory;

/// Longest a test waits for anything.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) journal: Arc<Memory>,
    pub(crate) board: Arc<Board>,
    pub(crate) status: Arc<Status>,
    pub(crate) metrics: Arc<Metrics>,
    tail: Arc<Tail>,
    stop: CancellationToken,
    next: AtomicU64,
    pub(crate) http: reqwest::Client,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::holding(Vec::new(), configure)
    }

    /// A daemon whose journal holds `records` and whose tail begins after them, as after a restart.
    pub(crate) fn holding(records: Vec<Record>, configure: impl FnOnce(&mut Config)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = Config::default();
        config.http.max_requests_per_second = 0;
        configure(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let journal = Arc::new(Memory::default());
        let head = records.last().map_or(0, |r| r.seq);
        let records: Vec<_> = records.into_iter().map(Arc::new).collect();
        journal.append(&Commit { records: &records, ..Commit::default() }).expect("memory");
        let (board, status, metrics) = (Arc::default(), Arc::default(), Arc::<Metrics>::default());
        let tail = Arc::new(Tail::new(head));
        let past = Past::new(journal.clone(), crate::support::settings(), Arc::clone(&metrics));
        let stop = CancellationToken::new();
        let context = Context {
            config: Arc::new(config),
            journal: journal.clone(),
            board: Arc::clone(&board),
            tail: Arc::clone(&tail),
            status: Arc::clone(&status),
            metrics: Arc::clone(&metrics),
            inboxes: Arc::default(),
            past: Arc::new(past),
            lookups: Arc::default(),
            stop: stop.clone(),
            trace: Arc::new(spans),
        };
        tokio::spawn(serve(context, listener));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let next = AtomicU64::new(head + 1);
        Self { address, journal, board, status, metrics, tail, stop, next, http }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Json) {
        let response = self.http.get(self.url(path)).send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    pub(crate) async fn items(&self, path: &str) -> Vec<Json> {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body["items"].as_array().expect("a list").clone()
    }

    /// The seqs of the events a path lists.
    pub(crate) async fn seqs(&self, path: &str) -> Vec<Seq> {
        self.items(path).await.iter().map(|i| i["seq"].as_u64().expect("a seq")).collect()
    }

    /// Commits records made from the next seqs, and tells the tail.
    pub(crate) fn commit(&self, make: impl FnOnce(Seq) -> Vec<Record>) -> Seq {
        let first = self.next.load(Ordering::SeqCst);
        let records: Vec<_> = make(first).into_iter().map(Arc::new).collect();
        self.next.store(first + records.len() as u64, Ordering::SeqCst);
        self.journal.append(&Commit { records: &records, ..Commit::default() }).expect("memory");
        self.tail.push(Arc::new(Committed { records }));
        first
    }

    /// Commits one entry.
    pub(crate) fn entry(&self, story: &str) -> Seq {
        self.commit(|seq| vec![entry(seq, story)])
    }

    pub(crate) fn close(&self, story: StoryView) {
        self.journal.append(&Commit { closed: &[story], ..Commit::default() }).expect("memory");
    }

    pub(crate) async fn socket(&self) -> Socket {
        self.try_socket(&[]).await.expect("a handshake")
    }

    pub(crate) async fn try_socket(&self, headers: &[(&'static str, &str)]) -> Result<Socket, tungstenite::Error> {
        let mut request = format!("ws://{}/ws", self.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Socket(socket))
    }
}

pub(crate) struct Socket<S = MaybeTlsStream<TcpStream>>(pub(crate) WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(crate) async fn say(&mut self, message: Json) {
        self.0.send(Ws::text(message.to_string())).await.expect("sent");
    }

    /// The next frame; `None` once closed.
    pub(crate) async fn frame(&mut self) -> Option<Json> {
        let text = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Ws::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                    Some(Ok(Ws::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            }
        };
        tokio::time::timeout(BOUND, text).await.expect("a frame in time")
    }

    /// The next frame of a type, others passed over.
    pub(crate) async fn next(&mut self, kind: &str) -> Json {
        loop {
            let frame = self.frame().await.expect("the connection is open");
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Waits until the client is live.
    pub(crate) async fn live(&mut self) {
        while self.next("replay").await["done"] != true {}
    }

    /// The seqs of events up to and including `last`, and the gaps told meanwhile.
    pub(crate) async fn until(&mut self, last: Seq) -> (Vec<Seq>, Vec<(Seq, Seq)>) {
        let (mut seqs, mut gaps) = (Vec::new(), Vec::new());
        loop {
            let frame = self.frame().await.expect("the connection is open");
            match frame["type"].as_str() {
                Some("events") => {
                    let items = frame["items"].as_array().expect("a list");
                    seqs.extend(items.iter().map(|i| i["seq"].as_u64().expect("a seq")));
                }
                Some("gap") => gaps.push((frame["from"].as_u64().expect("seq"), frame["to"].as_u64().expect("seq"))),
                _ => {}
            }
            if seqs.last() == Some(&last) {
                return (seqs, gaps);
            }
        }
    }
}

/// The spans of records, in the shape of OTLP JSON.
fn spans(records: &[Arc<Record>], traces: &[TraceId]) -> Json {
    let mut spans = Vec::new();
    for record in records {
        spans_of(record, &mut |span: &Span| {
            spans.push(serde_json::json!({
                "name": span.name, "spanId": span.span_id.to_string(), "traceId": span.trace_id.to_string(),
                "parentSpanId": span.parent.map(|p| p.to_string()), "startTimeUnixNano": span.start.nanos().to_string(),
                "endTimeUnixNano": span.end.nanos().to_string(),
            }));
        });
    }
    let scopes = serde_json::json!([{"scopeSpans": [{"spans": spans}]}]);
    serde_json::json!({"resourceSpans": scopes, "n": records.len(), "t": traces.len()})
}

/// A time in the past that does not move: events of a fixture look the same every day.
pub(crate) fn at(seq: Seq) -> Timestamp {
    Timestamp::parse("2026-02-14T09:12:33Z").expect("valid").plus(Duration::from_millis(seq * 10))
}

pub(crate) fn entry(seq: Seq, story: &str) -> Record {
    with_payload(seq, story, format!("{{\"story_id\":\"{story}\",\"n\":{seq}}}"))
}

pub(crate) fn with_payload(seq: Seq, story: &str, payload: String) -> Record {
    let mut facts = Facts::default();
    facts.insert(Key::StoryId, Value::Text(story));
    facts.insert(Key::ProposalContent, Value::Text(&"word ".repeat(100)));
    let message = Message {
        source: Source::Nats,
        stream: "AGENT_RESPONSES".into(),
        incarnation: 0,
        stream_seq: seq,
        subject: "agent.response.completed".into(),
        event_type: if seq.is_multiple_of(2) { "agent.response.completed" } else { "planning.story.created" }.into(),
        stored: at(seq),
        received: at(seq).plus(Duration::from_millis(2)),
        size: payload.len() as u32,
        form: Form::Bare,
        producer: Some("ray-executor".into()),
        producer_inferred: true,
        message_id: None,
        traceparent: None,
        claimed: None,
        facts,
        undecodable: None,
        payload: Payload { bytes: payload.into(), truncated: false, masked: 0 },
        observed: None,
    };
    let ids = Ids {
        story: Some(story.into()),
        task: Some(format!("T-{seq}").into()),
        role: Some(if seq.is_multiple_of(2) { "DEV" } else { "QA" }.into()),
        agent: Some("agent-dev-001".into()),
        ..Ids::default()
    };
    let resolved = Resolved {
        ids,
        trace: Some(TraceKey::story(story)),
        severity: if seq.is_multiple_of(5) { Severity::Error } else { Severity::Info },
        summary: format!("answer {seq} of agent-dev-001").into(),
        ..Resolved::default()
    };
    let body = Body::Message(Box::new(message), Box::new(resolved));
    Record { seq, at: at(seq), body, spans: Vec::new(), links: Vec::new() }
}

/// `consumer` acked the entry `of`.
pub(crate) fn acked(seq: Seq, of: Seq, story: &str, consumer: &str) -> Record {
    let delivery = Delivery {
        event: Known {
            seq: of,
            incarnation: 0,
            stored: at(of),
            event_type: "agent.response.completed".into(),
            trace: Some(TraceKey::story(story)),
            story: Some(story.into()),
        },
        stream: "AGENT_RESPONSES".into(),
        stream_seq: of,
        consumer: consumer.into(),
        state: DeliveryState::Acked,
        attempts: 1,
        first: at(of).plus(Duration::from_millis(15)),
        last: at(of).plus(Duration::from_millis(15)),
        naks: 0,
        reason: None,
        polled: false,
    };
    let body = Body::Delivery(Box::new(delivery));
    Record { seq, at: at(of).plus(Duration::from_millis(15)), body, spans: Vec::new(), links: Vec::new() }
}
