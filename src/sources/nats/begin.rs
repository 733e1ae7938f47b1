//! Where to begin on a stream: what the journal committed against what the server holds.

use std::time::Duration;

use crate::config::Setting as _;
use crate::model::{Position, Text, Timestamp};

use super::{SOURCE, wire};

/// Where to begin on a stream never read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    All,
    New,
    Since(Timestamp),
}

impl Start {
    /// `all`, `new` or a duration before `now`; the configuration was checked before.
    pub(super) fn from_config(text: &str, now: Timestamp) -> Self {
        match text {
            "new" => Self::New,
            "all" => Self::All,
            text => Duration::read_text(text).map_or(Self::All, |ago| Self::Since(now.minus(ago))),
        }
    }
}

/// Why what was committed no longer tells where to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reset {
    /// The stream was deleted and made again.
    Recreated,
    /// The stream ends before what was read: restored from a backup, or its tail was lost.
    WentBack,
}

impl Reset {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Recreated => "stream_recreated",
            Self::WentBack => "stream_went_back",
        }
    }
}

/// The first message to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deliver {
    Seq(u64),
    Time(Timestamp),
}

/// Where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begin {
    pub(super) from: Deliver,
    /// What counts as read before the first message.
    pub(super) position: Position,
    /// Whether that differs from what was committed, so that it must be committed even before a message comes.
    pub(super) moved: bool,
    /// Messages that went before they could be read.
    pub(super) missed: u64,
    pub(super) reset: Option<Reset>,
}

/// The key of a stream's position.
pub(super) fn key(stream: &str) -> Text {
    format!("{SOURCE}/{stream}").into()
}

/// When a stream was made; zero where the server does not say.
pub(super) fn created(stream: &wire::Stream) -> Timestamp {
    Timestamp::parse(&stream.created).unwrap_or_default()
}

/// What this process remembers of a stream besides its position.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// When the last message read was stored.
    pub(super) stored: Option<Timestamp>,
    /// Whether another message was found in place of the last one read.
    pub(super) replaced: bool,
}

