//! Memory with a limit: a map that forgets what was used longest ago, and a set that forgets what was added first.
//! Takes: a capacity. Gives: the same order of iteration and of forgetting for the same history, whatever the hash.
//! Never: grows beyond its capacity.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashSet, HashTable};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct Slot<K, V> {
    item: Option<(K, V)>,
    older: u32,
    newer: u32,
}

/// A map in order of use. `insert` and `touch` make an item the newest; `get` and `get_mut` do not.
#[derive(Clone)]
pub(super) struct Lru<K, V> {
    /// Seeded at random, which shows nowhere: order is kept by the slots.
    hasher: DefaultHashBuilder,
    index: HashTable<u32>,
    slots: Vec<Slot<K, V>>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    capacity: usize,
}

impl<K: Hash + Eq, V> Lru<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            capacity: capacity.max(1),
        }
    }

    /// Sets the capacity; what is too much goes at the next inserts.
    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity.max(1);
    }

    /// Whether it holds more than it may: after the capacity was lowered.
    pub(super) fn is_over(&self) -> bool {
        self.len() > self.capacity
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    fn find<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        self.index.find(hash, |at| self.slots[*at as usize].is(key)).copied()
    }

    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key)?;
        self.slots[at as usize].item.as_ref().map(|(_, value)| value)
    }

    pub(super) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key)?;
        self.slots[at as usize].item.as_mut().map(|(_, value)| value)
    }

    /// The key as it is held, to be shared.
    pub(super) fn key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&K>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key)?;
        self.slots[at as usize].item.as_ref().map(|(key, _)| key)
    }

    pub(super) fn contains<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_some()
    }

    /// Makes the item the newest and gives it.
    pub(super) fn touch<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key)?;
        if at != self.newest {
            self.unlink(at);
            self.link_newest(at);
        }
        self.slots[at as usize].item.as_mut().map(|(_, value)| value)
    }

    /// Puts an item as the newest, over one with the same key. Gives what had to go for it.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        if let Some(held) = self.touch(&key) {
            *held = value;
            return None;
        }
        let gone = if self.len() >= self.capacity { self.pop_oldest() } else { None };
        let hash = self.hasher.hash_one(&key);
        let slot = Slot { item: Some((key, value)), older: NONE, newer: NONE };
        let at = if let Some(at) = self.free.pop() {
            self.slots[at as usize] = slot;
            at
        } else {
            self.slots.push(slot);
            (self.slots.len() - 1) as u32
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.index.insert_unique(hash, at, |at| slots[*at as usize].hash(hasher));
        self.link_newest(at);
        gone
    }

    /// Takes out the item used longest ago.
    pub(super) fn pop_oldest(&mut self) -> Option<(K, V)> {
        let at = self.oldest;
        let hash = self.slots.get(at as usize)?.hash(&self.hasher);
        if let Ok(entry) = self.index.find_entry(hash, |held| *held == at) {
            entry.remove();
        }
        self.unlink(at);
        self.free.push(at);
        self.slots[at as usize].item.take()
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            let slot = self.slots.get(at as usize)?;
            at = slot.newer;
            slot.item.as_ref().map(|(key, value)| (key, value))
        })
    }

    /// In no particular order: only for what ends up sorted, or unordered.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.slots.iter_mut().filter_map(|slot| slot.item.as_mut().map(|(key, value)| (&*key, value)))
    }

    fn unlink(&mut self, at: u32) {
        let (older, newer) = (self.slots[at as usize].older, self.slots[at as usize].newer);
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }

    fn link_newest(&mut self, at: u32) {
        let last = self.newest;
        self.slots[at as usize].older = last;
        self.slots[at as usize].newer = NONE;
        match self.slots.get_mut(last as usize) {
            Some(slot) => slot.newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
    }
}

