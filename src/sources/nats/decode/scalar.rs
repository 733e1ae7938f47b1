//! A JSON value as a fact: text capped, lists of texts kept, the rest counted. No tree is built.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::{Key, Text, Value, shorten};

/// Most texts kept of a list.
const MAX_ITEMS: usize = 64;

/// Most characters kept of a text.
const MAX_TEXT: usize = 256;

/// How long a text is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cap {
    /// In characters; what is cut shows as `…`.
    Characters(usize),
    /// An id, in bytes: whoever uses it makes it safe and short.
    Id,
}

/// Longest raw id, in bytes.
const MAX_ID: usize = 4096;

impl Cap {
    /// For a value whose key is no fact.
    pub(super) const PLAIN: Self = Self::Characters(MAX_TEXT);

    /// How long the text of `key` is kept.
    pub(super) fn of(key: Key) -> Self {
        match key {
            Key::Error
            | Key::ErrorReason
            | Key::Title
            | Key::Message
            | Key::Summary
            | Key::Reason
            | Key::RejectionReason
            | Key::Feedback => Self::Characters(512),
            Key::ProposalContent => Self::Characters(160),
            key if key.name().ends_with("_id") => Self::Id,
            _ => Self::PLAIN,
        }
    }

    /// The text, no longer than that.
    pub(super) fn cut(self, text: &str) -> Text {
        match self {
            Self::Characters(max) if text.len() > max => shorten(text, max).into(),
            Self::Id if text.len() > MAX_ID => {
                let end = (0..=MAX_ID).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
                text[..end].into()
            }
            _ => text.into(),
        }
    }
}

/// Reads any value as a fact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scalar(pub(super) Cap);

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(self.0.cut(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let (mut texts, mut count) = (Vec::new(), 0_u32);
        while let Some(item) = list.next_element_seed(Item(self.0))? {
            count = count.saturating_add(1);
            let Some(text) = item else {
                // A list that holds something else is only counted.
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count = count.saturating_add(1);
                }
                return Ok(Value::Items(count));
            };
            if texts.len() < MAX_ITEMS {
                texts.push(text);
            }
        }
        Ok(Value::Texts(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut count = 0_u32;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            count = count.saturating_add(1);
        }
        Ok(Value::Items(count))
    }
}

/// An item of a list: its text, or `None` for anything else.
#[derive(Clone, Copy, Debug)]
struct Item(Cap);

impl<'de> DeserializeSeed<'de> for Item {
    type Value = Option<Text>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Text>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item {
    type Value = Option<Text>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Option<Text>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<Text>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<Text>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<Text>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<Text>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, value: &str) -> Result<Option<Text>, E> {
        Ok(Some(self.0.cut(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<Text>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Text>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// Reads a key without copying it where it has no escape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
