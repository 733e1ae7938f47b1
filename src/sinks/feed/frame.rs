//! Frames: what goes over the wire, encoded once and shared by every client that gets it.

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;

use super::selection::Invalid;
use super::standing::Settled;
use super::subscription::{MAX_SUBSCRIPTIONS, SubscriptionId, Topic};
use super::time::Time;
use crate::model::{Seq, Timestamp};

/// Bytes after which an array of events is cut into another frame.
pub(crate) const SOFT_SIZE: usize = 64 << 10;

/// What a frame holds, as far as its sender needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hello,
    /// Events: how many, and of live ones when the newest was stored. History has no latency.
    Events {
        count: u32,
        stored: Option<Timestamp>,
    },
    Deliveries,
    State(Topic),
    Gap,
    Omitted,
    Replay,
    Error,
}

impl Kind {
    /// Its name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Events { .. } => "events",
            Self::Deliveries => "deliveries",
            Self::State(_) => "state",
            Self::Gap => "gap",
            Self::Omitted => "omitted",
            Self::Replay => "replay",
            Self::Error => "error",
        }
    }
}

/// Where a replay is, and how it goes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Progress {
    /// The time of history it has come to.
    pub(crate) time: Time,
    /// Seconds of history a second; none = as fast as it goes.
    pub(crate) speed: Option<f64>,
    /// `playing`, `paused` or `done`.
    pub(crate) state: &'static str,
}

/// One frame. The text is what axum's WebSocket sends and, as bytes, what a streamed body sends: no copy per client.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    /// First and last record it is about; what a client misses when it is dropped.
    pub(crate) range: Option<(Seq, Seq)>,
    pub(crate) text: Utf8Bytes,
}

/// Why a client misses something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It did not read fast enough.
    Slow,
    /// History begins later than it asked.
    Purged,
    /// It asked for what is not there yet: another journal, or a restored one.
    Future,
    /// The journal could not be read.
    Unreadable,
}

impl Reason {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Purged => "purged",
            Self::Future => "future",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Frame {
    fn new(kind: Kind, range: Option<(Seq, Seq)>, body: &impl Serialize) -> Self {
        #[derive(Serialize)]
        struct Typed<'a, T> {
            #[serde(rename = "type")]
            kind: &'static str,
            #[serde(flatten)]
            body: &'a T,
        }
        let text = serde_json::to_string(&Typed { kind: kind.name(), body }).expect("frames hold plain values");
        Self { kind, range, text: text.into() }
    }

    pub(crate) fn hello(head: Seq, oldest: Seq, now: Timestamp) -> Self {
        #[derive(Serialize)]
        struct Hello {
            version: &'static str,
            head: Seq,
            oldest: Seq,
            as_of: Time,
            subscriptions: usize,
        }
        let version = env!("CARGO_PKG_VERSION");
        let hello = Hello { version, head, oldest, as_of: Time(now), subscriptions: MAX_SUBSCRIPTIONS };
        Self::new(Kind::Hello, None, &hello)
    }

    /// Its text, with the name of the subscription it is for.
    pub(crate) fn text_for(&self, id: Option<&SubscriptionId>) -> Utf8Bytes {
        match id {
            None => self.text.clone(),
            Some(id) => format!("{{\"id\":\"{}\",{}", id.as_str(), &self.text[1..]).into(),
        }
    }

    /// `items` = events in order, as JSON, joined by commas. `mark` = what else the frame says, with a comma at its end.
    fn events(items: &str, mark: &str, range: (Seq, Seq), count: u32, stored: Option<Timestamp>) -> Self {
        let text = format!("{{\"type\":\"events\",{mark}\"up_to\":{},\"items\":[{items}]}}", range.1);
        Self { kind: Kind::Events { count, stored }, range: Some(range), text: text.into() }
    }

