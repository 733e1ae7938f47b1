//! What systems push to us by themselves: bodies of `POST /ingest/…`, on their way to the source that understands them.
//! Takes: a body. Gives: how much was in it. Never: waits for room, or says whose body it was.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::Source;

/// Why a body was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The source takes none.
    #[error("{0} pushes nothing here: it is not configured")]
    Off(&'static str),
    /// It cannot be understood; to send it again is of no use.
    #[error("{0}")]
    Malformed(String),
    /// The source has not taken what came before; it may be sent again.
    #[error("what came before is still being taken in: send it again")]
    Full,
}

/// A source that is pushed to.
pub trait Inbox: Send + Sync + fmt::Debug {
    /// Takes a body; gives the number of things in it that were new.
    fn push(&self, body: Bytes) -> Result<usize, Refused>;
}

/// Those that are pushed to, by source.
#[derive(Clone, Debug, Default)]
pub struct Inboxes(HashMap<Source, Arc<dyn Inbox>>);

impl Inboxes {
    /// Adds the one a source takes from.
    pub fn add(&mut self, source: Source, inbox: Arc<dyn Inbox>) {
        self.0.insert(source, inbox);
    }

    /// Hands a body over.
    pub fn push(&self, source: Source, body: Bytes) -> Result<usize, Refused> {
        self.0.get(&source).ok_or(Refused::Off(source.name()))?.push(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Counting;

    impl Inbox for Counting {
        fn push(&self, body: Bytes) -> Result<usize, Refused> {
            Ok(body.len())
        }
    }

    #[test]
    fn a_body_reaches_its_source_and_no_other() {
        let mut inboxes = Inboxes::default();
        inboxes.add(Source::Ray, Arc::new(Counting));
        assert_eq!(inboxes.push(Source::Ray, Bytes::from_static(b"abc")), Ok(3));
        assert_eq!(inboxes.push(Source::Vllm, Bytes::new()), Err(Refused::Off("vLLM")));
    }
}
