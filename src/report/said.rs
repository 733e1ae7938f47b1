//! What messages say, as short printable lines.

use super::timeline::Failed;
use crate::model::{Facts, Key, Text, printable, shorten};

/// Longest line.
const MAX_TEXT: usize = 200;

/// One printable line of foreign text.
pub(super) fn line(text: &str) -> String {
    shorten(&printable(text), MAX_TEXT)
}

/// The same of a text that may not be there.
pub(super) fn maybe(text: Option<&Text>) -> Option<String> {
    text.map(|text| line(text))
}

/// What a message says went wrong.
pub(super) fn failed(facts: &Facts) -> Option<Failed> {
    let kind = facts.first_text(&[Key::ErrorType, Key::ErrorKind, Key::ErrorCode]).map(line);
    let said = [Key::Error, Key::ErrorReason, Key::Reason, Key::RejectionReason, Key::Message, Key::Feedback];
    match (facts.first_text(&said).map(line), kind) {
        (Some(message), kind) => Some(Failed { kind, message }),
        (None, Some(kind)) => Some(Failed { kind: Some(kind), message: "no reason given".to_owned() }),
        (None, None) => None,
    }
}
