//! A running daemon, asked over HTTP.
//! Takes: its address, a token. Gives: pages, frames of the feed, what it answers where it refuses.
//! Never: waits without bound, or keeps more than a frame.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::timeout;
use url::Url;

use crate::model::{Seq, printable};

/// Longest an answer may take; the daemon gives up by itself after half of it.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Longest silence of the feed, which beats every 15 seconds.
const SILENCE: Duration = Duration::from_secs(45);
/// Items of a state that are taken.
const MAX_STATE: usize = 10_000;
/// Largest frame: one event with all that belongs to it is far below.
const MAX_FRAME: usize = 64 << 20;
/// Largest answer that is read as a whole: a page of events with payloads ends at half of it.
const MAX_ANSWER: usize = 16 << 20;

/// Which daemon.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Address {
    /// Address of the daemon.
    #[arg(long, value_name = "URL", env = "FLEETSCOPE_URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: Url,
    /// File with a token of the daemon: alone, or after its role as in `http.tokens_file`.
    #[arg(long, value_name = "FILE", env = "FLEETSCOPE_TOKEN_FILE")]
    pub(super) token_file: Option<PathBuf>,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// All must hold.
    pub(super) filters: Vec<String>,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
}

impl Asked {
    fn filters(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.filters.iter().map(|filter| ("filter", filter.clone()))
    }
}

/// A page of events, newest first.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) items: Vec<Box<RawValue>>,
    pub(super) next: Option<String>,
}

/// State of a kind, as it is or as it was.
#[derive(Debug, Deserialize)]
pub(super) struct State {
    pub(super) items: Vec<serde_json::Value>,
    as_of: String,
    past: Option<Past>,
    next: Option<String>,
    /// Whether there are more than were taken.
    #[serde(skip)]
    pub(super) more: bool,
}

/// What an answer about the past stands for.
#[derive(Debug, Deserialize)]
struct Past {
    seq: Seq,
    at: Option<String>,
}

impl State {
    /// What it stands for, in a line.
    pub(super) fn told(&self) -> String {
        match &self.past {
            None => format!("as of {}", printable(&self.as_of)),
            Some(past) => {
                let of = past.at.as_deref().map(|at| format!(" of {}", printable(at))).unwrap_or_default();
                format!("as of {}, after record {}{of}", printable(&self.as_of), past.seq)
            }
        }
    }
}

/// A saved search.
#[derive(Debug, Deserialize)]
pub(super) struct Saved {
    pub(super) filter: String,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
}

/// A frame of the feed.
#[derive(Debug)]
pub(super) enum Frame {
    Events {
        up_to: Seq,
        items: Vec<Box<RawValue>>,
    },
    Gap {
        from: Seq,
        to: Seq,
        reason: String,
    },
    /// A replay has come to its end.
    Done,
    Other,
}

/// What is read of an error.
#[derive(Debug, Deserialize)]
struct Problem {
    detail: String,
}

#[derive(Debug)]
pub(super) struct Daemon {
    http: Client,
    url: Url,
    token: Option<String>,
}

/// The seq of an event.
pub(super) fn seq(event: &RawValue) -> anyhow::Result<Seq> {
    #[derive(Deserialize)]
    struct Numbered {
        seq: Seq,
    }
    Ok(serde_json::from_str::<Numbered>(event.get()).context("the daemon's answer is no event")?.seq)
}

impl Daemon {
    pub(super) fn new(address: &Address) -> anyhow::Result<Self> {
        let url = address.url.clone();
        anyhow::ensure!(
            matches!(url.scheme(), "http" | "https"),
            "--url: `{url}` is neither http nor https; write an address such as http://127.0.0.1:8080"
        );
        let token = address.token_file.as_deref().map(token).transpose()?;
        let http = Client::builder().connect_timeout(Duration::from_secs(10)).build().context("no HTTP client")?;
        Ok(Self { http, url, token })
    }

