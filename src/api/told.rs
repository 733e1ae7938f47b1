//! What a client is sent frames of: the live feed, or a replay.

use std::sync::Arc;

use crate::sinks::feed::{Frame, Replay, Subscriber};

/// The source of a client's frames.
#[derive(Debug)]
pub(super) enum Told {
    Live(Box<Subscriber>),
    Replay(Box<Replay>),
}

impl Told {
    /// The next frame; `None` once the feed is over. A replay that came to its end waits for what it is told to do.
    /// Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Arc<Frame>> {
        match self {
            Self::Live(subscriber) => subscriber.next().await,
            Self::Replay(replay) => Some(replay.next().await),
        }
    }

    /// Whether it is a replay that came to its end.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Replay(replay) if replay.is_over())
    }
}
