//! Identities: what the fleet calls things, and the trace and span ids computed from that.
//!
//! `trace_id` = first 16 bytes of SHA-256(trace key), `span_id` = first 8 bytes of SHA-256(trace key + `/` + what the
//! span is): anyone can compute them, and a replay makes the same spans.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::text::{Text, is_unsafe};

/// Longest id kept as it is, in bytes. The fleet's own longest (a Ray task id) has about 110.
const MAX_ID: usize = 200;

/// The ids an entry is found by. All are opaque text; `None` = not said and not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// Story (`s-…`, `ST-…`, `US-…`).
    pub story: Option<Text>,
    /// Task, or Ray task id.
    pub task: Option<Text>,
    /// Backlog review ceremony (`BRC-…`).
    pub ceremony: Option<Text>,
    /// Plan (`PL-…`).
    pub plan: Option<Text>,
    /// Deliberation: the Ray task id whose answers belong together, or what the message calls it.
    pub deliberation: Option<Text>,
    /// Agent (`agent-dev-001`).
    pub agent: Option<Text>,
    /// Role, normalised to upper case (`DEV`, `QA`, `ARCHITECT`, `DEVOPS`, `DATA`, …).
    pub role: Option<Text>,
    /// Project (`PROJ-…`).
    pub project: Option<Text>,
    /// Epic (`E-…`).
    pub epic: Option<Text>,
}

/// Makes a foreign id safe: control characters become `_`, and an id of more than 200 bytes is cut and given the hash
/// of the whole, so that two long ids with one beginning stay two. `None` for empty text and for the text `None`,
/// which the fleet writes for an absent plan.
pub fn clean_id(raw: &str) -> Option<Text> {
    let raw = raw.trim();
    if raw.is_empty() || raw == "None" || raw == "null" {
        return None;
    }
    if raw.len() <= MAX_ID && !raw.chars().any(is_unsafe) {
        return Some(raw.into());
    }
    let mut kept = String::with_capacity(MAX_ID + 24);
    for c in raw.chars() {
        if kept.len() + c.len_utf8() > MAX_ID {
            let hash = Sha256::digest(raw.as_bytes());
            kept.push('~');
            kept.push_str(&hex(&hash[..8]));
            break;
        }
        kept.push(if is_unsafe(c) { '_' } else { c });
    }
    Some(kept.into())
}

/// What a trace is about; its text form is hashed into the trace id, once.
#[derive(Clone)]
pub struct TraceKey(Arc<Named>);

#[derive(Debug)]
struct Named {
    text: Text,
    trace: TraceId,
    root: SpanId,
}

impl TraceKey {
    /// The trace of a story: `story:<id>`.
    pub fn story(id: &str) -> Self {
        Self::of("story", id)
    }

    /// The trace of something that is no story: `<kind>:<id>`, for example `ceremony:BRC-1`.
    pub fn of(kind: &str, id: &str) -> Self {
        Self::new(format!("{kind}:{id}").into())
    }

    fn new(text: Text) -> Self {
        let hash = Sha256::digest(text.as_bytes());
        let mut trace = TraceId([0; 16]);
        trace.0.copy_from_slice(&hash[..16]);
        Self(Arc::new(Named { trace, root: span_id(&text, &text), text }))
    }

    /// A continuation of this trace, used when a backend's size limit is near: `<key>#<n>`.
    #[must_use]
    pub fn continuation(&self, n: u32) -> Self {
        if n == 0 { self.clone() } else { Self::new(format!("{}#{n}", self.0.text).into()) }
    }

    /// The key as text, `<kind>:<id>`.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The kind of thing this trace is about: `story`, `ceremony`, ….
    pub fn kind(&self) -> &str {
        self.0.text.split_once(':').map_or("", |(kind, _)| kind)
    }

    /// First 16 bytes of SHA-256 of the key.
    pub fn trace_id(&self) -> TraceId {
        self.0.trace
    }

