//! An HTTP server that gives fixed pages, and fails in every way a real one does.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use http::{StatusCode, header};
use parking_lot::Mutex;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// With the page asked for.
    Well,
    /// Not at all, and the connection stays.
    Hanging,
    /// With this status and a few words.
    Status(u16),
    /// 429, to be left alone for a second.
    Throttling,
    /// With a web page of a proxy.
    WebPage,
    /// With more than anybody should read.
    Huge,
    /// With half the page, and then the connection is cut.
    CutShort,
    /// With what is neither JSON nor metrics.
    Garbage,
    /// With 403 and all it was sent, as gateways do that mean to help.
    Telltale,
}

/// Every mood that is no answer, with the reason a source gives for it.
pub(crate) const FAULTS: &[(Mood, &str)] = &[
    (Mood::Status(401), "unauthorized"),
    (Mood::Status(403), "forbidden"),
    (Mood::Status(404), "not_found"),
    (Mood::Throttling, "throttled"),
    (Mood::Status(500), "server_error"),
    (Mood::WebPage, "malformed"),
    (Mood::Garbage, "malformed"),
    (Mood::Huge, "too_large"),
    (Mood::CutShort, "interrupted"),
    (Mood::Hanging, "timeout"),
];

#[derive(Debug)]
struct Shared {
    pages: Mutex<BTreeMap<String, (&'static str, Bytes)>>,
    mood: Mutex<Mood>,
    silent: Mutex<Vec<String>>,
    asked: AtomicUsize,
    token: Mutex<Option<String>>,
}

/// Ends with the test.
#[derive(Debug)]
pub(crate) struct Moody {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Moody {
    /// One that answers well.
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            pages: Mutex::default(),
            mood: Mutex::new(Mood::Well),
            silent: Mutex::default(),
            asked: AtomicUsize::new(0),
            token: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut moody = Self { address, shared, task: None };
        moody.serve(listener);
        moody
    }

    fn serve(&mut self, listener: tokio::net::TcpListener) {
        let router = Router::new().fallback(answer).with_state(Arc::clone(&self.shared));
        self.task = Some(tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        }));
    }

    /// Its address with a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Gives `body` at `path` (without its query) from now on.
    pub(crate) fn page(&self, path: &str, kind: &'static str, body: impl Into<Bytes>) {
        self.shared.pages.lock().insert(path.to_owned(), (kind, body.into()));
    }

    /// Never answers at `path` from now on.
    pub(crate) fn hang_at(&self, path: &str) {
        self.shared.silent.lock().push(path.to_owned());
    }

    /// Answers in this way from now on.
    pub(crate) fn mood(&self, mood: Mood) {
        *self.shared.mood.lock() = mood;
    }

    /// Wants this bearer token from now on.
    pub(crate) fn want_token(&self, token: &str) {
        *self.shared.token.lock() = Some(token.to_owned());
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// Stops listening; connections are refused.
    pub(crate) async fn die(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    /// Listens again where it did.
    pub(crate) async fn live(&mut self) {
        let listener = tokio::net::TcpListener::bind(self.address).await.expect("its port is still free");
        self.serve(listener);
    }
}

impl Drop for Moody {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let silent = shared.silent.lock().iter().any(|path| path == request.uri().path());
    let mood = if silent { Mood::Hanging } else { *shared.mood.lock() };
    match mood {
        Mood::Well => {}
        Mood::Hanging => std::future::pending::<()>().await,
        Mood::Status(status) => {
            return (StatusCode::from_u16(status).expect("a status"), "no, because it is so").into_response();
        }
        Mood::Throttling => {
            return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], "slower").into_response();
        }
        Mood::WebPage => {
            return ([(header::CONTENT_TYPE, "text/html")], "<html><body>Sign in</body></html>").into_response();
        }
        Mood::Huge => {
            let piece = Bytes::from(vec![b' '; 1 << 20]);
            let pieces = stream::repeat_with(move || Ok::<_, Infallible>(piece.clone()));
            return Body::from_stream(futures::StreamExt::take(pieces, 300)).into_response();
        }
        Mood::CutShort => {
            let pieces = [Ok(Bytes::from_static(b"{\"half\":")), Err(std::io::Error::other("cut"))];
            return ([(header::CONTENT_LENGTH, "5000")], Body::from_stream(stream::iter(pieces))).into_response();
        }
        Mood::Telltale => {
            let given = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
            let query = request.uri().query().unwrap_or_default();
            return (StatusCode::FORBIDDEN, format!("no rule for `{given}` at {query}")).into_response();
        }
        Mood::Garbage => return "\u{0}\u{1}{]) neither this nor that".into_response(),
    }
    let wanted = shared.token.lock().clone();
    let given = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    if wanted.is_some_and(|token| given != Some(&format!("Bearer {token}"))) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let pages = shared.pages.lock();
    match pages.get(request.uri().path()) {
        Some((kind, body)) => ([(header::CONTENT_TYPE, *kind)], body.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Longest that a source may take to see a change of mood: it backs off from what lasts.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
