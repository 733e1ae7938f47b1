//! What has been taken in already: a message read twice after a reconnect is history once.

use std::collections::HashMap;

use crate::model::{Message, Position, Source, Text};

/// Last sequence taken per stream.
#[derive(Debug)]
pub(super) struct Intake {
    streams: HashMap<Text, (u32, u64)>,
}

impl Intake {
    /// As of the positions committed.
    pub(super) fn new(positions: Vec<Position>) -> Self {
        let of = |p: Position| Some((p.key.strip_prefix("nats/")?.into(), (p.incarnation, p.seq)));
        Self { streams: positions.into_iter().filter_map(of).collect() }
    }

    /// Whether the message comes after all taken so far of its stream; remembers it.
    pub(super) fn is_new(&mut self, message: &Message) -> bool {
        if message.stream.is_empty() || message.source != Source::Nats {
            return true;
        }
        let this = (message.incarnation, message.stream_seq);
        match self.streams.get_mut(&message.stream) {
            Some(last) if this <= *last => false,
            Some(last) => {
                *last = this;
                true
            }
            None => {
                self.streams.insert(message.stream.clone(), this);
                true
            }
        }
    }

    /// Which life of the stream is read at present.
    pub(super) fn incarnation(&self, stream: &str) -> u32 {
        self.streams.get(stream).map_or(0, |(incarnation, _)| *incarnation)
    }
}
