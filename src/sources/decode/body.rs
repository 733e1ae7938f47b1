//! A body: is it one, in which of the fleet's forms, and what does it say.

use std::fmt;

use memchr::memchr2_iter;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::model::{Facts, Form, Key, Text};

use super::claimed::Claims;
use super::object::{Object, Place, Read};
use super::scalar::{Cap, Name, Said};

/// Deepest nesting read.
const MAX_DEPTH: usize = 64;

/// What a body says.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) form: Form,
    pub(super) facts: Facts,
    pub(super) producer: Option<Text>,
    pub(super) id: Option<Text>,
    pub(super) claims: Claims,
}

impl Body {
    /// A body that says nothing.
    pub(super) fn opaque() -> Self {
        Self { form: Form::Opaque, facts: Facts::default(), producer: None, id: None, claims: Claims::default() }
    }
}

/// Reads a body, or says why it cannot be read.
pub(super) fn read(bytes: &[u8]) -> Result<Body, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "invalid_utf8")?;
    let Some(first) = text.trim_ascii_start().bytes().next() else { return Err("empty") };
    if is_too_deep(bytes) {
        return Err("too_deep");
    }
    if first != b'{' {
        return Err(match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => "not_an_object",
            Err(_) if matches!(first, b'[' | b'"') || is_not_a_number(text) => "invalid_json",
            Err(_) => "not_json",
        });
    }
    let mut json = serde_json::Deserializer::from_str(text);
    // Filled where it stands: it is too large to be handed from one to the next.
    let mut top = Top::default();
    json.deserialize_map(&mut top).map_err(|_| "invalid_json")?;
    json.end().map_err(|_| "invalid_json")?;
    Ok(top.body())
}

/// Python's numbers that are none.
fn is_not_a_number(text: &str) -> bool {
    matches!(text.trim(), "NaN" | "Infinity" | "-Infinity")
}

/// Whether brackets are nested too deep. Few brackets cannot be, and need no closer look.
fn is_too_deep(text: &[u8]) -> bool {
    if memchr2_iter(b'{', b'[', text).take(MAX_DEPTH + 1).count() <= MAX_DEPTH {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// What the outermost object says.
#[derive(Debug, Default)]
struct Top {
    outer: Read,
    /// The object under `payload`.
    payload: Option<Read>,
    /// The object under `data`.
    data: Option<Read>,
    producer: Option<Text>,
    source: Option<Text>,
    id: Option<Text>,
    event_id: Option<Text>,
    idempotency_key: bool,
}

impl<'de> Visitor<'de> for &mut Top {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            match &*name {
                "payload" => inner(&mut map, &mut self.payload)?,
                "data" => inner(&mut map, &mut self.data)?,
                "producer" => text(&mut map, &mut self.producer)?,
                "source" => text(&mut map, &mut self.source)?,
                "id" => text(&mut map, &mut self.id)?,
                "event_id" => text(&mut map, &mut self.event_id)?,
                "idempotency_key" => {
                    self.idempotency_key = true;
                    map.next_value::<IgnoredAny>()?;
                }
                name => self.outer.entry(&mut map, Place::Payload, name)?,
            }
        }
        Ok(())
    }
}

/// Reads the object under a key, unless one was read already.
fn inner<'de, A: MapAccess<'de>>(map: &mut A, slot: &mut Option<Read>) -> Result<(), A::Error> {
    if slot.is_some() {
        map.next_value::<IgnoredAny>()?;
    } else if !map.next_value_seed(Object { place: Place::Payload, read: slot.insert(Read::default()) })? {
        *slot = None;
    }
    Ok(())
}

/// Reads the text under a key, unless one was read already.
fn text<'de, A: MapAccess<'de>>(map: &mut A, slot: &mut Option<Text>) -> Result<(), A::Error> {
    if let Some(text) = map.next_value_seed(Said(Cap::PLAIN))?
        && slot.is_none()
        && !text.is_empty()
    {
        *slot = Some(text);
    }
    Ok(())
}

impl Top {
    fn form(&self) -> Form {
        let said = |key| self.outer.facts.text(key).is_some();
        if self.payload.is_some() {
            // fleet-proxy's envelope says `type` where the others say `event_type`.
            let typed = said(Key::EventType) || (said(Key::Type) && self.idempotency_key);
            if typed && (self.idempotency_key || self.producer.is_some()) {
                return Form::Envelope;
            }
            if self.id.is_some() && said(Key::Type) {
                return Form::Runtime;
            }
        }
        if self.event_id.is_some() {
            if self.data.is_some() && said(Key::AggregateId) {
                return Form::Kernel;
            }
            if self.source.is_some() && said(Key::EmittedAt) {
                return Form::Choreographer;
            }
        }
        if said(Key::EventName) && self.payload.is_none() { Form::Learning } else { Form::Bare }
    }

    fn body(self) -> Body {
        let form = self.form();
        let Self { outer, payload, data, mut producer, source, id, event_id, .. } = self;
        let (first, then) = match form {
            Form::Envelope | Form::Runtime => (payload.unwrap_or_default(), outer),
            Form::Kernel => (data.unwrap_or_default(), outer),
            // A `payload` without an envelope around it still says something, after what stands outside.
            _ => (outer, payload.unwrap_or_default()),
        };
        let mut facts = first.facts;
        for (key, value) in then.facts.iter() {
            // The envelope's own keys say nothing of what happened.
            if form != Form::Envelope || !matches!(key, Key::EventType | Key::Timestamp) {
                facts.insert(key, value);
            }
        }
        if form == Form::Choreographer {
            producer = producer.or(source);
        }
        let claims = Claims { inner: first.times, outer: then.times };
        Body { form, facts, producer, id: id.or(event_id), claims }
    }
}
