//! A message before it is wrapped as its era wraps it.

use fastrand::Rng;
use sha2::{Digest, Sha256};

use super::json::Object;
use super::moment::Moment;
use super::settings::Era;
use super::things::uuid;

/// From which era on a message has an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrap {
    /// Enveloped from era C on.
    Envelope,
    /// Enveloped from era D on: agent failures and planning's generic publishes.
    Late,
    /// Never enveloped: the context requests.
    Bare,
}

/// A message of a service.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) from: &'static str,
    pub(super) subject: String,
    /// The envelope's type, which is not always the subject.
    pub(super) event_type: String,
    /// What the idempotency key is about.
    pub(super) entity: String,
    pub(super) operation: Option<String>,
    pub(super) wrap: Wrap,
    pub(super) headers: Vec<(String, String)>,
    pub(super) payload: Object,
}

impl Draft {
    /// A message whose envelope type is its subject.
    pub(super) fn new(from: &'static str, subject: &str, entity: &str, payload: Object) -> Self {
        Self {
            from,
            subject: subject.to_owned(),
            event_type: subject.to_owned(),
            entity: entity.to_owned(),
            operation: None,
            wrap: Wrap::Envelope,
            headers: Vec::new(),
            payload,
        }
    }

    pub(super) fn typed(self, event_type: &str) -> Self {
        Self { event_type: event_type.to_owned(), ..self }
    }

    pub(super) fn operation(self, operation: impl Into<String>) -> Self {
        Self { operation: Some(operation.into()), ..self }
    }

    pub(super) fn wrap(self, wrap: Wrap) -> Self {
        Self { wrap, ..self }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body on the wire.
    pub(super) fn body(self, era: Era, rng: &mut Rng, moment: Moment) -> Vec<u8> {
        let bare = match self.wrap {
            Wrap::Bare => true,
            Wrap::Late => era < Era::D,
            Wrap::Envelope => era < Era::C,
        };
        if bare {
            return self.payload.finish().into_bytes();
        }
        let key = idempotency_key(&self.event_type, &self.entity, self.operation.as_deref());
        Object::new()
            .text("event_type", &self.event_type)
            .object("payload", self.payload)
            .text("idempotency_key", &key)
            .text("correlation_id", &uuid(rng))
            .text("timestamp", &moment.iso())
            .text("producer", self.from)
            .raw("metadata", "{}")
            .finish()
            .into_bytes()
    }
}

/// Hex SHA-256 of `event_type:entity[:operation]`: no time in it, so it repeats.
pub(super) fn idempotency_key(event_type: &str, entity: &str, operation: Option<&str>) -> String {
    let mut hash = Sha256::new().chain_update(event_type).chain_update(":").chain_update(entity);
    if let Some(operation) = operation {
        hash = hash.chain_update(":").chain_update(operation);
    }
    format!("{:x}", hash.finalize())
}