    /// Newest record of the journal.
    pub(super) async fn head(&self) -> anyhow::Result<Seq> {
        #[derive(Deserialize)]
        struct Status {
            journal: Journal,
        }
        #[derive(Deserialize)]
        struct Journal {
            last_seq: Seq,
        }
        self.read::<Status>("status", &[]).await.map(|status| status.journal.last_seq)
    }

    pub(super) async fn saved(&self, name: &str) -> anyhow::Result<Saved> {
        let mut path = String::from("api/searches/");
        path.extend(url::form_urlencoded::byte_serialize(name.as_bytes()));
        self.read(&path, &[]).await
    }

    pub(super) async fn events(&self, asked: &Asked, limit: usize, cursor: Option<&str>) -> anyhow::Result<Page> {
        let mut query: Vec<_> = asked.filters().collect();
        query.push(("limit", limit.to_string()));
        for (name, value) in [("since", asked.since.as_deref()), ("until", asked.until.as_deref()), ("cursor", cursor)]
        {
            query.extend(value.map(|value| (name, value.to_owned())));
        }
        self.read("api/events", &query).await
    }

    /// State of a kind: the first thousands of it.
    pub(super) async fn state(&self, what: &str, at: Option<&str>) -> anyhow::Result<State> {
        let path = format!("api/{what}");
        let query: Vec<_> = at.into_iter().map(|at| ("at", at.to_owned())).collect();
        let mut state: State = self.read(&path, &query).await?;
        while state.next.is_some() && state.items.len() < MAX_STATE {
            let mut query = query.clone();
            query.extend([("limit", "1000".to_owned()), ("cursor", state.next.take().unwrap_or_default())]);
            let page: State = self.read(&path, &query).await?;
            state.items.extend(page.items);
            state.next = page.next;
        }
        state.more = state.next.is_some();
        Ok(state)
    }

    pub(super) async fn feed(&self, asked: &Asked, after: Seq) -> anyhow::Result<Feed> {
        let mut query: Vec<_> = asked.filters().collect();
        query.push(("since", after.to_string()));
        let response = timeout(TIMEOUT, self.ask("api/feed", &query, "application/x-ndjson")).await;
        let response = response.context("the daemon took too long to answer")??;
        Ok(Feed { response, text: Vec::new() })
    }

    /// History once more; its end is told.
    pub(super) async fn replay(&self, query: &[(&str, String)]) -> anyhow::Result<Feed> {
        let response = timeout(TIMEOUT, self.ask("api/replay", query, "application/x-ndjson")).await;
        let response = response.context("the daemon took too long to answer")??;
        Ok(Feed { response, text: Vec::new() })
    }

    async fn read<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<T> {
        let answer = async {
            let response = self.ask(path, query, "application/json").await?;
            response.bytes().await.with_context(|| format!("the answer of {} broke off", self.url))
        };
        let body = timeout(TIMEOUT, answer).await.context("the daemon took too long to answer")??;
        serde_json::from_slice(&body).with_context(|| format!("what {} answers is not of Fleetscope", self.url))
    }

    /// Asks for JSON, and gives what is answered, right or wrong. Each segment of the path is taken as it is.
    pub(super) async fn fetch(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let mut url = self.url.clone();
        // An address with a host has a path.
        url.path_segments_mut().map_err(|()| anyhow!("--url: no address of a daemon"))?.pop_if_empty().extend(path);
        let answer = async {
            let mut response = self.send(url, query, "application/json").await?;
            let mut body = Vec::new();
            while let Some(more) = response.chunk().await.map_err(reqwest::Error::without_url)? {
                anyhow::ensure!(body.len() + more.len() <= MAX_ANSWER, "the answer is too long; ask for less");
                body.extend_from_slice(&more);
            }
            Ok((response.status(), body))
        };
        timeout(TIMEOUT, answer).await.context("the daemon took too long to answer")?
    }

