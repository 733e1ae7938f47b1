//! What a watched system tells → an entry of the history.
//! Takes: what it is about, when, and a body to show. Gives: a masked message. Never: an entry without a time.

use serde::Serialize;

use crate::model::{Facts, Form, Message, Observed, Source, Text, Timestamp, clean_id, printable, shorten};
use crate::privacy::Masker;

/// Longest line of words.
const MAX_WORDS: usize = 200;

/// A change that was seen.
#[derive(Debug)]
pub(super) struct Sight<'a, B> {
    /// The system.
    pub(super) source: Source,
    /// What happened, without ids: `ray.job.failed`.
    pub(super) kind: &'static str,
    /// The thing it happened to: `ray.job.raysubmit_1`. Correlation takes a thing that looks as it did before for a
    /// repetition, so the body must hold what makes a difference and nothing else; where it is to show more, see
    /// [`message_looking`].
    pub(super) thing: &'a str,
    /// The service it is told of.
    pub(super) producer: Option<&'a str>,
    /// When it happened by the system's own clock; the time of the poll where it does not say.
    pub(super) at: Timestamp,
    /// What correlation works with.
    pub(super) observed: Observed,
    /// What people see.
    pub(super) body: &'a B,
}

/// The entry. Its place in its stream is given by correlation.
pub(super) fn message<B: Serialize>(sight: Sight<'_, B>, received: Timestamp, masker: &Masker) -> Message {
    let mut body = serde_json::to_vec(sight.body).unwrap_or_default();
    body.truncate(crate::privacy::MAX_BODY);
    let size = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let words = |text: &str| -> Text { shorten(&printable(&masker.text(text)), MAX_WORDS).into() };
    let mut observed = sight.observed;
    observed.summary = words(&observed.summary);
    Message {
        source: sight.source,
        stream: sight.source.key().into(),
        incarnation: 0,
        stream_seq: 0,
        subject: named(sight.thing, masker),
        event_type: sight.kind.into(),
        // A clock that runs ahead must not put an entry into the future.
        stored: if sight.at == Timestamp::ZERO { received } else { sight.at.min(received) },
        received,
        size,
        form: Form::Bare,
        producer: sight.producer.map(words),
        producer_inferred: false,
        message_id: None,
        traceparent: None,
        claimed: None,
        facts: Facts::default(),
        undecodable: None,
        payload: masker.whole(body.into()).payload(),
        observed: Some(Box::new(observed)),
    }
}

/// The same for a body that shows more than what makes the difference: as long as `look` is as it was, it is a
/// repetition, whatever else the body says.
pub(super) fn message_looking<B: Serialize>(
    sight: Sight<'_, B>,
    look: &str,
    received: Timestamp,
    masker: &Masker,
) -> Message {
    Message { message_id: Some(named(look, masker)), ..message(sight, received, masker) }
}

/// What tells one thing from another: a long one keeps the hash of the whole.
fn named(text: &str, masker: &Masker) -> Text {
    clean_id(&masker.text(text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Content;

    fn subject(thing: &str) -> Text {
        let observed = Observed::default();
        let sight =
            Sight { source: Source::Gpu, kind: "k", thing, producer: None, at: Timestamp::ZERO, observed, body: &0 };
        message(sight, Timestamp::ZERO, &Masker::new(Content::Full, 1 << 16)).subject
    }

    #[test]
    fn two_things_with_one_long_beginning_stay_two() {
        let node = "n".repeat(253);
        let (one, other) = (subject(&format!("gpu.{node}.0")), subject(&format!("gpu.{node}.1")));
        assert_ne!(one, other);
        assert!(one.len() < 240, "{one}");
        assert_eq!(subject("gpu.node-1.0"), "gpu.node-1.0".into());
    }
}
