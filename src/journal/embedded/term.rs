//! Records → the terms they are found by.
//! Takes: a record. Gives: small integers for the values of its searchable fields.
//! Never: decides a match. A term is a hash, so a hit is only a candidate until the record itself was looked at.

use crate::model::{Body, LinkKind, Record, Severity, Source, TraceId, TraceKey};

/// The searchable fields. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Field {
    Story = 0,
    Task = 1,
    Ceremony = 2,
    Plan = 3,
    Deliberation = 4,
    Agent = 5,
    Role = 6,
    Type = 7,
    Producer = 8,
    /// Any source but NATS, which nearly every entry comes from.
    Source = 9,
    /// Warnings and errors; the rest is neither.
    Severity = 10,
    /// The trace of an entry or delivery, continuations counted as the trace itself; left out where the story says it.
    Trace = 11,
    /// The trace of an attached span.
    Span = 12,
    /// The story of a link the record brought.
    Linked = 13,
}

/// The fields of which a record may have several values.
pub(super) const MANY: [Field; 2] = [Field::Span, Field::Linked];

/// A field and the hash of its value: `field << 32 | hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Term(u64);

impl Term {
    pub(super) fn new(field: Field, value: &[u8]) -> Self {
        Self::from_hash(field, hash64(value) as u32)
    }

    pub(super) const fn from_hash(field: Field, hash: u32) -> Self {
        Self((field as u64) << 32 | hash as u64)
    }

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// The number of its field.
    pub(super) const fn field(self) -> u8 {
        (self.0 >> 32) as u8
    }

    pub(super) const fn hash(self) -> u32 {
        self.0 as u32
    }

    /// Roles are compared without regard to case.
    pub(super) fn role(role: &str) -> Self {
        if role.bytes().any(|b| b.is_ascii_uppercase()) {
            Self::new(Field::Role, role.to_ascii_lowercase().as_bytes())
        } else {
            Self::new(Field::Role, role.as_bytes())
        }
    }

    pub(super) fn event_type(event_type: &str) -> Self {
        Self::new(Field::Type, event_type.as_bytes())
    }

    pub(super) const fn source(source: Source) -> Option<Self> {
        match source {
            Source::Nats => None,
            other => Some(Self::from_hash(Field::Source, other as u32)),
        }
    }

    pub(super) const fn severity(severity: Severity) -> Option<Self> {
        match severity {
            Severity::Info => None,
            other => Some(Self::from_hash(Field::Severity, other as u32)),
        }
    }

    /// The trace a key names, whichever continuation it is.
    pub(super) fn trace(key: &str) -> Self {
        Self::new(Field::Trace, first_part(key).as_bytes())
    }

    pub(super) fn span(trace: TraceId) -> Self {
        Self::new(Field::Span, &trace.0)
    }

    /// The field of entries that a link's id stands in.
    pub(super) fn link(kind: LinkKind, id: &str) -> Self {
        let field = match kind {
            LinkKind::Task => Field::Task,
            LinkKind::Plan => Field::Plan,
            LinkKind::Ceremony => Field::Ceremony,
            LinkKind::Deliberation => Field::Deliberation,
        };
        Self::new(field, id.as_bytes())
    }
}

/// A trace key without the `#<n>` of a continuation.
pub(super) fn first_part(key: &str) -> &str {
    match key.rsplit_once('#') {
        Some((first, n)) if !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) => first,
        _ => key,
    }
}

/// The term that stands for all event types beyond the number kept by name.
pub(super) const OTHER_TYPE: Term = Term::from_hash(Field::Type, 0);

/// Calls `each` with every term of `record`, the type excepted.
pub(super) fn terms_of(record: &Record, each: &mut dyn FnMut(Term)) {
    match &record.body {
        Body::Message(message, resolved) => {
            let ids = &resolved.ids;
            let fields = [
                (Field::Story, &ids.story),
                (Field::Task, &ids.task),
                (Field::Ceremony, &ids.ceremony),
                (Field::Plan, &ids.plan),
                (Field::Deliberation, &ids.deliberation),
                (Field::Agent, &ids.agent),
                (Field::Producer, &message.producer),
            ];
            for (field, value) in fields {
                if let Some(value) = value {
                    each(Term::new(field, value.as_bytes()));
                }
            }
            if let Some(role) = &ids.role {
                each(Term::role(role));
            }
            Term::source(message.source).into_iter().chain(Term::severity(resolved.severity)).for_each(&mut *each);
            if let Some(trace) = &resolved.trace {
                if !is_trace_of(trace, ids.story.as_deref()) {
                    each(Term::trace(trace.as_str()));
                }
                if resolved.part > 0 {
                    each(Term::span(trace.continuation(resolved.part).trace_id()));
                }
            }
        }
        Body::Delivery(delivery) => {
            if let Some(trace) = &delivery.event.trace {
                each(Term::trace(trace.as_str()));
            }
        }
        Body::Tick => {}
    }
    for (n, link) in record.links.iter().enumerate() {
        if record.links[..n].iter().all(|l| l.story != link.story) {
            each(Term::new(Field::Linked, link.story.as_bytes()));
        }
    }
    for (n, span) in record.spans.iter().enumerate() {
        if record.spans[..n].iter().all(|s| s.trace_id != span.trace_id) {
            each(Term::span(span.trace_id));
        }
    }
}

/// Whether the trace is that of the story, so that the story's term finds it.
fn is_trace_of(trace: &TraceKey, story: Option<&str>) -> bool {
    story.is_some_and(|story| trace.as_str().strip_prefix("story:") == Some(story))
}

/// A hash that is stored, so it must stay what it is: eight bytes at a time, multiplied and folded.
pub(super) fn hash64(bytes: &[u8]) -> u64 {
    const K: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];
    let mut hash = K[1] ^ (bytes.len() as u64);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        hash = fold(hash ^ u64::from_le_bytes(*chunk), K[0]).wrapping_add(K[1]);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(hash ^ u64::from_le_bytes(last), K[0])
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_hash_never_changes() {
        assert_eq!(hash64(b""), 0xc9d8_74ca_57d9_e055);
        assert_eq!(hash64(b"story"), 0xc6f1_6a33_35ec_4107);
        assert_eq!(hash64(b"s-0123456789abcdef"), 0xfb2c_ba21_f872_5e6a);
    }

    #[test]
    fn continuations_count_as_the_trace_itself() {
        assert_eq!(first_part("story:US-1#3"), "story:US-1");
        assert_eq!(first_part("story:US#1-3"), "story:US#1-3");
        assert_eq!(Term::trace("story:a#2"), Term::trace("story:a"));
    }

    #[test]
    fn roles_ignore_case() {
        assert_eq!(Term::role("DEV"), Term::role("dev"));
        assert_ne!(Term::role("DEV"), Term::role("QA"));
    }
}