    pub(crate) fn deliveries(items: &[Settled<'_>]) -> Self {
        #[derive(Serialize)]
        struct Deliveries<'a> {
            items: &'a [Settled<'a>],
        }
        let seqs = || items.iter().map(|i| i.seq);
        let range = seqs().min().zip(seqs().max());
        Self::new(Kind::Deliveries, range, &Deliveries { items })
    }

    pub(crate) fn state(topic: Topic, items: &impl Serialize, removed: &[&str], full: bool, as_of: Timestamp) -> Self {
        #[derive(Serialize)]
        struct State<'a, T> {
            topic: &'static str,
            full: bool,
            as_of: Time,
            items: &'a T,
            removed: &'a [&'a str],
        }
        let state = State { topic: topic.name(), full, as_of: Time(as_of), items, removed };
        Self::new(Kind::State(topic), None, &state)
    }

    pub(crate) fn gap(from: Seq, to: Seq, reason: Reason) -> Self {
        #[derive(Serialize)]
        struct Gap {
            from: Seq,
            to: Seq,
            reason: &'static str,
        }
        Self::new(Kind::Gap, Some((from, to)), &Gap { from, to, reason: reason.name() })
    }

    pub(crate) fn omitted(count: u64, from: Seq, to: Seq) -> Self {
        #[derive(Serialize)]
        struct Omitted {
            count: u64,
            from: Seq,
            to: Seq,
        }
        Self::new(Kind::Omitted, Some((from, to)), &Omitted { count, from, to })
    }

    pub(crate) fn replay(at: Seq, until: Seq, done: bool) -> Self {
        #[derive(Serialize)]
        struct Replay {
            at: Seq,
            until: Seq,
            done: bool,
        }
        Self::new(Kind::Replay, None, &Replay { at, until, done })
    }

    /// Where a replay is.
    pub(crate) fn replaying(at: Seq, until: Seq, progress: &Progress) -> Self {
        #[derive(Serialize)]
        struct Replaying<'a> {
            at: Seq,
            until: Seq,
            done: bool,
            #[serde(flatten)]
            progress: &'a Progress,
        }
        let replaying = Replaying { at, until, done: progress.state == "done", progress };
        Self::new(Kind::Replay, None, &replaying)
    }

    pub(crate) fn error(invalid: &Invalid) -> Self {
        #[derive(Serialize)]
        struct Error<'a> {
            detail: String,
            parameter: &'a str,
            allowed: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            at: Option<usize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            length: Option<usize>,
        }
        let (at, length) = invalid.place.unzip();
        let (parameter, allowed) = (&*invalid.parameter, &*invalid.allowed);
        let error = Error { detail: invalid.to_string(), parameter, allowed, at, length };
        Self::new(Kind::Error, None, &error)
    }
}

/// Joins events to frames of a bearable size.
#[derive(Debug)]
pub(crate) struct Joiner {
    items: String,
    from: Seq,
    last: Seq,
    count: u32,
    stored: Option<Timestamp>,
    mark: &'static str,
    done: Vec<Frame>,
}

impl Joiner {
    /// The first frame stands for everything from `from` on.
    pub(crate) fn new(from: Seq) -> Self {
        Self { items: String::new(), from, last: from, count: 0, stored: None, mark: "", done: Vec::new() }
    }

    /// The same, its frames marked as history played again.
    pub(crate) fn replayed(from: Seq) -> Self {
        Self { mark: "\"replay\":true,", ..Self::new(from) }
    }

    /// `stored` = when, of an event told as it comes.
    pub(crate) fn push(&mut self, json: &str, seq: Seq, stored: Option<Timestamp>) {
        if self.count > 0 && self.items.len() + json.len() > SOFT_SIZE {
            self.cut(self.last);
        }
        if self.count > 0 {
            self.items.push(',');
        }
        self.items.push_str(json);
        self.count += 1;
        self.last = seq;
        self.stored = stored;
    }

    /// The frames; the last one stands for everything up to `to`. None when nothing was joined.
    pub(crate) fn finish(mut self, to: Seq) -> Vec<Frame> {
        if self.count > 0 {
            self.cut(to);
        }
        self.done
    }

    fn cut(&mut self, to: Seq) {
        self.done.push(Frame::events(&self.items, self.mark, (self.from, to), self.count, self.stored));
        self.items.clear();
        self.count = 0;
        self.from = to + 1;
    }
}
