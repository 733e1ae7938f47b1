//! What other systems send us over HTTP: spans, events. The API takes the bytes, the source knows what they mean.
//! Takes: a body and its type. Gives: the answer for the sender, or why the body is refused.
//! Never: answers before what was taken is handed over.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::model::Source;

/// Something that was sent.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Its type, without parameters, in lower case: `application/json`.
    pub content_type: String,
    /// The body, unpacked.
    pub body: Bytes,
}

/// What the sender is told of a parcel that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Type of the answer.
    pub content_type: &'static str,
    /// The answer.
    pub body: Bytes,
}

/// Why a parcel is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The source is not configured.
    #[error("{0}")]
    Off(String),
    /// The type is none the source reads.
    #[error("{0}")]
    Unsupported(String),
    /// The body is not what its type says, or not what the source reads.
    #[error("{0}")]
    Malformed(String),
    /// Too much comes at a time: to be sent again.
    #[error("{0}")]
    Busy(String),
}

/// A source that takes what it is sent.
pub trait Inbox: Send + Sync + fmt::Debug {
    /// Takes a parcel: done when what is in it was handed over.
    fn take(&self, parcel: Parcel) -> BoxFuture<'_, Result<Receipt, Refusal>>;
}

/// Those that take, by source.
#[derive(Clone, Debug, Default)]
pub struct Inboxes(HashMap<Source, Arc<dyn Inbox>>);

impl Inboxes {
    /// Adds the one of a source.
    pub fn add(&mut self, source: Source, inbox: Arc<dyn Inbox>) {
        self.0.insert(source, inbox);
    }

    /// Whether a source takes anything.
    pub fn has(&self, source: Source) -> bool {
        self.0.contains_key(&source)
    }

    /// Hands a parcel to a source; `off` tells the sender what to configure where it takes nothing.
    pub async fn give(&self, source: Source, parcel: Parcel, off: &str) -> Result<Receipt, Refusal> {
        let inbox = self.0.get(&source).ok_or_else(|| Refusal::Off(off.to_owned()))?;
        inbox.take(parcel).await
    }
}
