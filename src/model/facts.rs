//! What a message says of itself: the known keys of its payload, by meaning, wherever they stood.
//!
//! A decoder fills this without interpreting; correlation reads it. It is stored with the entry, so history can be
//! correlated again without decoding again.

use serde::{Deserialize, Serialize};

use super::key::Key;

/// The value of a known key, as far as its kind is understood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// JSON null.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number that is no integer, or too large for one.
    Float(f64),
    /// Text, capped by the decoder.
    Text(&'a str),
    /// A list of texts, capped by the decoder.
    Texts(Texts<'a>),
    /// A list or object of something else: how many items it has.
    Items(u32),
}

/// Where a text stands among the texts of a message: start and end.
type Place = (u32, u32);

/// A list of texts.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    all: &'a str,
    places: &'a [Place],
}

impl<'a> Texts<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The texts in the order found.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.places.iter().map(move |place| at(self.all, *place))
    }
}

impl PartialEq for Texts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl std::fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The text at a place; empty where the place is none, which only damage can bring about.
fn at(all: &str, (from, to): Place) -> &str {
    all.get(from as usize..to as usize).unwrap_or_default()
}

/// A value as it is held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Held {
    Null,
    Bool(bool),
    Int(i64),
    Float(#[serde(with = "super::exact::float")] f64),
    Text(Place),
    /// Of the lists' places: from, to.
    Texts(Place),
    Items(u32),
}

/// The known keys a message carries, in the order found. The first of two equal keys counts.
///
/// All texts stand in one piece: a message has some twenty, and one piece is made, stored and dropped at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Facts {
    texts: String,
    lists: Vec<Place>,
    held: Vec<(Key, Held)>,
    /// A bit for each key that is there: most of what is asked for is not.
    #[serde(skip)]
    present: u128,
}

/// Facts as they are stored.
#[derive(Deserialize)]
struct Stored {
    texts: String,
    lists: Vec<Place>,
    held: Vec<(Key, Held)>,
}

impl From<Stored> for Facts {
    fn from(Stored { texts, lists, held }: Stored) -> Self {
        let present = held.iter().fold(0, |present, (key, _)| present | bit(*key));
        Self { texts, lists, held, present }
    }
}

const fn bit(key: Key) -> u128 {
    const { assert!(Key::ALL.len() <= 128, "one bit for each key") };
    1 << key as u8
}

/// Room made for a message's facts and their texts when the first comes.
const FACTS: usize = 16;
const TEXTS: usize = 240;

impl Facts {
    /// Adds a fact unless the key is already there.
    pub fn insert(&mut self, key: Key, value: Value<'_>) {
        if self.find(key).is_some() {
            return;
        }
        let held = match value {
            Value::Null => Held::Null,
            Value::Bool(value) => Held::Bool(value),
            Value::Int(value) => Held::Int(value),
            Value::Float(value) => Held::Float(value),
            Value::Text(text) => Held::Text(self.add(text)),
            Value::Texts(texts) => return self.insert_texts(key, texts.iter()),
            Value::Items(count) => Held::Items(count),
        };
        self.push(key, held);
    }