impl<K: Hash + Eq, V> Slot<K, V> {
    fn is<Q: Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.item.as_ref().is_some_and(|(held, _)| held.borrow() == key)
    }

    fn hash(&self, hasher: &DefaultHashBuilder) -> u64 {
        self.item.as_ref().map_or(0, |(key, _)| hasher.hash_one(key))
    }
}

impl<K: Hash + Eq, V> fmt::Debug for Lru<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lru({} of {})", self.len(), self.capacity)
    }
}

impl<K: Hash + Eq + Serialize, V: Serialize> Serialize for Lru<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut seq = serializer.serialize_seq(Some(self.len()))?;
        for item in self.iter() {
            seq.serialize_element(&item)?;
        }
        seq.end()
    }
}

impl<'de, K: Hash + Eq + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Lru<K, V> {
    /// Without a limit until `set_capacity` is called.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<K, V>(std::marker::PhantomData<(K, V)>);
        impl<'de, K: Hash + Eq + Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Items<K, V> {
            type Value = Lru<K, V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of keys and values")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut lru = Lru::new(usize::MAX);
                while let Some((key, value)) = seq.next_element()? {
                    lru.insert(key, value);
                }
                Ok(lru)
            }
        }
        deserializer.deserialize_seq(Items(std::marker::PhantomData))
    }
}

/// Remembers 64-bit marks of what was given up, so that it is recognised when it comes back.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    held: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Marks {
    /// 2 MiB at most: the last 65,536 things given up.
    const CAPACITY: usize = 1 << 16;

    pub(super) fn add(&mut self, mark: [u8; 8]) {
        let mark = u64::from_be_bytes(mark);
        if self.held.insert(mark) {
            self.order.push_back(mark);
            if self.order.len() > Self::CAPACITY
                && let Some(old) = self.order.pop_front()
            {
                self.held.remove(&old);
            }
        }
    }

    pub(super) fn has(&self, mark: [u8; 8]) -> bool {
        !self.held.is_empty() && self.held.contains(&u64::from_be_bytes(mark))
    }
}

impl Serialize for Marks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.order.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let order = VecDeque::<u64>::deserialize(deserializer)?;
        Ok(Self { held: order.iter().copied().collect(), order })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(lru: &Lru<u32, u32>) -> Vec<u32> {
        lru.iter().map(|(key, _)| *key).collect()
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut lru = Lru::new(3);
        for key in [1, 2, 3] {
            assert_eq!(lru.insert(key, key * 10), None);
        }
        assert_eq!(lru.touch(&1), Some(&mut 10));
        assert_eq!(lru.insert(4, 40), Some((2, 20)));
        assert_eq!(keys(&lru), [3, 1, 4]);
        assert_eq!(lru.insert(3, 31), None);
        assert_eq!(lru.get(&3), Some(&31));
        assert_eq!(lru.pop_oldest(), Some((1, 10)));
        assert_eq!((lru.len(), lru.contains(&1)), (2, false));
    }

    #[test]
    fn order_survives_being_written_and_read() {
        let mut lru = Lru::new(100);
        for key in 0..200_u32 {
            lru.insert(key, key);
            lru.touch(&(key / 2));
        }
        let bytes = postcard::to_allocvec(&lru).expect("plain data");
        let read: Lru<u32, u32> = postcard::from_bytes(&bytes).expect("own output");
        assert_eq!(keys(&read), keys(&lru));
        assert_eq!(keys(&lru).len(), 100);
    }

    #[test]
    fn an_empty_map_gives_nothing() {
        let mut lru = Lru::<u32, u32>::new(0);
        assert_eq!(lru.pop_oldest(), None);
        assert_eq!(lru.insert(1, 1), None);
        assert_eq!(lru.insert(2, 2), Some((1, 1)));
    }

    #[test]
    fn marks_forget_the_first() {
        let mut marks = Marks::default();
        for n in 0..=Marks::CAPACITY as u64 {
            marks.add(n.to_be_bytes());
        }
        assert!(!marks.has(0_u64.to_be_bytes()));
        assert!(marks.has(1_u64.to_be_bytes()));
    }
}
