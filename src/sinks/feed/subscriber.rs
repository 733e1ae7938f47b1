//! One client's frames: history from where it asked to begin, then live, without a duplicate and without a silent hole.
//!
//! History is pulled at the client's own pace. At the live edge it joins the hub, which tells after which record the
//! queue is complete; what lies between is read, and then the queue is drained.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Feed;
use super::frame::{Frame, Reason};
use super::hub::Join;
use super::parts::Parts;
use super::past::{self, Piece};
use super::queue::{Item, Queue};
use super::state;
use super::subscription::{Since, Subscription, Wanted};
use crate::journal::JournalError;
use crate::model::{Seq, Timestamp};

/// Records a client may still read after it joined the hub.
const NEAR: u64 = 2000;

#[derive(Debug)]
enum Phase {
    Start,
    /// Reading matching entries after `at`.
    History {
        from_time: Option<Timestamp>,
        at: Seq,
        until: Seq,
    },
    /// Reading all records after `at`, up to the hub's position.
    Scan {
        at: Seq,
    },
    /// At the edge: everything up to `at` was told; `None` = only what comes is wanted.
    Edge {
        at: Option<Seq>,
    },
    /// Joining the hub.
    Joining {
        at: Option<Seq>,
        reply: oneshot::Receiver<Seq>,
    },
    /// Joined; reading up to `until`.
    Last {
        at: Seq,
        until: Seq,
    },
    Live,
    Over,
}

/// A client of the feed.
#[derive(Debug)]
pub(crate) struct Subscriber {
    feed: Feed,
    asked: Subscription,
    phase: Phase,
    out: VecDeque<Arc<Frame>>,
    queue: Arc<Queue>,
    reading: Option<JoinHandle<Result<Piece, JournalError>>>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Subscriber {
    pub(super) fn new(feed: Feed, asked: Subscription) -> Self {
        let queue = Arc::new(Queue::default());
        Self { feed, asked, phase: Phase::Start, out: VecDeque::new(), queue, reading: None }
    }

    /// Whether the hub sent it away and counted it.
    pub(crate) fn is_evicted(&self) -> bool {
        self.queue.is_closed()
    }

    /// The next frame; `None` once the client was sent away or the daemon stops. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Arc<Frame>> {
        loop {
            if let Some(frame) = self.out.pop_front() {
                return Some(frame);
            }
            match self.phase {
                Phase::Start => self.begin(),
                Phase::History { from_time, at, until } => {
                    let Some(piece) = self.read(at, move |p, w| past::page(p, w, from_time, at, until)).await else {
                        continue;
                    };
                    self.out.push_back(Arc::new(Frame::replay(piece.at, until, false)));
                    self.phase = if piece.done {
                        Phase::Scan { at: until }
                    } else {
                        Phase::History { from_time, at: piece.at, until }
                    };
                }
                Phase::Scan { at } => {
                    let until = *self.feed.position.borrow();
                    if until < at + NEAR {
                        self.phase = Phase::Edge { at: Some(at) };
                        continue;
                    }
                    let Some(piece) = self.read(at, move |p, w| past::scan(p, w, at, until)).await else { continue };
                    self.phase = Phase::Scan { at: piece.at };
                }
                Phase::Edge { at } => {
                    // The hub may be a round behind what was read already: its frames must not tell that again.
                    self.feed.position.wait_for(|position| at.is_none_or(|at| *position >= at)).await.ok()?;
                    self.join(at).await?;
                }
                Phase::Joining { at, ref mut reply } => {
                    let joined = reply.await.ok()?;
                    self.phase = Phase::Last { at: at.unwrap_or(joined), until: joined };
                    self.tell_state();
                }
                Phase::Last { at, until } if at < until => {
                    let Some(piece) = self.read(at, move |p, w| past::scan(p, w, at, until)).await else { continue };
                    self.phase = Phase::Last { at: piece.at, until };
                }
                Phase::Last { until, .. } => {
                    // From here on the client is live.
                    self.out.push_back(Arc::new(Frame::replay(until, until, true)));
                    self.phase = Phase::Live;
                }
                Phase::Live => match self.queue.take().await? {
                    Item::Frame(frame) => return Some(frame),
                    Item::Gap(from, to) => {
                        self.out.push_back(Arc::new(Frame::gap(from, to, Reason::Slow)));
                        self.tell_state();
                    }
                    Item::StateLost => self.tell_state(),
                },
                Phase::Over => return None,
            }
        }
    }

    fn begin(&mut self) {
        let (head, until) = (self.feed.parts.tail.head(), *self.feed.position.borrow());
        self.phase = match self.asked.since {
            Since::Now => Phase::Edge { at: None },
            Since::Seq(seq) if seq > head => {
                self.out.push_back(Arc::new(Frame::gap(head + 1, seq, Reason::Future)));
                Phase::Edge { at: None }
            }
            Since::Seq(seq) if seq >= until => Phase::Scan { at: seq },
            Since::Seq(at) => Phase::History { from_time: None, at, until },
            Since::Time(time) => Phase::History { from_time: Some(time), at: 0, until },
        };
    }

    async fn join(&mut self, at: Option<Seq>) -> Option<()> {
        let (reply, told) = oneshot::channel();
        let join = Join {
            wanted: self.asked.wanted.clone(),
            topics: self.asked.topics.clone(),
            queue: Arc::clone(&self.queue),
            reply,
        };
        self.feed.joins.send(join).await.ok()?;
        self.phase = Phase::Joining { at, reply: told };
        Some(())
    }

    /// Reads a piece off the async workers and queues its frames. An unreadable journal ends the subscription with a
    /// marked gap: the client comes back by its last seq.
    async fn read(
        &mut self,
        at: Seq,
        work: impl FnOnce(&Parts, &Wanted) -> Result<Piece, JournalError> + Send + 'static,
    ) -> Option<Piece> {
        let reading = self.reading.get_or_insert_with(|| {
            let (parts, wanted) = (Arc::clone(&self.feed.parts), self.asked.wanted.clone());
            tokio::spawn(async move { parts.blocking(move |p| work(p, &wanted)).await })
        });
        let result = reading.await;
        self.reading = None;
        match result {
            Ok(Ok(mut piece)) => {
                self.out.extend(piece.frames.drain(..).map(Arc::new));
                return Some(piece);
            }
            Ok(Err(error)) => tracing::warn!(error = %error, at, "history for a feed client cannot be read"),
            Err(error) => tracing::warn!(error = %error, at, "reading history for a feed client broke off"),
        }
        let head = self.feed.parts.tail.head();
        self.out.push_back(Arc::new(Frame::gap(at + 1, head.max(at + 1), Reason::Unreadable)));
        self.phase = Phase::Over;
        None
    }

    fn tell_state(&mut self) {
        for topic in &self.asked.topics {
            self.out.extend(state::whole(&self.feed.parts.board, *topic).into_iter().map(Arc::new));
        }
    }
}
