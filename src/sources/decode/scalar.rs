//! A JSON value as a fact: text capped, lists of texts kept, the rest counted. No tree is built.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::{Key, Text, Value, shorten};

use super::claimed::Claim;
use super::object::Read;

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
    pub(super) fn cut(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Characters(max) if text.len() > max => shorten(text, max).into(),
            Self::Id => text[..text.floor_char_boundary(MAX_ID)].into(),
            Self::Characters(_) => text.into(),
        }
    }
}

/// Reads any value as a fact, as a claim of when something happened, or as both.
#[derive(Debug)]
pub(super) struct Scalar<'r> {
    /// The fact.
    pub(super) key: Option<Key>,
    /// How good its claim is.
    pub(super) rank: Option<u8>,
    /// Where it goes.
    pub(super) read: &'r mut Read,
}

impl Scalar<'_> {
    fn put(self, value: Value<'_>) {
        if let Some(rank) = self.rank
            && let Some(claim) = Claim::of(value)
            // The first of its kind counts, so a body that repeats one costs nothing more.
            && self.read.times.iter().all(|(held, _)| *held != rank)
        {
            self.read.times.push((rank, claim));
        }
        if let Some(key) = self.key {
            self.read.facts.insert(key, value);
        }
    }

    fn cap(&self) -> Cap {
        self.key.map_or(Cap::PLAIN, Cap::of)
    }
}

impl<'de> DeserializeSeed<'de> for Scalar<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put(Value::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(Value::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(Value::Int(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.put(Value::Float(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        let cut = self.cap().cut(value);
        self.put(Value::Text(&cut));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (mut texts, mut count, cap) = (Vec::new(), 0_u32, self.cap());
        while let Some(item) = list.next_element_seed(Said(cap))? {
            count = count.saturating_add(1);
            let Some(text) = item else {
                // A list that holds something else is only counted.
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count = count.saturating_add(1);
                }
                self.put(Value::Items(count));
                return Ok(());
            };
            if texts.len() < MAX_ITEMS {
                texts.push(text);
            }
        }
        if let Some(key) = self.key {
            self.read.facts.insert_texts(key, texts.iter().map(|text| &**text));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut count = 0_u32;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            count = count.saturating_add(1);
        }
        self.put(Value::Items(count));
        Ok(())
    }
}

/// Reads the text a value is, or `None` for anything else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said(pub(super) Cap);

impl<'de> DeserializeSeed<'de> for Said {
    type Value = Option<Text>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Text>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Said {
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
        Ok(Some((&*self.0.cut(value)).into()))
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
