//! The states made last.
//! Takes: a state. Gives: it again to who asks for the same time, as long as nothing came in that belongs before it.
//! Never: keeps more than a few, or any that nobody asks for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Then;
use crate::board::State;
use crate::model::{Seq, Timestamp};

/// Most states kept.
const MAX_KEPT: usize = 4;
/// Most views in all of them, a few kilobytes each; the newest state is kept in any case.
const MAX_VIEWS: usize = 20_000;
/// How long one is kept that nobody asks for.
const IDLE: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The one used last at the end.
    states: VecDeque<(Arc<Then>, Instant)>,
    looked_after: bool,
}

impl Kept {
    pub(super) fn get(&mut self, asked: Timestamp, seq: Seq) -> Option<Arc<Then>> {
        let at = self.states.iter().position(|(then, _)| then.asked == asked && then.seq == seq)?;
        let (then, _) = self.states.remove(at)?;
        self.states.push_back((Arc::clone(&then), Instant::now()));
        Some(then)
    }

    pub(super) fn put(&mut self, then: Arc<Then>) {
        self.states.push_back((then, Instant::now()));
        let views = |kept: &Self| kept.states.iter().map(|(then, _)| views(&then.state)).sum::<usize>();
        while self.states.len() > MAX_KEPT || self.states.len() > 1 && views(self) > MAX_VIEWS {
            self.states.pop_front();
        }
    }

    /// Forgets in time what nobody asks for; at once a task that ends when nothing is left.
    pub(super) fn look_after(kept: &Arc<Mutex<Self>>) {
        if std::mem::replace(&mut kept.lock().looked_after, true) {
            return;
        }
        let kept = Arc::downgrade(kept);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(IDLE / 2).await;
                let Some(kept) = kept.upgrade() else { return };
                let mut kept = kept.lock();
                kept.states.retain(|(_, used)| used.elapsed() < IDLE);
                if kept.states.is_empty() {
                    kept.looked_after = false;
                    return;
                }
            }
        });
    }
}

fn views(state: &State) -> usize {
    state.agents.len() + state.councils.len() + state.deliberations.len() + state.stories.len() + state.calls.len()
}
