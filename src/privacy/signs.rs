//! Where a text holds one of a few dozen literals, in any case.
//!
//! Three bytes of each literal, chosen to be rare in the fleet's messages, are looked up at every position; only where
//! they stand are literals compared. On a message of half a kilobyte this takes a fraction of an automaton's time.

use std::ops::Range;

/// Slots of the table; more of them mean fewer positions looked at in vain.
const SLOTS: usize = 1 << 13;

/// A literal, in lower case, and what it is the sign of.
#[derive(Debug)]
struct Literal<S> {
    text: &'static str,
    /// Where in it the rare three bytes stand.
    rare: usize,
    sign: S,
}

/// Literals to look for.
#[derive(Debug)]
pub(super) struct Signs<S> {
    /// By hash of three bytes: one more than the bucket, or 0 for none.
    table: Box<[u8; SLOTS]>,
    buckets: Vec<Vec<Literal<S>>>,
}

impl<S: Copy> Signs<S> {
    /// Looks for these: the literal, three bytes of it, its sign.
    pub(super) fn new(literals: impl IntoIterator<Item = (&'static str, &'static str, S)>) -> Self {
        let mut signs = Self { table: Box::new([0; SLOTS]), buckets: Vec::new() };
        for (text, rare, sign) in literals {
            let slot = hash(rare.as_bytes());
            if signs.table[slot] == 0 {
                signs.buckets.push(Vec::new());
                signs.table[slot] = u8::try_from(signs.buckets.len()).expect("there are a few dozen literals");
            }
            let rare = text.find(rare).expect("the three bytes are the literal's own");
            signs.buckets[usize::from(signs.table[slot]) - 1].push(Literal { text, rare, sign });
        }
        signs
    }

    /// Calls `see` for every place where a literal stands. Places may overlap.
    pub(super) fn each(&self, text: &[u8], mut see: impl FnMut(Range<usize>, S)) {
        let mut from = 0;
        while let Some((at, bucket)) = self.next(text, from) {
            for literal in &self.buckets[bucket - 1] {
                let Some(start) = at.checked_sub(literal.rare) else { continue };
                let range = start..start + literal.text.len();
                if text.get(range.clone()).is_some_and(|here| here.eq_ignore_ascii_case(literal.text.as_bytes())) {
                    see(range, literal.sign);
                }
            }
            from = at + 1;
        }
    }

    /// The next position, from `from` on, whose three bytes are in the table, and their bucket.
    fn next(&self, text: &[u8], mut from: usize) -> Option<(usize, usize)> {
        // Eight bytes are read at once, in which six positions have their three bytes; the processor looks up all six
        // side by side.
        while let Some(eight) = text.get(from..).and_then(<[u8]>::first_chunk) {
            let eight = u64::from_le_bytes(*eight);
            let bucket = |n: usize| self.table[slot((eight >> (8 * n)) as u32)];
            if bucket(0) | bucket(1) | bucket(2) | bucket(3) | bucket(4) | bucket(5) != 0
                && let Some(n) = (0..6).find(|n| bucket(*n) != 0)
            {
                return Some((from + n, usize::from(bucket(n))));
            }
            from += 6;
        }
        let rest = text.get(from..)?;
        let mut last = rest.windows(3).map(|three| usize::from(self.table[hash(three)]));
        last.position(|bucket| bucket != 0).map(|n| (from + n, usize::from(self.table[hash(&rest[n..n + 3])])))
    }
}

/// The slot of three bytes, the same for both cases of a letter.
fn hash(three: &[u8]) -> usize {
    slot(u32::from_le_bytes([three[0], three[1], three[2], 0]))
}

/// The slot of the first three of four bytes.
#[inline]
fn slot(four: u32) -> usize {
    let folded = (four & 0x00ff_ffff) | 0x0020_2020;
    (folded.wrapping_mul(0x9e37_79b1) >> (32 - SLOTS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_found_in_any_case_and_at_both_ends() {
        let signs = Signs::new([("token", "oke", 'a'), ("okey", "oke", 'b'), ("sk-", "sk-", 'c')]);
        let found = |text: &str| {
            let mut found = Vec::new();
            signs.each(text.as_bytes(), |range, sign| found.push((range, sign)));
            found
        };
        assert_eq!(found("Token sk-"), [(0..5, 'a'), (6..9, 'c')]);
        assert_eq!(found("tOKEY"), [(1..5, 'b')]);
        assert_eq!(found("oke to"), []);
        for pad in 0..20 {
            let text = format!("{}token{}", "-".repeat(pad), "-".repeat(20 - pad));
            assert_eq!(found(&text), [(pad..pad + 5, 'a')], "{text}");
        }
        assert_eq!(found(""), []);
    }
}
