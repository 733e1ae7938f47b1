//! The end of a stream that its consumer does not bring: gone, older than wanted, or not there yet?
//! Takes: what the stream said before the consumer was made, and whether a message is left. Gives: what to do.
//! Never: believes the consumer alone. It may be made on a server that lags behind the one that was asked: what is
//! passed over on its word comes a moment later, and would be lost.

use crate::model::Timestamp;

use super::begin::Deliver;
use super::error::ApiError;
use super::wire;

/// What the stream held before the consumer was made.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) last_seq: u64,
    /// When its last message was stored.
    last_stored: Option<Timestamp>,
    /// Only what was stored from then on is wanted.
    pub(super) since: Option<Timestamp>,
    /// Where the reading stood when the server was last asked, and whether it gave no answer.
    asked: Option<(u64, bool)>,
}

/// What to do when the consumer has nothing left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// All is read, or what is missing will come.
    Rest,
    /// Nothing wanted is left.
    PassOver,
    /// Ask for the first message after the last one read.
    Ask,
}

impl Ending {
    pub(super) fn new(info: &wire::Stream, from: Deliver) -> Self {
        let since = match from {
            Deliver::Time(time) => Some(time),
            Deliver::Seq(_) => None,
        };
        let last_stored = Timestamp::parse(&info.state.last_ts).ok();
        Self { last_seq: info.state.last_seq, last_stored, since, asked: None }
    }

    /// `read`: the last message read.
    pub(super) fn next_step(&mut self, read: u64) -> Step {
        if read >= self.last_seq || self.asked.is_some_and(|(at, _)| at == read) {
            return Step::Rest;
        }
        match self.since.filter(|_| read == 0) {
            Some(since) if self.last_stored.is_some_and(|last| last < since) => Step::PassOver,
            // The first message there may be one that is older than wanted: its sequence tells nothing.
            Some(_) => {
                self.asked = Some((read, true));
                Step::Rest
            }
            None => Step::Ask,
        }
    }

    /// The server's answer to [`Step::Ask`]: whether nothing is left up to the end.
    pub(super) fn answer(&mut self, read: u64, next: Result<u64, ApiError>) -> Result<bool, ApiError> {
        let gone = match next {
            Ok(seq) => seq > self.last_seq,
            Err(error) if error.is_no_message() => true,
            Err(ApiError::Denied(_)) => {
                self.asked = Some((read, true));
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        self.asked = Some((read, false));
        Ok(gone)
    }

    /// Whether what has not come for long is passed over, because nobody says whether it is there.
    pub(super) fn is_given_up(&self, read: u64) -> bool {
        read < self.last_seq && self.asked == Some((read, true))
    }
}
