//! What a subject says: its template, and who publishes on it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use crate::model::{Text, printable, shorten};
use crate::privacy::Masker;

/// Longest subject kept, in characters.
const MAX_SUBJECT: usize = 256;

/// Longest service name kept, in characters.
const MAX_PRODUCER: usize = 96;

/// Most tokens of a template; what follows becomes `>`.
const MAX_TOKENS: usize = 16;

/// Longest token that is no id.
const MAX_TOKEN: usize = 40;

/// Subjects without an id and service names that are remembered. The fleet has about 70 and 20; a flood of others
/// empties the table, it does not grow it.
const REMEMBERED: usize = 512;

/// What is known of a subject.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// As it came, made safe.
    pub(super) subject: Text,
    /// Ids replaced.
    pub(super) template: Text,
    /// Who publishes there, as far as known.
    pub(super) producer: Option<Text>,
}

thread_local! {
    static SUBJECTS: RefCell<HashMap<Text, Named>> = RefCell::default();
    static SHARED: RefCell<HashSet<Text>> = RefCell::default();
}

/// What a subject says of its messages.
pub(super) fn named(subject: &str, masker: &Masker) -> Named {
    if let Some(known) = SUBJECTS.with_borrow(|subjects| subjects.get(subject).cloned()) {
        return known;
    }
    let safe = shorten(&printable(&masker.text(subject)), MAX_SUBJECT);
    let template = replace_ids(&safe);
    let producer = publisher(&safe).map(producer);
    if template != subject {
        return Named { subject: safe.into(), template: shared(template), producer };
    }
    let text = Text::from(safe);
    let named = Named { subject: text.clone(), template: text.clone(), producer };
    SUBJECTS.with_borrow_mut(|subjects| {
        if subjects.len() >= REMEMBERED {
            subjects.clear();
        }
        subjects.insert(text, named.clone());
    });
    named
}

/// The subject with id-like tokens replaced by `*`.
pub fn template(subject: &str) -> Text {
    if let Some(known) = SUBJECTS.with_borrow(|subjects| subjects.get(subject).map(|named| named.template.clone())) {
        return known;
    }
    shared(replace_ids(&shorten(&printable(subject), MAX_SUBJECT)))
}

/// A service name, shared where it was seen before.
pub(super) fn producer(name: &str) -> Text {
    if let Some(known) = SHARED.with_borrow(|names| names.get(name).cloned()) {
        return known;
    }
    shared(shorten(&printable(name), MAX_PRODUCER))
}

/// The one shared copy of a text that comes again and again.
fn shared(text: String) -> Text {
    SHARED.with_borrow_mut(|names| {
        if let Some(known) = names.get(text.as_str()) {
            return known.clone();
        }
        if names.len() >= REMEMBERED {
            names.clear();
        }
        let text = Text::from(text);
        names.insert(text.clone());
        text
    })
}

fn replace_ids(subject: &str) -> String {
    // What follows these is one id, dots included.
    for prefix in ["vllm.streaming.", "workspace.logs."] {
        if subject.strip_prefix(prefix).is_some_and(|id| !id.is_empty()) {
            return format!("{prefix}*");
        }
    }
    let mut out = String::with_capacity(subject.len());
    let mut before = "";
    for (n, token) in subject.split('.').enumerate() {
        if n > 0 {
            out.push('.');
        }
        if n == MAX_TOKENS {
            out.push('>');
            break;
        }
        // `fleet.events.<type>.project.<id>`: a project's id may be a plain word.
        let named_id = n == 4 && before == "project" && subject.starts_with("fleet.events.");
        out.push_str(if named_id || is_id(token) { "*" } else { token });
        before = token;
    }
    out
}

/// Whether a token names one thing among many: digits as ids have them, or characters no subject word has.
fn is_id(token: &str) -> bool {
    let bytes = token.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let word = bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*' | b'>' | b'$'));
    let known =
        ["s-", "T-", "TSK-", "PL-", "BRC-", "E-", "PROJ-", "ST-", "US-", "derive-", "ceremony-BRC", "deliberation-"];
    !word
        || bytes.len() > MAX_TOKEN
        || (digits > 0 && digits == bytes.len())
        || digits >= 4
        || (digits > 0 && bytes.contains(&b'-'))
        || known
            .iter()
            .any(|prefix| token.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && !is_event(token)))
}