    /// Asks, and gives the answer if it is one; else what the daemon says is wrong.
    pub(super) async fn ask(&self, path: &str, query: &[(&str, String)], accept: &str) -> anyhow::Result<Response> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        let response = self.send(url, query, accept).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.refused(response).await) }
    }

    async fn send(&self, mut url: Url, query: &[(&str, String)], accept: &str) -> anyhow::Result<Response> {
        url.query_pairs_mut().clear().extend_pairs(query);
        // Trailers tell how much an export holds.
        let mut request = self.http.get(url).header("accept", accept).header("te", "trailers");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(reqwest::Error::without_url);
        response.with_context(|| format!("no answer from {}: is a daemon running there? (--url)", self.url))
    }

    async fn refused(&self, response: Response) -> anyhow::Error {
        let status = response.status();
        let body = response.bytes().await.unwrap_or_default();
        let remedy = if matches!(status.as_u16(), 401 | 403) { "; name a token with --token-file" } else { "" };
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => {
                anyhow!("the daemon refuses ({}): {}{remedy}", status.as_u16(), printable(&problem.detail))
            }
            Err(_) => anyhow!("{} answers {status}: it is not Fleetscope, or of another version{remedy}", self.url),
        }
    }
}

/// The token alone, or the one after its role.
fn token(file: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("--token-file: {} cannot be read", file.display()))?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let token = line.and_then(|line| line.split_whitespace().last());
    token.map(str::to_owned).ok_or_else(|| anyhow!("--token-file: {} is empty", file.display()))
}

/// The live feed, a frame a line.
#[derive(Debug)]
pub(super) struct Feed {
    response: Response,
    text: Vec<u8>,
}

impl Feed {
    pub(super) async fn next(&mut self) -> anyhow::Result<Frame> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.text) {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                match frame(&line[..end])? {
                    Some(frame) => return Ok(frame),
                    None => continue,
                }
            }
            anyhow::ensure!(self.text.len() <= MAX_FRAME, "the daemon sends a line without end");
            let more = timeout(SILENCE, self.response.chunk()).await.context("the daemon fell silent")?;
            let more = more.map_err(reqwest::Error::without_url).context("the connection broke off")?;
            self.text.extend_from_slice(&more.context("the daemon ended the feed")?);
        }
    }
}

/// The frame of a line; an empty line only says that somebody is there.
fn frame(line: &[u8]) -> anyhow::Result<Option<Frame>> {
    #[derive(Deserialize)]
    struct Any {
        #[serde(rename = "type")]
        kind: String,
        up_to: Option<Seq>,
        from: Option<Seq>,
        to: Option<Seq>,
        reason: Option<String>,
        state: Option<String>,
        items: Option<Box<RawValue>>,
    }
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let any: Any = serde_json::from_slice(line).context("the daemon sends what is no frame")?;
    let items = || any.items.as_deref().map_or(Ok(Vec::new()), |items| serde_json::from_str(items.get()));
    Ok(Some(match any.kind.as_str() {
        "events" => Frame::Events { up_to: any.up_to.unwrap_or(0), items: items()? },
        "gap" => {
            let reason = any.reason.unwrap_or_default();
            Frame::Gap { from: any.from.unwrap_or(0), to: any.to.unwrap_or(0), reason }
        }
        "replay" if any.state.as_deref() == Some("done") => Frame::Done,
        _ => Frame::Other,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart() {
        let read = |line: &str| frame(line.as_bytes()).expect("a frame");
        assert!(read("\r").is_none());
        let events = read(r#"{"type":"events","up_to":9,"items":[{"seq":8,"type":"t"}]}"#);
        let Some(Frame::Events { up_to: 9, items }) = events else { panic!("{events:?}") };
        assert_eq!(seq(&items[0]).expect("a seq"), 8);
        assert!(matches!(read(r#"{"type":"gap","from":3,"to":5,"reason":"slow"}"#), Some(Frame::Gap { from: 3, .. })));
        assert!(matches!(read(r#"{"type":"state","topic":"agents","items":[]}"#), Some(Frame::Other)));
        assert!(matches!(read(r#"{"type":"replay","at":9,"until":9,"done":true,"state":"done"}"#), Some(Frame::Done)));
        assert!(matches!(read(r#"{"type":"replay","at":9,"until":9,"done":true}"#), Some(Frame::Other)), "caught up");
        assert!(frame(b"<html>").is_err());
    }
}
