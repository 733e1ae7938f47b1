//! Time goes by: what is overdue ends, what is open for long is sent as far as it is known.
//!
//! A tick that ends nothing leaves no trace in the state, so a state rebuilt from records, which has not seen the
//! empty ticks, is the same. What ended does not come back when a clock is set back, and what begins after that has
//! its full time: deadlines count from when their message was received.

use crate::model::{Body, Record, Timestamp};

use super::fold::Fold;
use super::memory::Deadline;
use super::{Correlator, Output};

/// Most things one tick ends, so that no record grows beyond bounds; the rest end with the next.
const MAX_EXPIRED: usize = 256;

impl Fold<'_> {
    /// Ends what is due at `now`; gives how much there was.
    pub(super) fn expire(&mut self, now: Timestamp) -> usize {
        for expired in 0..MAX_EXPIRED {
            match self.state.deadlines.first() {
                Some((due, _)) if *due <= now => {}
                _ => return expired,
            }
            match self.state.deadlines.pop_first() {
                Some((_, Deadline::Deliberation(id))) => self.expire_deliberation(&id),
                Some((_, Deadline::Work(story, kind, id))) => self.expire_work(&story, kind, &id),
                Some((_, Deadline::Llm(seq))) => self.settle_request(seq),
                None => return expired,
            }
        }
        MAX_EXPIRED
    }
}

impl Correlator {
    pub(super) fn tick(&mut self, at: Timestamp, out: &mut Output) {
        self.expire_early(at, out);
        let mut fold = Fold::new(&mut self.memory, &self.settings, self.next_seq, at);
        if fold.expire(at) == 0 {
            return;
        }
        let (spans, links) = (std::mem::take(&mut fold.spans), std::mem::take(&mut fold.links));
        out.measures.append(&mut fold.measures);
        out.closed.append(&mut fold.closed);
        let joined = std::mem::take(&mut fold.joined);
        let seq = self.take_seq();
        out.records.push(Record { seq, at, body: Body::Tick, spans, links });
        self.tell_joined(joined, out);
    }
}
