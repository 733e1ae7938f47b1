//! What the fleet is doing, or was doing at a time.

use serde_json::{Map, Value};

use super::answer::Told;
use super::args::{StateAt, StatePart};
use super::ask::{Ask, Refused};

/// `state_at`.
pub(super) async fn at<A: Ask>(ask: &A, asked: &StateAt) -> Result<Told, Refused> {
    let parts: &[StatePart] = match asked.parts.as_slice() {
        [] => &[StatePart::Councils, StatePart::Agents, StatePart::Deliberations],
        some => some,
    };
    let query: Vec<_> = asked.at.iter().map(|at| ("at", at.clone())).collect();
    let mut told = Map::new();
    for part in parts {
        if !told.contains_key(part.name()) {
            told.insert(part.name().to_owned(), ask.get(part.path(), &query).await?);
        }
    }
    Ok(Told::from(Value::Object(told)))
}

impl StatePart {
    const fn name(self) -> &'static str {
        match self {
            Self::Councils => "councils",
            Self::Agents => "agents",
            Self::Deliberations => "deliberations",
            Self::Stories => "stories",
            Self::LlmRequests => "llm_requests",
            Self::RayJobs => "ray_jobs",
            Self::Components => "components",
        }
    }

    const fn path(self) -> &'static [&'static str] {
        match self {
            Self::Councils => &["api", "councils"],
            Self::Agents => &["api", "agents"],
            Self::Deliberations => &["api", "deliberations"],
            Self::Stories => &["api", "stories"],
            Self::LlmRequests => &["api", "llm", "requests"],
            Self::RayJobs => &["api", "ray", "jobs"],
            Self::Components => &["api", "components"],
        }
    }
}