/// Decides. `began` = when the source started: a stream made later is read from its beginning in any case.
pub(super) fn begin(
    stream: &wire::Stream,
    committed: Option<&Position>,
    memory: Memory,
    start: Start,
    began: Timestamp,
) -> Begin {
    let created = created(stream);
    let state = &stream.state;
    let first = state.first_seq.max(1);
    let at = |seq, incarnation| Position { key: key(&stream.config.name), seq, created: created.nanos(), incarnation };
    let from =
        |seq: u64, position, moved, missed, reset| Begin { from: Deliver::Seq(seq), position, moved, missed, reset };
    let Some(committed) = committed else {
        return match start {
            Start::New if created <= began => {
                let next = state.last_seq + 1;
                from(next, at(next - 1, 0), true, 0, None)
            }
            Start::Since(time) if created <= time => {
                Begin { from: Deliver::Time(time), position: at(0, 0), moved: false, missed: 0, reset: None }
            }
            _ => from(first, at(first - 1, 0), true, 0, None),
        };
    };
    let reset = if committed.created != created.nanos() {
        Some(Reset::Recreated)
    } else if state.last_seq < committed.seq || memory.replaced {
        Some(Reset::WentBack)
    } else {
        None
    };
    if let (Some(Reset::WentBack), Some(stored)) = (reset, memory.stored) {
        // What is left was read: only what was stored after the last message read is new.
        let after = stored.plus(Duration::from_nanos(1));
        let position = at(0, committed.incarnation + 1);
        return Begin { from: Deliver::Time(after), position, moved: false, missed: 0, reset };
    }
    if reset.is_some() {
        return from(first, at(first - 1, committed.incarnation + 1), true, 0, reset);
    }
    let missed = first.saturating_sub(committed.seq + 1);
    let read = committed.seq.max(first - 1);
    from(read + 1, at(read, committed.incarnation), missed > 0, missed, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(stream: &wire::Stream, committed: Option<&Position>, start: Start, began: Timestamp) -> Begin {
        super::begin(stream, committed, Memory::default(), start, began)
    }

    const CREATED: &str = "2026-11-22T06:28:05.055085235Z";

    fn stream(first_seq: u64, last_seq: u64) -> wire::Stream {
        let state = wire::StreamState { first_seq, last_seq, ..Default::default() };
        let config = serde_json::from_str(r#"{"name":"CONTEXT"}"#).expect("a config");
        wire::Stream { config, created: CREATED.to_owned(), state }
    }

    fn committed(seq: u64) -> Position {
        let created = Timestamp::parse(CREATED).expect("a time").nanos();
        Position { key: "nats/CONTEXT".into(), seq, created, incarnation: 2 }
    }

    fn later() -> Timestamp {
        Timestamp::parse("2026-11-23T00:00:00Z").expect("a time")
    }

    #[test]
    fn goes_on_after_what_was_committed() {
        let begin = begin(&stream(1, 9), Some(&committed(7)), Start::All, later());
        assert_eq!((begin.from, begin.moved, begin.missed, begin.reset), (Deliver::Seq(8), false, 0, None));
        assert_eq!(begin.position, committed(7));
    }

    #[test]
    fn what_retention_took_is_counted_once() {
        let begin = begin(&stream(12, 20), Some(&committed(7)), Start::All, later());
        assert_eq!((begin.from, begin.moved, begin.missed, begin.position.seq), (Deliver::Seq(12), true, 4, 11));
    }

    #[test]
    fn an_empty_stream_that_lost_its_unread_messages() {
        let begin = begin(&stream(21, 20), Some(&committed(7)), Start::All, later());
        assert_eq!((begin.from, begin.missed, begin.position.seq), (Deliver::Seq(21), 13, 20));
    }

    #[test]
    fn a_new_life_is_read_from_its_first_message() {
        let other = Position { created: 5, ..committed(7) };
        let again = begin(&stream(3, 9), Some(&other), Start::New, later());
        assert_eq!((again.from, again.reset, again.position.incarnation), (Deliver::Seq(3), Some(Reset::Recreated), 3));
        let back = begin(&stream(1, 6), Some(&committed(7)), Start::New, later());
        assert_eq!((back.from, back.reset, back.missed), (Deliver::Seq(1), Some(Reset::WentBack), 0));
    }

    #[test]
    fn a_stream_that_lost_its_tail_is_not_read_twice() {
        let stored = Some(Timestamp::from_nanos(40));
        let seen = |last_seq, replaced| {
            super::begin(&stream(1, last_seq), Some(&committed(7)), Memory { stored, replaced }, Start::All, later())
        };
        for begin in [seen(6, false), seen(9, true)] {
            assert_eq!((begin.from, begin.reset), (Deliver::Time(Timestamp::from_nanos(41)), Some(Reset::WentBack)));
            assert_eq!((begin.position.seq, begin.position.incarnation), (0, 3));
        }
        assert_eq!(seen(9, false).reset, None);
    }

    #[test]
    fn a_first_sight_obeys_the_configuration() {
        let at = |start, began| begin(&stream(3, 9), None, start, began).from;
        assert_eq!(at(Start::All, later()), Deliver::Seq(3));
        assert_eq!(at(Start::New, later()), Deliver::Seq(10));
        assert_eq!(at(Start::New, Timestamp::ZERO), Deliver::Seq(3), "made after the source began");
        assert_eq!(at(Start::Since(later()), later()), Deliver::Time(later()));
        assert_eq!(at(Start::Since(Timestamp::ZERO), later()), Deliver::Seq(3), "younger than that");
        let empty = begin(&stream(0, 0), None, Start::All, later());
        assert_eq!((empty.from, empty.position.seq), (Deliver::Seq(1), 0));
    }
}
