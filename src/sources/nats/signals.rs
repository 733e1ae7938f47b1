//! What the connection says of itself: connects, losses, refusals.
//! Takes: the client's events. Gives: watches that the tasks wait on.

use std::collections::BTreeSet;

use tokio::sync::watch;

use super::OWN_PREFIX;

/// Refusals kept; a server that refuses more subjects than we use is not believed.
const MAX_DENIED: usize = 512;

/// A subject the server refuses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Denied {
    Publish(String),
    Subscribe(String),
}

impl Denied {
    /// The name of a consumer of ours is new each time: such a refusal is of no use for long.
    fn is_of_own_consumer(&self) -> bool {
        let (Self::Publish(subject) | Self::Subscribe(subject)) = self;
        subject.rsplit('.').next().is_some_and(|name| name.starts_with(OWN_PREFIX))
    }
}

/// How the connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Connects so far.
    pub(super) connects: u64,
    /// Whether it stands.
    pub(super) up: bool,
    /// Why it does not.
    pub(super) why: String,
}

/// Set by the client's event callback, watched by the tasks.
#[derive(Debug)]
pub(super) struct Signals {
    pub(super) line: watch::Sender<Line>,
    pub(super) denied: watch::Sender<BTreeSet<Denied>>,
    /// Messages the client dropped because a subscription was full.
    pub(super) dropped: watch::Sender<u64>,
}

impl Default for Signals {
    fn default() -> Self {
        let line = watch::Sender::new(Line::default());
        Self { line, denied: watch::Sender::new(BTreeSet::new()), dropped: watch::Sender::new(0) }
    }
}

impl Signals {
    pub(super) fn note(&self, event: &async_nats::Event) {
        use async_nats::{Event, ServerError};
        match event {
            Event::Connected => {
                self.denied.send_replace(BTreeSet::new());
                self.line
                    .send_modify(|line| *line = Line { connects: line.connects + 1, up: true, why: String::new() });
            }
            Event::Disconnected => self.lost("the connection was lost"),
            Event::Closed => self.lost("the connection was closed"),
            Event::ClientError(error) => self.lost(&error.to_string()),
            Event::SlowConsumer(_) => self.dropped.send_modify(|n| *n += 1),
            Event::ServerError(ServerError::AuthorizationViolation) => self.lost("the server refuses the credentials"),
            Event::ServerError(ServerError::Other(text)) => {
                if let Some(denied) = denied(text) {
                    self.denied.send_modify(|set| {
                        if set.len() >= MAX_DENIED {
                            set.retain(|denied| !denied.is_of_own_consumer());
                        }
                        if set.len() < MAX_DENIED {
                            set.insert(denied);
                        }
                    });
                }
            }
            Event::ServerError(ServerError::SlowConsumer(_)) | Event::LameDuckMode | Event::Draining => {}
        }
    }

    /// A reason given while the line still stands is no loss.
    fn lost(&self, why: &str) {
        let gone = why.starts_with("the connection");
        self.line.send_if_modified(|line| {
            let changed = (gone && line.up) || line.why != why;
            if !line.up || gone {
                line.up = false;
                if !gone || line.why.is_empty() {
                    why.clone_into(&mut line.why);
                }
            }
            changed
        });
    }

    /// Forgets a refusal before asking again: permissions may have changed.
    pub(super) fn forget(&self, denied: &Denied) {
        self.denied.send_if_modified(|set| set.remove(denied));
    }

    pub(super) fn is_denied(&self, denied: &Denied) -> bool {
        self.denied.borrow().contains(denied)
    }

    /// Whether answers cannot reach us.
    pub(super) fn inbox_is_denied(&self) -> bool {
        self.denied.borrow().iter().any(|d| matches!(d, Denied::Subscribe(subject) if subject.starts_with("_INBOX")))
    }

    /// Waits until the line stands; gives the number of the connect.
    pub(super) async fn connected(&self) -> u64 {
        let mut line = self.line.subscribe();
        let connects = line.wait_for(|line| line.up).await.ok().map(|line| line.connects);
        match connects {
            Some(connects) => connects,
            None => std::future::pending().await,
        }
    }

    /// Waits until the line was connected anew after the connect of this number.
    pub(super) async fn connected_after(&self, connect: u64) {
        let mut line = self.line.subscribe();
        if line.wait_for(|line| line.connects > connect).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the server refuses it.
    pub(super) async fn refused(&self, denied: &Denied) {
        let mut set = self.denied.subscribe();
        if set.wait_for(|set| set.contains(denied)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// `Permissions Violation for Publish to "…"`, or `… for Subscription to "…"`.
fn denied(text: &str) -> Option<Denied> {
    let rest = text.trim_matches('\'').strip_prefix("Permissions Violation for ")?;
    let (kind, rest) = rest.split_once(" to \"")?;
    let subject = rest.split('"').next()?.to_owned();
    match kind {
        "Publish" => Some(Denied::Publish(subject)),
        "Subscription" => Some(Denied::Subscribe(subject)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read() {
        assert_eq!(
            denied("Permissions Violation for Publish to \"$JS.API.STREAM.LIST\""),
            Some(Denied::Publish("$JS.API.STREAM.LIST".to_owned()))
        );
        assert_eq!(
            denied("Permissions Violation for Subscription to \"$JS.ACK.>\" using queue \"q\""),
            Some(Denied::Subscribe("$JS.ACK.>".to_owned()))
        );
        assert_eq!(denied("Stale Connection"), None);
    }

    #[test]
    fn a_line_is_lost_with_the_reason_that_came_first() {
        let signals = Signals::default();
        signals.note(&async_nats::Event::Connected);
        signals.note(&async_nats::Event::ServerError(async_nats::ServerError::Other("Slow".to_owned())));
        assert!(signals.line.borrow().up);
        signals.note(&async_nats::Event::Disconnected);
        assert!(!signals.line.borrow().up);
        signals.note(&async_nats::Event::Connected);
        assert_eq!(signals.line.borrow().connects, 2);
    }

    #[test]
    fn refusals_of_consumers_that_are_gone_make_room() {
        let signals = Signals::default();
        let refuse = |subject: &str| {
            let text = format!("Permissions Violation for Publish to \"{subject}\"");
            signals.note(&async_nats::Event::ServerError(async_nats::ServerError::Other(text)));
            signals.is_denied(&Denied::Publish(subject.to_owned()))
        };
        assert!(refuse("$JS.API.STREAM.LIST"));
        for n in 0..2_000 {
            assert!(refuse(&format!("$JS.API.CONSUMER.MSG.NEXT.CONTEXT.{OWN_PREFIX}{n:016x}")), "{n}");
        }
        assert!(signals.is_denied(&Denied::Publish("$JS.API.STREAM.LIST".to_owned())));
        assert!(signals.denied.borrow().len() <= MAX_DENIED);
    }
}