    /// First 8 bytes of SHA-256 of the key, a slash, and what the span is (`task:<id>`, `event:<stream>:<seq>`, …).
    pub fn span_id(&self, what: &str) -> SpanId {
        span_id(&self.0.text, what)
    }

    /// The same, of what is written instead of said.
    pub fn span_id_of(&self, what: fmt::Arguments<'_>) -> SpanId {
        let mut hash = Hashing(Sha256::new().chain_update(self.0.text.as_bytes()).chain_update(b"/"));
        // Hashing cannot fail.
        let _ = fmt::Write::write_fmt(&mut hash, what);
        first_8(&hash.0.finalize())
    }

    /// The id of the trace's root span: what the span is = the key itself.
    pub fn root(&self) -> SpanId {
        self.0.root
    }
}

impl fmt::Debug for TraceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TraceKey").field(&self.0.text).finish()
    }
}

impl PartialEq for TraceKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for TraceKey {}

impl Hash for TraceKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl Serialize for TraceKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TraceKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(Text::deserialize(deserializer)?))
    }
}

/// First 8 bytes of SHA-256(`key` + `/` + `what`).
pub fn span_id(key: &str, what: &str) -> SpanId {
    first_8(&Sha256::new().chain_update(key.as_bytes()).chain_update(b"/").chain_update(what.as_bytes()).finalize())
}

fn first_8(hash: &[u8]) -> SpanId {
    let mut id = [0; 8];
    id.copy_from_slice(&hash[..8]);
    SpanId(id)
}

/// Hashes what is written to it.
struct Hashing(Sha256);

impl fmt::Write for Hashing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// A W3C trace id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub [u8; 16]);

/// A W3C span id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(pub [u8; 8]);

macro_rules! hex_display {
    ($($name:ident)+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }
        /// Hexadecimal where people read it (JSON), bytes where machines do.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return Ok(Self(Deserialize::deserialize(deserializer)?));
                }
                let text = Cow::<str>::deserialize(deserializer)?;
                unhex(&text).map(Self).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no id of a span")))
            }
        }
    )+};
}
hex_display!(TraceId SpanId);

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// The bytes of just so many hexadecimal digits.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = (digit(*high)? << 4 | digit(*low)?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_spans_come_back_from_json() {
        let id = SpanId([0, 1, 0xfe, 0xff, 4, 5, 6, 0xa7]);
        let json = serde_json::to_string(&id).expect("text");
        assert_eq!(json, "\"0001feff040506a7\"");
        assert_eq!(serde_json::from_str::<SpanId>(&json).expect("own output"), id);
        for wrong in ["\"\"", "\"0001feff0405060\"", "\"0001feff040506zz\"", "7"] {
            assert!(serde_json::from_str::<SpanId>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ids_are_what_sha256sum_says() {
        // printf 'story:US-1' | sha256sum ; printf 'story:US-1/task:T-1' | sha256sum
        let key = TraceKey::story("US-1");
        assert_eq!(key.trace_id().to_string().len(), 32);
        assert_eq!(key.span_id("task:T-1"), span_id("story:US-1", "task:T-1"));
        let hash = Sha256::digest(b"story:US-1/task:T-1");
        assert_eq!(key.span_id("task:T-1").0, hash[..8]);
        assert_eq!(key.span_id_of(format_args!("task:T-{}", 1)).0, hash[..8]);
    }

    #[test]
    fn long_ids_with_one_beginning_stay_two() {
        let (a, b) = ("x".repeat(4096) + "a", "x".repeat(4096) + "b");
        let (a, b) = (clean_id(&a).expect("text"), clean_id(&b).expect("text"));
        assert_ne!(a, b);
        assert!(a.len() < 240);
    }

    #[test]
    fn absent_ids_are_none() {
        assert_eq!(clean_id(" "), None);
        assert_eq!(clean_id("None"), None);
        assert_eq!(clean_id("s-1\n").as_deref(), Some("s-1"));
        assert_eq!(clean_id("s\u{0}1").as_deref(), Some("s_1"));
    }
}
