//! The error an event tells of.
//! Takes: a message. Gives: type, message and stack, from its error fields, a Python traceback in its body, or what a
//! watched system said. Never: reads more of a body than it is worth.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::{Facts, Key, Message, Resolved, Severity, What, printable, shorten};

/// Longest message, frames of a stack, and texts of a body that are looked at.
const MAX_MESSAGE: usize = 400;
const MAX_FRAMES: usize = 50;
const MAX_TEXTS: usize = 1000;
/// How a Python stack begins.
const TRACEBACK: &str = "Traceback (most recent call last)";

/// A place in code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Frame {
    pub(super) file: String,
    pub(super) line: Option<u32>,
    pub(super) function: String,
    pub(super) library: bool,
}

/// An error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Found {
    pub(super) kind: String,
    pub(super) message: String,
    /// The outermost first.
    pub(super) frames: Vec<Frame>,
}

impl Found {
    /// The innermost frame that is no library's.
    pub(super) fn own(&self) -> Option<&Frame> {
        self.frames.iter().rev().find(|frame| !frame.library)
    }

    /// The same for errors of one kind: without line numbers, which move with every change.
    pub(super) fn fingerprint(&self) -> String {
        let place = match self.own() {
            Some(frame) => format!("{} {}", frame.file, frame.function),
            None => without_numbers(&self.message),
        };
        let hash = Sha256::digest(format!("{}\n{place}", self.kind));
        crate::api::hex(&hash[..8])
    }
}

/// The error of an event, if it tells of one.
pub(in crate::api) fn found(message: &Message, resolved: &Resolved) -> Option<Found> {
    let traced = traceback(message);
    let (kind, text) = said(message);
    if traced.is_none() && text.is_none() && kind.is_none() && resolved.severity != Severity::Error {
        return None;
    }
    let (last, frames) = traced.unwrap_or_default();
    let (raised, what) = raised(&last);
    let fallback = || text.clone().filter(|text| !text.contains(TRACEBACK)).unwrap_or(resolved.summary.to_string());
    let message_text = what.map_or_else(fallback, str::to_owned);
    let kind = kind.or_else(|| raised.map(str::to_owned));
    let kind = kind.or_else(|| text.as_deref().and_then(|text| self::raised(text).0).map(str::to_owned));
    Some(Found {
        kind: line(&kind.unwrap_or_else(|| message.event_type.to_string()), 120),
        message: line(&message_text, MAX_MESSAGE),
        frames,
    })
}

fn line(text: &str, most: usize) -> String {
    shorten(printable(text).trim(), most)
}

/// Type and message as the fields of the message, or the system it was seen in, say them.
fn said(message: &Message) -> (Option<String>, Option<String>) {
    let owned = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
    match message.observed.as_ref().map(|observed| &observed.what) {
        Some(What::RayJob(end)) => {
            return end.error.as_ref().map_or((None, None), |(kind, text)| (owned(kind), owned(text)));
        }
        Some(What::LlmRequest(request)) => return (request.error.as_deref().and_then(owned), None),
        _ => {}
    }
    let first = |facts: &Facts, keys: &[Key]| keys.iter().find_map(|key| facts.text(*key).and_then(owned));
    let kind = first(&message.facts, &[Key::ErrorType, Key::ErrorKind, Key::ErrorCode]);
    (kind, first(&message.facts, &[Key::Error, Key::ErrorReason, Key::RejectionReason]))
}

/// The last line and the stack of the last traceback in a body.
fn traceback(message: &Message) -> Option<(String, Vec<Frame>)> {
    let bytes = &message.payload.bytes;
    memchr::memmem::find(bytes, TRACEBACK.as_bytes())?;
    let text = match serde_json::from_slice::<Value>(bytes) {
        Ok(body) => text_with(&body, &mut 0)?.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).replace("\\n", "\n").replace("\\\"", "\""),
    };
    // Of errors raised while another was handled, the last one ended it.
    let (_, stack) = text.rsplit_once(TRACEBACK)?;
    let (mut frames, mut last) = (Vec::new(), String::new());
    for row in stack.lines().skip(1) {
        if let Some(frame) = frame(row) {
            frames.push(frame);
        } else if !row.starts_with(' ') && !row.trim().is_empty() {
            row.clone_into(&mut last);
            break;
        }
    }
    // The innermost ones tell most.
    let from = frames.len().saturating_sub(MAX_FRAMES);
    Some((last, frames.split_off(from)))
}