/// The words of fleet-proxy's event types that begin like an id.
fn is_event(token: &str) -> bool {
    matches!(token, "deliberation-received")
}

/// Who publishes on a subject, by the fleet's contract.
fn publisher(subject: &str) -> Option<&'static str> {
    let exact = match subject {
        "planning.backlog_review.deliberations.complete" | "planning.backlog_review.tasks.complete" => {
            Some("backlog-review-processor")
        }
        "task.derivation.requested" => Some("planning-service"),
        // Requests come from whoever needs the context.
        "context.update.request" | "context.rehydrate.request" => return None,
        _ => None,
    };
    exact.or_else(|| {
        const FAMILIES: &[(&str, &str)] = &[
            ("planning.", "planning-service"),
            ("task.derivation.", "task-derivation-service"),
            ("agent.response.", "ray-executor"),
            ("vllm.streaming.", "ray-executor-service"),
            ("orchestration.", "orchestrator-service"),
            ("deliberation.", "orchestrator-service"),
            ("context.", "context-service"),
            ("workflow.", "workflow-service"),
            ("fleet.events.", "fleet-proxy"),
            ("workspace.events.", "workspace"),
            ("tool_learning.", "tool-learning"),
            ("runtime.learning.", "tool-learning"),
            ("choreo.", "underpass-choreographer"),
        ];
        FAMILIES.iter().find(|(prefix, _)| subject.starts_with(prefix)).map(|(_, service)| *service)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_subjects_become_stars() {
        for (subject, expected) in [
            ("planning.story.created", "planning.story.created"),
            ("agent.response.completed.backlog-review.role", "agent.response.completed.backlog-review.role"),
            ("agent.response.completed.task-extraction", "agent.response.completed.task-extraction"),
            ("vllm.streaming.deliberation-ceremony-BRC-1:story-s-2:role-QA-1771060370", "vllm.streaming.*"),
            ("vllm.streaming.a.b.c", "vllm.streaming.*"),
            ("fleet.events.story-created.project.PROJ-1", "fleet.events.story-created.project.*"),
            ("fleet.events.story-created.project.apollo", "fleet.events.story-created.project.*"),
            ("fleet.events.deliberation-received", "fleet.events.deliberation-received"),
            ("workspace.logs.job-1", "workspace.logs.*"),
            ("agent.cmd.agent-dev-001", "agent.cmd.*"),
            ("planning.story.s-33284bbc-6573-45fa-a65e-24ec3bc8b820.done", "planning.story.*.done"),
            ("a.12345", "a.*"),
            ("a.v1.b", "a.v1.b"),
            ("", ""),
            ("deadletter", "deadletter"),
        ] {
            assert_eq!(&*template(subject), expected, "{subject}");
        }
        let long = vec!["a"; 100].join(".");
        assert!(template(&long).ends_with(".>"));
    }

    #[test]
    fn publishers_are_known_by_subject() {
        assert_eq!(publisher("planning.backlog_review.deliberations.complete"), Some("backlog-review-processor"));
        assert_eq!(publisher("task.derivation.requested"), Some("planning-service"));
        assert_eq!(publisher("task.derivation.failed"), Some("task-derivation-service"));
        assert_eq!(publisher("context.update.request"), None);
        assert_eq!(publisher("context.update.response"), Some("context-service"));
        assert_eq!(publisher("agent.work.completed"), None);
    }

    #[test]
    fn a_flood_of_subjects_is_not_remembered() {
        let masker = Masker::new(crate::config::Content::Summary, 1024);
        for n in 0..4 * REMEMBERED {
            let letters: String = n.to_string().bytes().map(|b| char::from(b - b'0' + b'a')).collect();
            named(&format!("planning.{letters}"), &masker);
        }
        assert!(SUBJECTS.with_borrow(HashMap::len) <= REMEMBERED);
        assert!(SHARED.with_borrow(HashSet::len) <= REMEMBERED);
    }
}
