//! The subscriptions and replays that share a connection.

use std::sync::Arc;

use futures::future::select_all;

use crate::api::told::Told;
use crate::sinks::feed::{Control, Frame, MAX_SUBSCRIPTIONS, SubscriptionId};

/// By name; the one without a name is one of them.
#[derive(Debug, Default)]
pub(super) struct Subscribers(Vec<(Option<SubscriptionId>, Told)>);

impl Subscribers {
    /// Whether one of this name may begin: it takes the place of its namesake.
    pub(super) fn have_room_for(&self, id: Option<&SubscriptionId>) -> bool {
        self.0.len() < MAX_SUBSCRIPTIONS || self.0.iter().any(|(other, _)| other.as_ref() == id)
    }

    pub(super) fn put(&mut self, id: Option<SubscriptionId>, told: Told) {
        self.remove(id.as_ref());
        self.0.push((id, told));
    }

    /// Tells the replay of this name; false where there is none.
    pub(super) fn control(&mut self, id: Option<&SubscriptionId>, control: Control) -> bool {
        match self.0.iter_mut().find(|(other, _)| other.as_ref() == id) {
            Some((_, Told::Replay(replay))) => {
                replay.control(control);
                true
            }
            _ => false,
        }
    }

    pub(super) fn remove(&mut self, id: Option<&SubscriptionId>) {
        self.0.retain(|(other, _)| other.as_ref() != id);
    }

    /// Whether the hub sent one of them away, and counted it.
    pub(super) fn are_evicted(&self) -> bool {
        self.0.iter().any(|(_, told)| matches!(told, Told::Live(subscriber) if subscriber.is_evicted()))
    }

    /// The next frame of any of them, `None` once one is over; never, while there is none. Dropping the future loses
    /// nothing.
    pub(super) async fn next(&mut self) -> (Option<SubscriptionId>, Option<Arc<Frame>>) {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let (frame, n, _) = select_all(self.0.iter_mut().map(|(_, told)| Box::pin(told.next()))).await;
        let id = self.0[n].0.clone();
        // It is asked last from now on: a busy one holds back no other.
        self.0[n..].rotate_left(1);
        (id, frame)
    }
}
