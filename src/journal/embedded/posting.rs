//! Rows of a segment ↔ the bytes of a posting.
//! Takes: ascending rows. Gives: deltas, or a bit per row where that is smaller.
//! Never: gives rows out of order.

use super::bytes_of::{Reader, put_varint};

const DELTAS: u8 = 0;
const BITS: u8 = 1;

/// Encodes ascending rows of a segment of `rows` rows.
pub(super) fn encode(list: &[u32], rows: u32, to: &mut Vec<u8>) {
    to.clear();
    to.push(DELTAS);
    let mut before = 0;
    for row in list {
        put_varint(to, u64::from(row - before));
        before = *row;
    }
    let bits = (rows as usize).div_ceil(8);
    if to.len() > bits {
        to.clear();
        to.resize(1 + bits, 0);
        to[0] = BITS;
        for row in list {
            to[1 + (row / 8) as usize] |= 1 << (row % 8);
        }
    }
}

/// Appends the rows of a posting; `None` = damaged.
pub(super) fn decode(bytes: &[u8], to: &mut Vec<u32>) -> Option<()> {
    let (kind, bytes) = bytes.split_first()?;
    match *kind {
        DELTAS => {
            let mut reader = Reader::new(bytes);
            let mut row = 0_u32;
            while !reader.rest().is_empty() {
                row = row.checked_add(u32::try_from(reader.varint()?).ok()?)?;
                to.push(row);
            }
        }
        BITS => {
            for (at, byte) in bytes.iter().enumerate() {
                let mut byte = *byte;
                while byte != 0 {
                    to.push(at as u32 * 8 + byte.trailing_zeros());
                    byte &= byte - 1;
                }
            }
        }
        _ => return None,
    }
    Some(())
}

/// How many rows a posting has, and the first of them; `None` = damaged, or none.
pub(super) fn summary(bytes: &[u8]) -> Option<(u64, u32)> {
    let (kind, bytes) = bytes.split_first()?;
    match *kind {
        DELTAS => {
            let first = Reader::new(bytes).varint()?;
            // The last byte of a number, and only that, has no high bit.
            Some((bytes.iter().filter(|byte| **byte < 0x80).count() as u64, u32::try_from(first).ok()?))
        }
        BITS => {
            let at = bytes.iter().position(|byte| *byte != 0)?;
            let count = bytes.iter().map(|byte| u64::from(byte.count_ones())).sum();
            Some((count, at as u32 * 8 + bytes[at].trailing_zeros()))
        }
        _ => None,
    }
}

/// Rows in both ascending lists.
pub(super) fn intersect(left: &mut Vec<u32>, right: &[u32]) {
    let mut from = 0;
    left.retain(|row| {
        // Galloping: the lists may differ in length by orders of magnitude.
        let mut step = 1;
        while from + step < right.len() && right[from + step] < *row {
            from += step;
            step *= 2;
        }
        let end = (from + step + 1).min(right.len());
        from += right[from..end].partition_point(|r| r < row);
        right.get(from) == Some(row)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_come_back(rows in proptest::collection::btree_set(0_u32..4096, 0..2000)) {
            let rows: Vec<u32> = rows.into_iter().collect();
            let (mut bytes, mut back) = (Vec::new(), Vec::new());
            encode(&rows, 4096, &mut bytes);
            prop_assert!(bytes.len() <= 513);
            prop_assert!(decode(&bytes, &mut back).is_some());
            prop_assert_eq!(summary(&bytes), rows.first().map(|first| (rows.len() as u64, *first)));
            prop_assert_eq!(back, rows);
        }

        #[test]
        fn intersections_hold_what_both_hold(
            a in proptest::collection::btree_set(0_u32..300, 0..200),
            b in proptest::collection::btree_set(0_u32..300, 0..20),
        ) {
            let both: Vec<u32> = a.intersection(&b).copied().collect();
            let (a, b): (Vec<u32>, Vec<u32>) = (a.into_iter().collect(), b.into_iter().collect());
            let (mut left, mut right) = (a.clone(), b.clone());
            intersect(&mut left, &b);
            intersect(&mut right, &a);
            prop_assert_eq!(&left, &both);
            prop_assert_eq!(&right, &both);
        }

        #[test]
        fn damage_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            decode(&bytes, &mut Vec::new());
            summary(&bytes);
        }
    }
}
