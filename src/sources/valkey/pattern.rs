//! Keys → the patterns they are counted by.

use crate::model::Text;

/// What is counted where no pattern matches.
pub(super) const OTHER: &str = "other";

/// Patterns, the most telling first.
#[derive(Debug)]
pub(super) struct Patterns(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    name: Text,
    /// What stands between the stars.
    parts: Vec<Vec<u8>>,
}

impl Patterns {
    /// Those of the configuration.
    pub(super) fn new(patterns: &[String]) -> Self {
        let parse = |text: &String| Pattern {
            name: text.as_str().into(),
            parts: text.split('*').map(|part| part.as_bytes().to_vec()).collect(),
        };
        let mut patterns: Vec<Pattern> = patterns.iter().map(parse).collect();
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.parts.iter().map(Vec::len).sum::<usize>()));
        Self(patterns)
    }

    /// Names, and `other` as the last.
    pub(super) fn names(&self) -> impl Iterator<Item = Text> + '_ {
        self.0.iter().map(|pattern| pattern.name.clone()).chain([Text::from(OTHER)])
    }

    /// How many names there are.
    pub(super) fn count(&self) -> usize {
        self.0.len() + 1
    }

    /// The place among the names of the pattern a key belongs to.
    pub(super) fn place(&self, key: &[u8]) -> usize {
        self.0.iter().position(|pattern| matches(&pattern.parts, key)).unwrap_or(self.0.len())
    }

    /// The name at a place.
    pub(super) fn name(&self, place: usize) -> Text {
        self.0.get(place).map_or_else(|| OTHER.into(), |pattern| pattern.name.clone())
    }
}

/// A star stands for any bytes, none among them.
fn matches(parts: &[Vec<u8>], key: &[u8]) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts.first().is_some_and(|whole| whole == key);
    };
    let Some(mut rest) = key.strip_prefix(first.as_slice()).and_then(|rest| rest.strip_suffix(last.as_slice())) else {
        return false;
    };
    middle.iter().filter(|part| !part.is_empty()).all(|part| {
        let found = rest.windows(part.len()).position(|window| window == part.as_slice());
        found.is_some_and(|at| {
            rest = &rest[at + part.len()..];
            true
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_pattern_counts_a_key() {
        let patterns = ["planning:story:*", "planning:story:*:state", "exact", "a*b*c"].map(str::to_owned);
        let patterns = Patterns::new(&patterns);
        let of = |key: &str| patterns.name(patterns.place(key.as_bytes())).to_string();
        assert_eq!(of("planning:story:s-1"), "planning:story:*");
        assert_eq!(of("planning:story:s-1:state"), "planning:story:*:state");
        assert_eq!(of("exact"), "exact");
        assert_eq!((of("axxbyyc"), of("abc"), of("ac")), ("a*b*c".into(), "a*b*c".into(), OTHER.into()));
        assert_eq!((of("exactly"), of("")), (OTHER.into(), OTHER.into()));
        assert_eq!(patterns.names().count(), patterns.count());
    }
}
