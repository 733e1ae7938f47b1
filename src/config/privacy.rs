//! `[privacy]`: what is kept and shown of prompts and answers.

use super::section::section;
use super::setting::{ByteSize, words};

/// How much content is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// No prompt, no answer, not even in the journal.
    None,
    /// Kept in the journal; shown shortened; in full to role `debug`.
    Summary,
    /// Shown in full, also in spans and log records.
    Full,
}

words!(Content, "\"none\", \"summary\" or \"full\"", "none" => None, "summary" => Summary, "full" => Full);

section! {
    /// What is kept and shown of prompts and answers. Secrets are masked in any case.
    pub struct Privacy = "privacy", check check, {
        /// "none": prompts and answers are not kept. "summary": kept, shown shortened. "full": shown, also in spans and log records.
        content: Content = Content::Summary,
        /// Payloads are cut to this size.
        max_payload: ByteSize = ByteSize(256 << 10),
    }
}

fn check(privacy: &Privacy) -> Vec<(&'static str, String)> {
    if privacy.max_payload < ByteSize(1 << 10) || privacy.max_payload > ByteSize(8 << 20) {
        return vec![("max_payload", "write \"1KiB\" to \"8MiB\"".to_owned())];
    }
    Vec::new()
}