    /// Adds a list of texts unless the key is already there.
    pub fn insert_texts<'t>(&mut self, key: Key, texts: impl IntoIterator<Item = &'t str>) {
        if self.find(key).is_some() {
            return;
        }
        let from = self.lists.len() as u32;
        for text in texts {
            let place = self.add(text);
            self.lists.push(place);
        }
        self.push(key, Held::Texts((from, self.lists.len() as u32)));
    }

    fn add(&mut self, text: &str) -> Place {
        if self.texts.capacity() == 0 {
            self.texts.reserve(TEXTS);
        }
        let from = self.texts.len() as u32;
        self.texts.push_str(text);
        (from, self.texts.len() as u32)
    }

    fn push(&mut self, key: Key, held: Held) {
        if self.held.capacity() == 0 {
            self.held.reserve(FACTS);
        }
        self.held.push((key, held));
        self.present |= bit(key);
    }

    fn find(&self, key: Key) -> Option<Held> {
        if self.present & bit(key) == 0 {
            return None;
        }
        self.held.iter().find(|(k, _)| *k == key).map(|(_, held)| *held)
    }

    fn value(&self, held: Held) -> Value<'_> {
        match held {
            Held::Null => Value::Null,
            Held::Bool(value) => Value::Bool(value),
            Held::Int(value) => Value::Int(value),
            Held::Float(value) => Value::Float(value),
            Held::Text(place) => Value::Text(at(&self.texts, place)),
            Held::Texts((from, to)) => {
                let places = self.lists.get(from as usize..to as usize).unwrap_or_default();
                Value::Texts(Texts { all: &self.texts, places })
            }
            Held::Items(count) => Value::Items(count),
        }
    }

    /// The value of `key`, null included; `None` = the message does not have it.
    pub fn get(&self, key: Key) -> Option<Value<'_>> {
        self.find(key).map(|held| self.value(held))
    }

    /// Whether the message has `key` with anything but null.
    pub fn has(&self, key: Key) -> bool {
        self.find(key).is_some_and(|held| held != Held::Null)
    }

    /// The text of `key`, if it is non-empty text.
    pub fn text(&self, key: Key) -> Option<&str> {
        match self.find(key) {
            Some(Held::Text(place)) => Some(at(&self.texts, place)).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The first of `keys` that holds non-empty text.
    pub fn first_text(&self, keys: &[Key]) -> Option<&str> {
        keys.iter().find_map(|key| self.text(*key))
    }

    /// The integer of `key`; whole floats and numeric text (the fleet's metadata are strings) count.
    pub fn int(&self, key: Key) -> Option<i64> {
        match self.get(key)? {
            Value::Int(n) => Some(n),
            Value::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => Some(f as i64),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The boolean of `key`.
    pub fn bool(&self, key: Key) -> Option<bool> {
        match self.find(key)? {
            Held::Bool(b) => Some(b),
            _ => None,
        }
    }

    /// The texts of a list; none when there is no such list.
    pub fn texts(&self, key: Key) -> impl Iterator<Item = &str> {
        let texts = match self.get(key) {
            Some(Value::Texts(texts)) => texts,
            _ => Texts { all: "", places: &[] },
        };
        texts.iter()
    }

    /// How many items the list or object of `key` has.
    pub fn items(&self, key: Key) -> Option<u32> {
        match self.get(key)? {
            Value::Texts(texts) => Some(texts.len() as u32),
            Value::Items(n) => Some(n),
            _ => None,
        }
    }

    /// All facts, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = (Key, Value<'_>)> {
        self.held.iter().map(|(key, held)| (*key, self.value(*held)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_equal_keys_counts() {
        let mut facts = Facts::default();
        facts.insert(Key::Status, Value::Text("a"));
        facts.insert(Key::Status, Value::Text("b"));
        assert_eq!(facts.text(Key::Status), Some("a"));
    }

    #[test]
    fn lists_and_texts_come_back_after_being_stored() {
        let mut facts = Facts::default();
        facts.insert(Key::Title, Value::Text("año"));
        facts.insert_texts(Key::Roles, ["DEV", "", "QA"]);
        facts.insert_texts(Key::Roles, ["never"]);
        facts.insert(Key::Success, Value::Bool(true));
        let bytes = postcard::to_allocvec(&facts).expect("plain data");
        let read: Facts = postcard::from_bytes(&bytes).expect("own output");
        assert_eq!(read, facts);
        assert_eq!(read.texts(Key::Roles).collect::<Vec<_>>(), ["DEV", "", "QA"]);
        assert_eq!(
            (read.text(Key::Title), read.bool(Key::Success), read.items(Key::Roles)),
            (Some("año"), Some(true), Some(3))
        );
        let mut copy = Facts::default();
        read.iter().for_each(|(key, value)| copy.insert(key, value));
        assert_eq!(copy.iter().collect::<Vec<_>>(), facts.iter().collect::<Vec<_>>());
    }

    #[test]
    fn places_that_are_none_are_empty() {
        let damaged = Facts::from(Stored {
            texts: "é".into(),
            lists: vec![(1, 9)],
            held: vec![(Key::Title, Held::Text((1, 2))), (Key::Roles, Held::Texts((0, 7)))],
        });
        assert_eq!((damaged.text(Key::Title), damaged.texts(Key::Roles).count()), (None, 0));
    }
}