/// The first text of a body that holds a stack.
fn text_with<'a>(body: &'a Value, looked_at: &mut usize) -> Option<&'a str> {
    *looked_at += 1;
    if *looked_at > MAX_TEXTS {
        return None;
    }
    match body {
        Value::String(text) => Some(text.as_str()).filter(|text| text.contains(TRACEBACK)),
        Value::Array(items) => items.iter().find_map(|item| text_with(item, looked_at)),
        Value::Object(fields) => fields.values().find_map(|item| text_with(item, looked_at)),
        _ => None,
    }
}

/// `  File "path", line 14, in function`.
fn frame(row: &str) -> Option<Frame> {
    let rest = row.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once('"')?;
    let mut parts = rest.split(", ").skip(1);
    let number = parts.next().and_then(|part| part.strip_prefix("line ")?.trim().parse().ok());
    let function = parts.next().and_then(|part| part.strip_prefix("in ")).unwrap_or("?");
    let outside = ["site-packages", "dist-packages", "/lib/python", "<frozen", "ray/_private"];
    let library = outside.iter().any(|mark| file.contains(mark));
    Some(Frame { file: line(file, 200), line: number, function: line(function, 120), library })
}

/// `package.ValueError: what` → the type without its package, and what.
fn raised(text: &str) -> (Option<&str>, Option<&str>) {
    let row = text.lines().next().unwrap_or_default().trim();
    let (name, what) = row.split_once(':').map_or((row, None), |(name, what)| (name, Some(what.trim())));
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    let last = name.rsplit('.').next().unwrap_or(name);
    let begins = last.chars().next().is_some_and(char::is_uppercase);
    let ends = ["Error", "Exception", "Interrupt", "Exit", "Warning", "Timeout"].iter().any(|end| last.ends_with(end));
    if is_name && begins && ends { (Some(last), what) } else { (None, None) }
}

/// Numbers and ids as `#`: messages that differ in nothing else are of one kind.
fn without_numbers(text: &str) -> String {
    let word = |word: &str| if word.chars().any(|c| c.is_ascii_digit()) { "#".to_owned() } else { word.to_owned() };
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_types_are_read() {
        let read = frame("  File \"/app/agents/dev.py\", line 14, in propose").expect("a frame");
        assert_eq!(
            (&*read.file, read.line, &*read.function, read.library),
            ("/app/agents/dev.py", Some(14), "propose", false)
        );
        assert!(frame("  File \"/usr/lib/python3.12/asyncio/runners.py\", line 9, in run").expect("a frame").library);
        assert_eq!(frame("    raise ValueError(\"x\")"), None);
        assert_eq!(raised("ray.exceptions.RayTaskError: boom: 5"), (Some("RayTaskError"), Some("boom: 5")));
        assert_eq!(raised("KeyboardInterrupt"), (Some("KeyboardInterrupt"), None));
        assert_eq!(raised("the model failed: twice"), (None, None));
    }

    #[test]
    fn numbers_make_no_other_kind() {
        let of = |message: &str| Found { kind: "E".into(), message: message.into(), frames: Vec::new() }.fingerprint();
        assert_eq!(of("no answer after 30 s from agent-dev-001"), of("no answer after 45 s from agent-qa-002"));
        assert_ne!(of("no answer"), of("no model"));
        let at = |line, function: &str| {
            let frame = Frame { file: "a.py".into(), line: Some(line), function: function.into(), library: false };
            Found { kind: "E".into(), message: line.to_string(), frames: vec![frame] }.fingerprint()
        };
        assert_eq!(at(1, "f"), at(9, "f"));
        assert_ne!(at(1, "f"), at(1, "g"));
    }
}
