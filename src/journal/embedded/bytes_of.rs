//! Integers ↔ bytes, for keys, columns and postings.
//! Takes: bytes that may be damaged. Gives: values, or `None`. Never: panics on what it reads.

use std::ops::Bound;

/// A range of keys.
pub(super) type Keys<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The keys before one.
pub(super) const fn before(key: &[u8]) -> Keys<'_> {
    (Bound::Unbounded, Bound::Excluded(key))
}

/// The keys from one on.
pub(super) const fn from(key: &[u8]) -> Keys<'_> {
    (Bound::Included(key), Bound::Unbounded)
}

/// The keys between two, both included.
pub(super) const fn between<'a>(first: &'a [u8], last: &'a [u8]) -> Keys<'a> {
    (Bound::Included(first), Bound::Included(last))
}

/// Appends a little-endian base-128 integer.
pub(super) fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// Small magnitudes of either sign become small.
pub(super) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Reads from the front.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// Big-endian, as in keys.
    pub(super) fn key_u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Big-endian, as in keys.
    pub(super) fn key_u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn zigzag(&mut self) -> Option<i64> {
        self.varint().map(unzigzag)
    }
}

/// The eight bytes of a key or counter.
pub(super) fn u64_of(bytes: &[u8]) -> Option<u64> {
    Reader::new(bytes).key_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        for value in [0, 1, -1, 63, -64, i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, zigzag(value));
            assert_eq!(Reader::new(&bytes).zigzag(), Some(value));
        }
    }

    #[test]
    fn an_endless_integer_is_none() {
        assert_eq!(Reader::new(&[0xff; 20]).varint(), None);
        assert_eq!(Reader::new(&[0x80]).varint(), None);
    }
}
