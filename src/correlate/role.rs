//! Roles: the fleet writes them in any case (`developer`, `DEV`); councils and labels need one spelling.

use crate::model::{Text, clean_id};

/// Longest role kept; a longer one is no role.
const MAX_ROLE: usize = 32;

const KNOWN: &[(&str, &[&str])] = &[
    ("DEV", &["dev", "developer", "engineer"]),
    ("QA", &["qa", "tester", "quality"]),
    ("ARCHITECT", &["architect", "arch"]),
    ("DEVOPS", &["devops", "ops", "sre"]),
    ("DATA", &["data", "data_engineer", "data-engineer"]),
    ("PO", &["po", "product_owner", "product-owner"]),
];

/// One spelling for a role; `None` for text that is no role.
pub(super) fn normalise(raw: &str) -> Option<Text> {
    let raw = raw.trim();
    for (name, spellings) in KNOWN {
        if spellings.iter().any(|s| s.eq_ignore_ascii_case(raw)) {
            return Some((*name).into());
        }
    }
    let clean = clean_id(raw)?;
    let upper: String = clean.to_uppercase().chars().take(MAX_ROLE).map(|c| if c == ' ' { '_' } else { c }).collect();
    Some(upper.into())
}

/// The role in an agent id: `agent-<role>-NNN`, or `<name>-NNN` for the fleet's special agents.
pub(super) fn of_agent(agent: &str) -> Option<Text> {
    let (rest, number) = agent.rsplit_once('-')?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match rest.strip_prefix("agent-") {
        Some(role) => normalise(&role.replace('-', "_")),
        None if rest == "task-deriver" => Some("TASK_DERIVER".into()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for raw in ["developer", "DEV", " Dev "] {
            assert_eq!(normalise(raw).as_deref(), Some("DEV"));
        }
        assert_eq!(normalise("architect").as_deref(), Some("ARCHITECT"));
        assert_eq!(normalise("security auditor").as_deref(), Some("SECURITY_AUDITOR"));
        assert_eq!(normalise(" "), None);
        assert_eq!(normalise(&"x".repeat(500)).map(|r| r.len()), Some(32));
    }

    #[test]
    fn agents_carry_their_role() {
        assert_eq!(of_agent("agent-dev-001").as_deref(), Some("DEV"));
        assert_eq!(of_agent("agent-task-extractor-001").as_deref(), Some("TASK_EXTRACTOR"));
        assert_eq!(of_agent("task-deriver-001").as_deref(), Some("TASK_DERIVER"));
        assert_eq!(of_agent("agent-dev"), None);
        assert_eq!(of_agent("po-001"), None);
    }
}
